//! What a proxy is told.

use gateway_tests::RawCaller;
use gateway_tests::authority::Answer;
use gateway_tests::world::Toml;

use super::{Scene, asked, bearer, forward_auth, is_leave, is_refusal, said};

#[tokio::test]
async fn leave_is_the_token_and_a_refusal_is_the_gateway_s_own() {
    let scene = Scene::new().await;
    let gateway = scene.start("x-original").await;
    let key = bearer(&scene.reader);
    is_leave(&scene, &asked(&gateway, "GET /dicom-web/studies?limit=1", &[&key]).await);

    for (request, fields, status, code) in [
        ("GET /dicom-web/studies", vec![], 401, "no-credentials"),
        ("GET /dicom-web/studies", vec!["X-Api-Key: nobody's"], 401, "invalid-key"),
        ("GET /dicom-web/studies", vec![&key, &key], 400, "ambiguous-credentials"),
        ("POST /dicom-web/studies", vec![&key], 403, "not-permitted"),
        ("GET /elsewhere", vec![&key], 404, "no-route"),
    ] {
        let answer = asked(&gateway, request, &fields).await;
        is_refusal(&answer, status, code);
        let challenges = answer.values("www-authenticate");
        assert_eq!(challenges.is_empty(), !matches!(status, 400 | 401), "{challenges:?}");
        if code == "no-credentials" {
            let basic = r#"Basic realm="dicom-gateway", charset="UTF-8""#;
            assert_eq!(challenges, [r#"Bearer realm="dicom-gateway""#, basic]);
        }
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    }
    let (_, metrics) = gateway.admin("/metrics").await;
    for sample in [
        "forward_auth_total{route=\"/dicom-web\",status=\"200\"} 1\n",
        "forward_auth_total{route=\"/dicom-web\",status=\"401\"} 2\n",
        "forward_auth_total{route=\"/dicom-web\",status=\"403\"} 1\n",
    ] {
        assert!(metrics.contains(sample), "{sample} in {metrics}");
    }
    let log = scene.nothing_went_on(gateway).await;
    let lines = log.lines().filter(|line| line.contains("forward-auth")).collect::<Vec<_>>();
    assert_eq!(lines.len(), 6, "{log}");
    let known = |line: &&&str| line.contains("caller=api_key");
    assert_eq!(lines.iter().filter(known).count(), 2, "{log}");
}

#[tokio::test]
async fn without_a_token_the_proxy_is_told_when_to_come_again() {
    let scene = Scene::new().await;
    scene.world.authority.answer_with(Answer::unavailable());
    let gateway = scene.world.start(&scene.toml("x-original"));
    let answer = asked(&gateway, "GET /dicom-web/studies", &[&bearer(&scene.reader)]).await;
    is_refusal(&answer, 503, "authority-unavailable");
    assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() > 0);
    // Who may not is told so without a token.
    let answer = asked(&gateway, "POST /dicom-web/studies", &[&bearer(&scene.reader)]).await;
    is_refusal(&answer, 403, "not-permitted");
    scene.nothing_went_on(gateway).await;
}

#[tokio::test]
async fn a_preflight_gets_no_token() {
    let scene = Scene::new().await;
    let toml = scene.toml("x-original");
    let anyone = Toml { route: ANYONE.into(), ..toml.clone() };
    for toml in [toml, anyone] {
        let gateway = scene.world.start_ready(&toml).await;
        let page = ["Origin: https://viewer.example", "Access-Control-Request-Method: GET"];
        let answer = asked(&gateway, "OPTIONS /dicom-web/studies", &page).await;
        assert_eq!((answer.status, answer.header("authorization")), (403, None));
    }
    assert_eq!(scene.recorder.bytes_seen(), 0);
}

#[tokio::test]
async fn what_the_gateway_would_have_taken_off_does_not_go_on() {
    let scene = Scene::new().await;
    let gateway = scene.start("x-original").await;
    let store = "POST /dicom-web/partitions/radiology/studies";
    let elsewhere = "POST /dicom-web/studies";
    let writer = bearer(&scene.writer);
    let search = ("GET /dicom-web/studies", bearer(&scene.reader));
    let expiry = "msdicom-expiry-time-milliseconds: 1";
    let audit = "X-MS-AZUREDICOM-AUDIT-User: somebody";
    for (request, key, field, status) in [
        // To delete is allowed in this partition, and in no other one.
        (store, &writer, expiry, 200),
        (elsewhere, &writer, expiry, 403),
        (search.0, &search.1, expiry, 403),
        (store, &writer, audit, 200),
        (search.0, &search.1, audit, 403),
        (store, &writer, "X-HTTP-Method-Override: DELETE", 403),
        (store, &writer, "X-Original-URL: /dicom-web/studies/1", 403),
        (store, &writer, "X-Rewrite-URL: /dicom-web/studies/1", 403),
        (search.0, &search.1, "Accept: application/dicom+json", 200),
        (search.0, &search.1, "X_Original_URL: /", 400),
    ] {
        let answer = asked(&gateway, request, &[key, field]).await;
        assert_eq!(answer.status, status, "{request} {field}: {}", answer.text());
        assert_eq!(answer.header("authorization").is_some(), status == 200);
        // Its own connection may not hide it either: not every proxy heeds that.
        let hidden = format!("Connection: {}", field.split(':').next().unwrap());
        let answer = asked(&gateway, request, &[key, field, &hidden]).await;
        assert_eq!(answer.status, status, "{request} {field}: {}", answer.text());
    }
    scene.nothing_went_on(gateway).await;
}

#[tokio::test]
async fn a_host_that_is_not_listed_gets_no_token() {
    let scene = Scene::new().await;
    let keyed = scene.toml("x-original");
    let anyone = Toml { route: ANYONE.into(), ..keyed.clone() };
    let listed = Toml { listener: "hosts = [\"pacs.example\"]".into(), ..anyone.clone() };
    let published = format!("{}\npublic_url = \"https://pacs.example/dicom-web\"", keyed.route);
    let published = Toml { route: published, ..keyed.clone() };
    let key = bearer(&scene.reader);
    for (toml, host, status) in [
        (&keyed, "localhost", 200),
        (&keyed, "pacs.example", 421),
        (&published, "pacs.example", 200),
        (&anyone, "localhost", 200),
        (&anyone, "127.0.0.1:9191", 200),
        (&anyone, "rebound.example", 421),
        (&listed, "pacs.example", 200),
        (&listed, "rebound.example", 421),
    ] {
        let gateway = scene.world.start_ready(toml).await;
        let host = format!("Host: {host}");
        let answer = asked(&gateway, "GET /dicom-web/studies", &[&key, &host]).await;
        assert_eq!(answer.status, status, "{host}: {}", answer.text());
        assert_eq!(answer.header("authorization").is_some(), status == 200);
    }
}

#[tokio::test]
async fn each_listener_does_its_own_work_only() {
    let scene = Scene::new().await;
    let own = scene.world.toml(scene.recorder.url());
    let toml = Toml { more: forward_auth("request"), route: ANYONE.into(), ..own };
    let gateway = scene.world.start_ready(&toml).await;
    // Nothing is forwarded from the one, and no token leaves by the other.
    let answer = said(&gateway, "GET /dicom-web/studies", &[]).await;
    is_leave(&scene, &answer);
    assert_eq!(scene.recorder.bytes_seen(), 0);

    let mut caller = RawCaller::connect(gateway.address()).await.unwrap();
    let head = "GET /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\n\
                X-Original-Method: GET\r\nX-Original-URI: /dicom-web/studies\r\n\r\n";
    caller.send(head).await.unwrap();
    let answer = caller.read_response().await.unwrap();
    assert_eq!((answer.status, answer.header("authorization")), (200, None));
    assert_eq!(scene.recorder.requests().len(), 1);
}

/// On purpose: the other proxy lets in the right ones.
const ANYONE: &str = "callers = \"anyone\"\ndanger_anyone_on_public_address = true";
