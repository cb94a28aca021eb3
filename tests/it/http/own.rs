//! What the gateway answers itself when the origin server fails: in its own words alone.

use std::time::{Duration, Instant};

use gateway_tests::world::Toml;
use gateway_tests::{RawCaller, Reply, World};
use tokio::io::AsyncReadExt;

use super::raw_origin::RawOrigin;
use crate::wire::{Bench, is_our_problem, search, store};

#[tokio::test]
async fn an_origin_server_that_is_gone_is_502() {
    let bench = Bench::start().await;
    bench.recorder.stop().await;
    let answer = bench.ask(search("")).await;
    assert_eq!(answer.status, 502);
    is_our_problem(&answer).unwrap();
    assert_eq!(answer.header("proxy-status"), Some("dicom-gateway; error=connection_refused"));

    bench.recorder.restart().await;
    assert_eq!(bench.ask(search("")).await.status, 200);
}

#[tokio::test]
async fn a_silent_origin_server_is_504_and_is_let_go() {
    let bench = Bench::with("", "response_timeout_secs = 0.3").await;
    bench.recorder.reply_with(Reply::Stall);
    let before = Instant::now();
    let answer = bench.ask(search("")).await;
    assert!(before.elapsed() >= Duration::from_millis(300));
    assert_eq!(answer.status, 504);
    is_our_problem(&answer).unwrap();
    assert_eq!(answer.header("proxy-status"), Some("dicom-gateway; error=connection_read_timeout"));
    bench.recorder.wait_for_open(0).await;
}

#[tokio::test]
async fn an_origin_server_that_shakes_no_hands_is_504() {
    let world = World::new().await;
    let (left, mut leaves) = tokio::sync::mpsc::channel(8);
    let origin = RawOrigin::start(move |mut stream| {
        let left = left.clone();
        async move {
            while !matches!(stream.read(&mut [0; 1024]).await, Ok(0) | Err(_)) {}
            let _ = left.send(()).await;
        }
    })
    .await;
    let route = "connect_timeout_secs = 0.3".into();
    let gateway = world.start_ready(&Toml { route, ..world.toml(origin.tls_url()) }).await;
    let mut caller = RawCaller::connect(gateway.address()).await.unwrap();
    caller.send(search("")).await.unwrap();
    let answer = caller.read_response().await.unwrap();
    assert_eq!(answer.status, 504);
    is_our_problem(&answer).unwrap();
    assert_eq!(answer.header("proxy-status"), Some("dicom-gateway; error=connection_timeout"));
    leaves.recv().await.expect("the connection is closed");
}

#[tokio::test]
async fn an_origin_server_that_breaks_off_is_502() {
    let bench = Bench::start().await;
    for reply in [
        Reply::Close,
        Reply::Reset,
        Reply::BytesThenClose(b"HTTP/1.1 200".to_vec()),
        Reply::BytesThenClose(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n".to_vec()),
        Reply::BytesThenReset(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec()),
    ] {
        for raw in [search(""), store("Content-Length: 3\r\n", "abc")] {
            bench.recorder.reply_with(reply.clone());
            let answer = bench.ask(raw).await;
            assert_eq!(answer.status, 502, "{reply:?}");
            is_our_problem(&answer).unwrap();
        }
    }
}

#[tokio::test]
async fn a_caller_s_pauses_are_not_the_origin_server_s_fault() {
    let bench = Bench::with("", "response_timeout_secs = 0.3\nallow = [\"store\"]").await;
    let mut caller = bench.caller().await;
    caller.send(store("Content-Length: 6\r\n", "abc")).await.unwrap();
    // Longer than the origin server would have, and shorter than the caller has.
    tokio::time::sleep(Duration::from_millis(700)).await;
    caller.send("def").await.unwrap();
    assert_eq!(caller.read_response().await.unwrap().status, 200);
    assert_eq!(bench.last().body, b"abcdef");
}

#[tokio::test]
async fn head_is_answered_as_get_would_be_but_for_the_body() {
    let bench = Bench::start().await;
    let request = |method: &str| format!("{method} /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let (get, head) = (bench.ask(request("GET")).await, bench.ask(request("HEAD")).await);
    assert_eq!((get.status, head.status), (404, 404));
    assert!(!get.body.is_empty() && head.body.is_empty());
    for name in ["content-type", "content-length", "cache-control", "proxy-status"] {
        assert_eq!(get.header(name), head.header(name), "{name}");
    }
}
