//! What an operator reads when key material changes, or nears its end.

use std::time::{Duration, SystemTime};

use gateway_tests::world::Toml;
use gateway_tests::{Recorder, World};

use super::serve;

#[tokio::test]
async fn a_change_that_cannot_be_used_is_told_once_and_without_its_content() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    // In one step: half a file would be told of as well.
    let put = |name: &str, text: &str| {
        let new = world.scratch.file("new", text);
        std::fs::rename(new, world.scratch.path().join(name)).unwrap();
    };
    let first = world.ca.issue(&["localhost"]);
    put("tls.crt", &first.chain_pem);
    put("tls.key", &first.key_pem);
    let mut program = serve(&world, &watching(&world, recorder.url()));
    program.addresses().await;

    let second = world.ca.issue(&["localhost"]);
    put("tls.key", &second.key_pem);
    program.wait_for_line("do not belong together").await;
    put("tls.key", "canary");
    let line = program.wait_for_line("tls.key holds no private key").await;
    assert!(line.contains("listener.identity") && line.contains("the old stays in use"), "{line}");
    put("tls.key", &second.key_pem);
    program.wait_for_lines("do not belong together", 2).await;
    put("tls.crt", &second.chain_pem);
    program.wait_for_line("new key material is in use").await;

    let told = program.stderr();
    assert_eq!(told.matches("cannot be used").count(), 3, "{told}");
    assert!(!told.contains("canary") && !told.contains("BEGIN"), "{told}");
}

#[tokio::test]
async fn an_end_that_is_near_is_told_of_once() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let in_six_days = SystemTime::now() + Duration::from_secs(6 * 24 * 3600 + 600);
    let first = world.ca.ending(&["localhost"], in_six_days);
    world.scratch.file("tls.crt", &first.chain_pem);
    world.scratch.file("tls.key", &first.key_pem);
    let mut program = serve(&world, &watching(&world, recorder.url()));
    program.addresses().await;
    let line = program.wait_for_line("ends soon").await;
    assert!(line.contains("listener.identity") && line.contains("days=6"), "{line}");

    let ended = world.ca.expired(&["localhost"]);
    world.scratch.file("tls.crt", &ended.chain_pem);
    world.scratch.file("tls.key", &ended.key_pem);
    let line = program.wait_for_line("has ended").await;
    assert!(line.contains("listener.identity"), "{line}");
    let good = world.ca.issue(&["localhost"]);
    world.scratch.file("tls.crt", &good.chain_pem);
    world.scratch.file("tls.key", &good.key_pem);
    program.wait_for_lines("new key material is in use", 2).await;

    let told = program.stderr();
    assert_eq!((told.matches("ends soon").count(), told.matches("has ended").count()), (1, 1));
}

fn watching(world: &World, origin: String) -> Toml {
    Toml {
        listener: "identity = { chain = \"tls.crt\", key = \"tls.key\" }".into(),
        more: "[runtime]\nworkers = 1\nwatch_interval_secs = 0.01\n".into(),
        ..world.toml(origin)
    }
}
