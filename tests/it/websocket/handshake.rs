//! Who may open a WebSocket where, and what of the handshake goes on.

use std::sync::Arc;

use gateway_tests::world::Toml;
use gateway_tests::{RawCaller, Recorder, Reply, World};
use http::StatusCode;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::Message;

use super::{Notifier, Scene, asking, heard, say, speak, toml};

#[tokio::test]
async fn it_is_opened_with_the_token_and_without_what_the_caller_shows() {
    let scene = Scene::new().await;
    let fields = [
        ("authorization", "Bearer forged"),
        ("cookie", "a=b"),
        ("sec-websocket-protocol", "dicom"),
        ("sec-websocket-extensions", "permessage-x"),
        ("x-forwarded-for", "1.2.3.4"),
    ];
    for (path, target) in [
        ("/dicom-web", "/ws"),
        ("/dicom-web/", "/ws/"),
        ("/dicom-web/subscribers/AE%20TITLE", "/ws/subscribers/AE%20TITLE"),
        ("/dicom-web/subscribers/AET?a=%41&&", "/ws/subscribers/AET?a=%41&&"),
    ] {
        let (_socket, answer) = scene.ask(path, &fields).await.unwrap();
        let opened = scene.notifier.next().await;

        assert_eq!(opened.target, target);
        let tokens = opened.headers.get_all("authorization").iter().collect::<Vec<_>>();
        let [token] = tokens[..] else { panic!("{tokens:?}") };
        assert!(scene.world.authority.verifier().verify(Some(token)).is_ok(), "{path}");
        for name in ["cookie", "x-forwarded-for", "origin"] {
            assert!(!opened.headers.contains_key(name), "{name}");
        }
        assert_eq!(opened.headers["sec-websocket-extensions"], "permessage-x");
        assert_eq!(opened.headers["host"], scene.notifier.url().replace("http://", "").as_str());
        assert_eq!(opened.headers["connection"], "upgrade");
        assert_eq!(answer.headers()["sec-websocket-protocol"], "dicom");
        assert!(answer.headers().contains_key("x-request-id"));
        assert!(!answer.headers().contains_key("set-cookie"));
        assert!(!answer.headers().contains_key("content-length"));
    }
}

#[tokio::test]
async fn without_leave_for_work_items_it_is_refused() {
    let scene = Scene::with("", "").await;
    let route = "allow = [\"search\", \"retrieve\", \"store\", \"delete\", \"manage\"]";
    let toml = Toml { route: route.into(), ..scene.world.toml(scene.notifier.url()) };
    scene.gateway.reload(scene.world.config(&toml)).unwrap();
    for path in ["/dicom-web", "/dicom-web/", "/dicom-web/subscribers/AET"] {
        assert_eq!(scene.refusal(path, &[]).await, (403, "not-permitted".into()));
    }
    assert!(scene.notifier.is_idle().await);
}

#[tokio::test]
async fn there_is_none_where_nothing_notifies() {
    let scene = Scene::new().await;
    for (path, expected) in [
        ("/dicom-web/subscribers", (404, "no-transaction")),
        ("/dicom-web/subscribers/", (404, "no-transaction")),
        ("/dicom-web/subscribers/A/B", (404, "no-transaction")),
        ("/dicom-web/subscribers/LONGER-THAN-SIXTEEN", (404, "no-transaction")),
        ("/elsewhere", (404, "no-route")),
        ("/dicom-web/studies", (403, "not-permitted")),
        ("/dicom-web?requestType=WADO", (403, "not-permitted")),
    ] {
        let (status, code) = scene.refusal(path, &[]).await;
        assert_eq!((status, code.as_str()), expected, "{path}");
    }
    assert!(scene.notifier.is_idle().await);
}

#[tokio::test]
async fn a_page_opens_one_only_from_our_own_host_or_where_it_is_listed() {
    let route = "cors.origins = [\"https://viewer.example\"]\n\
                 public_url = \"https://imaging.example:8443/dicom-web\"";
    let scene = Scene::with(route, "").await;
    let ours = scene.gateway.address();
    for page in [
        "https://viewer.example",
        "https://imaging.example:8443",
        &format!("http://{ours}"),
        &format!("https://{ours}"),
    ] {
        assert!(scene.ask("/dicom-web", &[("origin", page)]).await.is_ok(), "{page}");
        assert!(!scene.notifier.next().await.headers.contains_key("origin"), "{page}");
    }
    for page in [
        "https://evil.example",
        "http://viewer.example",
        "https://viewer.example:444",
        "https://imaging.example",
        "https://viewer.example.evil.example",
        "http://127.0.0.1",
        &format!("http://evil.example@{ours}"),
        "null",
        "",
        "file://",
    ] {
        let refusal = scene.refusal("/dicom-web", &[("origin", page)]).await;
        assert_eq!(refusal, (403, "foreign-page".into()), "{page}");
    }
    let both = [("origin", "https://viewer.example"), ("origin", "https://evil.example")];
    assert_eq!(scene.refusal("/dicom-web", &both).await.0, 403);
    assert!(scene.notifier.is_idle().await);
}

