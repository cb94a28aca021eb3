use gateway_tests::origin::sample::{CT_STUDY, MR_STUDY};
use serde_json::{Value, json};

use super::store::renamed;
use super::{World, header, value};

#[tokio::test]
async fn a_tag_can_be_searched_by_once_its_operation_is_done() {
    let world = World::new().await;
    let search = "/studies?PatientSex=O";
    assert_eq!(world.accepting(search, "*/*").await.status(), 400);
    let body = json!([{ "path": "PatientSex", "level": "Study" }]);
    let added = world.send_json("POST", TAGS, &body).await;
    let location = header(&added, "location").to_owned();
    let tag = world.json("/extendedquerytags/00100040").await;
    assert_eq!(tag["status"], "Adding");
    assert_eq!(tag["operation"]["href"], location.as_str());
    assert_eq!(world.accepting(search, "*/*").await.status(), 400);

    let operation = world.operation(added).await;
    assert_eq!(operation["type"], "reindex");
    assert_eq!(operation["status"], "completed");
    assert_eq!(operation["resources"], json!([world.url("/extendedquerytags/00100040")]));
    let found = world.search(search).await;
    assert!(found.iter().any(|study| value(study, "0020000D") == CT_STUDY));
    assert!(found.iter().all(|study| value(study, "00100040") == "O"));
    assert_eq!(world.search("/instances?PatientSex=X").await.len(), 0);
}

#[tokio::test]
async fn while_one_operation_indexes_no_other_is_started() {
    let world = World::new().await;
    world.origin.polls(2);
    let age = json!([{ "path": "00101010", "level": "Study" }]);
    let first = world.send_json("POST", TAGS, &age).await;
    let running = header(&first, "location").to_owned();
    let sex = json!([{ "Path": "00100040", "VR": "CS", "Level": "Series" }]);
    let second = world.send_json("POST", TAGS, &sex).await;
    assert_eq!((second.status().as_u16(), header(&second, "location")), (409, &*running));
    assert_eq!(world.delete("/extendedquerytags/PatientAge").await.status(), 400);

    world.operation(first).await;
    world.origin.polls(0);
    assert_eq!(world.send_json("POST", TAGS, &sex).await.status(), 202);
    assert_eq!(world.json(TAGS).await.as_array().unwrap().len(), 2);
    assert_eq!(world.json("/extendedquerytags?limit=1&offset=1").await[0]["path"], "00100040");
    let again = world.send_json("POST", TAGS, &sex).await;
    assert_eq!((again.status().as_u16(), header(&again, "location")), (409, ""));
}

#[tokio::test]
async fn a_tag_is_searched_at_its_level_and_below() {
    let world = World::new().await;
    world.origin.polls(0);
    let kvp = json!([
        { "path": "KVP", "level": "Instance" },
        { "path": "BodyPartExamined", "level": "Series" },
    ]);
    assert_eq!(world.send_json("POST", TAGS, &kvp).await.status(), 202);
    assert_eq!(world.search("/instances?KVP=120").await.len(), 40);
    assert_eq!(world.search("/instances?KVP=121").await.len(), 0);
    let heads = world.search("/series?BodyPartExamined=head").await;
    assert_eq!(value(&heads[0], "0020000D"), MR_STUDY);
    for path in ["/studies?KVP=120", "/series?KVP=120", "/studies?BodyPartExamined=HEAD"] {
        assert_eq!(world.accepting(path, "*/*").await.status(), 400, "{path}");
    }
}

#[tokio::test]
async fn what_could_not_be_indexed_is_listed_and_told_with_each_search() {
    let world = World::new().await;
    world.origin.polls(0);
    let odd = renamed(&world, 1, |it| {
        it.put_str(dicom_dictionary_std::tags::PATIENT_AGE, dicom_core::VR::AS, "old");
    });
    world.store("/studies", "application/dicom", odd.await).await;
    let age = json!([{ "path": "PatientAge", "level": "Study" }]);
    world.send_json("POST", TAGS, &age).await;

    let path = "/extendedquerytags/PatientAge";
    let tag = world.json(path).await;
    assert_eq!((&tag["status"], &tag["queryStatus"]), (&json!("Ready"), &json!("Disabled")));
    let href = world.url("/extendedquerytags/00101010/errors");
    assert_eq!(tag["errors"], json!({ "count": 1, "href": href }));
    let errors = world.json("/extendedquerytags/00101010/errors").await;
    assert_eq!(errors[0]["sopInstanceUid"], "1.2.3.1");
    assert_eq!(world.accepting("/studies?PatientAge=old", "*/*").await.status(), 400);

    let on = world.send_json("PATCH", path, &json!({ "queryStatus": "Enabled" })).await;
    assert_eq!(on.status(), 200);
    let tag: Value = on.json().await.unwrap();
    assert_eq!(tag["queryStatus"], "Enabled");
    let found = world.accepting("/studies?PatientAge=099Y", "*/*").await;
    assert_eq!(header(&found, "erroneous-dicom-attributes"), "PatientAge");
    let other = world.accepting("/studies?PatientID=1", "*/*").await;
    assert_eq!(header(&other, "erroneous-dicom-attributes"), "");
}

#[tokio::test]
async fn a_tag_that_was_deleted_is_gone() {
    let world = World::new().await;
    world.origin.polls(0);
    world.send_json("POST", TAGS, &json!([{ "path": "PatientSex", "level": "Study" }])).await;
    assert_eq!(world.delete("/extendedquerytags/00100040").await.status(), 204);
    for path in ["/extendedquerytags/00100040", "/extendedquerytags/00100040/errors"] {
        assert_eq!(world.accepting(path, "*/*").await.status(), 404, "{path}");
    }
    assert_eq!(world.delete("/extendedquerytags/00100040").await.status(), 404);
    assert_eq!(world.accepting("/studies?PatientSex=O", "*/*").await.status(), 400);
}

#[tokio::test]
async fn what_is_no_searchable_tag_is_refused() {
    let world = World::new().await;
    for entry in [
        json!({ "path": "NoSuchKeyword", "level": "Study" }),
        json!({ "path": "PatientSex", "level": "Patient" }),
        json!({ "path": "PatientSex", "vr": "LO", "level": "Study" }),
        json!({ "path": "PixelData", "level": "Instance" }),
        json!({ "path": "04011001", "vr": "SS", "level": "Instance" }),
        json!({ "level": "Study" }),
    ] {
        let response = world.send_json("POST", TAGS, &json!([entry])).await;
        assert_eq!(response.status(), 400, "{entry}");
    }
    assert_eq!(world.send_json("POST", TAGS, &json!([])).await.status(), 400);
    assert_eq!(world.send("POST", TAGS, "text/plain", "[]").await.status(), 415);
    assert_eq!(world.accepting("/extendedquerytags/nonsense", "*/*").await.status(), 400);
    let private = json!([{
        "path": "04011001", "vr": "SS", "privateCreator": "Somebody", "level": "Instance"
    }]);
    assert_eq!(world.send_json("POST", TAGS, &private).await.status(), 202);
}

const TAGS: &str = "/extendedquerytags";
