//! What the service says of itself: every operation of its second version, as OpenAPI.

use http::{Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::origin::answer::{self, Answer};
use crate::origin::route::Notation;

/// The description, in this notation.
pub(in crate::origin) fn answer(notation: Notation) -> Response<Answer> {
    let description = description();
    match notation {
        Notation::Json => answer::json(StatusCode::OK, &description),
        Notation::Yaml => {
            let mut text = String::new();
            yaml(&description, 0, &mut text);
            answer::body(StatusCode::OK, "text/yaml; charset=utf-8", text)
        }
    }
}

fn description() -> Value {
    let mut paths = Map::new();
    for (path, methods) in IN_PARTITIONS {
        paths.insert(format!("/v2{path}"), operations(methods));
        paths.insert(format!("/v2/partitions/{{partitionName}}{path}"), operations(methods));
    }
    for (path, methods) in BESIDE_PARTITIONS {
        paths.insert(format!("/v2{path}"), operations(methods));
    }
    json!({
        "openapi": "3.0.1",
        "info": { "title": "Emulated Azure DICOM service", "version": "2" },
        "paths": paths,
    })
}

fn operations(methods: &[(&str, &[u16])]) -> Value {
    let operations = methods.iter().map(|(method, statuses)| {
        let responses = statuses.iter().map(|status| {
            let meaning = StatusCode::from_u16(*status).ok().and_then(|it| it.canonical_reason());
            (status.to_string(), json!({ "description": meaning.unwrap_or_default() }))
        });
        ((*method).to_owned(), json!({ "responses": Value::Object(responses.collect()) }))
    });
    Value::Object(operations.collect())
}

/// Writes objects whose leaves are strings as a block of YAML.
fn yaml(value: &Value, depth: usize, text: &mut String) {
    for (key, value) in value.as_object().into_iter().flatten() {
        text.push_str(&format!("{:indent$}'{key}':", "", indent = 2 * depth));
        match value {
            Value::Object(_) => {
                text.push('\n');
                yaml(value, depth + 1, text);
            }
            leaf => text.push_str(&format!(" {leaf}\n")),
        }
    }
}

type Operations = &'static [(&'static str, &'static [(&'static str, &'static [u16])])];

/// These are there in each partition too.
const IN_PARTITIONS: Operations = &[
    ("/studies", &[("get", SEARCHED), ("post", STORED)]),
    ("/series", &[("get", SEARCHED)]),
    ("/instances", &[("get", SEARCHED)]),
    ("/studies/{studyInstanceUid}/series", &[("get", SEARCHED)]),
    ("/studies/{studyInstanceUid}/instances", &[("get", SEARCHED)]),
    ("/studies/{studyInstanceUid}/series/{seriesInstanceUid}/instances", &[("get", SEARCHED)]),
    ("/studies/{studyInstanceUid}", &[("get", RETRIEVED), ("post", STORED), ("delete", DELETED)]),
    (
        "/studies/{studyInstanceUid}/series/{seriesInstanceUid}",
        &[("get", RETRIEVED), ("delete", DELETED)],
    ),
    (
        "/studies/{studyInstanceUid}/series/{seriesInstanceUid}/instances/{sopInstanceUid}",
        &[("get", RETRIEVED), ("delete", DELETED)],
    ),
    (
        "/studies/{studyInstanceUid}/series/{seriesInstanceUid}/instances/{sopInstanceUid}\
         /frames/{frames}",
        &[("get", RETRIEVED)],
    ),
    (
        "/studies/{studyInstanceUid}/series/{seriesInstanceUid}/instances/{sopInstanceUid}\
         /frames/{frame}/rendered",
        &[("get", RENDERED)],
    ),
    (
        "/studies/{studyInstanceUid}/series/{seriesInstanceUid}/instances/{sopInstanceUid}\
         /rendered",
        &[("get", RENDERED)],
    ),
    ("/studies/{studyInstanceUid}/metadata", &[("get", METADATA)]),
    ("/studies/{studyInstanceUid}/series/{seriesInstanceUid}/metadata", &[("get", METADATA)]),
    (
        "/studies/{studyInstanceUid}/series/{seriesInstanceUid}/instances/{sopInstanceUid}\
         /metadata",
        &[("get", METADATA)],
    ),
    ("/studies/$bulkUpdate", &[("post", &[202, 400, 404])]),
    ("/export", &[("post", &[202, 400])]),
    ("/workitems", &[("get", &[200, 204, 206, 400]), ("post", &[201, 400, 409, 415])]),
    (
        "/workitems/{workitemInstanceUid}",
        &[("get", &[200, 400, 404]), ("post", &[200, 400, 404, 409, 415])],
    ),
    ("/workitems/{workitemInstanceUid}/state", &[("put", &[200, 400, 404, 409])]),
    ("/workitems/{workitemInstanceUid}/cancelrequest", &[("post", &[202, 400, 404, 409, 415])]),
];

const BESIDE_PARTITIONS: Operations = &[
    ("/changefeed", &[("get", &[200, 400, 401])]),
    ("/changefeed/latest", &[("get", &[200, 400, 401])]),
    ("/extendedquerytags", &[("get", &[200, 400, 404]), ("post", &[202, 400, 409])]),
    (
        "/extendedquerytags/{tagPath}",
        &[("get", &[200, 400, 404]), ("delete", &[204, 400, 404]), ("patch", &[200, 400, 404])],
    ),
    ("/extendedquerytags/{tagPath}/errors", &[("get", &[200, 400, 404])]),
    ("/operations/{operationId}", &[("get", &[200, 202, 400, 404])]),
    ("/partitions", &[("get", &[200, 204, 400])]),
];

const SEARCHED: &[u16] = &[200, 204, 400];
const RETRIEVED: &[u16] = &[200, 400, 404, 406];
const METADATA: &[u16] = &[200, 304, 400, 404, 406];
const RENDERED: &[u16] = &[200, 204, 400, 404, 406];
const STORED: &[u16] = &[200, 202, 204, 400, 406, 409, 415];
const DELETED: &[u16] = &[204, 400, 401, 403, 404];
