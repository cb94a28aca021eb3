use gateway_tests::origin::sample::CT_STUDY;
use gateway_tests::origin::{Store, sample};
use serde_json::{Value, json};

use super::store::renamed;
use super::worklist::item;
use super::{World, header, value};

#[tokio::test]
async fn each_partition_has_its_own_copy() {
    let world = World::holding(Store::with_partitions()).await;
    let file = renamed(&World::new().await, 1, |_| {}).await;
    for partition in ["a", "site_1.b-c"] {
        let path = format!("/partitions/{partition}/studies");
        let response = world.store(&path, "application/dicom", file.clone()).await;
        assert_eq!(response.status(), 200);
        let report: Value = response.json().await.unwrap();
        assert_eq!(
            value(&report["00081199"]["Value"][0], "00081190"),
            &world.url(&format!("{path}/1.2/series/1.2.3/instances/1.2.3.1"))
        );
    }
    assert_eq!(world.delete("/partitions/a/studies/1.2").await.status(), 204);
    assert_eq!(world.search("/partitions/a/studies").await.len(), 0);
    assert_eq!(world.search("/partitions/site_1.b-c/studies").await.len(), 1);
    let metadata = "/partitions/site_1.b-c/studies/1.2/metadata";
    assert_eq!(world.search(metadata).await.len(), 1);
    assert_eq!(world.accepting("/partitions/a/studies/1.2", "*/*").await.status(), 404);
}

#[tokio::test]
async fn partitions_are_listed_once_something_was_put_in_them() {
    let world = World::holding(Store::with_partitions()).await;
    assert_eq!(world.accepting("/partitions", "*/*").await.status(), 204);
    let response = world.accepting("/partitions/new/studies", "*/*").await;
    assert_eq!(response.status(), 400, "a search in a partition that is not there");

    let file = renamed(&World::new().await, 1, |_| {}).await;
    world.store("/partitions/by-store/studies", "application/dicom", file).await;
    let path = "/partitions/by-worklist/workitems?1.5";
    let created = world.send("POST", path, "application/dicom+json", item("A")).await;
    let url = world.url("/partitions/by-worklist/workitems/1.5");
    assert_eq!((created.status().as_u16(), header(&created, "location")), (201, &*url));

    let partitions = world.json("/partitions").await;
    let names = |at: usize| (&partitions[at]["partitionKey"], &partitions[at]["partitionName"]);
    assert_eq!(names(0), (&json!(1), &json!("by-store")));
    assert_eq!(names(1), (&json!(2), &json!("by-worklist")));
    let feed = world.json("/changefeed").await;
    assert_eq!(feed[0]["partitionName"], "by-store");
}

#[tokio::test]
async fn paths_name_a_partition_where_there_are_any_and_nowhere_else() {
    let store = Store::with_partitions();
    sample::load(&store);
    let world = World::holding(store).await;
    let default = format!("/partitions/Microsoft.Default/studies/{CT_STUDY}/metadata");
    assert_eq!(world.search(&default).await.len(), 40);
    for path in ["/studies", "/studies/1.2", "/workitems", "/partitions/a b/studies"] {
        assert_eq!(world.accepting(path, "*/*").await.status(), 400, "{path}");
    }
    for path in ["/changefeed", "/extendedquerytags", "/partitions", "/api.json"] {
        assert_eq!(world.accepting(path, "*/*").await.status(), 200, "{path}");
    }
    let inside = "/partitions/Microsoft.Default/changefeed";
    assert_eq!(world.accepting(inside, "*/*").await.status(), 404);

    let without = World::new().await;
    for path in ["/partitions", "/partitions/a/studies", "/partitions/Microsoft.Default/studies"] {
        assert_eq!(without.accepting(path, "*/*").await.status(), 400, "{path}");
    }
}
