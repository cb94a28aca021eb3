//! What is asked about.

use std::time::Duration;

use gateway_tests::RawCaller;

use super::{Scene, asked, bearer, is_leave, is_refusal, said};

#[tokio::test]
async fn each_way_of_describing_counts_alone() {
    let scene = Scene::new().await;
    let search = ["GET", "/dicom-web/studies"];
    let store = ["POST", "/dicom-web/studies"];
    for by in ["x-original", "x-forwarded", "request"] {
        let gateway = scene.start(by).await;
        for (counts, others) in [(search, store), (store, search)] {
            let described = |way: &str| if by == way { counts } else { others };
            let [method, target] = described("x-original");
            let original =
                [format!("X-Original-Method: {method}"), format!("X-Original-URI: {target}")];
            let [method, target] = described("x-forwarded");
            let forwarded = [
                format!("X-Forwarded-Method: {method}"),
                format!("X-Forwarded-Uri: {target}"),
                "X-Forwarded-Host: pacs.example".to_owned(),
                "X-Forwarded-Proto: https".to_owned(),
                "X-Forwarded-For: 192.0.2.1".to_owned(),
            ];
            let fields = original.iter().chain(&forwarded).map(String::as_str);
            let key = bearer(&scene.reader);
            let fields = fields.chain([key.as_str()]).collect::<Vec<_>>();
            let answer = said(&gateway, &described("request").join(" "), &fields).await;
            if counts == search {
                is_leave(&scene, &answer);
            } else {
                is_refusal(&answer, 403, "not-permitted");
            }
        }
    }
    assert_eq!(scene.recorder.bytes_seen(), 0);
}

#[tokio::test]
async fn a_request_is_described_exactly_once_or_refused() {
    let scene = Scene::new().await;
    let key = bearer(&scene.writer);
    let (method, target) = ("X-Original-Method: GET", "X-Original-URI: /dicom-web/studies");
    let gateway = scene.start("x-original").await;
    for fields in [
        &[][..],
        &[method],
        &[target],
        &[method, target, target],
        &[method, method, target],
        &[method, target, "X-Original-URI: /dicom-web/series"],
        &[method, "X-Forwarded-Uri: /dicom-web/studies"],
        &[method, "X-Original-URI:"],
        &[method, "X-Original-URI: dicom-web/studies"],
        &[method, "X-Original-URI: http://localhost/dicom-web/studies"],
        &[method, "X-Original-URI: /dicom-web/studies#fragment"],
        &[method, "X-Original-URI: /dicom-web/studies /dicom-web/series"],
        &["X-Original-Method:", target],
        &["X-Original-Method: GET, GET", target],
    ] {
        let fields = [fields, &[&*key]].concat();
        let answer = said(&gateway, "GET /dicom-web/studies", &fields).await;
        is_refusal(&answer, 400, "description");
    }
    let good = [method, target, &key];
    is_leave(&scene, &said(&gateway, "GET /dicom-web/studies", &good).await);
    scene.nothing_went_on(gateway).await;
}

#[tokio::test]
async fn what_is_described_must_be_what_the_gateway_itself_would_take() {
    let scene = Scene::new().await;
    let (original, itself) = (scene.start("x-original").await, scene.start("request").await);
    let key = bearer(&scene.writer);
    for (request, status, code) in [
        ("GET /dicom-web/../dicom-web/studies", 400, "target"),
        ("GET /dicom-web/studies/..", 400, "target"),
        ("GET /dicom-web/./studies", 400, "target"),
        ("GET /dicom-web/%2e%2e/dicom-web/studies", 400, "target"),
        ("GET /dicom-web/studies%2f1.2", 400, "target"),
        ("GET /dicom-web/studies/1.2%2F..%2F..", 400, "target"),
        ("GET /dicom-web/studies%5c1.2", 400, "target"),
        ("GET /dicom-web//studies", 400, "target"),
        ("GET /dicom-web/%73tudies", 400, "target"),
        ("GET /dicom-web/studies%00", 400, "target"),
        ("GET /dicom-web/studies/%zz", 400, "target"),
        ("DELETE /dicom-web/partitions/radiology/../x/studies/1.2", 400, "target"),
        ("GET /elsewhere/studies", 404, "no-route"),
        ("GET /dicom-webs/studies", 404, "no-route"),
        ("GET /dicom-web/patients", 404, "no-transaction"),
        ("DELETE /dicom-web/studies", 405, "method"),
        ("TRACE /dicom-web/studies", 405, "method"),
        ("FROBNICATE /dicom-web/studies", 501, "unknown-method"),
    ] {
        let answer = asked(&original, request, &[&key]).await;
        is_refusal(&answer, status, code);
        let answer = said(&itself, request, &[&key]).await;
        is_refusal(&answer, status, code);
    }
    itself.drain().await;
    scene.nothing_went_on(original).await;
}

#[tokio::test]
async fn how_it_is_asked_says_nothing_and_the_asking_body_is_left_alone() {
    let scene = Scene::new().await;
    let gateway = scene.start("x-original").await;
    let key = bearer(&scene.reader);
    let search = ["X-Original-Method: GET", "X-Original-URI: /dicom-web/studies", &key];
    for request in ["GET /", "HEAD /asks?this", "POST /dicom-web/studies", "DELETE /x/../y"] {
        is_leave(&scene, &said(&gateway, request, &search).await);
    }
    let store = ["X-Original-Method: POST", "X-Original-URI: /dicom-web/studies", &key];
    let answer = said(&gateway, "HEAD /", &store).await;
    assert_eq!((answer.status, answer.body.len()), (403, 0));
    assert_eq!(answer.values("authorization"), [""; 0]);

    // All of them promise a body that never comes.
    for (by, request) in [("x-original", "POST /"), ("request", "GET /dicom-web/studies")] {
        let gateway = scene.start(by).await;
        for framing in ["Content-Length: 1000000", "Transfer-Encoding: chunked"] {
            let mut caller = RawCaller::connect(gateway.forward_auth_address()).await.unwrap();
            let fields = search.join("\r\n");
            let head = format!("{request} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n{framing}");
            caller.send(head + "\r\n\r\n").await.unwrap();
            let answer = tokio::time::timeout(Duration::from_secs(30), caller.read_response());
            let answer = answer.await.expect("an answer before the body").unwrap();
            is_leave(&scene, &answer);
            assert_eq!(answer.header("connection"), Some("close"));
        }
    }
    scene.nothing_went_on(gateway).await;
}

#[tokio::test]
async fn a_connection_serves_one_question_after_another() {
    let scene = Scene::new().await;
    let gateway = scene.start("request").await;
    let mut proxy = RawCaller::connect(gateway.forward_auth_address()).await.unwrap();
    for (path, status) in [("studies", 200), ("patients", 404), ("series", 200)] {
        let key = bearer(&scene.reader);
        let head = format!("GET /dicom-web/{path} HTTP/1.1\r\nHost: localhost\r\n{key}\r\n\r\n");
        proxy.send(head).await.unwrap();
        assert_eq!(proxy.read_response().await.unwrap().status, status);
    }
    scene.nothing_went_on(gateway).await;
}
