//! What a record says of an access, allowed and refused.

use gateway_tests::{Issuer, Reply};
use serde_json::{Value, json};

use super::{Scene, VERSIONS, asked, connect, tells};

#[tokio::test]
async fn what_is_done_is_on_record_with_who_did_it_to_what() {
    let scene = Scene::new().await;
    let gateway = scene.start("").await;
    let mut count = 0;
    for version in VERSIONS {
        let caller = connect(&gateway, version).await;
        for (request, body, expected) in [
            (
                "GET /studies?PatientName=Doe",
                "",
                json!({
                    "transaction": "search", "resource": "studies", "study": null, "sent": 2,
                }),
            ),
            (
                "HEAD /studies",
                "",
                json!({
                    "transaction": "search", "resource": "studies", "method": "HEAD", "sent": 0,
                }),
            ),
            (
                "GET /studies/1.2/series/3/instances/4/frames/1",
                "",
                json!({
                    "transaction": "retrieve", "resource": "frames",
                    "study": "1.2", "series": "3", "instance": "4", "partition": null,
                }),
            ),
            (
                "POST /studies/1.2",
                "some bytes",
                json!({
                    "transaction": "store", "resource": "study", "study": "1.2", "series": null,
                    "received": 10, "sent": 2,
                }),
            ),
            (
                "DELETE /partitions/lab/studies/1.2/series/3",
                "",
                json!({
                    "transaction": "delete", "resource": "part", "partition": "lab",
                    "study": "1.2", "series": "3", "instance": null,
                }),
            ),
            (
                "PUT /workitems/1.2/state",
                "x",
                json!({
                    "transaction": "worklist", "resource": "work-item-state",
                    "study": null, "instance": "1.2",
                }),
            ),
        ] {
            let (status, id) = asked(&caller, request, (&scene.key(), body)).await;
            assert_eq!(status, 200, "{request}");
            count += 1;

            let record = scene.last(count).await;
            tells(&record, &expected);
            let method = request.split_once(' ').unwrap().0;
            tells(
                &record,
                &json!({
                    "event": "transaction", "outcome": "success", "status": 200, "method": method,
                    "id": id, "address": "127.0.0.1", "route": "/dicom-web", "client": "default",
                    "origin": scene.recorder.url().strip_prefix("http://").unwrap(),
                    "principal": { "kind": "api_key", "id": "ward-7" },
                    "blame": null, "code": null, "vouched": null, "emergency": null,
                }),
            );
            assert_eq!(record["trace_id"].as_str().map(str::len), Some(32));
            assert!(record["duration_us"].as_u64().unwrap() > 0);
        }
    }
}

#[tokio::test]
async fn a_user_is_told_by_issuer_and_tenant_and_application() {
    let scene = Scene::new().await;
    let gateway = scene.start("").await;
    let caller = connect(&gateway, VERSIONS[0]).await;
    asked(&caller, "GET /studies", (&scene.token(), "")).await;
    tells(
        &scene.last(1).await,
        &json!({ "principal": {
            "kind": "bearer",
            "id": "1d2c3b4a-0000-4000-8000-0123456789ab",
            "issuer": scene.issuer.issuer(),
            "tenant": Issuer::TENANT,
            "application": "8f6a1f0c-1f5a-4c08-9b43-5f3b7a0e6d11",
        }}),
    );

    // However long and odd the words of an issuer are, a record is a line.
    let odd = "\"\\\n\u{1}é".repeat(200);
    let token = scene.issuer.user().with("oid", odd.clone()).sign(scene.issuer.key());
    asked(&caller, "GET /studies", (&format!("Bearer {token}"), "")).await;
    let record = scene.last(2).await;
    let id = record["principal"]["id"].as_str().unwrap();
    assert!(odd.starts_with(id) && (250..=256).contains(&id.len()), "{id:?}");
}

