//! Callers who leave: within a second the origin server is left as well.

use std::time::{Duration, Instant};

use bytes::Bytes;
use gateway_tests::{RawCaller, Recorder, Reply};
use http::Request;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;

use super::H2Caller;
use crate::wire::{Bench, search, store};

#[tokio::test]
async fn a_caller_who_leaves_before_the_answer_is_missed_by_nobody() {
    let bench = Bench::start().await;
    bench.recorder.reply_with(Reply::Stall);
    for leave in LEAVES {
        let requests = bench.recorder.requests().len();
        let mut caller = bench.caller().await;
        caller.send(search("")).await.unwrap();
        bench.recorder.wait_for_requests(requests + 1).await;
        leaves(leave, caller, &bench.recorder).await;
    }
}

#[tokio::test]
async fn a_caller_who_leaves_in_mid_download_ends_the_origin_server_s_connection() {
    let bench = Bench::start().await;
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nabc";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
    // One that pauses, and one that has always more.
    for reply in [head.to_owned(), chunked.to_owned(), head.to_owned() + &"a".repeat(900_000)] {
        bench.recorder.reply_with(Reply::Bytes(reply.into()));
        for leave in LEAVES {
            let mut caller = bench.caller().await;
            caller.send(search("")).await.unwrap();
            caller.read_head().await.unwrap();
            leaves(leave, caller, &bench.recorder).await;
        }
    }
}

#[tokio::test]
async fn a_caller_who_leaves_in_mid_upload_ends_the_origin_server_s_connection() {
    let bench = Bench::start().await;
    for (lines, body) in
        [("Content-Length: 1000000\r\n", "abc"), ("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n")]
    {
        for leave in LEAVES {
            let before = bench.recorder.bytes_seen();
            let mut caller = bench.caller().await;
            caller.send(store(lines, body)).await.unwrap();
            bench.recorder.wait_for_bytes(before + 1).await;
            leaves(leave, caller, &bench.recorder).await;
        }
    }
    assert!(bench.recorder.requests().is_empty());
}

#[tokio::test]
async fn a_caller_of_http_2_who_cancels_ends_that_transaction_alone() {
    let bench = Bench::start().await;
    let partial = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nabc";
    bench.recorder.reply_next(Reply::Stall);
    let mut caller = H2Caller::connect(bench.gateway.address()).await;
    let mut other = caller.sender();
    let search = || Request::get("http://localhost/dicom-web/studies");

    // Before the answer.
    let asked = tokio::spawn(async move {
        let body = http_body_util::Empty::new().boxed();
        other.send_request(search().body(body).unwrap()).await
    });
    bench.recorder.wait_for_requests(1).await;
    asked.abort();
    gone(&bench.recorder).await;

    // In mid-download.
    bench.recorder.reply_next(Reply::Bytes(partial.into()));
    let mut answer = caller.search().await.unwrap();
    assert!(answer.body_mut().frame().await.unwrap().is_ok());
    drop(answer);
    gone(&bench.recorder).await;

    // In mid-upload.
    let before = bench.recorder.bytes_seen();
    let frame: Result<_, std::convert::Infallible> = Ok(Frame::data(Bytes::from("abc")));
    let frames = futures_util::stream::once(std::future::ready(frame));
    let frames = futures_util::StreamExt::chain(frames, futures_util::stream::pending());
    let body = StreamBody::new(Box::pin(frames)).boxed();
    let post = Request::post("http://localhost/dicom-web/studies").body(body).unwrap();
    let mut other = caller.sender();
    let asked = tokio::spawn(async move { other.send_request(post).await });
    bench.recorder.wait_for_bytes(before + 1).await;
    asked.abort();
    gone(&bench.recorder).await;

    assert_eq!(caller.search().await.unwrap().status(), 200);
}

/// How a caller leaves.
#[derive(Clone, Copy, Debug)]
enum Leave {
    Closes,
    Resets,
}

async fn leaves(leave: Leave, caller: RawCaller, recorder: &Recorder) {
    match leave {
        Leave::Closes => drop(caller),
        Leave::Resets => caller.reset(),
    }
    gone(recorder).await;
}

async fn gone(recorder: &Recorder) {
    let left = Instant::now();
    recorder.wait_for_open(0).await;
    let elapsed = left.elapsed();
    assert!(elapsed < Duration::from_secs(1), "the origin server was left after {elapsed:?}");
}

const LEAVES: [Leave; 2] = [Leave::Closes, Leave::Resets];
