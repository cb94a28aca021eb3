//! Accesses that are no plain request: a proxy's question, and a WebSocket.

use futures_util::SinkExt;
use gateway_tests::RawCaller;
use gateway_tests::world::Toml;
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::{Scene, tells};
use crate::websocket::notifier::Notifier;

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
    let scene = Scene::new().await;
    let notifier = Notifier::start().await;
    let toml = Toml { origin: notifier.url() + "/ws", ..scene.toml("durability = \"synced\"") };
    let gateway = scene.world.start_ready(&toml).await;
    let url = format!("ws://{}/dicom-web", gateway.address());
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("authorization", scene.key().parse().unwrap());
    let stream = TcpStream::connect(gateway.address()).await.unwrap();
    let (mut caller, _) = client_async(request, stream).await.unwrap();
    let opened = notifier.next().await;
    caller.send(Message::text("x".repeat(1000))).await.unwrap();
    assert_eq!(scene.accesses_so_far().len(), 0);
    drop((caller, opened));

    let record = scene.last(1).await;
    tells(
        &record,
        &json!({
            "transaction": "worklist", "resource": "notifications", "status": 101,
            "principal": { "kind": "api_key", "id": "ward-7" }, "client": "default",
        }),
    );
}
