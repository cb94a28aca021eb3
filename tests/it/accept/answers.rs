//! Answers that are put right, and what of them is not the gateway's to touch.

use super::{OBJECTS, Pair, accept, fixes, instance, series};
use crate::wire::{Bench, search};
use gateway_tests::Reply;

#[tokio::test]
async fn an_answer_in_parts_says_of_what_type_they_are() {
    let pair = Pair::with("").await;
    let frames = format!("{}/frames/1", instance());
    for (path, value, kind) in [
        (&series(), OBJECTS, "application/dicom"),
        (&instance(), "*/*", "application/dicom"),
        (&frames, "multipart/related; type=\"*/*\"", "application/octet-stream"),
        (&frames, "multipart/related; type=application/octet-stream", "application/octet-stream"),
    ] {
        let straight = pair.straight(path, &accept(Some(value))).await;
        let kind_of = straight.header("content-type").unwrap();
        let rest = kind_of.strip_prefix("multipart/related; boundary=").unwrap();
        assert!(!rest.contains("type="), "{kind_of}");
        let through = pair.through(path, &accept(Some(value))).await;
        let start = format!("multipart/related; type=\"{kind}\"; boundary=");
        let boundary = through.header("content-type").unwrap().strip_prefix(&start).unwrap();
        assert!(through.body.starts_with(format!("--{boundary}\r\n").as_bytes()));
        assert_eq!(straight.body.len(), through.body.len());
        assert!(fixes(&through).unwrap().ends_with("multipart_type"));
    }
}

#[tokio::test]
async fn a_content_type_that_is_right_or_odd_passes_byte_for_byte() {
    let bench = Bench::with("", "profile = \"azure\"").await;
    for (kind, typed) in [
        ("multipart/related; type=\"application/dicom\"; boundary=x", None),
        ("multipart/related; boundary=x; TYPE=application/dicom", None),
        ("multipart/related; boundary=\"x", None),
        ("multipart/relatedx; boundary=x", None),
        ("multipart/mixed; boundary=x", None),
        ("text/plain; x=multipart/related", None),
        (
            "Multipart/Related;boundary=\"a; type=b\"",
            Some("Multipart/Related; type=\"image/jp2\";boundary=\"a; type=b\""),
        ),
        ("multipart/related", Some("multipart/related; type=\"image/jp2\"")),
    ] {
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: 2\r\n\r\nok");
        bench.recorder.reply_next(Reply::Bytes(head.into()));
        let answer = bench.ask(frames("Accept: multipart/related; type=\"image/jp2\"\r\n")).await;
        assert_eq!(answer.header("content-type"), Some(typed.unwrap_or(kind)));
        assert_eq!(fixes(&answer), typed.map(|_| "multipart_type"));
        assert_eq!(answer.body, b"ok");
    }
}

#[tokio::test]
async fn a_search_that_found_nothing_is_an_empty_list_where_the_route_says_so() {
    let nobody = "/studies?PatientID=nobody";
    let lines = accept(Some("application/dicom+json"));
    let pair = Pair::with("").await;
    let answer = pair.through(nobody, &lines).await;
    assert_eq!((answer.status, fixes(&answer)), (204, None));

    let pair = Pair::with("fixes.empty_search = true").await;
    let answer = pair.through(nobody, &lines).await;
    assert_eq!((answer.status, &answer.body[..]), (200, &b"[]"[..]));
    assert_eq!(answer.header("content-type"), Some("application/dicom+json"));
    assert_eq!(answer.header("content-length"), Some("2"));
    assert_eq!(fixes(&answer), Some("empty_search"));
    // Nothing else that has no content is touched.
    let study = pair.origin.store().instances()[0].sop().study.clone();
    let answer = pair.through_to("DELETE", &format!("/studies/{study}"), "", &[]).await;
    assert_eq!((answer.status, fixes(&answer)), (204, None));
}

#[tokio::test]
async fn the_head_of_an_empty_list_has_its_length_and_no_body() {
    let bench = Bench::with("", "fixes.empty_search = true").await;
    let reply = "HTTP/1.1 204 No Content\r\n\r\n";
    bench.recorder.reply_with(Reply::Bytes(reply.into()));
    let mut caller = bench.caller().await;
    for method in ["HEAD", "GET", "HEAD"] {
        caller.send(search("").replace("GET", method)).await.unwrap();
        let answer = caller.read_response_to(method).await.unwrap();
        assert_eq!((answer.status, answer.header("content-length")), (200, Some("2")));
        assert_eq!(answer.body.is_empty(), method == "HEAD");
    }
    assert_eq!(bench.recorder.connections().len(), 1, "the connection was given up");
}

#[tokio::test]
async fn an_entity_tag_without_quotes_passes_both_ways() {
    let pair = Pair::with("").await;
    let path = format!("{}/metadata", series());
    let lines = accept(Some("application/dicom+json"));
    let straight = pair.straight(&path, &lines).await;
    let answer = pair.through(&path, &lines).await;
    let tag = answer.header("etag").unwrap();
    assert!(!tag.contains('"'), "{tag}");
    assert_eq!(straight.header("etag"), Some(tag));
    let answer = pair.through(&path, &format!("{lines}If-None-Match: {tag}\r\n")).await;
    assert_eq!((answer.status, answer.header("etag")), (304, None));
    let sent = pair.origin.requests().pop().unwrap();
    assert_eq!(sent.headers["if-none-match"], tag);
}

#[tokio::test]
async fn ranges_and_conditions_pass_byte_for_byte() {
    let bench = Bench::with("", "profile = \"azure\"").await;
    for (name, value) in [
        ("Range", "bytes=0-99, 200-"),
        ("If-Range", "12-3"),
        ("If-None-Match", "12-3"),
        ("If-None-Match", "W/\"x\", \"y\""),
        ("If-Modified-Since", "whenever"),
    ] {
        assert_eq!(bench.ask(frames(&format!("{name}: {value}\r\n"))).await.status, 200);
        assert_eq!(bench.last().header(name), Some(value));
    }
}

fn frames(lines: &str) -> String {
    let path = "/dicom-web/studies/1.2/series/1.3/instances/1.4/frames/1";
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n")
}
