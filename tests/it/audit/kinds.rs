//! Accesses that are no plain request: a proxy's question, and a WebSocket.

use futures_util::{SinkExt, StreamExt};
use gateway_tests::world::Toml;
use gateway_tests::{RawCaller, Running};
use http::HeaderValue;
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::{Scene, tells};
use crate::websocket::notifier::{Notifier, Opened};

#[tokio::test]
async fn what_another_proxy_asks_about_is_on_record_as_that() {
    let scene = Scene::new().await;
    let mut toml = scene.toml("");
    toml.more += "[forward_auth]\naddress = \"127.0.0.1:0\"\ndescribed_by = \"x-original\"\n";
    let gateway = scene.world.start_ready(&toml).await;
    let key = format!("Authorization: {}\r\n", scene.key());
    for (count, (key, expected)) in [
        (
            &*key,
            json!({
                "outcome": "success", "status": 200, "client": "default",
                "principal": { "kind": "api_key", "id": "ward-7" },
            }),
        ),
        ("", json!({ "outcome": "serious-failure", "status": 401, "code": "no-credentials" })),
    ]
    .into_iter()
    .enumerate()
    {
        let mut proxy = RawCaller::connect(gateway.forward_auth_address()).await.unwrap();
        let question = format!(
            "GET /asks HTTP/1.1\r\nHost: localhost\r\nX-Original-Method: DELETE\r\n\
             X-Original-URI: /dicom-web/studies/1.2?x=y\r\n{key}\r\n"
        );
        proxy.send(question).await.unwrap();
        proxy.read_response().await.unwrap();
        let record = scene.last(count + 1).await;
        tells(&record, &expected);
        tells(
            &record,
            &json!({
                "vouched": true, "method": "DELETE", "transaction": "delete", "study": "1.2",
            }),
        );
    }
}

#[tokio::test]
async fn a_websocket_is_on_record_when_it_ends() {
    let (scene, notifier) = (Scene::new().await, Notifier::start().await);
    let gateway = start(&scene, &notifier, ("", "durability = \"synced\"")).await;
    let (mut caller, mut opened) = open(&scene, (&gateway, &notifier), None).await;
    caller.send(Message::text("x".repeat(1000))).await.unwrap();
    opened.socket.next().await.unwrap().unwrap();
    assert_eq!(scene.accesses_so_far().len(), 0);
    drop(caller);
    assert!(opened.socket.next().await.is_none_or(|heard| heard.is_err()), "no farewell");
    drop(opened);

    tells(
        &scene.last(1).await,
        &json!({
            "transaction": "worklist", "resource": "notifications", "status": 101,
            "principal": { "kind": "api_key", "id": "ward-7" }, "client": "default",
            "outcome": "minor-failure", "blame": "caller", "code": "caller-left",
            "received": 1008, "sent": 0,
        }),
    );
}

#[tokio::test]
async fn a_websocket_that_the_drain_cuts_off_is_on_record_with_its_bytes() {
    let (scene, notifier) = (Scene::new().await, Notifier::start().await);
    let gateway = start(&scene, &notifier, ("", "[drain]\ntimeout_secs = 0.3")).await;
    let (mut caller, mut opened) = open(&scene, (&gateway, &notifier), None).await;
    caller.send(Message::text("x".repeat(1000))).await.unwrap();
    opened.socket.next().await.unwrap().unwrap();
    // Neither end answers the farewell.
    assert_eq!(gateway.drain().await.cut_off, 1);

    tells(
        &scene.last(1).await,
        &json!({
            "outcome": "major-failure", "status": 101, "blame": "gateway", "code": "drained",
            "received": 1008, "sent": 0,
        }),
    );
}

#[tokio::test]
async fn a_websocket_that_was_opened_in_an_emergency_ends_with_it() {
    let (scene, notifier) = (Scene::new().await, Notifier::start().await);
    let emergency =
        "emergency = { to = [\"api_key:ward-7\"], allow = [\"worklist\"], max_secs = 1 }\n";
    let gateway = start(&scene, &notifier, (emergency, "")).await;
    let (mut caller, mut opened) = open(&scene, (&gateway, &notifier), Some("fall")).await;
    for end in [caller.next().await, opened.socket.next().await] {
        let Some(Ok(Message::Close(Some(farewell)))) = end else { panic!("{end:?}") };
        assert_eq!(u16::from(farewell.code), 1001);
    }
    drop((caller, opened));
    tells(&scene.last(1).await, &json!({ "outcome": "success", "emergency": "fall" }));
}

/// A gateway before an origin server that notifies, with further lines of its route and of `[audit]`.
async fn start(scene: &Scene, notifier: &Notifier, (route, audit): (&str, &str)) -> Running {
    let mut toml = Toml { origin: notifier.url() + "/ws", ..scene.toml(audit) };
    toml.route += route;
    scene.world.start_ready(&toml).await
}

/// Opens a WebSocket, in an emergency if there is a reason; both its ends.
async fn open(
    scene: &Scene,
    (gateway, notifier): (&Running, &Notifier),
    reason: Option<&'static str>,
) -> (WebSocketStream<TcpStream>, Opened) {
    let url = format!("ws://{}/dicom-web", gateway.address());
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("authorization", scene.key().parse().unwrap());
    if let Some(reason) = reason {
        request.headers_mut().insert("emergency-access", HeaderValue::from_static(reason));
    }
    let stream = TcpStream::connect(gateway.address()).await.unwrap();
    let (caller, _) = client_async(request, stream).await.unwrap();
    (caller, notifier.next().await)
}
