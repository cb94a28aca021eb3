//! What browsers ask before a page may send what is more than a plain search.

use gateway_tests::{RawCaller, Recorder, World};
use http_body_util::{BodyExt, Empty};

use super::{
    Bench, STRANGER, VIEWER, bench, is_given, is_refused, is_told_to, is_told_to_no_page,
    preflight, request, toml,
};
use crate::http::H2Caller;
use crate::wire::is_our_problem;

#[tokio::test]
async fn a_preflight_reaches_neither_origin_server_nor_authority() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    world.authority.hold();
    let gateway = world.start(&toml(&world, &recorder, ""));
    world.authority.wait_for_requests(1).await;
    let bench = Bench { world, recorder, gateway };
    for (path, origin) in [
        ("/dicom-web/studies", VIEWER),
        ("/dicom-web/studies/1.2", VIEWER),
        ("/dicom-web/studies/1.2", STRANGER),
        ("/plain/studies", VIEWER),
    ] {
        let answer = bench.ask(preflight(origin, path, "DELETE")).await;
        assert!(matches!(answer.status, 204 | 403), "{path} {origin}: {}", answer.status);
    }
    // That of the keeper, which was on its way before.
    assert_eq!(bench.world.authority.requests(), 1);
    assert_eq!(bench.recorder.bytes_seen(), 0);
}

#[tokio::test]
async fn a_listed_page_may_send_what_the_route_allows() {
    let bench = bench("").await;
    for (path, methods) in [
        ("/dicom-web/studies", "GET, HEAD, POST, PUT, OPTIONS"),
        ("/dicom-web/studies?PatientName=x", "GET, HEAD, POST, PUT, OPTIONS"),
        ("/dicom-web/studies/1.2", "GET, HEAD, POST, PUT, DELETE, OPTIONS"),
        ("/dicom-web/studies/1.2/metadata", "GET, HEAD, OPTIONS"),
        ("/dicom-web/wado?requestType=WADO&studyUID=1", "GET, HEAD, OPTIONS"),
        ("/dicom-web/workitems", "OPTIONS"),
        ("/dicom-web/studies/$bulkUpdate", "OPTIONS"),
        ("/dicom-web", "OPTIONS"),
    ] {
        let answer = bench.ask(preflight(VIEWER, path, "GET")).await;
        is_given(&answer);
        is_told_to(&answer, Some(VIEWER));
        assert_eq!(answer.header("access-control-allow-methods"), Some(methods), "{path}");
        assert_eq!(answer.header("access-control-max-age"), Some("600"));
        for absent in ["allow-credentials", "allow-headers", "allow-private-network"] {
            assert!(answer.values(&format!("access-control-{absent}")).is_empty(), "{absent}");
        }
        let varies = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
        assert_eq!(answer.header("vary"), Some(varies));
    }
    assert_eq!(bench.recorder.bytes_seen(), 0);
}

#[tokio::test]
async fn of_the_headers_asked_for_those_are_allowed_that_viewers_need() {
    let bench = bench("cors.headers = [\"X-Site\"]").await;
    let asked = "Access-Control-Request-Headers: accept,authorization,content-type\r\n\
                 access-control-request-headers: Range , IF-NONE-MATCH,x-evil\r\n\
                 Access-Control-Request-Headers: msdicom-request-original,x-site,cookie\r\n";
    let lines = format!("Origin: {VIEWER}\r\nAccess-Control-Request-Method: GET\r\n{asked}");
    let answer = bench.ask(request("OPTIONS", "/dicom-web/studies", &lines)).await;
    is_given(&answer);
    assert_eq!(
        answer.header("access-control-allow-headers"),
        Some(
            "accept, authorization, content-type, range, if-none-match, \
             msdicom-request-original, x-site"
        )
    );
}

#[tokio::test]
async fn credentials_and_private_networks_are_allowed_where_asked_for() {
    let bench = bench("cors.credentials = true\ncors.max_age_secs = 7").await;
    let lines = "Origin: http://localhost:3000\r\nAccess-Control-Request-Method: GET\r\n\
                 Access-Control-Request-Private-Network: true\r\n";
    let answer = bench.ask(request("OPTIONS", "/dicom-web/studies", lines)).await;
    is_given(&answer);
    is_told_to(&answer, Some("http://localhost:3000"));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(answer.header("access-control-allow-private-network"), Some("true"));
    assert_eq!(answer.header("access-control-max-age"), Some("7"));
}