#[tokio::test]
async fn a_handshake_that_is_none_is_refused() {
    let scene = Scene::new().await;
    for (name, value, expected) in [
        ("sec-websocket-version", "8", (426, "websocket-version")),
        ("sec-websocket-version", "13, 8", (426, "websocket-version")),
        ("sec-websocket-key", "", (400, "handshake")),
        ("sec-websocket-key", "c2hvcnQ=", (400, "handshake")),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZS4uLg==", (400, "handshake")),
        ("sec-websocket-key", "!!!!!!!!!!!!!!!!!!!!!!==", (400, "handshake")),
    ] {
        let (answer, code) = raw(&scene, &[(name, value)], "GET /dicom-web HTTP/1.1").await;
        assert_eq!((answer.status, code.as_str()), expected, "{name}: {value}");
        let version = answer.header("sec-websocket-version");
        assert_eq!(version, (answer.status == 426).then_some("13"));
        assert_eq!(answer.header("upgrade"), (answer.status == 426).then_some("websocket"));
    }
    assert!(scene.notifier.is_idle().await);
}

#[tokio::test]
async fn another_protocol_is_not_switched_to() {
    let scene = Scene::new().await;
    for (line, name, value) in [
        ("GET /dicom-web/subscribers/A HTTP/1.1", "upgrade", "h2c"),
        ("GET /dicom-web/subscribers/A HTTP/1.1", "upgrade", "h2c, websocket"),
        ("GET /dicom-web/subscribers/A HTTP/1.1", "upgrade", "websocket/13"),
        ("GET /dicom-web/subscribers/A HTTP/1.1", "connection", "keep-alive"),
        ("GET /dicom-web/subscribers/A HTTP/1.0", "connection", "upgrade"),
        ("HEAD /dicom-web/subscribers/A HTTP/1.1", "connection", "upgrade"),
        ("PUT /dicom-web/subscribers/A HTTP/1.1", "connection", "upgrade"),
    ] {
        let (answer, _) = raw(&scene, &[(name, value)], line).await;
        assert_eq!(answer.status, 404, "{line} {name}: {value}");
        let (answer, _) = raw(&scene, &[(name, value)], &line.replace("/subscribers/A", "")).await;
        assert_eq!(answer.status, 405, "{line} {name}: {value}");
        assert_eq!(answer.header("allow"), Some("OPTIONS"));
    }
    assert!(scene.notifier.is_idle().await);
}

#[tokio::test]
async fn what_the_origin_server_says_instead_goes_back() {
    let (world, notifier) =
        (World::new().await, Notifier::judging(|_| StatusCode::IM_A_TEAPOT).await);
    let gateway = world.start_ready(&toml(&world, &notifier, "", "")).await;
    let scene = Scene { world, notifier, gateway };
    for _ in 0..2 {
        assert_eq!(scene.refusal("/dicom-web", &[]).await.0, 418);
    }
    assert!(scene.line().await.contains("status=418"));
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced_once() {
    // It believes only what it is shown for the second time.
    let (world, recorder) = (World::new().await, Recorder::start().await);
    recorder.reply_with(Reply::Bytes(
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nContent-Length: 0\r\n\r\n".into(),
    ));
    let route = "allow = [\"worklist\"]".to_owned();
    let gateway = world.start_ready(&Toml { route, ..world.toml(recorder.url()) }).await;
    let mut caller = RawCaller::connect(gateway.address()).await.unwrap();
    caller.send(message(&[], "GET /dicom-web HTTP/1.1")).await.unwrap();
    let answer = caller.read_response().await.unwrap();

    assert_eq!((answer.status, answer.header("www-authenticate")), (502, None));
    let brought = recorder.requests();
    let [first, second] = &brought[..] else { panic!("{} requests", brought.len()) };
    assert_ne!(first.header("authorization"), second.header("authorization"));
    assert_eq!(second.header("upgrade"), Some("websocket"));
    assert_eq!(recorder.connections().len(), 2, "a connection of its own each");
}

#[tokio::test]
async fn a_101_that_does_not_fit_is_502() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let route = "allow = [\"worklist\", \"search\"]".to_owned();
    let gateway = world.start_ready(&Toml { route, ..world.toml(recorder.url()) }).await;
    let right = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    let (upgrade, connection) = ("Upgrade: websocket\r\n", "Connection: Upgrade\r\n");
    for lines in [
        format!("{upgrade}{connection}"),
        format!("{upgrade}{connection}Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOA=\r\n"),
        format!("{upgrade}{connection}{right}{right}"),
        format!("{upgrade}{right}"),
        format!("{connection}{right}"),
        format!("Upgrade: h2c\r\n{connection}{right}"),
    ] {
        recorder.reply_next(Reply::Bytes(format!("HTTP/1.1 101 S\r\n{lines}\r\n").into()));
        let mut caller = RawCaller::connect(gateway.address()).await.unwrap();
        caller.send(message(&[], "GET /dicom-web HTTP/1.1")).await.unwrap();
        let answer = caller.read_response().await.unwrap();
        assert_eq!(answer.status, 502, "{lines}");
        assert!(answer.text().contains("origin-unsound"));
        // The connection is still one for requests.
        let search = "GET /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\n\r\n";
        caller.send(search).await.unwrap();
        assert_eq!(caller.read_response().await.unwrap().status, 200);
    }
    let fits = format!("HTTP/1.1 101 S\r\n{upgrade}{connection}{right}Content-Length: 5\r\n\r\n");
    recorder.reply_next(Reply::Bytes(fits.into()));
    let mut caller = RawCaller::connect(gateway.address()).await.unwrap();
    caller.send(message(&[], "GET /dicom-web HTTP/1.1")).await.unwrap();
    let answer = caller.read_response().await.unwrap();
    assert_eq!((answer.status, answer.header("content-length")), (101, None));
    assert_eq!(answer.header("connection"), Some("upgrade"));
}

