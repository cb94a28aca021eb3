//! Which `Host` may come in.

use super::Expected::{Malformed, Passed, Refused};
use super::{Bench, Row, STUDIES};

#[tokio::test]
async fn a_request_names_exactly_one_sound_host() {
    let bench = Bench::start().await;
    let row = |name, lines: &str, expected| {
        Row::new(name, format!("GET /dicom-web/studies HTTP/1.1\r\n{lines}\r\n"), expected)
    };
    let port = bench.gateway.address().port();
    bench
        .check(vec![
            row("none", "", Refused(400)),
            row("one", "Host: localhost\r\n", Passed(STUDIES, b"")),
            row("with our port", &format!("Host: localhost:{port}\r\n"), Passed(STUDIES, b"")),
            row("in capitals", "HOST: LOCALHOST\r\n", Passed(STUDIES, b"")),
            row("an address", "Host: 127.0.0.1\r\n", Passed(STUDIES, b"")),
            row("another address", "Host: [::1]:8080\r\n", Passed(STUDIES, b"")),
            row("two", "Host: localhost\r\nHost: localhost\r\n", Refused(400)),
            row("two that differ", "Host: localhost\r\nX: y\r\nhost: evil\r\n", Refused(400)),
            row("empty", "Host: \r\n", Refused(400)),
            row("with a user", "Host: user@localhost\r\n", Refused(400)),
            row("with a user and a password", "Host: a:b@localhost\r\n", Refused(400)),
            row("with a path", "Host: localhost/studies\r\n", Refused(400)),
            row("with a query", "Host: localhost?x\r\n", Refused(400)),
            row("a list", "Host: localhost, localhost\r\n", Refused(400)),
            row("with a space", "Host: local host\r\n", Refused(400)),
            row("with a tab", "Host: localhost\tx\r\n", Refused(400)),
            row("an empty port", "Host: localhost:\r\n", Refused(400)),
            row("a port of letters", "Host: localhost:http\r\n", Refused(400)),
            row("a port too high", "Host: localhost:65536\r\n", Refused(400)),
            row("a signed port", "Host: localhost:+80\r\n", Refused(400)),
            row("two ports", "Host: localhost:80:80\r\n", Refused(400)),
            row("half a bracket", "Host: [::1\r\n", Refused(400)),
            row("percent-encoded", "Host: %6cocalhost\r\n", Refused(400)),
            row("a letter beyond ASCII", "Host: localh\u{f6}st\r\n", Refused(400)),
            row("a space before the colon", "Host : localhost\r\n", Malformed),
            row("a stranger's", "Host: evil.example\r\n", Refused(421)),
            row("ours within a stranger's", "Host: localhost.evil.example\r\n", Refused(421)),
        ])
        .await;
}

#[tokio::test]
async fn a_target_with_a_host_agrees_with_the_field() {
    let bench = Bench::start().await;
    let row = |name, target: &str, host: &str, expected| {
        Row::new(name, format!("GET {target} HTTP/1.1\r\n{host}\r\n"), expected)
    };
    let ours = "http://localhost/dicom-web/studies";
    let host = "Host: localhost\r\n";
    bench
        .check(vec![
            row("they agree", ours, host, Passed(STUDIES, b"")),
            row("they agree in capitals", ours, "Host: LocalHost\r\n", Passed(STUDIES, b"")),
            row("they disagree", ours, "Host: 127.0.0.1\r\n", Refused(400)),
            row("ports disagree", "http://localhost:1/dicom-web/studies", host, Refused(400)),
            row("a stranger's target", "http://evil.example/dicom-web/studies", host, Refused(400)),
            row("a stranger's field", ours, "Host: evil.example\r\n", Refused(400)),
            row(
                "both a stranger's",
                "http://evil.example/dicom-web/studies",
                "Host: evil.example\r\n",
                Refused(421),
            ),
            row("with a user", "http://user@localhost/dicom-web/studies", host, Refused(400)),
            row("of another scheme", "ftp://localhost/dicom-web/studies", host, Refused(400)),
            row("with two fields", ours, "Host: localhost\r\nHost: localhost\r\n", Refused(400)),
        ])
        .await;
}

#[tokio::test]
async fn only_http_1_0_may_name_no_host() {
    let bench = Bench::start().await;
    let row = |name, lines: &str, expected| {
        Row::new(name, format!("GET /dicom-web/studies HTTP/1.0\r\n{lines}\r\n"), expected)
    };
    bench
        .check(vec![
            row("none", "", Passed(STUDIES, b"")),
            row("one", "Host: localhost\r\n", Passed(STUDIES, b"")),
            row("two", "Host: localhost\r\nHost: localhost\r\n", Refused(400)),
            row("empty", "Host: \r\n", Refused(400)),
            row("a stranger's", "Host: evil.example\r\n", Refused(421)),
        ])
        .await;
}

#[tokio::test]
async fn the_operator_says_which_hosts_are_ours() {
    let bench = Bench::with("hosts = [\"imaging.example\"]", "").await;
    let row = |host: &str, expected| {
        let raw = format!("GET /dicom-web/studies HTTP/1.1\r\nHost: {host}\r\n\r\n");
        Row::new(host, raw, expected)
    };
    bench
        .check(vec![
            row("imaging.example", Passed(STUDIES, b"")),
            row("Imaging.Example:443", Passed(STUDIES, b"")),
            row("localhost", Refused(421)),
            row("127.0.0.1", Refused(421)),
        ])
        .await;
}
