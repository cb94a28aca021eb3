//! `Expect: 100-continue`: whoever has gigabytes to send learns first whether they are wanted.

use std::time::Duration;

use gateway_tests::{RawCaller, Recorder, World};
use tokio::time::timeout;

use super::store_toml;
use crate::wire::{Bench, is_our_problem, store};

#[tokio::test]
async fn the_go_ahead_comes_once_the_token_is_held() {
    let world = World::new().await;
    let recorder = Recorder::start().await;
    world.authority.hold();
    let gateway = world.start(&store_toml(&world, recorder.url() + "/v2"));
    let mut caller = RawCaller::connect(gateway.address()).await.unwrap();
    caller.send(store("Expect: 100-continue\r\nContent-Length: 3\r\n", "")).await.unwrap();
    world.authority.wait_for_in_flight(1).await;
    let early = timeout(Duration::from_millis(200), caller.read_head()).await;
    assert!(early.is_err(), "a go-ahead without a token: {early:?}");
    assert_eq!(recorder.bytes_seen(), 0);

    world.authority.release_all();

    assert_eq!(caller.read_response().await.unwrap().status, 100);
    caller.send("abc").await.unwrap();
    assert_eq!(caller.read_response().await.unwrap().status, 200);
    let request = &recorder.requests()[0];
    assert_eq!(request.body, b"abc");
    assert!(request.values("expect").is_empty());
}

#[tokio::test]
async fn without_a_token_there_is_no_go_ahead() {
    let world = World::new().await;
    let recorder = Recorder::start().await;
    world.authority.reject_secret();
    let gateway = world.start(&store_toml(&world, recorder.url() + "/v2"));
    let mut caller = RawCaller::connect(gateway.address()).await.unwrap();
    caller.send(store("Expect: 100-continue\r\nContent-Length: 3\r\n", "")).await.unwrap();

    let answer = caller.read_response().await.unwrap();

    assert_eq!(answer.status, 500);
    is_our_problem(&answer).unwrap();
    assert_eq!(recorder.bytes_seen(), 0);
}

#[tokio::test]
async fn what_the_head_alone_decides_comes_instead_of_a_go_ahead() {
    let bench = Bench::with("", "allow = [\"store\"]\nmax_body_bytes = 1000").await;
    let lines = "Expect: 100-continue\r\nContent-Length: 1001\r\n";
    for (raw, status) in [
        (store(lines, ""), 413),
        (store(lines, "").replace("/studies", "/nothing"), 404),
        (store(lines, "").replace("/studies", "/workitems"), 403),
        (store(lines, "").replace("POST", "PATCH"), 405),
        (store(lines, "").replace("100-continue", "much"), 417),
        (store(lines, "").replace("localhost", "evil"), 421),
    ] {
        let answer = bench.ask(raw).await;
        assert_eq!(answer.status, status);
        is_our_problem(&answer).unwrap();
    }
    assert_eq!(bench.recorder.bytes_seen(), 0);
}

#[tokio::test]
async fn http_1_0_gets_no_go_ahead() {
    let bench = Bench::start().await;
    let raw =
        "POST /dicom-web/studies HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc";
    assert_eq!(bench.ask(raw).await.status, 200);
    assert_eq!(bench.last().body, b"abc");
}

#[tokio::test]
async fn who_sends_without_asking_still_gets_the_answer() {
    // Far more than the sockets' buffers hold: were it not read, the kernel would answer it with a
    // reset, and the refusal be lost.
    const LENGTH: usize = 64 << 20;
    let bench = Bench::start().await;
    let mut caller = RawCaller::connect(bench.gateway.address()).await.unwrap();
    let head = store(&format!("Content-Length: {LENGTH}\r\n"), "");
    caller.send(head.replace("/studies", "/workitems")).await.unwrap();
    let block = vec![b'x'; 1 << 20];
    for _ in 0..LENGTH / block.len() {
        caller.send(&block).await.unwrap();
    }
    let answer = caller.read_response().await.unwrap();
    assert_eq!(answer.status, 403);
    is_our_problem(&answer).unwrap();
    assert_eq!(bench.recorder.bytes_seen(), 0);
}
