//! An origin server that tells how it was spoken to.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use rustls::{ProtocolVersion, ServerConfig};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// Speaks TLS, and answers each request with its own body. Dropped, it is gone.
pub(super) struct Speaker {
    address: SocketAddr,
    seen: Arc<Seen>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    requests: Mutex<Vec<Spoken>>,
}

/// How a request came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Spoken {
    pub(super) version: Version,
    pub(super) tls: Option<ProtocolVersion>,
    pub(super) authority: Option<String>,
    pub(super) hosts: usize,
}

impl Speaker {
    pub(super) async fn start(config: Arc<ServerConfig>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Seen>::default();
        let told = seen.clone();
        let acceptor = TlsAcceptor::from(config);
        let task = tokio::spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                told.connections.fetch_add(1, Ordering::SeqCst);
                let (told, acceptor) = (told.clone(), acceptor.clone());
                open.spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let tls = stream.get_ref().1.protocol_version();
                    let service = service_fn(move |request| answer(told.clone(), tls, request));
                    // How a connection ends is the gateway's affair.
                    let _ = Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self { address, seen, task }
    }

    /// Base URL.
    pub(super) fn url(&self) -> String {
        format!("https://{}", self.authority())
    }

    pub(super) fn authority(&self) -> String {
        format!("localhost:{}", self.address.port())
    }

    /// How many connections were opened so far.
    pub(super) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// How each request came so far.
    pub(super) fn requests(&self) -> Vec<Spoken> {
        self.seen.requests.lock().unwrap().clone()
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    seen: Arc<Seen>,
    tls: Option<ProtocolVersion>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let spoken = Spoken {
        version: request.version(),
        tls,
        authority: request.uri().authority().map(ToString::to_string),
        hosts: request.headers().get_all("host").iter().count(),
    };
    seen.requests.lock().unwrap().push(spoken);
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    Ok(Response::new(Full::new(body)))
}
