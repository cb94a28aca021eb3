//! Answers that begin before their requests have ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gateway_tests::{RawCaller, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::raw_origin::{RawOrigin, read_head};
use super::{LIMIT, store_toml};

#[tokio::test]
async fn who_reads_nothing_before_all_is_sent_gets_a_long_early_answer_all_the_same() {
    let world = World::new().await;
    let received = Arc::new(AtomicUsize::new(0));
    let count = received.clone();
    let origin = RawOrigin::start(move |mut stream| {
        let received = count.clone();
        async move {
            if !read_head(&mut stream).await {
                return;
            }
            let (mut from, mut to) = stream.split();
            let answer = async {
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {MUCH}\r\n\r\n");
                let _ = to.write_all(head.as_bytes()).await;
                let _ = to.write_all(&vec![b'a'; MUCH]).await;
            };
            let request = async {
                let mut piece = vec![0; 64 << 10];
                while received.load(Ordering::SeqCst) < MUCH {
                    match from.read(&mut piece).await {
                        Ok(0) | Err(_) => return,
                        Ok(count) => received.fetch_add(count, Ordering::SeqCst),
                    };
                }
            };
            tokio::join!(answer, request);
        }
    })
    .await;
    let gateway = world.start_ready(&store_toml(&world, origin.url())).await;

    let mut caller = RawCaller::connect(gateway.address()).await.unwrap();
    let head = "POST /dicom-web/studies HTTP/1.1\r\nHost: 127.0.0.1\r\n";
    caller.send(format!("{head}Content-Length: {MUCH}\r\n\r\n")).await.unwrap();
    let sent = timeout(LIMIT, caller.send(vec![b'r'; MUCH])).await;
    sent.expect("each side waits for the other").unwrap();
    let answer = timeout(LIMIT, caller.read_response()).await.unwrap().unwrap();

    assert_eq!(answer.status, 200);
    assert!(answer.complete && answer.body.len() == MUCH);
    assert!(received.load(Ordering::SeqCst) >= MUCH - HEAD_MOST);
}

/// More than all buffers on the way hold.
const MUCH: usize = 64 << 20;

/// What of the body may have come with the head.
const HEAD_MOST: usize = 1 << 20;
