//! What the emulated origin servers share below HTTP: a free port of 127.0.0.1, connections by TLS
//! or without, HTTP/1.1 and HTTP/2 on each.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// A listening socket and its connections, all gone when it is dropped.
#[derive(Debug)]
pub(crate) struct Listening {
    address: SocketAddr,
    scheme: &'static str,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Listening {
    /// Binds, and answers every request with `answer`, given the scheme it came by.
    pub(crate) async fn start<A, F, B>(
        tls: Option<Arc<ServerConfig>>,
        answer: A,
    ) -> io::Result<Self>
    where
        A: Fn(&'static str, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<B>> + Send + 'static,
        B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let connections = Arc::new(AtomicUsize::new(0));
        let opened = connections.clone();
        let task = tokio::spawn(async move {
            let tls = tls.map(TlsAcceptor::from);
            let mut open = JoinSet::new();
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                while open.try_join_next().is_some() {}
                opened.fetch_add(1, Ordering::SeqCst);
                let answer = answer.clone();
                let answer = move |request| answer(scheme, request);
                open.spawn(connection(stream, tls.clone(), answer));
            }
        });
        Ok(Self { address, scheme, connections, task })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections were opened so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Scheme, host and port. The host is `localhost`, for which certificates are easily had, with
    /// TLS.
    pub(crate) fn origin(&self) -> String {
        let host = if self.scheme == "https" { "localhost" } else { "127.0.0.1" };
        format!("{}://{host}:{}", self.scheme, self.address.port())
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn connection<A, F, B>(stream: TcpStream, tls: Option<TlsAcceptor>, answer: A)
where
    A: Fn(Request<Incoming>) -> F + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let _ = stream.set_nodelay(true);
    match tls {
        None => speak(stream, answer).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                speak(stream, answer).await;
            }
        }
    }
}

async fn speak<S, A, F, B>(stream: S, answer: A)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    A: Fn(Request<Incoming>) -> F + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let service = service_fn(move |request| {
        let answer = answer(request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http2().max_concurrent_streams(1_000);
    // How a connection ends is the caller's affair.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}
