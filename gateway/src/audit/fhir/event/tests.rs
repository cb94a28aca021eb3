use serde_json::{Value, json};

use super::super::super::entry::{Event, Principal};
use super::super::super::samples::{samples, transaction};
use super::*;

/// Transaction, resource and method; interaction, event, action, and the profile that is claimed.
type Row = ((&'static str, &'static str, &'static str), [&'static str; 3], &'static str);

const TABLE: &[Row] = &[
    (("search", "studies", "GET"), ["search", "110112", "E"], "Query"),
    (("search", "searched", "GET"), ["search", "110112", "E"], "Query"),
    (("retrieve", "study", "GET"), ["read", "110104", "R"], "Read"),
    (("retrieve", "frames", "HEAD"), ["read", "110104", "R"], "Read"),
    (("retrieve", "by-query", "GET"), ["read", "110104", "R"], "Read"),
    (("retrieve", "service", "OPTIONS"), ["capabilities", "110112", "E"], ""),
    (("retrieve", "description", "GET"), ["capabilities", "110112", "E"], ""),
    (("store", "studies", "POST"), ["create", "110104", "C"], "Create"),
    (("store", "study", "PUT"), ["create", "110104", "C"], "Create"),
    (("delete", "study", "DELETE"), ["delete", "110105", "D"], "Delete"),
    (("worklist", "work-items", "GET"), ["search", "110112", "E"], "Query"),
    (("worklist", "work-items", "POST"), ["create", "110111", "C"], "Create"),
    (("worklist", "work-item", "GET"), ["read", "110111", "R"], "Read"),
    (("worklist", "work-item-state", "PUT"), ["update", "110111", "U"], "Update"),
    (("worklist", "subscription", "DELETE"), ["delete", "110111", "D"], "Delete"),
    (("manage", "bulk-update", "POST"), ["operation", "110103", "U"], ""),
    (("manage", "administered", "GET"), ["search", "110112", "E"], "Query"),
];

#[test]
fn each_interaction_follows_the_pattern_that_ihe_has_for_it() {
    for ((name, resource, method), [interaction, event, action], profile) in TABLE {
        let row = format!("{name} {resource} {method}");
        for entry in variants(transaction(name, resource, method)) {
            let resource = resource_of(&entry);
            assert_eq!(resource["type"]["code"], "rest", "{row}");
            assert_eq!(codes(&resource["subtype"]), [*interaction, event], "{row}");
            assert_eq!(resource["action"], *action, "{row}");
            let claimed = (!profile.is_empty()).then(|| {
                json!([format!(
                    "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.{profile}"
                )])
            });
            assert_eq!(resource["meta"].get("profile"), claimed.as_ref(), "{row}");
            if !profile.is_empty() {
                follows(profile, &resource);
            }
        }
    }
}

#[test]
fn what_nobody_does_by_rest_is_in_dicoms_words() {
    for (event, kind, subtype) in [
        (Event::Start, "110100", "110120"),
        (Event::Stop, "110100", "110121"),
        (Event::Reload, "110113", "110129"),
        (Event::Alert, "110113", "110132"),
        (Event::EmergencyStart, "110113", "110127"),
        (Event::EmergencyStop, "110113", "110138"),
    ] {
        let resource = resource_of(&Entry { event, ..Entry::default() });
        assert_eq!(resource["type"]["code"], kind);
        assert_eq!(codes(&resource["subtype"]), [subtype]);
        assert_eq!(resource.get("meta"), None);
        assert_eq!(
            resource["entity"].as_array().and_then(|all| all.last()).expect("an entity")["type"]["code"],
            "4",
            "it is no request"
        );
    }
}

#[test]
fn what_failed_claims_no_pattern_and_says_why() {
    let refused = Entry {
        outcome: Outcome::SeriousFailure,
        status: Some(403),
        blame: Some("caller".to_owned()),
        code: Some("not-permitted".to_owned()),
        ..transaction("retrieve", "study", "GET")
    };
    let resource = resource_of(&refused);
    assert_eq!(resource.get("meta"), None);
    assert_eq!(resource["outcome"], "8");
    assert_eq!(resource["outcomeDesc"], "403 not-permitted (caller)");
    assert_eq!(codes(&resource["subtype"]), ["read", "110104"], "the pattern is the same");

    let unproved = Entry { principal: None, status: Some(401), ..refused };
    let resource = resource_of(&unproved);
    assert_eq!(resource["type"]["code"], "110114");
    assert_eq!(codes(&resource["subtype"]), ["110122"]);
    assert_eq!(resource["agent"][0]["network"], json!({ "address": "192.0.2.17", "type": "2" }));
}

#[test]
fn an_origin_server_that_nobody_named_is_at_no_end_of_a_pattern() {
    let entry = Entry { origin: None, ..transaction("search", "studies", "GET") };
    assert_eq!(resource_of(&entry).get("meta"), None);
}

#[test]
fn users_and_applications_are_told_by_who_knows_them() {
    let entry = transaction("search", "studies", "GET");
    let issuer = entry.principal.as_ref().and_then(|known| known.issuer.clone());
    let resource = resource_of(&entry);
    let user = agent(&resource, "IRCP");
    assert_eq!(user["who"]["identifier"]["value"], "6f1c0d2e-0000-4000-8000-00000000000a");
    assert_eq!(user["who"]["identifier"]["system"], json!(issuer));
    assert_eq!(user["requestor"], true);
    let client = agent(&resource, "110153");
    assert_eq!(client["who"]["identifier"]["value"], "a3b1c5d7-0000-4000-8000-00000000000b");
    assert_eq!(client["requestor"], false);
    assert_eq!(agent(&resource, "dataprocessor")["altId"], "default");
    assert_eq!(resource["source"]["site"], "Radiology");
    assert_eq!(
        resource["period"],
        json!({ "start": "2026-11-23T14:00:00.081Z", "end": "2026-11-23T14:00:00.123Z" })
    );
}

#[test]
fn an_emergency_is_the_purpose_with_its_reason() {
    let entry = Entry {
        emergency: Some("trauma\nroom".to_owned()),
        ..transaction("retrieve", "study", "GET")
    };
    let resource = resource_of(&entry);
    let purpose = json!([{
        "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason",
            "code": "BTG",
            "display": "break the glass",
        }],
        "text": "trauma\u{fffd}room",
    }]);
    assert_eq!(resource["purposeOfEvent"], purpose);
    assert_eq!(agent(&resource, "IRCP")["purposeOfUse"], purpose);
}

