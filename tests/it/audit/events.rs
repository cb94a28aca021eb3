//! What happens to the gateway itself, and what callers do too often.

use gateway_tests::program::Signal;
use gateway_tests::{Connection, Program};
use serde_json::json;

use super::{Scene, VERSIONS, asked, connect, tells, until};

#[tokio::test]
async fn start_and_reload_and_stop_are_on_record() {
    let scene = Scene::new().await;
    let gateway = scene.start("").await;
    tells(&scene.event("start").await, &json!({ "outcome": "success", "route": null }));
    assert!(scene.event("start").await["version"].is_string());

    gateway.reload(scene.world.config(&scene.toml(""))).unwrap();
    scene.event("reload").await;
    gateway.drain().await;

    let events = scene.records().into_iter().map(|record| record["event"].clone());
    assert_eq!(events.collect::<Vec<_>>(), ["start", "reload", "stop"]);
}

#[tokio::test]
async fn who_is_refused_again_and_again_is_one_alert_and_another_at_the_end() {
    let scene = Scene::new().await;
    let gateway = scene.start("alert_after = 3").await;
    let caller = connect(&gateway, VERSIONS[0]).await;
    for request in ["GET /studies", "POST /studies/$bulkUpdate", "GET /studies/..", "GET /x"] {
        let credential = if request == "GET /studies" { "" } else { &scene.key() };
        asked(&caller, request, (credential, "")).await;
    }
    scene.accesses(4).await;
    assert!(scene.records().iter().all(|record| record["event"] != "alert"));

    for _ in 0..3 {
        asked(&caller, "GET /studies", ("", "")).await;
    }
    let alert = scene.event("alert").await;
    tells(
        &alert,
        &json!({
            "outcome": "serious-failure", "address": "127.0.0.1", "refusals": 4, "principal": null,
        }),
    );
    gateway.drain().await;
    let told = scene.records().into_iter().filter(|record| record["event"] == "alert");
    let told = told.map(|record| record["refusals"].as_u64().unwrap()).collect::<Vec<_>>();
    assert_eq!(told, [4, 6]);
}

#[tokio::test]
async fn a_renamed_file_is_followed_by_a_new_one_on_sighup() {
    let scene = Scene::new().await;
    let path = scene.world.scratch.file("gateway.toml", scene.toml("").text());
    let mut program = Program::start(&["serve".as_ref(), path.as_os_str()], &[]);
    let (callers, _) = program.addresses().await;
    let caller = Connection::open(callers, VERSIONS[0]).await.unwrap();
    asked(&caller, "GET /studies/1.2", (&scene.key(), "")).await;
    scene.accesses(1).await;
    let old = scene.world.scratch.path().join("audit.jsonl.1");
    std::fs::rename(scene.file(), &old).unwrap();
    // Whoever renames a file does not look whether the configuration is good.
    scene.world.scratch.file("gateway.toml", "nonsense");
    program.signal(Signal::HUP);
    until(|| scene.file().exists()).await;
    asked(&caller, "GET /studies/1.3", (&scene.key(), "")).await;
    tells(&scene.last(1).await, &json!({ "study": "1.3", "seq": 3 }));
    assert_eq!(super::records(&std::fs::read_to_string(old).unwrap()).len(), 2);
}

#[tokio::test]
async fn where_records_cannot_be_kept_nothing_is_served() {
    let scene = Scene::new().await;
    scene.world.scratch.file("chain-key", "abc");
    let toml = scene.toml("chain_key_file = \"chain-key\"");
    let path = scene.world.scratch.file("gateway.toml", toml.text());
    let ended = Program::run(&["serve".as_ref(), path.as_os_str()], &[]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{}", ended.stderr);
    assert!(ended.stderr.contains("audit: ") && ended.stderr.contains("chain-key"));
}
