//! Changes that a page would have a user's browser make.

use gateway_tests::{Recorder, World};
use http_body_util::{BodyExt, Empty};

use super::{Bench, STRANGER, VIEWER, bench, is_refused, request, toml};
use crate::http::H2Caller;

/// Which lines a browser sends from where, and whether the change passes on a route that lists
/// [`VIEWER`], and on one that lists nobody and is `https://imaging.example` to its callers.
const ROWS: &[(&str, bool, bool)] = &[
    // No browser.
    ("", true, true),
    // The browser says where the page is.
    ("Sec-Fetch-Site: same-origin\r\nOrigin: http://localhost\r\n", true, true),
    ("Sec-Fetch-Site: same-origin\r\nOrigin: https://front.example\r\n", true, true),
    ("Sec-Fetch-Site: same-origin\r\nOrigin: null\r\n", true, true),
    ("Sec-Fetch-Site: none\r\n", true, true),
    ("Sec-Fetch-Site: cross-site\r\nOrigin: https://viewer.example\r\n", true, false),
    ("Sec-Fetch-Site: same-site\r\nOrigin: http://localhost:3000\r\n", true, false),
    ("Sec-Fetch-Site: same-site\r\nOrigin: http://localhost:4000\r\n", false, false),
    ("Sec-Fetch-Site: cross-site\r\nOrigin: https://imaging.example\r\n", false, true),
    ("Sec-Fetch-Site: cross-site\r\nOrigin: http://imaging.example\r\n", false, false),
    ("Sec-Fetch-Site: cross-site\r\nOrigin: https://evil.example\r\n", false, false),
    ("Sec-Fetch-Site: cross-site\r\nOrigin: null\r\n", false, false),
    ("Sec-Fetch-Site: cross-site\r\nOrigin: http://localhost\r\n", false, false),
    ("Sec-Fetch-Site: cross-site\r\n", false, false),
    ("Sec-Fetch-Site: unheard-of\r\n", false, false),
    ("Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: cross-site\r\n", false, false),
    ("Sec-Fetch-Site: cross-site\r\nSec-Fetch-Site: same-origin\r\n", false, false),
    (
        "Sec-Fetch-Site: cross-site\r\nOrigin: https://viewer.example\r\n\
         Origin: https://evil.example\r\n",
        false,
        false,
    ),
    // The browser says only whose the page is.
    ("Origin: https://viewer.example\r\n", true, false),
    ("Origin: https://imaging.example\r\n", false, true),
    ("Origin: http://localhost\r\n", true, true),
    ("Origin: https://localhost\r\n", true, true),
    ("Origin: http://localhost:4000\r\n", true, true),
    ("Origin: https://evil.example\r\n", false, false),
    ("Origin: https://localhost.evil.example\r\n", false, false),
    ("Origin: null\r\n", false, false),
    ("Origin: \r\n", false, false),
    ("Origin: http://localhost\r\nOrigin: http://localhost\r\n", false, false),
];

#[tokio::test]
async fn a_change_comes_from_a_page_of_ours_or_from_none() {
    let bench = bench("").await;
    for (lines, listed, plain) in ROWS {
        for (prefix, passes) in [("/dicom-web", listed), ("/plain", plain)] {
            for (method, path) in
                [("POST", "/studies"), ("PUT", "/studies/1.2"), ("DELETE", "/studies/1.2")]
            {
                let before = bench.recorder.requests().len();
                let raw = request(method, &format!("{prefix}{path}"), lines);
                let answer = bench.ask(raw).await;
                if *passes {
                    assert_eq!(answer.status, 200, "{method} {prefix} {lines}");
                } else {
                    is_refused(&answer);
                }
                let sent = bench.recorder.requests().len() - before;
                assert_eq!(sent, usize::from(*passes), "{method} {prefix} {lines}");
            }
        }
    }
}