#[test]
fn a_study_is_named_as_fhir_names_it_and_its_parts_in_details() {
    let entry = Entry {
        study: Some("1.2.3".to_owned()),
        series: Some("1.2.3.4".to_owned()),
        instance: Some("1.2.3.4.5".to_owned()),
        ..transaction("retrieve", "part", "GET")
    };
    let resource = resource_of(&entry);
    assert_eq!(
        resource["entity"][0]["what"],
        json!({
            "type": "ImagingStudy",
            "identifier": { "system": "urn:dicom:uid", "value": "urn:oid:1.2.3" },
        }),
    );
    assert_eq!(
        resource["entity"][0]["detail"],
        json!([
            { "type": "SeriesInstanceUID", "valueString": "1.2.3.4" },
            { "type": "SOPInstanceUID", "valueString": "1.2.3.4.5" },
        ]),
    );
    let azure = Entry { study: Some("1.2.abc".to_owned()), ..entry };
    let identifier = &resource_of(&azure)["entity"][0]["what"]["identifier"];
    assert_eq!(identifier["value"], "1.2.abc", "no URN that would be none");
}

#[test]
fn a_search_holds_what_stands_in_the_path_and_says_that_there_may_be_more() {
    let entry =
        Entry { study: Some("1.2.3".to_owned()), ..transaction("search", "searched", "GET") };
    let resource = resource_of(&entry);
    // searched?StudyInstanceUID=1.2.3
    assert_eq!(resource["entity"][0]["query"], "c2VhcmNoZWQ/U3R1ZHlJbnN0YW5jZVVJRD0xLjIuMw==");
    assert!(resource["entity"][0]["description"].is_string());
    assert_eq!(resource["entity"][1]["type"]["code"], "ImagingStudy");
}

