use gateway_tests::origin::Store;
use gateway_tests::origin::sample::{CR_STUDY, CT_SERIES, CT_STUDY};
use serde_json::{Value, json};

use super::store::renamed;
use super::{TOKEN, World, ct_path, header, value};

#[tokio::test]
async fn a_bulk_update_changes_every_object_of_its_studies_and_keeps_the_original() {
    let world = World::new().await;
    let metadata = format!("{}/metadata", ct_path(3));
    let before = world.accepting(&metadata, "*/*").await;
    let tag = header(&before, "etag").to_owned();

    let started = world.send_json("POST", UPDATE, &renaming(&[CT_STUDY, CR_STUDY])).await;
    assert_eq!(header(&started, "location"), "");
    assert_eq!(
        value(&world.search(&metadata).await[0], "00100010")["Alphabetic"],
        "Phantom^Thorax"
    );
    let operation = world.operation(started).await;
    assert_eq!((&operation["type"], &operation["status"]), (&json!("update"), &json!("completed")));
    assert_eq!(operation["results"], json!({ "studyUpdated": 2, "instanceUpdated": 41 }));

    let now = world.accepting(&metadata, "*/*").await;
    assert_ne!(header(&now, "etag"), tag);
    let now: Value = now.json().await.unwrap();
    assert_eq!(value(&now[0], "00100010")["Alphabetic"], "Renamed^Now");
    assert_eq!(value(&now[0], "00100010")["Ideographic"], "名");
    assert_eq!(world.search("/studies?PatientName=Renamed*").await.len(), 2);

    let original = async |path: &str, accept: &str| {
        let request = world.get(path).header("accept", accept);
        request.header("msdicom-request-original", "true").send().await.unwrap()
    };
    let first = original(&metadata, "*/*").await;
    assert_eq!(header(&first, "etag"), tag);
    let first: Value = first.json().await.unwrap();
    assert_eq!(value(&first[0], "00100010")["Alphabetic"], "Phantom^Thorax");
    let file = original(&ct_path(3), "application/dicom").await.bytes().await.unwrap();
    assert!(memchr::memmem::find(&file, b"Phantom^Thorax").is_some());
    let file = world.accepting(&ct_path(3), "application/dicom").await.bytes().await.unwrap();
    assert!(memchr::memmem::find(&file, b"Renamed^Now").is_some());
    let frame = format!("{}/frames/1", ct_path(3));
    let pixels = world.accepting(&frame, "application/octet-stream").await.bytes().await.unwrap();
    assert_eq!(pixels.len(), 512 * 512 * 2);
    let series = format!("/studies/{CT_STUDY}/series/{CT_SERIES}/metadata");
    assert_eq!(world.search(&series).await.len(), 40);
}

