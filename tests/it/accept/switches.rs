//! Each fix is a switch: off, the request goes on as it came.

use super::fixes;
use crate::wire::Bench;

#[tokio::test]
async fn a_fix_that_is_switched_off_leaves_the_request_as_it_was() {
    for (fix, path, lines) in [
        ("accept_default", "/studies", ""),
        ("accept_quotes", "/studies/1.2", "Accept: multipart/related; type=application/dicom\r\n"),
        ("accept_narrow", "/studies", "Accept: text/html ,application/dicom+json\r\n"),
        ("accept_single", "/studies/1.2/rendered", "Accept: image/png,  image/jpeg\r\n"),
        ("accept_query", "/studies?a=%2a&accept=image/png", "Accept: */*\r\n"),
        (
            "stored_syntax",
            "/studies/1.2",
            "Accept: multipart/related; type=\"application/dicom\"\r\n",
        ),
    ] {
        let on = Bench::with("", &route(fix, "true")).await;
        let answer = on.ask(get(path, lines)).await;
        assert_eq!(fixes(&answer), Some(fix), "{fix}");
        let request = on.last();
        let sent = (request.target.clone(), request.values("accept"));
        assert_ne!(sent, (format!("/v2{path}"), values(lines)), "{fix} does nothing");

        let off = Bench::with("", &route(fix, "false")).await;
        let answer = off.ask(get(path, lines)).await;
        assert_eq!(fixes(&answer), None, "{fix}");
        let request = off.last();
        let sent = (request.target.clone(), request.values("accept"));
        assert_eq!(sent, (format!("/v2{path}"), values(lines)), "{fix}");
        let written = lines.to_ascii_lowercase();
        let head = String::from_utf8(request.head).unwrap().to_ascii_lowercase();
        assert!(head.contains(&written), "{head} lacks {written}");
    }
}

#[tokio::test]
async fn lines_that_need_nothing_stay_as_many_and_as_they_are() {
    let bench = Bench::with("", "profile = \"azure\"").await;
    let lines = "Accept: application/dicom+json ;q=0.9,application/json\r\nAccept: */*;q=0.1\r\n";
    let answer = bench.ask(get("/studies", lines)).await;
    assert_eq!(fixes(&answer), None);
    assert_eq!(bench.last().values("accept"), values(lines));
}

/// Azure's manners with this one fix switched, and all others off.
fn route(fix: &str, switch: &str) -> String {
    let others = ALL.iter().filter(|other| **other != fix);
    let others = others.map(|other| format!("fixes.{other} = false\n")).collect::<String>();
    format!("profile = \"azure\"\n{others}fixes.{fix} = {switch}\n")
}

fn get(path: &str, lines: &str) -> String {
    format!("GET /dicom-web{path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n")
}

fn values(lines: &str) -> Vec<&str> {
    lines.lines().filter_map(|line| line.strip_prefix("Accept: ")).collect()
}

const ALL: [&str; 8] = [
    "accept_default",
    "accept_quotes",
    "accept_narrow",
    "accept_single",
    "accept_query",
    "stored_syntax",
    "multipart_type",
    "empty_search",
];
