//! Origin servers of HTTP/2: what they break off, and who leaves them.

use std::convert::Infallible;
use std::pin::pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gateway_tests::{RawCaller, World};
use http::Response;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_rustls::TlsAcceptor;

use super::raw_origin::RawOrigin;
use crate::http::H2Caller;
use crate::wire::search;

/// What the origin server does with each answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Manner {
    /// Resets the stream in the middle of it.
    Resets,
    /// Stands still in the middle of it.
    StandsStill,
    /// Says farewell to the connection with it.
    Leaves,
}

#[tokio::test]
async fn an_answer_that_is_reset_is_whole_for_nobody() {
    let world = World::new().await;
    let (origin, _) = origin(&world, Manner::Resets).await;
    let gateway = world.start_ready(&world.toml(origin.tls_url())).await;
    for version in ["1.0", "1.1"] {
        let mut caller = RawCaller::connect(gateway.address()).await.unwrap();
        caller.send(search("").replace("HTTP/1.1", &format!("HTTP/{version}"))).await.unwrap();
        let answer = caller.read_response().await;
        assert!(answer.is_err() || answer.is_ok_and(|answer| !answer.complete), "{version}");
    }
    let mut caller = H2Caller::connect(gateway.address()).await;
    // The reset may overtake the head.
    if let Ok(answer) = caller.search().await {
        assert!(answer.status() == 502 || answer.into_body().collect().await.is_err());
    }
}

#[tokio::test]
async fn a_caller_who_leaves_ends_the_stream_and_not_the_connection() {
    let world = World::new().await;
    let (origin, mut events) = origin(&world, Manner::StandsStill).await;
    let more = "[runtime]\nworkers = 1".into();
    let toml = gateway_tests::world::Toml { more, ..world.toml(origin.tls_url()) };
    let gateway = world.start_ready(&toml).await;
    for number in 0..3 {
        let mut caller = RawCaller::connect(gateway.address()).await.unwrap();
        caller.send(search("")).await.unwrap();
        caller.read_head().await.unwrap();
        if number == 0 {
            assert_eq!(events.recv().await, Some(Event::Connected));
        }
        drop(caller);
        let left = Instant::now();
        assert_eq!(events.recv().await, Some(Event::StreamEnded));
        assert!(left.elapsed() < Duration::from_secs(1));
    }
}

#[tokio::test]
async fn a_farewell_of_the_origin_server_fails_no_search() {
    let world = World::new().await;
    let (origin, _) = origin(&world, Manner::Leaves).await;
    let gateway = world.start_ready(&world.toml(origin.tls_url())).await;
    let mut caller = RawCaller::connect(gateway.address()).await.unwrap();
    for number in 0..50 {
        caller.send(search("")).await.unwrap();
        let answer = caller.read_response().await.unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (200, "abc"), "request {number}");
    }
}

#[derive(Debug, Eq, PartialEq)]
enum Event {
    Connected,
    StreamEnded,
}

async fn origin(world: &World, manner: Manner) -> (RawOrigin, Receiver<Event>) {
    let acceptor = TlsAcceptor::from(world.ca.issue(&["localhost"]).server_config(&[b"h2"]));
    let (events, seen) = channel(100);
    let origin = RawOrigin::start(move |stream| {
        let (acceptor, events) = (acceptor.clone(), events.clone());
        async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let _ = events.try_send(Event::Connected);
            let (answers, mut answered) = channel(1);
            let service = service_fn(move |_| {
                let (events, answers) = (events.clone(), answers.clone());
                async move {
                    let _ = answers.try_send(());
                    Ok::<_, Infallible>(Response::new(body(manner, events)))
                }
            });
            let builder = Builder::new(TokioExecutor::new());
            let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
            tokio::select! {
                _ = connection.as_mut() => return,
                _ = answered.recv(), if manner == Manner::Leaves => {}
            }
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    })
    .await;
    (origin, seen)
}

fn body(manner: Manner, events: Sender<Event>) -> BoxBody<Bytes, &'static str> {
    let data = Bytes::from_static(b"abc");
    if manner == Manner::Leaves {
        return Full::new(data).map_err(|never| match never {}).boxed();
    }
    let ended = Ended(events);
    let frames = futures_util::stream::unfold(0, move |position| {
        let (data, _held) = (data.clone(), &ended);
        async move {
            match position {
                0 => Some((Ok(Frame::data(data)), 1)),
                // The first frame has to be on its way before.
                1 if manner == Manner::Resets => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    Some((Err("reset"), 2))
                }
                _ => std::future::pending().await,
            }
        }
    });
    BodyExt::boxed(StreamBody::new(Box::pin(frames)))
}

/// Tells when it is dropped.
struct Ended(Sender<Event>);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.try_send(Event::StreamEnded);
    }
}
