//! Callers who take their time in the middle of something. Each is let go by an option of its own,
//! set short while all others are an hour, and a healthy caller beside them notices nothing.

use std::time::Duration;

use gateway_tests::{RawCaller, Recorder, Reply, Running, World};
use tokio::time::timeout;

use super::{H2Caller, LIMIT, tls_gateway};
use crate::wire::{Bench, http2, search, store};

#[tokio::test]
async fn a_handshake_has_its_time() {
    let world = World::new().await;
    let recorder = Recorder::start().await;
    let listener = short("handshake_timeout_secs");
    let gateway = tls_gateway(&world, recorder.url(), &listener).await;
    for begin in [&b""[..], b"\x16", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"] {
        let mut stalled = RawCaller::connect(gateway.address()).await.unwrap();
        stalled.send(begin).await.unwrap();
        let mut healthy = RawCaller::connect_tls(gateway.address(), &world.ca, &[]).await.unwrap();
        healthy.send(search("")).await.unwrap();
        assert_eq!(healthy.read_response().await.unwrap().status, 200);
        assert_eq!(let_go(stalled).await, b"");
    }
}

#[tokio::test]
async fn a_first_byte_has_its_time() {
    let bench = Bench::with(&short("first_byte_timeout_secs"), "").await;
    let silent = bench.caller().await;
    healthy(&bench.gateway).await;
    assert_eq!(let_go(silent).await, b"");
}

#[tokio::test]
async fn a_head_has_its_time_however_it_drips() {
    let bench = Bench::with(&short("head_timeout_secs"), "").await;
    for begin in
        ["P", "PRI * HTTP/2.0\r\n", "GET", "GET /dicom-web/studies HTTP/1.1\r\nHost: local"]
    {
        let mut stalled = bench.caller().await;
        stalled.send(begin).await.unwrap();
        healthy(&bench.gateway).await;
        assert_eq!(let_go(stalled).await, b"", "{begin}");
    }
    // Not the first on its connection.
    let mut stalled = bench.caller().await;
    stalled.send(search("")).await.unwrap();
    assert_eq!(stalled.read_response().await.unwrap().status, 200);
    stalled.send("GET /dicom").await.unwrap();
    assert_eq!(let_go(stalled).await, b"");

    let mut dripping = bench.caller().await;
    dripping.send("GET /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\nX-Long: ").await.unwrap();
    let drips = async {
        while dripping.send("a").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(LIMIT, drips).await.expect("whoever drips is let go");
    healthy(&bench.gateway).await;
}

#[tokio::test]
async fn half_a_body_is_let_go_and_the_origin_server_with_it() {
    let bench = Bench::with(&short("body_timeout_secs"), "allow = [\"search\", \"store\"]").await;
    for (lines, body) in [
        ("Content-Length: 6\r\n", "abc"),
        ("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n"),
        ("Transfer-Encoding: chunked\r\n", "6\r\nabc"),
        ("Content-Length: 6\r\nExpect: 100-continue\r\n", ""),
    ] {
        let mut stalled = bench.caller().await;
        stalled.send(store(lines, body)).await.unwrap();
        healthy(&bench.gateway).await;
        let rest = String::from_utf8(let_go(stalled).await).unwrap();
        let rest = rest.trim_start_matches("HTTP/1.1 100 Continue\r\n\r\n");
        assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 408 "), "{rest}");
    }
    assert!(bench.recorder.requests().iter().all(|request| request.method == "GET"));
}

#[tokio::test]
async fn a_body_that_moves_has_all_day() {
    let listener = "body_timeout_secs = 2\nhead_timeout_secs = 0.5\nidle_timeout_secs = 0.5";
    let bench = Bench::with(listener, "allow = [\"store\"]").await;
    let mut caller = bench.caller().await;
    caller.send(store("Content-Length: 30\r\n", "")).await.unwrap();
    for _ in 0..30 {
        caller.send("a").await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(caller.read_response().await.unwrap().status, 200);
    assert_eq!(bench.last().body.len(), 30);
}

#[tokio::test]
async fn who_does_not_read_is_let_go_and_the_origin_server_with_them() {
    let bench = Bench::with(&short("body_timeout_secs"), "").await;
    bench.recorder.reply_with(Reply::Ok);
    let mut reply = b"HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n".to_vec();
    reply.resize(reply.len() + (64 << 20), b'a');

    bench.recorder.reply_next(Reply::Bytes(reply.clone()));
    let mut stalled = bench.caller().await;
    stalled.send(search("")).await.unwrap();
    bench.recorder.wait_for_requests(1).await;
    healthy(&bench.gateway).await;
    bench.gateway.wait_for_line("caller-left").await;
    let answer = timeout(LIMIT, stalled.read_response()).await.expect("an end");
    assert!(answer.is_err() || answer.is_ok_and(|answer| !answer.complete));

    bench.recorder.reply_next(Reply::Bytes(reply));
    let mut stalled = H2Caller::connect(bench.gateway.address()).await;
    let answer = stalled.search().await.unwrap();
    healthy(&bench.gateway).await;
    timeout(LIMIT, stalled.closed()).await.expect("an end");
    drop(answer);
}

/// Flow control lets it stand still while everything else on its connection is as lively as ever.
#[tokio::test]
async fn who_only_answers_pings_does_not_read() {
    let bench = Bench::with(&short("body_timeout_secs"), "").await;
    let mut reply = b"HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n".to_vec();
    reply.resize(reply.len() + (64 << 20), b'a');
    bench.recorder.reply_next(Reply::Bytes(reply));
    let mut stalled = bench.caller().await;
    stalled.send(http2::frames(http2::SEARCH)).await.unwrap();
    let pings = async {
        while stalled.send(http2::frame(6, 0, 0, &[0; 8])).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(LIMIT, pings).await.expect("whoever only pings is let go");
    bench.recorder.wait_for_open(0).await;
}

async fn healthy(gateway: &Running) {
    let mut caller = RawCaller::connect(gateway.address()).await.unwrap();
    caller.send(search("Connection: close\r\n")).await.unwrap();
    assert_eq!(caller.read_response().await.unwrap().status, 200);
}

/// What is still said to a caller who is let go.
async fn let_go(mut caller: RawCaller) -> Vec<u8> {
    timeout(LIMIT, caller.read_to_end()).await.expect("the connection ends")
}

/// This option short, all others an hour.
pub(crate) fn short(option: &str) -> String {
    let options = ["handshake", "first_byte", "head", "idle", "body"];
    let line = |name: &str| {
        let name = format!("{name}_timeout_secs");
        let seconds = if name == option { "0.3" } else { "3600" };
        format!("{name} = {seconds}\n")
    };
    options.map(line).concat()
}
