use reqwest::Response;
use serde_json::{Value, json};

use super::{World, header, value};

#[tokio::test]
async fn a_work_item_is_created_once_and_retrieved() {
    let world = World::new().await;
    let url = world.url("/workitems/1.2.3");
    let created = create(&world, "/workitems?1.2.3", item("Biopsy")).await;
    assert_eq!(created.status(), 201);
    assert_eq!(header(&created, "location"), url);
    assert_eq!(header(&created, "content-location"), url);
    assert!(created.bytes().await.unwrap().is_empty());
    assert_eq!(create(&world, "/workitems?1.2.3", item("Other")).await.status(), 409);

    let found = world.accepting("/workitems/1.2.3", "application/dicom+json").await;
    assert_eq!(header(&found, "content-type"), "application/dicom+json");
    let found: Value = found.json().await.unwrap();
    assert_eq!(value(&found[0], "00080018"), "1.2.3");
    assert_eq!(value(&found[0], "00741204"), "Biopsy");
    assert_eq!(world.accepting("/workitems/1.2.4", "*/*").await.status(), 404);
    assert_eq!(world.accepting("/workitems/1_2", "*/*").await.status(), 400);
}

#[tokio::test]
async fn a_new_work_item_is_scheduled_named_once_and_complete() {
    let world = World::new().await;
    let mut named: Value = serde_json::from_str(&item("Named")).unwrap();
    named[0]["00080018"] = json!({ "vr": "UI", "Value": ["1.7"] });
    assert_eq!(create(&world, "/workitems", named.to_string()).await.status(), 201);
    assert_eq!(create(&world, "/workitems?1.8", named.to_string()).await.status(), 400);
    assert_eq!(create(&world, "/workitems", item("Nameless")).await.status(), 400);
    assert_eq!(create(&world, "/workitems?1_8", item("Misnamed")).await.status(), 400);
    for wrong in ["{}", "[]", "[{}, {}]", "no JSON"] {
        assert_eq!(create(&world, "/workitems?1.8", wrong.to_owned()).await.status(), 400);
    }
    for (tag, attribute) in [
        ("00741000", json!({ "vr": "CS", "Value": ["IN PROGRESS"] })),
        ("00081195", json!({ "vr": "UI", "Value": ["1.1"] })),
        ("00404041", json!({ "vr": "CS" })),
    ] {
        let mut wrong: Value = serde_json::from_str(&item("Wrong")).unwrap();
        wrong[0][tag] = attribute;
        let refused = create(&world, "/workitems?1.8", wrong.to_string()).await;
        assert_eq!(refused.status(), 400, "{tag}");
    }
    let xml = world.store("/workitems?1.8", "application/dicom+xml", item("XML")).await;
    assert_eq!(xml.status(), 415);
}

#[tokio::test]
async fn only_the_owner_moves_a_work_item_on_and_never_back() {
    let world = scheduled().await;
    let go = async |state: &str, transaction: &str| {
        change_state(&world, state, transaction).await.status().as_u16()
    };
    assert_eq!(go("COMPLETED", "9.1").await, 409);
    assert_eq!(go("SCHEDULED", "9.1").await, 400);
    assert_eq!(go("IN PROGRESS", "").await, 400);
    assert_eq!(go("IN PROGRESS", "9.1").await, 200);
    assert_eq!(go("IN PROGRESS", "9.1").await, 409);
    assert_eq!(go("COMPLETED", "9.2").await, 400);
    assert_eq!(go("COMPLETED", "9.1").await, 200);
    assert_eq!(go("CANCELED", "9.1").await, 409);
    let again = change_state(&world, "COMPLETED", "9.1").await;
    assert_eq!(again.status(), 200);
    assert!(is_warning(&world, &again));

    let found = world.search("/workitems/1.2.3").await;
    assert_eq!(value(&found[0], "00741000"), "COMPLETED");
    assert!(found[0].get("00081195").is_none(), "the transaction's UID is the owner's secret");
    let nobody = world.store("/workitems/1.9/state", KIND, "[{}]").await;
    assert_eq!(nobody.status(), 405);
}

#[tokio::test]
async fn an_update_needs_the_transaction_while_there_is_one() {
    let world = scheduled().await;
    let update = async |query: &str, body: Value| {
        world.store(&format!("/workitems/1.2.3{query}"), KIND, json!([body]).to_string()).await
    };
    let label = |text: &str| json!({ "00741204": { "vr": "LO", "Value": [text] } });
    assert_eq!(update("?9.1", label("Early")).await.status(), 400);
    let updated = update("", label("First")).await;
    assert_eq!(updated.status(), 200);
    assert_eq!(header(&updated, "content-location"), world.url("/workitems/1.2.3"));
    assert_eq!(update("", json!({ "00741000": { "vr": "CS" } })).await.status(), 400);

    change_state(&world, "IN PROGRESS", "9.1").await;
    let refused = update("", label("Second")).await;
    assert_eq!(refused.status(), 400);
    assert!(is_warning(&world, &refused));
    assert_eq!(update("?9.2", label("Third")).await.status(), 400);
    assert_eq!(update("?9.1", label("Fourth")).await.status(), 200);
    change_state(&world, "CANCELED", "9.1").await;
    assert_eq!(update("?9.1", label("Late")).await.status(), 400);
    assert_eq!(value(&world.search("/workitems/1.2.3").await[0], "00741204"), "Fourth");

    let nowhere = world.store("/workitems/1.9", KIND, "[{}]").await;
    assert_eq!(nowhere.status(), 404);
    let text = world.store("/workitems/1.2.3", "text/plain", "[{}]").await;
    assert_eq!(text.status(), 415);
}

