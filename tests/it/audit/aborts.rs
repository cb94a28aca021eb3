//! What breaks off is on record too, with what came through until then.

use gateway_tests::paused::paused;
use gateway_tests::{RawCaller, Reply};
use http::Request;
use http_body_util::BodyExt;
use serde_json::json;

use super::{Scene, VERSIONS, ask, connect, tells};
use crate::http::timers::short;
use crate::wire::http2;

#[tokio::test]
async fn whoever_breaks_off_is_told_apart() {
    let scene = Scene::new().await;
    let mut toml = scene.toml("");
    toml.route = toml.route.replace("response_timeout_secs = 1", "response_timeout_secs = 60");
    let gateway = scene.world.start_ready(&toml).await;
    let mut count = 0;
    for version in VERSIONS {
        // The caller leaves before the answer.
        let asked = scene.recorder.requests().len();
        scene.recorder.reply_next(Reply::Stall);
        let caller = connect(&gateway, version).await;
        let key = scene.key();
        let waiting =
            tokio::spawn(async move { ask(&caller, "GET /studies/1.2", (&key, "")).await });
        scene.recorder.wait_for_requests(asked + 1).await;
        waiting.abort();
        count += 1;
        let left = json!({
            "outcome": "minor-failure", "status": 499, "blame": "caller", "code": "caller-left",
            "study": "1.2", "client": "default", "sent": 0,
        });
        tells(&scene.last(count).await, &left);

        // The caller leaves amid the answer.
        scene.recorder.reply_next(Reply::Bytes(half()));
        let caller = connect(&gateway, version).await;
        let mut answer = ask(&caller, "GET /studies/1.2", (&scene.key(), "")).await.unwrap();
        answer.body_mut().frame().await.unwrap().unwrap();
        drop((answer, caller));
        count += 1;
        let left = json!({
            "outcome": "minor-failure", "status": 200, "blame": "caller", "code": "caller-left",
            "sent": 5,
        });
        tells(&scene.last(count).await, &left);

        // The caller leaves amid its own body.
        let caller = connect(&gateway, version).await;
        let (body, pause) = paused(1 << 20);
        let request = Request::post("/dicom-web/studies").header("authorization", scene.key());
        let request = request.body(body).unwrap();
        let sending = tokio::spawn(async move { caller.send_request(request).await });
        pause.reached().await;
        sending.abort();
        count += 1;
        let record = scene.last(count).await;
        tells(
            &record,
            &json!({
                "outcome": "minor-failure", "blame": "caller", "transaction": "store",
            }),
        );
        assert!(record["received"].as_u64().unwrap() < 1 << 20);

        // The origin server breaks off amid its answer.
        scene.recorder.reply_next(Reply::BytesThenClose(half()));
        let caller = connect(&gateway, version).await;
        let answer = ask(&caller, "GET /studies/1.2", (&scene.key(), "")).await.unwrap();
        assert!(answer.into_body().collect().await.is_err());
        count += 1;
        let broken = json!({
            "outcome": "major-failure", "status": 200, "blame": "origin",
            "code": "origin-broke-off", "sent": 5,
        });
        tells(&scene.last(count).await, &broken);
    }
}

#[tokio::test]
async fn what_the_drain_cuts_off_is_not_the_caller_s_doing() {
    for version in VERSIONS {
        let scene = Scene::new().await;
        let mut toml = scene.toml("");
        toml.route = toml.route.replace("response_timeout_secs = 1", "response_timeout_secs = 60");
        toml.more += "[drain]\ntimeout_secs = 0.3\n";
        let gateway = scene.world.start_ready(&toml).await;
        scene.recorder.reply_next(Reply::Bytes(half()));
        let reader = connect(&gateway, version).await;
        let mut answer = ask(&reader, "GET /studies/1.2", (&scene.key(), "")).await.unwrap();
        answer.body_mut().frame().await.unwrap().unwrap();
        let asked = scene.recorder.requests().len();
        scene.recorder.reply_next(Reply::Stall);
        let caller = connect(&gateway, version).await;
        let key = scene.key();
        let waiting =
            tokio::spawn(async move { ask(&caller, "GET /studies/1.3", (&key, "")).await });
        scene.recorder.wait_for_requests(asked + 1).await;

        assert_eq!(gateway.drain().await.cut_off, 2);
        assert!(waiting.await.unwrap().is_err());
        let mut records = scene.accesses(2).await;
        records.sort_by_key(|record| record["study"].as_str().unwrap().to_owned());
        for (record, status, sent) in [(&records[0], 200, 5), (&records[1], 503, 0)] {
            let cut_off = json!({
                "outcome": "major-failure", "status": status, "blame": "gateway",
                "code": "drained", "sent": sent,
            });
            tells(record, &cut_off);
        }
        drop((answer, reader));
    }
}

#[tokio::test]
async fn who_takes_no_refusal_holds_no_room_for_records() {
    let scene = Scene::new().await;
    let mut toml = scene.toml("max_waiting = 10");
    toml.listener = short("body_timeout_secs");
    let gateway = scene.world.start_ready(&toml).await;
    let mut stalled = RawCaller::connect(gateway.address()).await.unwrap();
    let asked = http2::frames(http2::SEARCH);
    // Its settings leave no window for answers.
    let (preface, request) = asked.split_at(24);
    let no_window = http2::frame(4, 0, 0, &[0, 4, 0, 0, 0, 0]);
    stalled.send([preface, &no_window, request].concat()).await.unwrap();
    tells(&scene.last(1).await, &json!({ "status": 401, "code": "no-credentials" }));
    drop(stalled);
}

/// An answer that promises more than it gives.
fn half() -> Vec<u8> {
    b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello".into()
}
