//! Which methods may come in, and how far.

use super::Expected::{Answered, Malformed, Passed, Refused};
use super::{Bench, Row, STUDIES, is_our_own, search};

#[tokio::test]
async fn only_the_methods_of_dicomweb_pass() {
    let bench = Bench::start().await;
    let row = |method: &str, target: &str, expected| {
        let raw = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        Row::new(format!("{method} {target}"), raw, expected)
    };
    let studies = "/dicom-web/studies";
    let mut rows = vec![
        row("GET", studies, Passed(STUDIES, b"")),
        row("HEAD", studies, Passed(STUDIES, b"")),
        row("OPTIONS", studies, Passed(STUDIES, b"")),
        row("TRACE", studies, Refused(405)),
        row("TRACE", "*", Refused(405)),
        row("CONNECT", "localhost:443", Refused(405)),
        row("CONNECT", studies, Refused(405)),
        row("DELETE", studies, Refused(405)),
        row("PATCH", studies, Refused(405)),
        row("DELETE", "/dicom-web/studies/1.2", Refused(403)),
        row("G@T", studies, Malformed),
        row("", studies, Malformed),
    ];
    let unknown =
        ["get", "Get", "FOO", "PROPFIND", "TRACK", "DEBUG", "BREW", "GETX", "PURGE", "M-SEARCH"];
    rows.extend(unknown.map(|method| row(method, studies, Refused(501))));
    bench.check(rows).await;
}

#[tokio::test]
async fn a_method_that_must_not_pass_is_answered_with_those_that_may() {
    let bench = Bench::start().await;
    for (method, allow) in [
        ("TRACE", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
        ("DELETE", "GET, HEAD, POST, PUT, OPTIONS"),
    ] {
        let raw = format!("{method} /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let answer = bench.ask(raw).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allow)), "{method}");
    }
}

#[tokio::test]
async fn options_go_as_far_as_they_say() {
    let bench = Bench::start().await;
    let row = |name, target: &str, lines: &str, expected| {
        let raw = format!("OPTIONS {target} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n");
        Row::new(name, raw, expected)
    };
    let studies = "/dicom-web/studies";
    bench
        .check(vec![
            row("about the gateway", "*", "", Answered(204)),
            row("about the gateway, far", "*", "Max-Forwards: 5\r\n", Answered(204)),
            row("no further", studies, "Max-Forwards: 0\r\n", Answered(204)),
            row("no further, nowhere", "/nowhere", "Max-Forwards: 0\r\n", Answered(204)),
            row("no further, not canonical", "/a/../b", "Max-Forwards: 0\r\n", Refused(400)),
            row("further", studies, "Max-Forwards: 5\r\n", Passed(STUDIES, b"")),
        ])
        .await;
    assert_eq!(bench.last().values("max-forwards"), ["4"]);
    let answer = bench.ask("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(answer.header("allow").unwrap().contains("GET"));
    is_our_own(&answer).unwrap();
}

#[tokio::test]
async fn a_request_that_was_here_before_is_refused() {
    let bench = Bench::start().await;
    assert_eq!(bench.ask(search("Via: 1.0 fred, 1.1 p.example (squid)\r\n")).await.status, 200);
    let via = bench.last().values("via").join(", ");
    let (others, ours) = via.rsplit_once(", ").unwrap();
    assert_eq!(others, "1.0 fred, 1.1 p.example (squid)");
    let name = ours.strip_prefix("1.1 ").unwrap().to_owned();
    assert!(!name.contains("localhost") && !name.contains("127.0.0.1"));

    let seen = bench.recorder.bytes_seen();
    for via in [
        format!("Via: {ours}\r\n"),
        format!("Via: 2 {name}\r\n"),
        format!("Via: 1.0 fred, HTTP/1.1   {name} (comment), 1.1 other\r\n"),
        format!("Via: 1.0 fred\r\nVia: 1.1 {name}\r\n"),
    ] {
        let answer = bench.ask(search(&via)).await;
        assert_eq!(answer.status, 508, "{via}");
        let proxy_status = answer.header("proxy-status").unwrap();
        assert_eq!(proxy_status, "dicom-gateway; error=proxy_loop_detected");
    }
    assert_eq!(bench.recorder.bytes_seen(), seen);
    assert_eq!(bench.ask(search(&format!("Via: 1.1 {name}x\r\n"))).await.status, 200);
}

#[tokio::test]
async fn via_tells_by_which_version_a_request_came() {
    let bench = Bench::start().await;
    for version in ["1.0", "1.1"] {
        let raw = format!("GET /dicom-web/studies HTTP/{version}\r\nHost: localhost\r\n\r\n");
        assert_eq!(bench.ask(raw).await.status, 200);
        let request = bench.last();
        assert!(request.header("via").unwrap().starts_with(&format!("{version} dicom-gateway-")));
    }
}