#[tokio::test]
async fn one_update_of_no_more_than_fifty_studies_runs_at_a_time() {
    let world = World::new().await;
    let start = async |body: &Value| world.send_json("POST", UPDATE, body).await.status().as_u16();
    let many: Vec<String> = (0..51).map(|n| format!("1.2.{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(start(&renaming(&many)).await, 400);
    assert_eq!(start(&renaming(&[])).await, 400);
    assert_eq!(start(&json!({ "studyInstanceUids": ["1.2"] })).await, 400);
    let uid = json!({ "0020000D": { "vr": "UI", "Value": ["1.2"] } });
    assert_eq!(start(&json!({ "studyInstanceUids": [CT_STUDY], "changeDataset": uid })).await, 400);

    let running = world.send_json("POST", UPDATE, &renaming(&["1.2.3"])).await;
    assert_eq!(start(&renaming(&[CT_STUDY])).await, 400);
    let failed = world.operation(running).await;
    assert_eq!(failed["status"], "failed");
    assert_eq!(failed["results"]["studyFailed"], 1);
    assert_eq!(start(&renaming(&[CT_STUDY])).await, 202);
}

#[tokio::test]
async fn the_command_to_update_is_known_in_every_spelling() {
    let world = World::new().await;
    world.origin.polls(0);
    for path in ["/studies/$bulkUpdate", "/studies/%24bulkUpdate", "/Studies/$BULKUPDATE"] {
        let response = world.send_json("POST", path, &renaming(&[CR_STUDY])).await;
        assert_eq!(response.status(), 202, "{path}");
    }
    let get = world.accepting("/studies/$bulkUpdate", "*/*").await;
    assert_eq!(get.status(), 405);
}

#[tokio::test]
async fn an_update_stays_within_its_partition() {
    let world = World::holding(Store::with_partitions()).await;
    world.origin.polls(0);
    let file = renamed(&World::new().await, 1, |_| {}).await;
    for partition in ["a", "b"] {
        let path = format!("/partitions/{partition}/studies");
        world.store(&path, "application/dicom", file.clone()).await;
    }
    let path = "/partitions/a/studies/$bulkUpdate";
    let done = world.operation(world.send_json("POST", path, &renaming(&["1.2"])).await).await;
    assert_eq!(done["results"]["instanceUpdated"], 1);
    let named = async |partition: &str| {
        world.search(&format!("/partitions/{partition}/studies?PatientName=Renamed*")).await.len()
    };
    assert_eq!((named("a").await, named("b").await), (1, 0));
}

#[tokio::test]
async fn an_export_says_where_its_errors_are_which_is_not_here() {
    let world = World::new().await;
    let started = world.send_json("POST", "/export", &export("https://blobs.example/c")).await;
    let reference = header(&started, "location").to_owned();
    let operation = world.operation(started).await;
    let id = operation["operationId"].as_str().unwrap();
    assert_eq!(reference, world.url(&format!("/operations/{id}")));
    assert_eq!((&operation["type"], &operation["status"]), (&json!("export"), &json!("completed")));
    let results = json!({
        "exported": 41,
        "skipped": 1,
        "errorHref": format!("https://blobs.example/c/{id}/errors.log"),
    });
    assert_eq!(operation["results"], results);
    for wrong in [export("not a URL"), json!({}), json!([])] {
        assert_eq!(world.send_json("POST", "/export", &wrong).await.status(), 400);
    }
}

#[tokio::test]
async fn an_operation_runs_until_it_was_polled_often_enough() {
    let world = World::new().await;
    world.origin.polls(3);
    let started = world.send_json("POST", "/export", &export("https://blobs.example/c")).await;
    let started: Value = started.json().await.unwrap();
    let path = format!("/operations/{}", started["id"].as_str().unwrap());
    let status = async || world.accepting(&path, "*/*").await.status().as_u16();
    let seen = [status().await, status().await, status().await, status().await, status().await];
    assert_eq!(seen, [202, 202, 202, 200, 200]);
    let dashed = uuid(started["id"].as_str().unwrap());
    assert_eq!(world.accepting(&dashed, "*/*").await.status(), 200);
    let unknown = "/operations/0123456789abcdef0123456789abcdef";
    assert_eq!(world.accepting(unknown, "*/*").await.status(), 404);
}

#[tokio::test]
async fn an_operation_is_told_under_the_name_that_a_proxy_gave() {
    let world = World::new().await;
    let request = world.client.post(world.url("/export")).bearer_auth(TOKEN);
    let request = request
        .header("content-type", "application/json")
        .header("x-forwarded-host", "imaging.example")
        .header("x-forwarded-prefix", "/dicom-web/")
        .body(export("https://blobs.example/c").to_string());
    let response = request.send().await.unwrap();
    let location = header(&response, "location").to_owned();
    let reference: Value = response.json().await.unwrap();
    let id = reference["id"].as_str().unwrap();
    assert_eq!(location, format!("http://imaging.example/dicom-web/operations/{id}"));
    assert_eq!(reference["href"], location.as_str());
}

fn renaming(studies: &[&str]) -> Value {
    let name = json!({ "Alphabetic": "Renamed^Now", "Ideographic": "名" });
    let changes = json!({ "00100010": { "vr": "PN", "Value": [name] } });
    json!({ "studyInstanceUids": studies, "changeDataset": changes })
}

fn export(container: &str) -> Value {
    let values = [CT_STUDY, CR_STUDY, "1.2.3/4"];
    json!({
        "source": { "type": "identifiers", "settings": { "values": values } },
        "destination": { "type": "azureblob", "settings": { "blobContainerUri": container } },
    })
}

fn uuid(id: &str) -> String {
    let parts = [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]];
    format!("/operations/{}", parts.join("-"))
}

const UPDATE: &str = "/studies/$bulkUpdate";
