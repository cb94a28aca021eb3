use serde_json::{Value, json};

use super::store::renamed;
use super::{World, ct_path};

#[tokio::test]
async fn the_feed_is_told_in_pages() {
    let world = World::new().await;
    let feed = async |query: &str| {
        let entries: Vec<Value> =
            serde_json::from_value(world.json(&format!("/changefeed?{query}")).await).unwrap();
        entries
    };
    assert_eq!(feed("").await.len(), 54);
    let page = feed("Offset=50&LIMIT=3&includemetadata=False").await;
    let sequences: Vec<_> = page.iter().map(|entry| &entry["sequence"]).collect();
    assert_eq!(sequences, [51, 52, 53]);
    assert!(page[0].get("metadata").is_none());
    assert_eq!(page[0]["action"], "create");
    for query in [
        "limit=0",
        "limit=201",
        "offset=-1",
        "includeMetadata=perhaps",
        "startTime=yesterday",
        "startTime=2024-01-02T00:00:00Z&endTime=2024-01-01T00:00:00Z",
    ] {
        let response = world.accepting(&format!("/changefeed?{query}"), "*/*").await;
        assert_eq!(response.status(), 400, "{query}");
    }
}

#[tokio::test]
async fn a_span_of_time_has_its_start_and_not_its_end() {
    let world = World::new().await;
    let latest = world.json("/changefeed/latest").await;
    let at = latest["timestamp"].as_str().unwrap();
    let count = async |query: &str| {
        let path = format!("/changefeed?limit=200&includeMetadata=false&{query}");
        world.json(&path).await.as_array().unwrap().len()
    };
    let all = count("startTime=2000-01-01T00:00:00%2B01:00").await;
    assert_eq!(all, 54);
    // What is told of a time is less exact than the time.
    assert!(count(&format!("startTime={at}")).await >= 1);
    assert_eq!(count("endTime=2000-01-01T00:00:00Z").await, 0);
    let (before, since) =
        (count(&format!("endTime={at}")).await, count(&format!("startTime={at}")).await);
    assert_eq!(before + since, all);
}

#[tokio::test]
async fn what_was_replaced_and_what_was_deleted_is_told_as_such() {
    let world = World::new().await;
    let file = renamed(&world, 1, |_| {}).await;
    for _ in 0..2 {
        world.put("/studies", file.clone()).await;
    }
    world.delete(&ct_path(1)).await;
    let page = world.json("/changefeed?offset=54").await;
    let told: Vec<_> =
        page.as_array().unwrap().iter().map(|it| (&it["action"], &it["state"])).collect();
    let [create, replaced] = [&json!("create"), &json!("replaced")];
    let [update, current] = [&json!("update"), &json!("current")];
    let [delete, deleted] = [&json!("delete"), &json!("deleted")];
    assert_eq!(told, [(create, replaced), (update, current), (delete, deleted)]);
}
