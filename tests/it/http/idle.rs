//! Connections with nothing to do.

use std::time::Duration;

use gateway_tests::{RawCaller, Reply};
use tokio::time::timeout;

use super::timers::short;
use super::{H2Caller, LIMIT, tls_gateway};
use crate::wire::{Bench, search};

#[tokio::test]
async fn a_caller_with_nothing_to_ask_is_let_go() {
    let bench = Bench::with(&short("idle_timeout_secs"), "").await;
    let mut idle = bench.caller().await;
    for _ in 0..2 {
        idle.send(search("")).await.unwrap();
        assert_eq!(idle.read_response().await.unwrap().status, 200);
    }
    assert_eq!(timeout(LIMIT, idle.read_to_end()).await.expect("an end"), b"");

    let mut idle = H2Caller::connect(bench.gateway.address()).await;
    assert_eq!(idle.search().await.unwrap().status(), 200);
    timeout(LIMIT, idle.closed()).await.expect("an end");
}

#[tokio::test]
async fn a_preface_and_then_silence_is_let_go() {
    let bench = Bench::with(&short("idle_timeout_secs"), "").await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let settings = b"\0\0\0\x04\0\0\0\0\0";
    for begin in [&preface[..], &[&preface[..], settings].concat()] {
        let mut idle = bench.caller().await;
        idle.send(begin).await.unwrap();
        timeout(LIMIT, idle.read_to_end()).await.expect("an end");
    }
}

#[tokio::test]
async fn a_handshake_and_then_silence_is_let_go() {
    let world = gateway_tests::World::new().await;
    let recorder = gateway_tests::Recorder::start().await;
    let gateway = tls_gateway(&world, recorder.url(), &short("idle_timeout_secs")).await;
    for alpn in [&b"h2"[..], b"http/1.1"] {
        let mut idle = RawCaller::connect_tls(gateway.address(), &world.ca, &[alpn]).await.unwrap();
        timeout(LIMIT, idle.read_to_end()).await.expect("an end");
    }
}

#[tokio::test]
async fn a_caller_who_waits_for_an_answer_is_not_idle() {
    let listener = "idle_timeout_secs = 0.2\nhead_timeout_secs = 0.2\nbody_timeout_secs = 0.2";
    let bench = Bench::with(listener, "").await;
    let late = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec();
    let pause = Duration::from_millis(20);
    bench.recorder.reply_with(Reply::Trickle { bytes: late, pause });
    assert_eq!(bench.ask(search("")).await.text(), "ok");
    let mut caller = H2Caller::connect(bench.gateway.address()).await;
    assert_eq!(caller.search().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_connection_to_the_origin_server_that_nobody_needs_is_closed() {
    let bench = Bench::with("", "idle_timeout_secs = 0.3").await;
    assert_eq!(bench.ask(search("")).await.status, 200);
    timeout(LIMIT, bench.recorder.wait_for_open(0)).await.expect("an end");
}
