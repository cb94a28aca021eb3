use std::net::SocketAddr;
use std::time::Duration;

use gateway_tests::origin::{Bodies, Options, OriginServer, Role, Store, Tokens};
use http::Version;
use reqwest::{Certificate, Client};
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{World, ct_path};

#[tokio::test]
async fn it_remembers_what_it_was_sent() {
    let world = World::new().await;
    world.accepting("/studies?PatientID=a%20b", "application/json").await;
    let requests = world.origin.requests();
    assert_eq!(requests[0].target, "/v2/studies?PatientID=a%20b");
    assert_eq!(requests[0].headers["accept"], "application/json");
    assert!(requests[0].headers.get("authorization").is_none());
    assert_eq!(world.origin.authorizations(), ["Bearer good"]);
    assert_eq!(world.origin.connections(), 1);
}

#[tokio::test]
async fn good_tokens_are_refused_as_often_as_told() {
    let world = World::new().await;
    let status = async || world.accepting("/studies", "*/*").await.status().as_u16();
    world.origin.refuse_tokens(2);
    assert_eq!([status().await, status().await, status().await], [401, 401, 200]);
    world.origin.tokens(Tokens::AllRefused);
    assert_eq!(status().await, 401);
    world.origin.tokens(Tokens::Checked);
    assert_eq!(status().await, 200);
}

#[tokio::test]
async fn a_busy_service_says_so_as_often_as_told() {
    let world = World::new().await;
    world.origin.unavailable(2);
    for expected in [503, 503, 200] {
        let health = world.origin.base_url().replace("/v2", "/health/check");
        assert_eq!(world.client.get(health).send().await.unwrap().status(), 200);
        let response = world.accepting("/studies", "*/*").await;
        assert_eq!(response.status(), expected);
        assert!(response.headers().get("retry-after").is_none());
        if expected == 503 {
            assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
            assert!(response.text().await.unwrap().contains("unavailable or busy"));
        }
    }
}

#[tokio::test]
async fn a_reader_reads() {
    let world = World::new().await;
    world.origin.role(Role::Reader);
    for path in ["/studies", "/changefeed", "/extendedquerytags", &ct_path(1)] {
        assert_eq!(world.accepting(path, "*/*").await.status(), 200, "{path}");
    }
    for (method, path) in [
        ("POST", "/studies"),
        ("PUT", "/studies/1.2"),
        ("DELETE", "/studies/1.2"),
        ("POST", "/workitems?1.2"),
        ("POST", "/export"),
        ("PATCH", "/extendedquerytags/PatientAge"),
    ] {
        assert_eq!(world.send(method, path, "text/plain", "").await.status(), 403, "{path}");
    }
    world.origin.role(Role::Owner);
    assert_eq!(world.delete(&ct_path(1)).await.status(), 204);
}

#[tokio::test]
async fn an_aborted_body_is_seen_to_be_broken() {
    let world = World::new().await;
    world.origin.bodies(Bodies::AbortedMidway);
    for path in [ct_path(1), "/studies".to_owned()] {
        let mut response = world.accepting(&path, "*/*").await;
        assert_eq!(response.status(), 200);
        let mut received = 0;
        let end = loop {
            match response.chunk().await {
                Ok(Some(chunk)) => received += chunk.len(),
                end => break end,
            }
        };
        assert!(end.is_err(), "{path} ended cleanly");
        assert!(received > 0, "{path} ended before its half");
    }
}

#[tokio::test]
async fn a_stalled_request_is_under_way_until_its_caller_leaves() {
    let world = World::new().await;
    world.origin.bodies(Bodies::StalledMidway);
    let mut response = world.accepting(&ct_path(1), "*/*").await;
    assert!(response.chunk().await.unwrap().is_some());
    assert_eq!(world.origin.in_flight(), 1);
    drop(response);
    while world.origin.in_flight() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_delayed_answer_comes() {
    let world = World::new().await;
    world.origin.delay(Duration::from_millis(50));
    let start = std::time::Instant::now();
    assert_eq!(world.accepting("/studies", "*/*").await.status(), 200);
    assert!(start.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn tls_callers_choose_the_protocol() {
    let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let key = PrivateKeyDer::Pkcs8(issued.signing_key.serialize_der().into());
    let mut tls = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![issued.cert.der().clone()], key)
        .unwrap();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let options =
        Options { check: super::token_check(), tls: Some(tls.into()), store: Store::default() };
    let origin = OriginServer::start(options).await.unwrap();

    let root = Certificate::from_der(issued.cert.der()).unwrap();
    let builder = || Client::builder().no_proxy().tls_certs_only([root.clone()]);
    for (client, version) in [
        (builder().build().unwrap(), Version::HTTP_2),
        (builder().http1_only().build().unwrap(), Version::HTTP_11),
    ] {
        let url = format!("{}/extendedquerytags", origin.base_url());
        let response = client.get(url).bearer_auth(super::TOKEN).send().await.unwrap();
        assert_eq!((response.status().as_u16(), response.version()), (200, version));
    }
}

/// Sends `request` as it stands and returns all that comes back until the end of the connection.
pub(super) async fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