#[tokio::test]
async fn what_is_refused_or_fails_is_on_record_too() {
    let scene = Scene::new().await;
    let gateway = scene.start("").await;
    let (nobody, wrong, key) = (String::new(), "Bearer wrong".to_owned(), scene.key());
    let serious = |status: u16, code: &str| refused("serious-failure", status, code);
    let minor = |status: u16, code: &str| refused("minor-failure", status, code);
    let mut count = 0;
    for version in VERSIONS {
        for (request, credential, reply, known, expected) in [
            ("GET /studies/1.2", &nobody, None, "study", serious(401, "no-credentials")),
            ("GET /studies/1.2", &wrong, None, "study", serious(401, "invalid-key")),
            ("POST /studies/$bulkUpdate", &key, None, "principal", serious(403, "not-permitted")),
            ("GET /nothing/1.2", &key, None, "", minor(404, "no-transaction")),
            ("GET /studies/1.2/../1.3", &key, None, "", minor(400, "target")),
            ("PUT /studies/1.2/series", &key, None, "study", minor(405, "method")),
            ("FROBNICATE /studies/1.2", &key, None, "", minor(501, "unknown-method")),
            (
                "GET /studies/1.2",
                &key,
                Some(Reply::Close),
                "study principal client",
                failed(502, "origin-broke-off"),
            ),
            (
                "GET /studies/1.2",
                &key,
                Some(Reply::Stall),
                "study principal client",
                failed(504, "origin-late"),
            ),
        ] {
            if let Some(reply) = reply {
                // Each attempt, since the request may be repeated.
                scene.recorder.reply_with(reply);
            }
            let caller = connect(&gateway, version).await;
            let (status, _) = asked(&caller, request, (credential, "")).await;
            assert_eq!(status, expected["status"], "{request}");
            scene.recorder.reply_with(Reply::Ok);
            count += 1;

            let record = scene.last(count).await;
            tells(&record, &expected);
            for name in ["study", "principal", "client"] {
                assert_eq!(!record[name].is_null(), known.contains(name), "{name}: {record:#}");
            }
            let method = request.split_once(' ').unwrap().0;
            let method = if method == "FROBNICATE" { Value::Null } else { method.into() };
            assert_eq!(record["method"], method);
        }
    }
}

#[tokio::test]
async fn a_refusal_of_the_origin_server_s_own_is_the_access_outcome() {
    let scene = Scene::new().await;
    let gateway = scene.start("").await;
    let caller = connect(&gateway, VERSIONS[0]).await;
    for (index, (status, outcome)) in [
        ("204 No Content", "success"),
        ("404 Not Found", "minor-failure"),
        ("403 Forbidden", "serious-failure"),
        ("500 Oh", "major-failure"),
    ]
    .into_iter()
    .enumerate()
    {
        let length = if status.starts_with("204") { "" } else { "Content-Length: 0\r\n" };
        let reply = format!("HTTP/1.1 {status}\r\n{length}\r\n");
        scene.recorder.reply_next(Reply::Bytes(reply.into()));
        asked(&caller, "GET /studies/1.2", (&scene.key(), "")).await;
        let record = scene.last(index + 1).await;
        tells(&record, &json!({ "outcome": outcome, "blame": null, "client": "default" }));
    }
}

#[tokio::test]
async fn who_guesses_too_often_is_on_record_each_time() {
    let scene = Scene::new().await;
    let mut toml = scene.toml("");
    toml.listener = "max_failed_attempts = 2".into();
    let gateway = scene.world.start_ready(&toml).await;
    let caller = connect(&gateway, VERSIONS[0]).await;
    for _ in 0..4 {
        asked(&caller, "GET /studies", ("Bearer wrong", "")).await;
    }
    let statuses = scene.accesses(4).await.into_iter().map(|record| {
        assert_eq!(record["outcome"], "serious-failure");
        record["status"].as_u64().unwrap()
    });
    assert_eq!(statuses.collect::<Vec<_>>(), [401, 401, 429, 429]);
}

#[tokio::test]
async fn what_is_no_access_has_no_record() {
    let scene = Scene::new().await;
    let gateway = scene.start("").await;
    let caller = connect(&gateway, VERSIONS[0]).await;
    let request = |method: &str, path: &str| http::Request::builder().method(method).uri(path);
    let preflight = request("OPTIONS", "/dicom-web/studies")
        .header("origin", "https://viewer.example")
        .header("access-control-request-method", "GET");
    for request in [request("GET", "/elsewhere"), request("OPTIONS", "*"), preflight] {
        let request = request.body(http_body_util::Empty::<bytes::Bytes>::new()).unwrap();
        caller.send_request(request).await.unwrap();
    }
    asked(&caller, "GET /studies", (&scene.key(), "")).await;
    tells(&scene.last(1).await, &json!({ "transaction": "search" }));
}

/// A record of what went no further than the gateway.
fn refused(outcome: &str, status: u16, code: &str) -> Value {
    json!({ "outcome": outcome, "status": status, "blame": "caller", "code": code })
}

fn failed(status: u16, code: &str) -> Value {
    json!({ "outcome": "major-failure", "status": status, "blame": "origin", "code": code })
}