#[tokio::test]
async fn a_caller_who_asked_in_vain_for_another_protocol_has_its_farewell() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let issued = world.ca.issue(&["localhost"]);
    world.scratch.file("tls.crt", &issued.chain_pem);
    world.scratch.file("tls.key", &issued.key_pem);
    let listener = "identity = { chain = \"tls.crt\", key = \"tls.key\" }".into();
    let gateway = world.start_ready(&Toml { listener, ..world.toml(recorder.url()) }).await;
    let mut caller = tls(&world, gateway.address()).await;
    let asked = "GET /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\n\
                 Connection: close, upgrade\r\nUpgrade: h2c\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut caller, asked.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // Without close_notify this is an error: whoever reads could not tell all from a part.
    tokio::io::AsyncReadExt::read_to_end(&mut caller, &mut answer).await.unwrap();
    assert!(answer.ends_with(b"ok"));
}

#[tokio::test]
async fn it_goes_over_tls_on_both_sides_though_the_origin_server_prefers_http_2() {
    let world = World::new().await;
    let notifier = Notifier::start_tls(&world.ca).await;
    let issued = world.ca.issue(&["localhost"]);
    world.scratch.file("tls.crt", &issued.chain_pem);
    world.scratch.file("tls.key", &issued.key_pem);
    let listener = "identity = { chain = \"tls.crt\", key = \"tls.key\" }".into();
    let toml = Toml { listener, ..toml(&world, &notifier, "", "") };
    let gateway = world.start_ready(&toml).await;
    let stream = tls(&world, gateway.address()).await;
    let request = asking("ws://localhost/dicom-web", &[]);
    let (mut caller, _) = speak(request, Box::new(stream)).await.unwrap();
    let mut origin = notifier.next().await.socket;

    let large = "x".repeat(1 << 20);
    for _ in 0..3 {
        say(&mut caller, large.clone()).await;
        assert!(heard(&mut origin).await == Message::text(large.clone()));
        say(&mut origin, large.clone()).await;
        assert!(heard(&mut caller).await == Message::text(large.clone()));
    }
}

async fn tls(
    world: &World,
    address: std::net::SocketAddr,
) -> tokio_rustls::client::TlsStream<TcpStream> {
    let mut config = world.ca.client_config();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

async fn raw(
    scene: &Scene,
    changed: &[(&str, &str)],
    line: &str,
) -> (gateway_tests::RawResponse, String) {
    let mut caller = RawCaller::connect(scene.gateway.address()).await.unwrap();
    caller.send(message(changed, line)).await.unwrap();
    let method = line.split(' ').next().unwrap();
    let answer = caller.read_response_to(method).await.unwrap();
    let problem = serde_json::from_slice::<serde_json::Value>(&answer.body).unwrap_or_default();
    let code = problem["code"].as_str().unwrap_or_default().to_owned();
    (answer, code)
}

/// A handshake with the key of RFC 6455, section 1.3, and some fields changed.
fn message(changed: &[(&str, &str)], line: &str) -> String {
    let mut text = format!("{line}\r\nhost: localhost\r\n");
    for (name, usual) in [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ] {
        let value = changed.iter().find(|(other, _)| *other == name).map_or(usual, |field| field.1);
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text + "\r\n"
}
