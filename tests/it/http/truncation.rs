//! An answer that breaks off looks like one, whoever reads it.

use gateway_tests::{RawCaller, Reply, Running, World};
use http_body_util::BodyExt;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::raw_origin::{RawOrigin, h1_tls, read_head};
use super::{H2Caller, LIMIT, tls_gateway};
use crate::wire::{Bench, search};

#[tokio::test]
async fn a_body_that_breaks_off_is_whole_for_nobody() {
    let bench = Bench::start().await;
    let length =
        |body: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{body}").into_bytes();
    let chunked = |body: &str| {
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}").into_bytes()
    };
    for reply in [
        Reply::BytesThenClose(length("abc")),
        Reply::BytesThenClose(length("")),
        Reply::BytesThenClose(chunked("3\r\nabc\r\n")),
        Reply::BytesThenClose(chunked("6\r\nabc")),
        Reply::BytesThenClose(chunked("3\r\nabc\r\n0\r\n")),
        Reply::BytesThenClose(chunked("")),
        Reply::BytesThenClose(chunked("3\r\nabc\r\nzz\r\n")),
        Reply::BytesThenReset(length("abc")),
        Reply::BytesThenReset(chunked("3\r\nabc\r\n")),
        Reply::BytesThenReset(b"HTTP/1.1 200 OK\r\n\r\nabc".to_vec()),
    ] {
        bench.recorder.reply_with(reply.clone());
        for seen in seen_by_all(&bench.gateway).await {
            assert_ne!(seen.1, Seen::Whole, "{}: {reply:?}", seen.0);
        }
    }
    // They can tell.
    bench.recorder.reply_with(Reply::Bytes(chunked("3\r\nabc\r\n0\r\n\r\n")));
    for seen in seen_by_all(&bench.gateway).await {
        assert_eq!(seen.1, Seen::Whole, "{}", seen.0);
    }
}

#[tokio::test]
async fn a_length_that_no_body_has_ends_as_any_that_breaks_off() {
    let bench = Bench::start().await;
    let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\nabc", u64::MAX);
    bench.recorder.reply_with(Reply::BytesThenClose(reply.into()));
    let mut caller = RawCaller::connect(bench.gateway.address()).await.unwrap();
    caller.send(search("")).await.unwrap();
    let seen = String::from_utf8(caller.read_to_end().await).unwrap();
    assert!(seen.starts_with("HTTP/1.1 200 ") && seen.ends_with("\r\n\r\nabc"), "{seen}");
    let line = bench.gateway.wait_for_line("status=200").await;
    assert!(line.contains("origin-broke-off"), "{line}");
}

#[tokio::test]
async fn a_body_that_stands_still_for_too_long_breaks_off() {
    let bench = Bench::with("", "body_timeout_secs = 0.3").await;
    let reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
    bench.recorder.reply_with(Reply::Bytes(reply.into()));
    for seen in seen_by_all(&bench.gateway).await {
        assert_eq!(seen.1, Seen::Broken, "{}", seen.0);
    }
    bench.recorder.wait_for_open(0).await;
}

/// Without a length, the end of TLS is all there is to tell the end of a body by.
#[tokio::test]
async fn tls_that_ends_without_a_farewell_is_no_end_of_a_body() {
    let world = World::new().await;
    for (farewell, expected) in [(true, Seen::Whole), (false, Seen::Broken)] {
        let acceptor = TlsAcceptor::from(h1_tls(&world.ca.issue(&["localhost"])));
        let origin = RawOrigin::start(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                if read_head(&mut stream).await {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nabc").await;
                    let _ = stream.flush().await;
                }
                if farewell {
                    let _ = stream.shutdown().await;
                } else {
                    let _ = stream.get_mut().0.shutdown().await;
                }
            }
        })
        .await;
        let gateway = world.start_ready(&world.toml(origin.tls_url())).await;
        for seen in seen_by_all(&gateway).await {
            assert_eq!(seen.1, expected, "{}", seen.0);
        }
    }
}

/// To a caller of HTTP/1.0 over TLS a farewell would be a clean end.
#[tokio::test]
async fn a_body_that_breaks_off_is_whole_for_nobody_over_tls() {
    let world = World::new().await;
    let recorder = gateway_tests::Recorder::start().await;
    let gateway = tls_gateway(&world, recorder.url(), "").await;
    let reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
    for (reply, expected) in [
        (Reply::BytesThenClose(reply.into()), false),
        (Reply::BytesThenClose(format!("{reply}0\r\n\r\n").into()), true),
    ] {
        recorder.reply_with(reply);
        for version in ["1.0", "1.1"] {
            let caller = RawCaller::connect_tls(gateway.address(), &world.ca, &[]).await.unwrap();
            assert_eq!(seen_by(caller, version).await == Seen::Whole, expected, "{version}");
        }
        let mut caller = H2Caller::connect_tls(gateway.address(), &world.ca).await;
        let answer = caller.search().await;
        let whole = match answer {
            Ok(answer) => answer.into_body().collect().await.is_ok(),
            Err(_) => false,
        };
        assert_eq!(whole, expected, "2");
    }
}

/// What a caller makes of an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Seen {
    Whole,
    Broken,
    /// The gateway says so before it says anything else.
    BadGateway,
}

async fn seen_by_all(gateway: &Running) -> Vec<(&'static str, Seen)> {
    let all = async {
        let mut seen = Vec::new();
        for version in ["1.0", "1.1"] {
            let caller = RawCaller::connect(gateway.address()).await.unwrap();
            seen.push((version, seen_by(caller, version).await));
        }
        let mut caller = H2Caller::connect(gateway.address()).await;
        let by_h2 = match caller.search().await {
            Err(_) => Seen::Broken,
            Ok(answer) if answer.status() == 502 => Seen::BadGateway,
            Ok(answer) => match answer.into_body().collect().await {
                Ok(_) => Seen::Whole,
                Err(_) => Seen::Broken,
            },
        };
        seen.push(("2", by_h2));
        seen
    };
    timeout(LIMIT, all).await.expect("an end")
}

async fn seen_by(mut caller: RawCaller, version: &str) -> Seen {
    let raw = format!("GET /dicom-web/studies HTTP/{version}\r\nHost: localhost\r\n\r\n");
    caller.send(raw).await.unwrap();
    match caller.read_response().await {
        Ok(answer) if answer.status == 502 => Seen::BadGateway,
        Ok(answer) if answer.complete => Seen::Whole,
        _ => Seen::Broken,
    }
}
