//! What every emulator needs: a port that stays its own while nobody listens on it, and a loop that
//! serves connections until told to close.

use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// Any failure of an emulated answer; hyper breaks the connection off when it meets one.
pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// The body of an emulated answer.
pub(crate) type Body = UnsyncBoxBody<Bytes, BoxError>;

/// The certificate, DER, that a caller showed in the handshake of its connection: an extension of
/// each request on it.
#[derive(Clone, Debug)]
pub(crate) struct Shown(pub(crate) Arc<[u8]>);

/// A TCP port on loopback that no other test can take, whether anybody listens on it or not.
#[derive(Debug)]
pub(crate) struct Port {
    address: SocketAddr,
    // Bound and never listening: connections are refused, yet the system gives the port to no one.
    _kept: TcpSocket,
}

impl Port {
    /// Takes a free port of 127.0.0.1.
    pub(crate) fn take() -> Self {
        let kept = reusable_socket(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let address = kept.local_addr().expect("a bound socket has an address");
        Self { address, _kept: kept }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Listens on the port; dropping the listener makes it refuse connections again.
    pub(crate) fn listen(&self) -> TcpListener {
        reusable_socket(self.address).listen(1024).expect("a port of our own")
    }
}

/// A listening socket with its connections. Dropping it closes its sockets soon, [`Server::close`] has closed them when
/// it returns.
#[derive(Debug)]
pub(crate) struct Server {
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves HTTP/1.1 and HTTP/2 over TLS.
    pub(crate) fn https<S, F>(listener: TcpListener, tls: Arc<ServerConfig>, service: S) -> Self
    where
        S: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
        F: Future<Output = Result<Response<Body>, BoxError>> + Send + 'static,
    {
        let acceptor = TlsAcceptor::from(tls);
        Self::accept(listener, move |stream| {
            serve_connection(acceptor.clone(), stream, service.clone())
        })
    }

    /// Accepts connections and never says a word on them.
    pub(crate) fn silent(listener: TcpListener) -> Self {
        Self::accept(listener, |stream| async move {
            let _kept_open = stream;
            std::future::pending::<()>().await;
        })
    }

    /// Closes the listening socket and every connection, in the middle of whatever they do.
    pub(crate) async fn close(mut self) {
        drop(self.stop.take());
        let _ = (&mut self.task).await;
    }

    /// Runs `connection` in a task of its own for each connection, until it is done or cut off.
    pub(crate) fn accept<F>(
        listener: TcpListener,
        connection: impl Fn(TcpStream) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stop, mut stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    _ = &mut stopped => break,
                    accepted = listener.accept() => {
                        let Ok((stream, _)) = accepted else { continue };
                        connections.spawn(connection(stream));
                    }
                    _ = connections.join_next(), if !connections.is_empty() => {}
                }
            }
            drop(listener);
            connections.shutdown().await;
        });
        Self { stop: Some(stop), task }
    }
}

async fn serve_connection<S, F>(acceptor: TlsAcceptor, stream: TcpStream, service: S)
where
    S: Fn(Request<Incoming>) -> F + Send + 'static,
    F: Future<Output = Result<Response<Body>, BoxError>> + Send + 'static,
{
    let _ = stream.set_nodelay(true);
    let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_LIMIT, acceptor.accept(stream)).await
    else {
        return;
    };
    let shown = stream.get_ref().1.peer_certificates();
    let shown = shown.and_then(<[_]>::first).map(|leaf| Shown(leaf.as_ref().into()));
    let service = service_fn(move |mut request: Request<Incoming>| {
        if let Some(shown) = &shown {
            request.extensions_mut().insert(shown.clone());
        }
        service(request)
    });
    // How a connection ends is the business of whoever tests with it.
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

fn reusable_socket(address: SocketAddr) -> TcpSocket {
    let bound = || -> io::Result<TcpSocket> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(socket)
    };
    bound().expect("a socket on loopback")
}

const HANDSHAKE_LIMIT: Duration = Duration::from_secs(30);
