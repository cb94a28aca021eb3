//! Rewritten bodies in every framing, cut anywhere, and broken off.

use gateway_tests::{RawCaller, Reply};
use http_body_util::BodyExt;

use super::{Bench, JSON, ours};
use crate::http::H2Caller;

const BODY: &str = r#"[{"a":"@/studies/1"},{"b":"@"},"@x"]"#;

/// `@x` is no URL of the origin server's.
fn expected(bench: &Bench) -> String {
    ours(&BODY.replace("@x", &format!("{}x", bench.theirs)))
}

fn chunked(body: &str, size: usize) -> String {
    let chunk = |chunk: &[u8]| format!("{:x}\r\n{}\r\n", chunk.len(), chunk.escape_ascii());
    let chunks = body.as_bytes().chunks(size).map(chunk).collect::<String>();
    format!("Transfer-Encoding: chunked\r\n\r\n{}", chunks.replace("\\\"", "\""))
}

#[tokio::test]
async fn a_body_is_rewritten_in_every_framing() {
    let bench = Bench::start("generic", "/dicom-web").await;
    let body = BODY.replace('@', &bench.theirs);
    for rest in [
        format!("Content-Length: {}\r\n\r\n{body}", body.len()),
        format!("Connection: close\r\n\r\n{body}"),
        chunked(&body, 1) + "0\r\n\r\n",
        chunked(&body, 7) + "0\r\n\r\n",
        chunked(&body, 1000) + "0\r\n\r\n",
    ] {
        let reply = format!("HTTP/1.1 {JSON}{rest}");
        for version in ["1.0", "1.1"] {
            bench.recorder.reply_next(Reply::BytesThenClose(reply.clone().into()));
            let mut caller = RawCaller::connect(bench.gateway.address()).await.unwrap();
            let raw = format!("GET /dicom-web/studies HTTP/{version}\r\nHost: localhost\r\n\r\n");
            caller.send(raw).await.unwrap();
            let answer = caller.read_response().await.unwrap();
            assert!(answer.complete, "{version}: {rest}");
            assert_eq!(answer.text(), expected(&bench), "{version}: {rest}");
        }
        bench.recorder.reply_next(Reply::BytesThenClose(reply.into()));
        let mut caller = H2Caller::connect(bench.gateway.address()).await;
        let answer = caller.search().await.unwrap();
        assert!(!answer.headers().contains_key("content-length"));
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(String::from_utf8_lossy(&body), expected(&bench));
    }
}

#[tokio::test]
async fn a_body_that_trickles_in_is_rewritten_all_the_same() {
    let bench = Bench::start("generic", "/dicom-web").await;
    let body = BODY.replace('@', &bench.theirs);
    let bytes = format!("HTTP/1.1 {JSON}Content-Length: {}\r\n\r\n{body}", body.len()).into();
    bench.recorder.reply_next(Reply::Trickle { bytes, pause: std::time::Duration::from_micros(1) });
    assert_eq!(bench.send("GET /studies", "").await.text(), expected(&bench));
}

#[tokio::test]
async fn a_caller_is_counted_what_it_was_given() {
    let bench = Bench::start("generic", "/dicom-web").await;
    let answer = bench.ask("GET /studies", JSON, BODY).await;
    assert_eq!(answer.text(), expected(&bench));
    bench.gateway.wait_for_line(&format!(" sent={} ", answer.body.len())).await;
}