#[tokio::test]
async fn a_stranger_s_preflight_is_refused_with_the_way_out() {
    let bench = bench("").await;
    for origin in [
        STRANGER,
        "null",
        "*",
        "",
        "https://viewer.example:443",
        "https://viewer.example/",
        "http://viewer.example",
        "https://viewer.example https://evil.example",
        "https://viewer.example\r\nOrigin: https://viewer.example",
        "https://viewer.example\r\nOrigin: https://evil.example",
    ] {
        for path in ["/dicom-web/studies", "/dicom-web/nothing"] {
            let answer = bench.ask(preflight(origin, path, "GET")).await;
            is_refused(&answer);
            is_told_to(&answer, None);
        }
    }
    assert_eq!(bench.recorder.bytes_seen(), 0);
}

#[tokio::test]
async fn a_route_without_a_list_refuses_every_preflight() {
    let bench = bench("").await;
    for origin in [VIEWER, STRANGER, "https://imaging.example", "http://localhost"] {
        let answer = bench.ask(preflight(origin, "/plain/studies", "POST")).await;
        is_refused(&answer);
        is_told_to_no_page(&answer);
    }
    assert_eq!(bench.recorder.bytes_seen(), 0);
}

#[tokio::test]
async fn a_preflight_for_nothing_is_an_error_that_the_page_can_read() {
    let bench = bench("").await;
    for (path, code) in
        [("/dicom-web/nothing", "no-transaction"), ("/dicom-web/studies/1.2/x", "no-transaction")]
    {
        let answer = bench.ask(preflight(VIEWER, path, "GET")).await;
        assert_eq!(answer.status, 404);
        is_our_problem(&answer).unwrap();
        assert!(answer.text().contains(code));
        is_told_to(&answer, Some(VIEWER));
    }
    let nowhere = bench.ask(preflight(VIEWER, "/elsewhere", "GET")).await;
    assert_eq!(nowhere.status, 404);
    is_told_to_no_page(&nowhere);
}

#[tokio::test]
async fn a_preflight_for_a_host_that_is_not_ours_is_misdirected() {
    let bench = bench("").await;
    let raw = preflight(VIEWER, "/dicom-web/studies", "GET");
    let answer = bench.ask(raw.replace("Host: localhost", "Host: evil.example")).await;
    assert_eq!(answer.status, 421);
    is_our_problem(&answer).unwrap();
    assert!(answer.values("access-control-allow-methods").is_empty());
}

#[tokio::test]
async fn options_without_a_method_to_ask_for_is_the_question_of_dicom() {
    let bench = bench("").await;
    for lines in ["", &format!("Origin: {VIEWER}\r\n"), "Access-Control-Request-Method: GET\r\n"] {
        let before = bench.recorder.requests().len();
        let answer = bench.ask(request("OPTIONS", "/dicom-web/", lines)).await;
        assert_eq!(answer.status, 200);
        is_told_to(&answer, lines.starts_with("Origin").then_some(VIEWER));
        assert_eq!(bench.recorder.requests().len(), before + 1, "{lines}");
        assert!(bench.last().values("access-control-request-method").is_empty());
    }
}

#[tokio::test]
async fn a_preflight_has_its_record_and_asks_for_no_transaction() {
    let bench = bench("").await;
    let mut caller = RawCaller::connect(bench.gateway.address()).await.unwrap();
    let mut ids = Vec::new();
    for origin in [VIEWER, STRANGER] {
        caller.send(preflight(origin, "/dicom-web/studies", "PUT")).await.unwrap();
        let answer = caller.read_response().await.unwrap();
        ids.push((answer.status, answer.header("x-request-id").unwrap().to_owned()));
    }
    for ((status, id), blame) in ids.into_iter().zip(["", " blame=caller code=foreign-page"]) {
        let line = bench.gateway.wait_for_line(&id).await;
        let facts = "route=/dicom-web transaction= caller= method=OPTIONS";
        assert!(line.contains(&format!("{facts} status={status} ")), "{line}");
        assert!(line.contains(blame) && !line.contains("example"), "{line}");
        let (_, metrics) = bench.gateway.admin("/metrics").await;
        let counted = format!("route=\"/dicom-web\",transaction=\"\",status=\"{status}\"");
        assert!(metrics.contains(&counted), "{metrics}");
    }
}

#[tokio::test]
async fn a_preflight_by_http_2_is_the_same() {
    let bench = bench("").await;
    let mut caller = H2Caller::connect(bench.gateway.address()).await;
    for (origin, status) in [(VIEWER, 204), (STRANGER, 403)] {
        let request = http::Request::options("http://localhost/dicom-web/studies")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "accept,content-type")
            .body(Empty::new().boxed());
        let answer = caller.ask(request.unwrap()).await.unwrap();
        assert_eq!(answer.status(), status);
        let told = answer.headers().get("access-control-allow-origin");
        assert_eq!(told.is_some(), status == 204);
        let allowed = answer.headers().get("access-control-allow-headers");
        assert_eq!(allowed.is_some_and(|list| list == "accept, content-type"), status == 204);
    }
    assert_eq!(bench.recorder.bytes_seen(), 0);
}
