//! What answers say of pages, whoever made them.

use gateway_tests::Reply;
use http_body_util::{BodyExt, Empty};

use super::{VIEWER, bench, is_told_to, is_told_to_no_page, request};
use crate::http::H2Caller;
use crate::wire::is_our_problem;

#[tokio::test]
async fn a_listed_page_may_read_what_the_origin_server_says() {
    let bench = bench("").await;
    let from = format!("Origin: {VIEWER}\r\nSec-Fetch-Site: cross-site\r\n");
    for (method, path) in [
        ("GET", "/dicom-web/studies"),
        ("POST", "/dicom-web/studies"),
        ("PUT", "/dicom-web/studies/1.2"),
        ("DELETE", "/dicom-web/studies/1.2"),
    ] {
        let answer = bench.ask(request(method, path, &from)).await;
        assert_eq!(answer.status, 200, "{method} {path}");
        is_told_to(&answer, Some(VIEWER));
        assert!(bench.last().values("origin").is_empty());
    }
    let exposed = bench.ask(request("GET", "/dicom-web/studies", &from)).await;
    let exposed = exposed.header("access-control-expose-headers").unwrap().to_owned();
    for name in [
        "etag",
        "content-location",
        "location",
        "link",
        "warning",
        "content-range",
        "accept-ranges",
        "content-length",
        "content-encoding",
        "retry-after",
        "erroneous-dicom-attributes",
        "api-supported-versions",
        "dicom-gateway-fixes",
        "x-request-id",
    ] {
        assert!(exposed.split(", ").any(|exposed| exposed == name), "{name}: {exposed}");
    }
}

#[tokio::test]
async fn what_the_origin_server_says_of_pages_goes_no_further() {
    let bench = bench("").await;
    let reply = "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\n\
                 Access-Control-Allow-Credentials: true\r\nAccess-Control-Expose-Headers: *\r\n\
                 Timing-Allow-Origin: *\r\nCross-Origin-Resource-Policy: same-origin\r\n\
                 Vary: Accept, Accept-Encoding\r\nContent-Length: 0\r\n\r\n";
    bench.recorder.reply_with(Reply::Bytes(reply.into()));
    let lines = format!("Origin: {VIEWER}\r\n");
    let answer = bench.ask(request("GET", "/dicom-web/studies", &lines)).await;
    is_told_to(&answer, Some(VIEWER));
    assert!(answer.values("access-control-allow-credentials").is_empty());
    assert_eq!(answer.values("vary"), ["Accept, Accept-Encoding", "Origin"]);

    let answer = bench.ask(request("GET", "/plain/studies", &lines)).await;
    is_told_to_no_page(&answer);
    assert!(answer.values("timing-allow-origin").is_empty());
    assert_eq!(answer.values("vary"), ["Accept, Accept-Encoding"]);
}

#[tokio::test]
async fn an_answer_that_varies_by_origin_already_says_so_once() {
    let bench = bench("").await;
    for varies in ["origin", "Accept, ORIGIN"] {
        let reply = format!("HTTP/1.1 200 OK\r\nVary: {varies}\r\nContent-Length: 0\r\n\r\n");
        bench.recorder.reply_next(Reply::Bytes(reply.into()));
        let answer = bench.ask(request("GET", "/dicom-web/studies", "")).await;
        is_told_to(&answer, None);
    }
}

#[tokio::test]
async fn credentials_are_allowed_to_listed_pages_alone() {
    let bench = bench("cors.credentials = true").await;
    for (origin, expected) in [(VIEWER, Some("true")), ("https://evil.example", None)] {
        let lines = format!("Origin: {origin}\r\n");
        let answer = bench.ask(request("GET", "/dicom-web/studies", &lines)).await;
        assert_eq!(answer.header("access-control-allow-credentials"), expected);
    }
}

