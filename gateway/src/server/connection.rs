//! One caller's connection, from its first byte to its last.

use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_util::future::Either;
use http::Request;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::timeout;

use super::conn::{Conn, Protocol};
use super::io_watch::{Prefix, Socket, Watched};
use super::worker::{Door, Worker};
use crate::body::Body;
use crate::caller::Peer;
use crate::origin::share;

/// Serves a caller, or a proxy that asks, until it leaves, its time is up, or the gateway drains.
pub(super) async fn serve<S: Socket>(
    worker: Rc<Worker>,
    door: Door,
    (stream, address): (S, Option<IpAddr>),
) -> Result<(), Refused> {
    let mut peer = Peer { address, ..Peer::default() };
    // What was configured when it came: a connection that stays must not keep all of it alive.
    let (acceptor, limit) = {
        let generation = &worker.gateway().generation;
        let acceptor = generation.acceptor.clone().filter(|_| door == Door::Callers);
        (acceptor, generation.config.listener.handshake_timeout)
    };
    match acceptor {
        None => {
            let mut stream = stream;
            let (protocol, prefix) = sniff(&worker, &mut stream).await?;
            speak(worker, stream, (protocol, prefix), (door, peer)).await;
        }
        Some(acceptor) => {
            let handshake = timeout(limit, acceptor.accept(stream).into_fallible());
            let stream = match handshake.await.map_err(|_| Refused)? {
                Ok(stream) => stream,
                Err((error, stream)) => {
                    Box::pin(part(error, stream)).await;
                    return Err(Refused);
                }
            };
            let tls = stream.get_ref().1;
            peer.certificates = tls.peer_certificates().map_or_else(Vec::new, <[_]>::to_vec);
            let protocol = match tls.alpn_protocol() {
                Some(certs::H2) => Protocol::H2,
                _ => Protocol::H1,
            };
            speak(worker, stream, (protocol, Prefix::default()), (door, peer)).await;
        }
    }
    Ok(())
}

/// A connection that came to nothing: no first byte, no handshake.
#[derive(Debug)]
pub(super) struct Refused;

/// Ends a connection whose handshake failed. An alert has said why, and callers who are already
/// sending would lose it to a reset: what they send is read and thrown away for a while.
async fn part<S: Socket>(error: io::Error, mut stream: S) {
    if let Some(error) = error.get_ref().and_then(|error| error.downcast_ref())
        && let rustls::Error::InvalidCertificate(_) = error
    {
        tracing::info!(%error, "a caller's certificate was refused in the handshake");
    }
    let _ = stream.shutdown().await;
    let mut thrown_away = [0; 1024];
    let rest = async { while stream.read(&mut thrown_away).await.is_ok_and(|count| count > 0) {} };
    let _ = timeout(FAREWELL, rest).await;
}

/// Tells HTTP/2 from HTTP/1.1 by its preface (RFC 9113, section 3.3). A connection that says nothing,
/// or stops within the preface, is not waited for for ever.
async fn sniff<S: Socket>(worker: &Worker, stream: &mut S) -> Result<(Protocol, Prefix), Refused> {
    let (first, rest) = {
        let listener = &worker.gateway().generation.config.listener;
        (listener.first_byte_timeout, listener.head_timeout)
    };
    let mut draining = worker.draining();
    let mut prefix = Prefix::default();
    let mut limit = first;
    loop {
        tokio::select! {
            biased;
            read = timeout(limit, stream.read(prefix.room())) => match read {
                Err(_) | Ok(Err(_) | Ok(0)) => return Err(Refused),
                Ok(Ok(count)) => prefix.filled(count),
            },
            _ = draining.wait_for(|draining| *draining) => return Err(Refused),
        }
        limit = rest;
        if !PREFACE.starts_with(prefix.bytes()) {
            return Ok((Protocol::H1, prefix));
        }
        if prefix.bytes().len() == PREFACE.len() {
            return Ok((Protocol::H2, prefix));
        }
    }
}

async fn speak<S: Socket>(
    worker: Rc<Worker>,
    stream: S,
    (protocol, prefix): (Protocol, Prefix),
    (door, peer): (Door, Peer),
) {
    let piece = share(worker.open());
    let (conn, max_streams, max_head_bytes) = {
        let listener = &worker.gateway().generation.config.listener;
        (Conn::new(listener, protocol, peer), listener.max_streams, listener.max_head_bytes)
    };
    let conn = Rc::new(conn);
    let _unused = Unused(conn.clone());
    let io = TokioIo::new(Watched::new(stream, prefix, conn.clone()));
    let draining = worker.draining();
    let service = {
        let conn = conn.clone();
        service_fn(move |request: Request<Incoming>| {
            // Not an async block: its future would hold this one twice.
            let (gateway, conn) = (worker.gateway(), conn.clone());
            match door {
                Door::Callers => Either::Left(gateway.handle(request, conn)),
                Door::Proxies => Either::Right(Box::pin(gateway.vouch(request, conn))),
            }
        })
    };
    match protocol {
        Protocol::H1 => {
            // Its own header timer is not used: the watch has one for all of a connection's phases.
            let mut connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(None)
                // Of a body; a head has to fit as well.
                .max_buf_size(piece.max(2 * max_head_bytes))
                .serve_connection(io, service);
            let told = draining.clone();
            let over = watch_over(Pin::new(&mut connection), &conn, draining).await;
            if conn.was_asked_to_switch() && over == Over::ByItself {
                Box::pin(switch(connection.into_parts(), &conn, told)).await;
            }
        }
        Protocol::H2 => {
            let connection = http2::Builder::new(LocalExecutor)
                .timer(TokioTimer::new())
                .max_concurrent_streams(max_streams)
                .max_header_list_size(u32::try_from(max_head_bytes).unwrap_or(u32::MAX))
                .initial_stream_window_size(STREAM_WINDOW)
                .initial_connection_window_size(CONNECTION_WINDOW)
                .max_send_buf_size(SEND_BUFFER)
                .keep_alive_interval(PING_INTERVAL)
                .keep_alive_timeout(PING_TIMEOUT)
                .serve_connection(io, service);
            watch_over(pin!(connection), &conn, draining).await;
        }
    }
}

