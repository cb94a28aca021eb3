//! A new connection to an origin server.

use std::sync::Arc;

use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::h1::{Connection, Stream};
use super::{OriginSpec, Outgoing};
use crate::error::ConnectError;
use crate::metrics::{ConnectionMetrics, OpenConnection};
use crate::server::LocalExecutor;

mod eyeballs;

/// A way to send requests on a new connection.
pub(super) enum Sender {
    /// One at a time.
    H1(Box<Connection>),
    /// Many at once.
    H2(http2::SendRequest<Outgoing>),
}

/// Connects; the connection is counted while it is open. One of HTTP/2 lives in a task of its own.
pub(super) async fn connect(
    spec: &OriginSpec,
    metrics: &Arc<ConnectionMetrics>,
) -> Result<Sender, ConnectError> {
    in_time(dial(spec, metrics), spec, metrics).await
}

/// Connects by HTTP/1.1, to what may become another protocol's connection. It is counted while the
/// second value lives.
pub(super) async fn connect_alone(
    spec: &OriginSpec,
    metrics: &Arc<ConnectionMetrics>,
) -> Result<(http1::SendRequest<Outgoing>, OpenConnection), ConnectError> {
    in_time(dial_alone(spec, metrics), spec, metrics).await
}

async fn in_time<T>(
    dialled: impl Future<Output = Result<T, ConnectError>>,
    spec: &OriginSpec,
    metrics: &ConnectionMetrics,
) -> Result<T, ConnectError> {
    let connected = tokio::time::timeout(spec.connect_timeout, dialled);
    let outcome = connected.await.unwrap_or(Err(ConnectError::Late));
    outcome.inspect_err(|_| metrics.refused.add(1))
}

async fn dial(spec: &OriginSpec, metrics: &Arc<ConnectionMetrics>) -> Result<Sender, ConnectError> {
    let stream = tcp(spec).await?;
    let Some((connector, name)) = &spec.tls else {
        return Ok(h1(stream, metrics));
    };
    let stream = connector.connect(name.clone(), stream).await.map_err(ConnectError::Tls)?;
    match stream.get_ref().1.alpn_protocol() {
        Some(certs::H2) => h2(stream, metrics).await,
        _ => Ok(h1(stream, metrics)),
    }
}

async fn dial_alone(
    spec: &OriginSpec,
    metrics: &Arc<ConnectionMetrics>,
) -> Result<(http1::SendRequest<Outgoing>, OpenConnection), ConnectError> {
    let stream = tcp(spec).await?;
    let sender = match &spec.tls {
        None => h1_alone(stream).await?,
        Some((connector, name)) => {
            let connector = connector.with_alpn(vec![certs::HTTP_11.to_vec()]);
            let stream = connector.connect(name.clone(), stream).await;
            h1_alone(stream.map_err(ConnectError::Tls)?).await?
        }
    };
    Ok((sender, metrics.open()))
}

async fn tcp(spec: &OriginSpec) -> Result<TcpStream, ConnectError> {
    let name = (spec.origin.host.as_str(), spec.origin.port);
    let addresses = tokio::net::lookup_host(name).await.map_err(ConnectError::Name)?;
    let stream = eyeballs::connect(addresses.collect()).await.map_err(ConnectError::Tcp)?;
    // Requests are written whole: waiting for more to send would only delay them.
    stream.set_nodelay(true).map_err(ConnectError::Tcp)?;
    Ok(stream)
}

fn h1(stream: impl Stream + 'static, metrics: &Arc<ConnectionMetrics>) -> Sender {
    Sender::H1(Box::new(Connection::new(Box::new(stream), metrics.open())))
}

async fn h1_alone<S>(stream: S) -> Result<http1::SendRequest<Outgoing>, ConnectError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(ConnectError::Http)?;
    tokio::task::spawn_local(connection.with_upgrades());
    Ok(sender)
}

async fn h2<S>(stream: S, metrics: &Arc<ConnectionMetrics>) -> Result<Sender, ConnectError>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let (sender, connection) = http2::Builder::new(LocalExecutor)
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(STREAM_WINDOW * STREAMS_MOST)
        .keep_alive_interval(super::H2_PING_INTERVAL)
        .keep_alive_timeout(super::H2_PING_TIMEOUT)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(ConnectError::Http)?;
    drive(connection, metrics);
    Ok(Sender::H2(sender))
}

fn drive<E>(
    connection: impl Future<Output = Result<(), E>> + 'static,
    metrics: &Arc<ConnectionMetrics>,
) {
    let open = metrics.open();
    tokio::task::spawn_local(async move {
        // Whoever waits for an answer on it learns of its end, and says so.
        let _ = connection.await;
        drop(open);
    });
}

/// What one slow caller may make the gateway hold.
const STREAM_WINDOW: u32 = 256 << 10;

/// Transactions on one connection. The connection's window is that of all its streams together, so
/// that callers who do not read keep nothing from those who do.
pub(super) const STREAMS_MOST: u32 = 100;
