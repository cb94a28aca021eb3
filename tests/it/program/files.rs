//! Files with secrets that others can read or change: at the start, and below a running gateway.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use gateway_tests::world::Toml;
use gateway_tests::{Recorder, World};

use super::{file, run, search, serve};

#[tokio::test]
async fn it_does_not_start_with_a_secret_or_a_key_that_others_can_read() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let file = file(&world, &with_tls(&world, &recorder));
    for (name, option) in
        [("client-secret", "client.credential.secret_file"), ("tls.key", "listener.identity.key")]
    {
        permit(&world, name, 0o644);
        for command in ["serve", "check"] {
            let ended = run(command, &file).await;
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(78), ""));
            let told = format!("{option}: the file it names is open to other users");
            assert!(ended.stderr.contains(&told), "{}", ended.stderr);
            assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        }
        permit(&world, name, 0o600);
    }
    assert_eq!(run("check", &file).await.code, Some(0));
}

#[tokio::test]
async fn a_key_that_is_opened_to_others_stays_in_use_and_what_they_put_there_is_not_taken_up() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let mut program = serve(&world, &with_tls(&world, &recorder));
    program.addresses().await;

    permit(&world, "tls.key", 0o620);
    let line = program.wait_for_line("tls.key cannot be read: it is open to other users").await;
    assert!(line.contains("0620") && line.contains("the old stays in use"), "{line}");
    let other = world.ca.issue(&["localhost"]);
    // In one step: half a file would be told of as well.
    let new = world.scratch.file("new", &other.key_pem);
    fs::set_permissions(&new, Permissions::from_mode(0o620)).unwrap();
    fs::rename(new, world.scratch.path().join("tls.key")).unwrap();
    world.scratch.file("tls.crt", &other.chain_pem);
    program.wait_for_lines("is open to other users", 2).await;
    assert!(!program.stderr().contains("is in use\n"), "{}", program.stderr());

    permit(&world, "tls.key", 0o640);
    program.wait_for_line("new key material is in use").await;
}

#[tokio::test]
async fn a_secret_that_is_opened_to_others_is_used_as_it_was() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    world.authority.set_lifetime(Duration::from_secs(3));
    let mut program = serve(&world, &world.toml(recorder.url()));
    let (callers, _) = program.addresses().await;
    assert_eq!(search(callers).await, 200);

    permit(&world, "client-secret", 0o646);
    let path = world.scratch.path().join("client-secret");
    fs::write(&path, "of a stranger").unwrap();
    let line = program.wait_for_line("client-secret is open to other users").await;
    assert!(line.contains("0646") && line.contains("the next start will fail"), "{line}");
    let before = world.authority.requests();
    program.wait_for_lines("client-secret is open to other users", 3).await;
    assert!(world.authority.requests() > before);
    assert_eq!(search(callers).await, 200);
    let forms = world.authority.forms();
    let strangers =
        forms.iter().filter(|form| form.field("client_secret") == Some("of a stranger"));
    assert_eq!(strangers.count(), 0);

    let new = "a new one";
    world.authority.set_secrets(&[new]);
    world.scratch.file("client-secret", new);
    permit(&world, "client-secret", 0o600);
    let taken = async {
        let is_new = || {
            let forms = world.authority.forms();
            forms.iter().any(|form| form.field("client_secret") == Some(new))
        };
        while !is_new() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), taken).await.unwrap();
}

fn with_tls(world: &World, recorder: &Recorder) -> Toml {
    let issued = world.ca.issue(&["localhost"]);
    world.scratch.file("tls.crt", &issued.chain_pem);
    world.scratch.file("tls.key", &issued.key_pem);
    Toml {
        listener: "identity = { chain = \"tls.crt\", key = \"tls.key\" }".into(),
        more: "[runtime]\nworkers = 1\nwatch_interval_secs = 0.01\n".into(),
        ..world.toml(recorder.url())
    }
}

fn permit(world: &World, name: &str, mode: u32) {
    let path = world.scratch.path().join(name);
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}
