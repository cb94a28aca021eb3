//! An origin server that notifies of work items: by WebSockets that a test speaks on.

use std::net::SocketAddr;
use std::sync::Arc;

use gateway_tests::Ca;
use http::{HeaderMap, StatusCode};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

/// A byte stream of any kind.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Wire for S {}

/// One end of a WebSocket.
pub(crate) type Socket = WebSocketStream<Box<dyn Wire>>;

/// A WebSocket that was opened, and what was said at it.
pub(crate) struct Opened {
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) socket: Socket,
}

/// Runs until it is dropped; WebSockets that it gave away go on.
pub(crate) struct Notifier {
    address: SocketAddr,
    scheme: &'static str,
    opened: Mutex<mpsc::UnboundedReceiver<Opened>>,
    task: JoinHandle<()>,
}

/// Whether to open a WebSocket: with a status other than 101 the answer is that.
type Judge = fn(&HeaderMap) -> StatusCode;

impl Notifier {
    pub(crate) async fn start() -> Self {
        Self::with(None, |_| StatusCode::SWITCHING_PROTOCOLS).await
    }

    /// By TLS, where it would rather speak HTTP/2.
    pub(crate) async fn start_tls(ca: &Ca) -> Self {
        let config = ca.issue(&["localhost"]).server_config(&[b"h2", b"http/1.1"]);
        Self::with(Some(config), |_| StatusCode::SWITCHING_PROTOCOLS).await
    }

    /// With a mind of its own.
    pub(crate) async fn judging(judge: Judge) -> Self {
        Self::with(None, judge).await
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://localhost:{}", self.scheme, self.address.port())
    }

    /// The next WebSocket that is opened.
    pub(crate) async fn next(&self) -> Opened {
        super::soon(async { self.opened.lock().await.recv().await }).await.unwrap()
    }

    /// Whether none was opened that was not asked for here.
    pub(crate) async fn is_idle(&self) -> bool {
        self.opened.lock().await.is_empty()
    }

    async fn with(tls: Option<Arc<ServerConfig>>, judge: Judge) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let (sender, opened) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, sender) = (tls.clone(), sender.clone());
                tokio::spawn(async move {
                    let wire = wire(stream, tls).await?;
                    let _ = sender.send(open(wire, judge).await?);
                    Some(())
                });
            }
        });
        Self { address, scheme, opened: Mutex::new(opened), task }
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn wire(stream: TcpStream, tls: Option<Arc<ServerConfig>>) -> Option<Box<dyn Wire>> {
    stream.set_nodelay(true).ok()?;
    Some(match tls {
        None => Box::new(stream),
        Some(tls) => {
            let stream = TlsAcceptor::from(tls).accept(stream).await.ok()?;
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
            Box::new(stream)
        }
    })
}

#[allow(clippy::result_large_err, reason = "tungstenite will have it so")]
async fn open(wire: Box<dyn Wire>, judge: Judge) -> Option<Opened> {
    let mut asked = None;
    let judged = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        asked = Some((request.uri().to_string(), request.headers().clone()));
        let status = judge(request.headers());
        if status != StatusCode::SWITCHING_PROTOCOLS {
            let mut refusal = ErrorResponse::new(Some("not here".into()));
            *refusal.status_mut() = status;
            return Err(refusal);
        }
        if let Some(protocol) = request.headers().get("sec-websocket-protocol") {
            response.headers_mut().insert("sec-websocket-protocol", protocol.clone());
        }
        response.headers_mut().insert("set-cookie", "a=b".parse().unwrap());
        Ok(response)
    };
    let socket = accept_hdr_async(wire, judged).await.ok()?;
    let (target, headers) = asked?;
    Some(Opened { target, headers, socket })
}