#[tokio::test]
async fn connections_to_the_origin_server_go_on_after_a_rewritten_body() {
    let bench = Bench::start("generic", "/dicom-web").await;
    let body = BODY.replace('@', &bench.theirs);
    let reply = format!("HTTP/1.1 {JSON}Content-Length: {}\r\n\r\n{body}", body.len());
    bench.recorder.reply_with(Reply::Bytes(reply.into()));
    let mut caller = RawCaller::connect(bench.gateway.address()).await.unwrap();
    for _ in 0..5 {
        caller.send("GET /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        assert_eq!(caller.read_response().await.unwrap().text(), expected(&bench));
    }
    assert_eq!(bench.recorder.connections().len(), 1);
}

#[tokio::test]
async fn a_body_that_breaks_off_within_a_url_is_whole_for_nobody() {
    let bench = Bench::start("generic", "/dicom-web").await;
    let body = BODY.replace('@', &bench.theirs);
    let cut = body.find("host").unwrap();
    for (reply, is_reset) in [
        (format!("Content-Length: {}\r\n\r\n{}", body.len(), &body[..cut]), false),
        (chunked(&body[..cut], 1000), false),
        (chunked(&body[..cut], 1), true),
    ] {
        let reply = format!("HTTP/1.1 {JSON}{reply}").into_bytes();
        let reply = || match is_reset {
            true => Reply::BytesThenReset(reply.clone()),
            false => Reply::BytesThenClose(reply.clone()),
        };
        bench.recorder.reply_next(reply());
        let answer = bench.send("GET /studies", "").await;
        assert!(!answer.complete);
        // What is held may be lost with the connection, as any byte before a failure.
        assert!(body.starts_with(&answer.text()), "{}", answer.text());
        bench.recorder.reply_next(reply());
        let mut caller = RawCaller::connect(bench.gateway.address()).await.unwrap();
        caller.send("GET /dicom-web/studies HTTP/1.0\r\n\r\n").await.unwrap();
        assert!(!caller.read_response().await.is_ok_and(|answer| answer.complete));
        bench.recorder.reply_next(reply());
        let mut caller = H2Caller::connect(bench.gateway.address()).await;
        let is_whole = match caller.search().await {
            Ok(answer) => answer.into_body().collect().await.is_ok(),
            Err(_) => false,
        };
        assert!(!is_whole);
    }
}

#[tokio::test]
async fn a_range_of_a_body_is_not_rewritten() {
    let bench = Bench::start("generic", "/dicom-web").await;
    let lines = JSON.replace("200 OK", "206 Partial Content");
    let range =
        format!("{lines}Content-Range: bytes 0-9/99\r\nETag: \"x\"\r\nAccept-Ranges: bytes\r\n");
    let answer = bench.ask("GET /studies/1/bulkdata/1", &range, BODY).await;
    assert_eq!(answer.text(), BODY.replace('@', &bench.theirs));
    assert_eq!(
        (answer.header("etag"), answer.header("accept-ranges")),
        (Some("\"x\""), Some("bytes"))
    );
    assert!(answer.header("content-length").is_some());
    // Several ranges come as parts; what is cut out of a text has the length that it says.
    let ranges = "206 Partial Content\r\nContent-Type: Multipart/ByteRanges; boundary=b\r\n";
    let part = format!(
        "--b\r\nContent-Type: application/json\r\nContent-Range: bytes 0-9/99\r\n\r\n{BODY}\r\n--b--"
    );
    let answer = bench.ask("GET /studies/1/bulkdata/1", ranges, &part).await;
    assert_eq!(answer.text(), part.replace('@', &bench.theirs));
    // A search for work items may answer 206 and mean no range.
    let answer = bench.ask("GET /workitems", &lines, BODY).await;
    assert_eq!((answer.status, answer.text()), (206, expected(&bench)));
}

#[tokio::test]
async fn a_large_answer_is_rewritten_with_a_bounded_memory_of_it() {
    let bench = Bench::start("generic", "/dicom-web").await;
    let item = r#"{"7FE00010":{"vr":"OW","BulkDataURI":"@/studies/1/bulk/7fe00010"},"x":"y"},"#;
    let body = item.repeat(60_000);
    let answer = bench.ask("GET /studies/1/metadata", JSON, &body).await;
    assert!(answer.complete);
    assert!(answer.text() == ours(&body));
}