#[test]
fn no_resource_holds_anything_empty() {
    let empty = Some(String::new());
    let hostile = Principal {
        kind: String::new(),
        id: empty.clone(),
        issuer: empty.clone(),
        tenant: None,
        application: empty.clone(),
    };
    let entry = Entry {
        principal: Some(hostile),
        route: empty.clone(),
        origin: empty.clone(),
        study: empty.clone(),
        emergency: empty,
        ..transaction("retrieve", "study", "GET")
    };
    for entry in samples().into_iter().map(|(_, entry)| entry).chain([entry]) {
        sound_everywhere(&resource_of(&entry));
    }
}

/// With and without a principal, an application, an address.
fn variants(entry: Entry) -> Vec<Entry> {
    let anonymous = Entry { principal: None, ..entry.clone() };
    let local = Entry { address: None, ..entry.clone() };
    let key = Principal {
        kind: "api-key".to_owned(),
        id: Some("pacs".to_owned()),
        ..Principal::default()
    };
    let study = Some("1.2.3".to_owned());
    let with_study = Entry { study, ..entry.clone() };
    let by_key = Entry { principal: Some(key), ..entry.clone() };
    vec![entry, anonymous, local, with_study, by_key]
}

/// Holds a resource against what the profile of this name constrains (BALP 1.1.3).
fn follows(profile: &str, resource: &Value) {
    let with = |list: &str, code: &str| {
        let all = resource[list].as_array().expect("a list").iter();
        let coded = |one: &&Value| {
            let kind = &one["type"];
            kind["code"] == code || kind["coding"][0]["code"] == code
        };
        all.filter(coded).collect::<Vec<_>>()
    };
    let (client, server, users) = match profile {
        "Query" => ("110153", "110152", ["IRCP"]),
        "Read" => ("110152", "110153", ["IRCP"]),
        "Delete" => ("110150", "custodian", ["AUT"]),
        _ => ("110153", "110152", ["AUT"]),
    };
    assert_eq!(resource["outcome"], "0");
    for end in [client, server] {
        let agents = with("agent", end);
        assert_eq!(agents.len(), 1, "{end}");
        assert!(agents[0]["who"].is_object() && agents[0]["network"]["address"].is_string());
        assert_eq!(agents[0].get("media"), None);
    }
    for user in users.into_iter().flat_map(|user| with("agent", user)) {
        assert_eq!(user["requestor"], true);
        assert!(user["who"].is_object() && user.get("network").is_none());
    }
    let data = with("entity", "2");
    assert_eq!(data.len(), 1, "one datum or query");
    if profile == "Query" {
        assert_eq!(data[0]["role"]["code"], "24");
        assert!(data[0]["query"].is_string());
        assert!(data[0].get("what").is_none() && data[0].get("detail").is_none());
    } else {
        assert!(["3", "4", "20"].map(Value::from).contains(&data[0]["role"]["code"]));
        assert!(data[0]["what"].is_object());
    }
    let requests = with("entity", "XrequestId");
    assert_eq!(requests.len(), 1);
    assert!(requests[0]["what"]["identifier"]["value"].is_string());
}

fn sound_everywhere(value: &Value) {
    match value {
        Value::Null => panic!("FHIR has no null"),
        Value::String(text) => {
            assert!(!text.trim().is_empty());
            assert!(!text.contains(char::is_control));
        }
        Value::Array(all) => {
            assert!(!all.is_empty());
            all.iter().for_each(sound_everywhere);
        }
        Value::Object(fields) => {
            assert!(!fields.is_empty());
            fields.values().for_each(sound_everywhere);
        }
        Value::Bool(_) | Value::Number(_) => {}
    }
}

fn agent<'r>(resource: &'r Value, code: &str) -> &'r Value {
    let mut agents = resource["agent"].as_array().expect("agents").iter();
    agents.find(|agent| agent["type"]["coding"][0]["code"] == code).expect(code)
}

fn codes(codings: &Value) -> Vec<&str> {
    codings.as_array().expect("codings").iter().filter_map(|one| one["code"].as_str()).collect()
}

fn resource_of(entry: &Entry) -> Value {
    let source = Source { id: "dicom-gateway".to_owned(), site: Some("Radiology".to_owned()) };
    serde_json::to_value(AuditEvent::of(entry, &source)).expect("JSON")
}