#[tokio::test]
async fn the_operator_says_which_pages_may_embed() {
    let bench = bench("cors.resource_policy = \"same-site\"").await;
    let answer = bench.ask(request("GET", "/dicom-web/studies", "")).await;
    assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-site"));
}

#[tokio::test]
async fn a_page_can_read_every_error() {
    let bench = bench("max_body_bytes = 10").await;
    let ask = async |method: &str, path: &str, lines: &str| {
        let lines = format!("Origin: {VIEWER}\r\n{lines}");
        let answer = bench.ask(request(method, path, &lines)).await;
        is_our_problem(&answer).unwrap();
        is_told_to(&answer, Some(VIEWER));
        answer.status
    };
    for (method, path, lines, status) in [
        ("GET", "/dicom-web/studies;a", "", 400),
        ("GET", "/dicom-web/studies", "x_y: z\r\n", 400),
        ("GET", "/dicom-web/workitems", "", 403),
        ("GET", "/dicom-web/nothing", "", 404),
        ("HEAD", "/dicom-web/nothing", "", 404),
        ("PUT", "/dicom-web/series", "", 405),
        ("TRACE", "/dicom-web/studies", "", 405),
        ("DELETE", "/dicom-web/studies/1.2", "Expect: miracles\r\n", 417),
        ("FROBNICATE", "/dicom-web/studies", "", 501),
    ] {
        assert_eq!(ask(method, path, lines).await, status, "{method} {path}");
    }
    let challenge = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";
    for (reply, status) in [
        (Reply::Bytes(challenge.into()), 502),
        (Reply::Bytes("HTTP/1.1 799 Odd\r\nContent-Length: 0\r\n\r\n".into()), 502),
        (Reply::Close, 502),
    ] {
        bench.recorder.reply_with(reply);
        assert_eq!(ask("POST", "/dicom-web/studies", "").await, status);
    }
    let long = format!("POST /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\nOrigin: {VIEWER}");
    let large = bench.ask(format!("{long}\r\nContent-Length: 11\r\n\r\n")).await;
    assert_eq!(large.status, 413);
    is_told_to(&large, Some(VIEWER));
}

#[tokio::test]
async fn a_page_can_read_that_no_token_comes() {
    let bench = bench("").await;
    bench.world.authority.reject_secret();
    let token = bench.world.authority.last_token().unwrap();
    bench.world.authority.revoke(&token);
    let challenge = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";
    bench.recorder.reply_with(Reply::Bytes(challenge.into()));
    let lines = format!("Origin: {VIEWER}\r\n");
    let answer = bench.ask(request("GET", "/dicom-web/studies", &lines)).await;
    assert_eq!(answer.status, 500);
    assert!(answer.text().contains("client-refused"));
    is_told_to(&answer, Some(VIEWER));
}

#[tokio::test]
async fn the_gateway_s_own_methods_are_told_to_pages_too() {
    let bench = bench("").await;
    let lines = format!("Origin: {VIEWER}\r\nMax-Forwards: 0\r\n");
    let answer = bench.ask(request("OPTIONS", "/dicom-web/studies", &lines)).await;
    assert_eq!(answer.status, 204);
    is_told_to(&answer, Some(VIEWER));
    is_told_to_no_page(&bench.ask(request("OPTIONS", "*", &lines)).await);
}

#[tokio::test]
async fn an_answer_by_http_2_says_the_same() {
    let bench = bench("").await;
    let mut caller = H2Caller::connect(bench.gateway.address()).await;
    for (path, status) in [("studies", 200), ("nothing", 404)] {
        let request = http::Request::get(format!("http://localhost/dicom-web/{path}"))
            .header("origin", VIEWER)
            .body(Empty::new().boxed());
        let answer = caller.ask(request.unwrap()).await.unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()["access-control-allow-origin"], VIEWER);
        assert_eq!(answer.headers()["vary"], "Origin");
        assert_eq!(answer.headers()["cross-origin-resource-policy"], "cross-origin");
    }
}
