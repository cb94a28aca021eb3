//! One connection of a well-bred caller, HTTP/1.1 or HTTP/2, and no other in its place.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Version};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Incoming};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, HandshakeKind};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use crate::ca::Ca;

/// A connection that a test holds on to: when it breaks, requests on it fail.
pub struct Connection {
    sender: Sender,
    authority: String,
    certificate: Option<Vec<u8>>,
    resumed: bool,
    task: JoinHandle<hyper::Result<()>>,
}

#[derive(Clone)]
enum Sender {
    H2(http2::SendRequest<Sent>),
    H1(Arc<tokio::sync::Mutex<http1::SendRequest<Sent>>>),
}

type Sent = UnsyncBoxBody<Bytes, Infallible>;

impl Connection {
    /// Connects over plain TCP and speaks this version, without asking first.
    pub async fn open(address: SocketAddr, version: Version) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Self::over(stream, address, version).await
    }

    /// Connects over TLS to `localhost`, believing `ca`, and offers this version only.
    pub async fn open_tls(address: SocketAddr, version: Version, ca: &Ca) -> io::Result<Self> {
        Self::open_tls_with(address, version, ca.client_config()).await
    }

    /// The same with a TLS client of this configuration.
    pub async fn open_tls_with(
        address: SocketAddr,
        version: Version,
        mut config: ClientConfig,
    ) -> io::Result<Self> {
        let alpn = if version == Version::HTTP_2 { "h2" } else { "http/1.1" };
        config.alpn_protocols = vec![alpn.into()];
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from("localhost").expect("a name");
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let certificate = shown.map(|certificate| certificate.to_vec());
        let resumed = stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed);
        let mut connection = Self::over(stream, address, version).await?;
        connection.certificate = certificate;
        connection.resumed = resumed;
        Ok(connection)
    }

    /// The certificate that the server showed, as DER.
    pub fn certificate(&self) -> Option<&[u8]> {
        self.certificate.as_deref()
    }

    /// Whether an earlier TLS session was resumed.
    pub fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// Whether nothing more can be sent on it.
    pub fn is_over(&self) -> bool {
        self.task.is_finished()
    }

    /// Sends a request without a body.
    pub async fn get(&self, path: &str) -> hyper::Result<Response<Incoming>> {
        self.send("GET", path, Empty::new()).await
    }

    /// Sends a request with this body, and gives the answer once its head is there.
    pub async fn send<B>(
        &self,
        method: &str,
        path: &str,
        body: B,
    ) -> hyper::Result<Response<Incoming>>
    where
        B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
    {
        let request = Request::builder().method(method).uri(path).body(body);
        self.send_request(request.expect("a request")).await
    }

    /// Sends a request whose target is a path.
    pub async fn send_request<B>(&self, request: Request<B>) -> hyper::Result<Response<Incoming>>
    where
        B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
    {
        let mut request = request.map(BodyExt::boxed_unsync);
        match &self.sender {
            Sender::H1(sender) => {
                let host = self.authority.parse().expect("a header value");
                request.headers_mut().insert(http::header::HOST, host);
                let mut sender = sender.lock().await;
                sender.ready().await?;
                sender.send_request(request).await
            }
            Sender::H2(sender) => {
                let uri = format!("http://{}{}", self.authority, request.uri());
                *request.uri_mut() = uri.parse().expect("a URL");
                let mut sender = sender.clone();
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }

    /// Sends a request without a body and reads the whole answer: its status and its body.
    pub async fn fetch(&self, path: &str) -> hyper::Result<(StatusCode, Bytes)> {
        whole(self.get(path).await?).await
    }

    /// Waits until the connection has ended, from whichever side.
    pub async fn over_at_last(&mut self) {
        let _ = (&mut self.task).await;
    }

    async fn over<S>(stream: S, address: SocketAddr, version: Version) -> io::Result<Self>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let io = TokioIo::new(stream);
        let (sender, task) = if version == Version::HTTP_2 {
            let handshake = http2::handshake(TokioExecutor::new(), io).await;
            let (sender, connection) = handshake.map_err(io::Error::other)?;
            (Sender::H2(sender), tokio::spawn(connection))
        } else {
            let handshake = http1::handshake(io).await;
            let (sender, connection) = handshake.map_err(io::Error::other)?;
            (Sender::H1(Arc::new(sender.into())), tokio::spawn(connection))
        };
        Ok(Self { sender, authority: address.to_string(), certificate: None, resumed: false, task })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads an answer to its end.
pub async fn whole(response: Response<Incoming>) -> hyper::Result<(StatusCode, Bytes)> {
    let (head, body) = response.into_parts();
    Ok((head.status, body.collect().await?.to_bytes()))
}