#[tokio::test]
async fn what_nobody_has_taken_on_can_be_canceled_by_anyone() {
    let world = scheduled().await;
    let cancel = async |uid: &str, kind: &str| {
        world.send("POST", &format!("/workitems/{uid}/cancelrequest"), kind, "").await
    };
    assert_eq!(cancel("1.9", KIND).await.status(), 404);
    assert_eq!(cancel("1.2.3", "text/plain").await.status(), 415);
    assert_eq!(cancel("1.2.3", KIND).await.status(), 202);
    assert_eq!(value(&world.search("/workitems/1.2.3").await[0], "00741000"), "CANCELED");
    let again = cancel("1.2.3", KIND).await;
    assert_eq!(again.status(), 409);
    assert!(is_warning(&world, &again));

    let world = scheduled().await;
    change_state(&world, "IN PROGRESS", "9.1").await;
    let path = "/workitems/1.2.3/cancelrequest";
    let owned = world.send("POST", path, KIND, "").await;
    assert_eq!(owned.status(), 409);
    assert!(is_warning(&world, &owned));
}

#[tokio::test]
async fn work_items_are_found_by_their_keys() {
    let world = World::new().await;
    assert_eq!(world.accepting("/workitems", "*/*").await.status(), 204);
    for (n, label) in ["One", "Two", "Three"].into_iter().enumerate() {
        create(&world, &format!("/workitems?1.2.{n}"), item(label)).await;
    }
    for (query, status, count) in [
        ("", 200, 3),
        ("?PatientID=patient-two", 200, 1),
        ("?ProcedureStepState=SCHEDULED", 200, 3),
        ("?ProcedureStepState=COMPLETED", 204, 0),
        ("?0040A370.00080050=A-Three", 200, 1),
        ("?ReferencedRequestSequence.AccessionNumber=A-One", 200, 1),
        ("?ScheduledProcedureStepStartDateTime=20240101-20240630", 200, 3),
        ("?ScheduledProcedureStepStartDateTime=20250101-", 204, 0),
        ("?limit=2", 206, 2),
        ("?limit=2&offset=2", 200, 1),
        ("?offset=3", 204, 0),
        ("?limit=0", 400, 0),
        ("?limit=201", 400, 0),
        ("?WorklistLabel=List", 400, 0),
        ("?includefield=nonsense", 400, 0),
    ] {
        let response = world.accepting(&format!("/workitems{query}"), "*/*").await;
        assert_eq!(response.status(), status, "{query}");
        if matches!(status, 200 | 206) {
            let found: Vec<Value> = response.json().await.unwrap();
            assert_eq!(found.len(), count, "{query}");
        }
    }
    let usual = world.search("/workitems?PatientID=PATIENT-One").await;
    assert!(usual[0].get("0040A370").is_none());
    let all = world.search("/workitems?PatientID=PATIENT-One&includefield=all").await;
    assert!(all[0].get("0040A370").is_some());
}

/// A body that creates a work item of this label.
pub(super) fn item(label: &str) -> String {
    let request = json!({ "00080050": { "vr": "SH", "Value": [format!("A-{label}")] } });
    json!([{
        "00100020": { "vr": "LO", "Value": [format!("PATIENT-{label}")] },
        "00404005": { "vr": "DT", "Value": ["20240312101500"] },
        "00404041": { "vr": "CS", "Value": ["READY"] },
        "0040A370": { "vr": "SQ", "Value": [request] },
        "00741000": { "vr": "CS", "Value": ["SCHEDULED"] },
        "00741200": { "vr": "CS", "Value": ["MEDIUM"] },
        "00741202": { "vr": "LO", "Value": ["List"] },
        "00741204": { "vr": "LO", "Value": [label] },
    }])
    .to_string()
}

async fn scheduled() -> World {
    let world = World::new().await;
    assert_eq!(create(&world, "/workitems?1.2.3", item("Work")).await.status(), 201);
    world
}

async fn create(world: &World, path: &str, body: String) -> Response {
    world.store(path, KIND, body).await
}

async fn change_state(world: &World, state: &str, transaction: &str) -> Response {
    let mut change = json!([{ "00741000": { "vr": "CS", "Value": [state] } }]);
    if !transaction.is_empty() {
        change[0]["00081195"] = json!({ "vr": "UI", "Value": [transaction] });
    }
    world.send("PUT", "/workitems/1.2.3/state", KIND, change.to_string()).await
}

fn is_warning(world: &World, response: &Response) -> bool {
    let start = format!("299 {}: \"", world.origin.address());
    header(response, "warning").starts_with(&start)
}

const KIND: &str = "application/dicom+json";
