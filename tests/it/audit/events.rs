//! What happens to the gateway itself, and what callers do too often.

use serde_json::json;

use super::{Scene, VERSIONS, ask, connect, tells, until};

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
        ask(&caller, request, (credential, "")).await.unwrap();
    }
    scene.accesses(4).await;
    assert!(scene.records().iter().all(|record| record["event"] != "alert"));

    for _ in 0..3 {
        ask(&caller, "GET /studies", ("", "")).await.unwrap();
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
    let gateway = scene.start("").await;
    let caller = connect(&gateway, VERSIONS[0]).await;
    ask(&caller, "GET /studies", (&scene.key(), "")).await.unwrap();
    scene.accesses(1).await;
    let old = scene.world.scratch.path().join("audit.jsonl.1");
    std::fs::rename(scene.file(), &old).unwrap();
    gateway.server().reopen_records();
    until(|| scene.file().exists()).await;
    ask(&caller, "GET /studies/1.2", (&scene.key(), "")).await.unwrap();
    tells(&scene.last(1).await, &json!({ "study": "1.2" }));
    assert_eq!(super::records(&std::fs::read_to_string(old).unwrap()).len(), 2);
}