#[tokio::test]
async fn a_port_that_host_names_is_the_page_s() {
    let bench = bench("").await;
    for (host, page, status) in [
        ("localhost:8080", "http://localhost:8080", 200),
        ("localhost:8080", "http://localhost:3000", 403),
        ("localhost:8080", "http://localhost", 403),
        ("localhost:80", "http://localhost", 200),
    ] {
        let raw = request("DELETE", "/plain/studies/1.2", &format!("Origin: {page}\r\n"));
        let answer = bench.ask(raw.replace("Host: localhost", &format!("Host: {host}"))).await;
        assert_eq!(answer.status, status, "{host} {page}");
    }
}

#[tokio::test]
async fn reading_passes_and_is_told_to_nobody() {
    let bench = bench("").await;
    for (method, path) in [("GET", "/studies"), ("GET", "/studies/1.2"), ("OPTIONS", "/")] {
        for prefix in ["/dicom-web", "/plain"] {
            let lines = format!("Sec-Fetch-Site: cross-site\r\nOrigin: {STRANGER}\r\n");
            let answer = bench.ask(request(method, &format!("{prefix}{path}"), &lines)).await;
            assert_eq!(answer.status, 200, "{method} {prefix}{path}");
            assert!(answer.values("access-control-allow-origin").is_empty());
        }
    }
}

#[tokio::test]
async fn a_stranger_s_page_opens_no_web_socket() {
    let bench = bench("").await;
    let ask = async |lines: &str| {
        let lines = format!("Connection: Upgrade\r\nUpgrade: websocket\r\n{lines}");
        bench.ask(request("GET", "/dicom-web/studies", &lines)).await
    };
    is_refused(&ask(&format!("Origin: {STRANGER}\r\n")).await);
    is_refused(&ask(&format!("Origin: {STRANGER}\r\nSec-Fetch-Site: cross-site\r\n")).await);
    is_refused(&ask("Origin: null\r\n").await);
    assert_eq!(bench.recorder.bytes_seen(), 0);
    for lines in ["", &format!("Origin: {VIEWER}\r\n"), "Origin: http://localhost\r\n"] {
        assert_eq!(ask(lines).await.status, 200, "{lines}");
    }
}

#[tokio::test]
async fn a_stranger_is_refused_before_a_token_is_waited_for() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    world.authority.hold();
    let gateway = world.start(&toml(&world, &recorder, ""));
    let bench = Bench { world, recorder, gateway };
    for prefix in ["/dicom-web", "/plain"] {
        let lines = format!("Origin: {STRANGER}\r\nSec-Fetch-Site: cross-site\r\n");
        let raw = request("DELETE", &format!("{prefix}/studies/1.2"), &lines);
        is_refused(&bench.ask(raw).await);
    }
    assert_eq!(bench.recorder.bytes_seen(), 0);
}

#[tokio::test]
async fn a_stranger_s_form_costs_no_byte_of_its_body() {
    let bench = bench("").await;
    let mut caller = bench.caller().await;
    let head = "POST /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\n\
                Origin: https://evil.example\r\nContent-Type: text/plain\r\n\
                Expect: 100-continue\r\nContent-Length: 1000000\r\n\r\n";
    caller.send(head).await.unwrap();
    is_refused(&caller.read_response().await.unwrap());
    assert_eq!(bench.recorder.bytes_seen(), 0);
}

#[tokio::test]
async fn by_http_2_the_authority_is_the_host() {
    let bench = bench("").await;
    let mut caller = H2Caller::connect(bench.gateway.address()).await;
    for (origin, status) in [
        (VIEWER, 403),
        (STRANGER, 403),
        ("https://imaging.example", 200),
        ("http://localhost:8080", 200),
        ("http://localhost:8081", 403),
    ] {
        let request = http::Request::delete("http://localhost:8080/plain/studies/1.2")
            .header("origin", origin)
            .body(Empty::new().boxed());
        let answer = caller.ask(request.unwrap()).await.unwrap();
        assert_eq!(answer.status(), status, "{origin}");
    }
}