/// Ends a tunnel that the connection never became: the two hold each other.
struct Unused(Rc<Conn>);

impl Drop for Unused {
    fn drop(&mut self) {
        drop(self.0.take_tunnel());
    }
}

/// What is left to do of a connection that was asked to switch to another protocol: hyper then leaves
/// it as it is, also if it was told not to.
async fn switch<S: Socket, V>(
    parts: http1::Parts<TokioIo<Watched<S>>, V>,
    conn: &Conn,
    mut draining: watch::Receiver<bool>,
) {
    let mut stream = parts.io.into_inner();
    match conn.take_tunnel() {
        Some(tunnel) => {
            let told = async move {
                let _ = draining.wait_for(|draining| *draining).await;
            };
            tunnel.run(stream, parts.read_buf, told).await;
        }
        None => {
            let _ = timeout(FAREWELL, stream.shutdown()).await;
        }
    }
}

/// How a connection came to its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Over {
    ByItself,
    OutOfTime,
}

/// Drives a connection to its end, and ends it when its time is up.
async fn watch_over<C: Graceful>(
    mut connection: Pin<&mut C>,
    conn: &Conn,
    mut draining: watch::Receiver<bool>,
) -> Over {
    // The clock is looked at when the timer goes off, not at each poll.
    let mut looked_at = Instant::now();
    let mut timer = pin!(tokio::time::sleep_until(conn.due_at(looked_at).into()));
    let mut drain = pin!(async move {
        // An error means that the worker is gone, and with it this task.
        let _ = draining.wait_for(|draining| *draining).await;
    });
    let mut leaving = false;
    poll_fn(|cx| {
        if connection.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Over::ByItself);
        }
        if !leaving && drain.as_mut().poll(cx).is_ready() {
            leaving = true;
            connection.as_mut().leave();
            if connection.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Over::ByItself);
            }
        }
        let due_at = conn.due_at(looked_at).into();
        if due_at < timer.deadline() {
            timer.as_mut().reset(due_at);
        }
        while timer.as_mut().poll(cx).is_ready() {
            looked_at = Instant::now();
            let due_at = conn.due_at(looked_at);
            if due_at > looked_at {
                timer.as_mut().reset(due_at.into());
            } else if conn.is_idle() && conn.protocol() == Protocol::H2 && !leaving {
                // GOAWAY first, so that a request that is just on its way is not lost.
                leaving = true;
                connection.as_mut().leave();
                timer.as_mut().reset((looked_at + FAREWELL).into());
                if connection.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Over::ByItself);
                }
            } else {
                return Poll::Ready(Over::OutOfTime);
            }
        }
        Poll::Pending
    })
    .await
}

/// What both protocols' connections can do.
trait Graceful: Future {
    /// Takes no new transactions; ends when the open ones have.
    fn leave(self: Pin<&mut Self>);
}

impl<I, S> Graceful for http1::Connection<I, S>
where
    S: HttpService<Incoming, ResBody = Body>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    Self: Future,
{
    fn leave(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<I, S> Graceful for http2::Connection<I, S, LocalExecutor>
where
    S: HttpService<Incoming, ResBody = Body>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    LocalExecutor: hyper::rt::bounds::Http2ServerConnExec<S::Future, Body>,
    Self: Future,
{
    fn leave(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// Runs HTTP/2's tasks on the thread of their connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LocalExecutor;

impl<F: Future<Output: 'static> + 'static> Executor<F> for LocalExecutor {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

/// Whether an accept error is about the connection that was to be accepted, and not about us.
pub(super) fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// RFC 9113, section 3.4.
const PREFACE: &[u8; Prefix::SIZE] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What one upload may send ahead of a slow origin server.
const STREAM_WINDOW: u32 = 256 << 10;

/// What all uploads of one caller may send ahead together: callers cannot multiply our memory.
const CONNECTION_WINDOW: u32 = 1 << 20;

/// What is held of one answer for a slow caller.
const SEND_BUFFER: usize = 128 << 10;

/// How often a silent HTTP/2 caller is asked whether it is still there.
const PING_INTERVAL: Duration = Duration::from_secs(20);

/// How long the answer may take.
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a caller has to close after GOAWAY, or after an alert.
const FAREWELL: Duration = Duration::from_secs(1);
