//! What a head says of a body that becomes another.

use super::{Bench, JSON, OURS, ours};

const BODY: &str = r#"["@/studies/1"]"#;

#[tokio::test]
async fn a_rewritten_answer_has_nothing_of_the_bytes_that_it_was() {
    let bench = Bench::start("generic", "/dicom-web").await;
    let lines = "Accept-Ranges: bytes\r\nContent-MD5: x\r\nDigest: x\r\nContent-Digest: x\r\n\
                 Repr-Digest: x\r\nX-Other: x\r\nLast-Modified: x\r\n";
    for line in ["GET /studies", "HEAD /studies"] {
        let answer = bench.ask(line, &format!("{JSON}{lines}"), BODY).await;
        let mut names =
            answer.headers.iter().map(|(name, _)| name.to_lowercase()).collect::<Vec<_>>();
        names.retain(|name| name != "transfer-encoding" && name != "dicom-gateway-fixes");
        names.sort_unstable();
        let expected = ["content-type", "date", "last-modified", "x-other", "x-request-id"];
        assert_eq!(names, expected, "{line}");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_rewritten_keeps_its_length_and_digests() {
    let bench = Bench::start("generic", "/dicom-web").await;
    let lines = "Accept-Ranges: bytes\r\nDigest: x\r\nETag: \"x\"\r\n";
    for (line, kind) in [
        ("GET /studies/1/rendered", "image/jpeg"),
        ("HEAD /studies/1/rendered", "image/jpeg"),
        ("GET /studies", "text/plain"),
        ("GET /studies/1/series/1/instances/1", "application/dicom"),
        ("GET /studies/1", "multipart/related"),
    ] {
        let lines = format!("200 OK\r\nContent-Type: {kind}\r\n{lines}");
        let answer = bench.ask(line, &lines, "\"@/\"").await;
        let theirs = format!("\"{}/\"", bench.theirs);
        assert_eq!(answer.header("content-length"), Some(&*theirs.len().to_string()), "{line}");
        assert_eq!(answer.values("accept-ranges"), ["bytes"]);
        assert_eq!((answer.header("digest"), answer.header("etag")), (Some("x"), Some("\"x\"")));
        assert!(answer.text() == theirs || line.starts_with("HEAD"));
    }
}

#[tokio::test]
async fn a_strong_validator_becomes_a_weak_one_and_an_unquoted_one_stays() {
    let bench = Bench::start("generic", "/dicom-web").await;
    for (theirs, expected) in
        [("\"12-3\"", "W/\"12-3\""), ("W/\"12\"", "W/\"12\""), ("12-3", "12-3")]
    {
        for line in ["GET /studies/1/metadata", "HEAD /studies/1/metadata"] {
            let answer = bench.ask(line, &format!("{JSON}ETag: {theirs}\r\n"), BODY).await;
            assert_eq!(answer.header("etag"), Some(expected));
        }
    }
}

#[tokio::test]
async fn links_lead_to_the_gateway_on_every_line() {
    let bench = Bench::start("generic", "/dicom-web").await;
    let lines = "204 No Content\r\nLink: <@/studies?offset=10>; rel=\"next\"\r\n\
                 Link: <https://other.example/>; rel=help, </dicom-web/>; rel=up\r\n";
    let answer = bench.ask_for("GET /studies", lines, "\r\n").await;
    let expected = [
        ours("<@/studies?offset=10>; rel=\"next\""),
        format!("<https://other.example/>; rel=help, <{OURS}/>; rel=up"),
    ];
    assert_eq!(
        (answer.status, answer.values("link")),
        (204, expected.iter().map(|line| &**line).collect())
    );
}

#[tokio::test]
async fn an_empty_answer_stays_empty() {
    let bench = Bench::start("generic", "/dicom-web").await;
    let answer = bench.ask("GET /studies", JSON, "").await;
    assert_eq!((answer.status, answer.header("content-length")), (200, Some("0")));
    let lines = "204 No Content\r\nContent-Type: application/dicom+json\r\nETag: \"x\"\r\n";
    let answer = bench.ask_for("GET /studies", lines, "\r\n").await;
    assert_eq!((answer.status, answer.header("etag")), (204, Some("\"x\"")));
}

/// Or a cache that has the one could not take the other's word for it (RFC 9111, section 4.3.4).
#[tokio::test]
async fn what_is_not_modified_is_known_by_the_tag_that_its_body_had() {
    let bench = Bench::start("generic", "/dicom-web").await;
    for (path, kind, expected) in [
        ("/studies/1/metadata", "", "W/\"x\""),
        ("/studies/1/metadata", "Content-Type: application/dicom+json\r\n", "W/\"x\""),
        ("/studies/1/metadata", "Content-Type: image/jpeg\r\n", "\"x\""),
        ("/studies/1", "", "\"x\""),
        ("/studies/1", "Content-Type: multipart/related; boundary=b\r\n", "W/\"x\""),
    ] {
        let lines = format!("304 Not Modified\r\n{kind}ETag: \"x\"\r\nContent-Length: 9\r\n");
        let answer = bench.ask_for(&format!("GET {path}"), &lines, "\r\n").await;
        assert_eq!((answer.status, answer.header("etag")), (304, Some(expected)), "{path} {kind}");
        assert!(answer.complete && answer.body.is_empty());
    }
}

#[tokio::test]
async fn texts_are_asked_for_whole_and_plain() {
    let bench = Bench::start("generic", "/dicom-web").await;
    let lines = "Accept-Encoding: gzip, br\r\nRange: bytes=0-9\r\nIf-Range: \"x\"\r\n";
    for (line, is_text) in [
        ("GET /studies", true),
        ("GET /studies/1/metadata", true),
        ("GET /workitems", true),
        ("GET /studies/1/bulkdata/1", false),
        ("GET /studies/1/series/1/instances/1/frames/1", false),
    ] {
        bench.send(line, lines).await;
        let request = bench.recorder.requests().pop().unwrap();
        assert_eq!(request.header("accept-encoding"), Some("identity"), "{line}");
        let range = (request.header("range"), request.header("if-range"));
        let expected = if is_text { (None, None) } else { (Some("bytes=0-9"), Some("\"x\"")) };
        assert_eq!(range, expected, "{line}");
    }
}

/// They hold no URLs, are large, and pass as they come.
#[tokio::test]
async fn what_azure_answers_to_searches_and_retrievals_is_not_touched() {
    let bench = Bench::start("azure", "/v2").await;
    let lines = format!("{JSON}Content-Encoding: gzip\r\nETag: \"1\"\r\n");
    for line in ["GET /studies", "GET /studies/1/metadata", "GET /studies/1"] {
        let answer = bench.ask(line, &lines, BODY).await;
        assert_eq!(answer.text(), BODY.replace('@', &bench.theirs), "{line}");
        assert_eq!(answer.header("content-length"), Some(&*answer.body.len().to_string()));
        assert_eq!(
            (answer.header("etag"), answer.header("content-encoding")),
            (Some("\"1\""), Some("gzip"))
        );
    }
    bench.send("GET /studies/1/metadata", "Accept-Encoding: gzip\r\nRange: bytes=0-9\r\n").await;
    let request = bench.recorder.requests().pop().unwrap();
    assert_eq!(request.header("accept-encoding"), Some("gzip"));
    assert_eq!(request.header("range"), Some("bytes=0-9"));
    // An error may name the resource.
    let lines = "404 Not Found\r\nContent-Type: application/problem+json\r\n";
    let answer = bench.ask("GET /studies", lines, BODY).await;
    assert_eq!((answer.status, answer.text()), (404, ours(BODY)));
}
