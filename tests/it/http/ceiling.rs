//! How long a body may be, and what becomes of one that breaks off.

use gateway_tests::RawCaller;

use crate::wire::{Bench, is_our_problem, store};

#[tokio::test]
async fn a_length_over_the_ceiling_is_refused_before_anything_is_sent() {
    let bench = ceiling().await;
    let answer = bench.ask(store("Content-Length: 1001\r\n", &"a".repeat(1001))).await;
    assert_eq!(answer.status, 413);
    is_our_problem(&answer).unwrap();
    assert_eq!(bench.recorder.bytes_seen(), 0);
    let answer = bench.ask(store("Content-Length: 1000\r\n", &"a".repeat(1000))).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_body_of_unknown_length_ends_at_the_ceiling() {
    let bench = ceiling().await;
    let chunked = "Transfer-Encoding: chunked\r\n";
    let chunk = |size: usize| format!("{size:x}\r\n{}\r\n", "a".repeat(size));
    for body in [chunk(1001), chunk(1000) + &chunk(1), chunk(1 << 20)] {
        let mut caller = bench.caller().await;
        // The gateway need not take the rest.
        let _ = caller.send(store(chunked, &(body + "0\r\n\r\n"))).await;
        let answer = caller.read_response().await.unwrap();
        assert_eq!(answer.status, 413);
        is_our_problem(&answer).unwrap();
        bench.recorder.wait_for_open(0).await;
    }
    assert!(bench.recorder.requests().is_empty(), "a part was taken for the whole");
    let answer = bench.ask(store(chunked, &(chunk(600) + &chunk(400) + "0\r\n\r\n"))).await;
    assert_eq!(answer.status, 200);
    assert_eq!(bench.last().body.len(), 1000);
}

#[tokio::test]
async fn an_answer_that_leaves_a_body_unread_says_that_the_connection_ends() {
    let bench = ceiling().await;
    for refused in [
        store("Content-Length: 100000\r\n", &"a".repeat(100_000)),
        store("Content-Length: 1000000\r\n", ""),
        store("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n").replace("/studies", "/workitems"),
    ] {
        let mut caller = bench.caller().await;
        let _ = caller.send(&refused).await;
        let answer = caller.read_response().await.unwrap();
        assert!(answer.status >= 400);
        assert_eq!(answer.header("connection"), Some("close"), "{}", answer.status);
        caller.read_to_end().await;
    }
    let mut caller = bench.caller().await;
    for (path, status) in [("/studies", 200), ("/workitems", 403), ("/studies", 200)] {
        let request = store("Content-Length: 3\r\n", "abc").replace("/studies", path);
        caller.send(request).await.unwrap();
        let answer = caller.read_response().await.unwrap();
        assert_eq!((answer.status, answer.header("connection")), (status, None));
    }
}

#[tokio::test]
async fn a_body_that_breaks_is_400_and_ends_the_origin_server_s_connection() {
    let bench = Bench::start().await;
    let mut caller = bench.caller().await;
    caller.send(store("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n")).await.unwrap();
    wait_for_body(&bench).await;
    caller.send("zz\r\n").await.unwrap();
    let answer = caller.read_response().await.unwrap();
    assert_eq!(answer.status, 400);
    is_our_problem(&answer).unwrap();
    bench.recorder.wait_for_open(0).await;
    assert!(bench.recorder.requests().is_empty());
    caller.read_to_end().await;
}

#[tokio::test]
async fn a_body_that_ends_too_early_is_never_taken_for_whole() {
    let bench = Bench::start().await;
    for (lines, body) in [
        ("Content-Length: 6\r\n", "abc"),
        ("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n"),
        ("Transfer-Encoding: chunked\r\n", "6\r\nabc"),
        ("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n"),
    ] {
        let mut caller: RawCaller = bench.caller().await;
        caller.send(store(lines, body)).await.unwrap();
        caller.finish_sending().await.unwrap();
        // Whether it is still told so or not.
        caller.read_to_end().await;
        bench.recorder.wait_for_open(0).await;
    }
    assert!(bench.recorder.requests().is_empty());
    assert!(bench.recorder.violations().is_empty());
}

async fn ceiling() -> Bench {
    Bench::with("", "allow = [\"store\"]\nmax_body_bytes = 1000").await
}

/// Waits until the first chunk has reached the origin server.
async fn wait_for_body(bench: &Bench) {
    let mut bytes = 1;
    loop {
        bench.recorder.wait_for_bytes(bytes).await;
        let seen = bench.recorder.connections().concat();
        if seen.windows(5).any(|window| window == b"abc\r\n") {
            return;
        }
        bytes = seen.len() + 1;
    }
}
