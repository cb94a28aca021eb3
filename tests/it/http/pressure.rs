//! Whoever is slow slows the other end down: what the gateway holds meanwhile is bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gateway_tests::{RawCaller, World};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::timeout;

use super::raw_origin::{RawOrigin, read_head};
use super::{H2Caller, store_toml};
use crate::wire::{search, store};

#[tokio::test]
async fn a_caller_who_does_not_read_stalls_the_origin_server() {
    let world = World::new().await;
    let sent = Arc::new(AtomicUsize::new(0));
    let count = sent.clone();
    let origin = RawOrigin::start(move |mut stream| {
        let sent = count.clone();
        async move {
            if !read_head(&mut stream).await {
                return;
            }
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {MUCH}\r\n\r\n");
            let _ = stream.write_all(head.as_bytes()).await;
            send_all(&mut stream, &sent).await;
        }
    })
    .await;
    let gateway = world.start_ready(&world.toml(origin.url())).await;

    let mut caller = RawCaller::connect(gateway.address()).await.unwrap();
    caller.send(search("")).await.unwrap();
    let held = stalled(&sent).await;
    assert!(held < BOUND, "{held} bytes were taken for a caller of HTTP/1.1 who reads none");
    let answer = caller.read_response().await.unwrap();
    assert!(answer.complete && answer.body == pattern(MUCH));

    sent.store(0, Ordering::SeqCst);
    let mut caller = H2Caller::connect(gateway.address()).await;
    let answer = caller.search().await.unwrap();
    let held = stalled(&sent).await;
    assert!(held < BOUND, "{held} bytes were taken for a caller of HTTP/2 who reads none");
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert!(body == pattern(MUCH));
}

#[tokio::test]
async fn an_origin_server_that_does_not_read_stalls_the_caller() {
    let world = World::new().await;
    let (reads, may_read) = watch::channel(false);
    let origin = RawOrigin::start(move |mut stream| {
        let mut may_read = may_read.clone();
        async move {
            let _ = may_read.wait_for(|may| *may).await;
            let mut request = Vec::new();
            let expected = |request: &[u8]| {
                let end = request.windows(4).position(|window| window == b"\r\n\r\n");
                end.map(|end| end + 4 + MUCH)
            };
            while expected(&request).is_none_or(|length| request.len() < length) {
                if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                    return;
                }
            }
            let whole = request[expected(&request).unwrap() - MUCH..] == pattern(MUCH);
            let status = if whole { "200 OK" } else { "500 Not The Same" };
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    })
    .await;
    let gateway = world.start_ready(&store_toml(&world, origin.url())).await;
    let mut stream = tokio::net::TcpStream::connect(gateway.address()).await.unwrap();
    stream.write_all(store(&format!("Content-Length: {MUCH}\r\n"), "").as_bytes()).await.unwrap();

    let sent = Arc::new(AtomicUsize::new(0));
    let count = sent.clone();
    let sending = tokio::spawn(async move {
        send_all(&mut stream, &count).await;
        stream
    });
    let held = stalled(&sent).await;
    assert!(held < BOUND, "{held} bytes were taken for an origin server that reads none");

    reads.send_replace(true);
    let mut stream = sending.await.unwrap();
    let mut answer = vec![0; "HTTP/1.1 200 OK".len()];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(String::from_utf8(answer).unwrap(), "HTTP/1.1 200 OK");
}

async fn send_all(stream: &mut (impl AsyncWriteExt + Unpin), sent: &AtomicUsize) {
    for piece in pattern(MUCH).chunks(64 << 10) {
        if stream.write_all(piece).await.is_err() {
            return;
        }
        sent.fetch_add(piece.len(), Ordering::SeqCst);
    }
}

/// How many bytes were sent when no more went for a while; fewer than that stalled in truth, if the
/// machine is slow, which makes no test fail.
async fn stalled(sent: &AtomicUsize) -> usize {
    let stalls = async {
        let mut before = 0;
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let now = sent.load(Ordering::SeqCst);
            if now > 0 && now == before {
                return now;
            }
            before = now;
        }
    };
    timeout(super::LIMIT, stalls).await.expect("a stall")
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

/// More than all buffers on the way together.
const MUCH: usize = 96 << 20;

/// The system's buffers on two hops, up to 10 MiB each, and our own.
const BOUND: usize = 32 << 20;
