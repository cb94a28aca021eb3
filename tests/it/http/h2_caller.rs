//! A caller of HTTP/2.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use gateway_tests::Ca;
use http::{Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

/// One connection. Dropped, it is gone, without a farewell.
pub(crate) struct H2Caller {
    sender: SendRequest<BoxBody<Bytes, Infallible>>,
    connection: JoinHandle<()>,
}

impl H2Caller {
    /// Connects over plain TCP, knowing that the other end speaks HTTP/2.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap()).await
    }

    /// Connects over TLS, where both agree on HTTP/2.
    pub(crate) async fn connect_tls(address: SocketAddr, ca: &Ca) -> Self {
        let mut config = ca.client_config();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        Self::over(stream).await
    }

    /// Sends `request`, whose target is absolute.
    pub(crate) async fn ask(
        &mut self,
        request: Request<BoxBody<Bytes, Infallible>>,
    ) -> hyper::Result<Response<Incoming>> {
        self.sender.ready().await?;
        self.sender.send_request(request).await
    }

    /// Sends a search.
    pub(crate) async fn search(&mut self) -> hyper::Result<Response<Incoming>> {
        let request = Request::get("http://localhost/dicom-web/studies");
        self.ask(request.body(Empty::new().boxed()).unwrap()).await
    }

    /// Another who sends on this connection.
    pub(crate) fn sender(&self) -> SendRequest<BoxBody<Bytes, Infallible>> {
        self.sender.clone()
    }

    /// Waits until the other end has closed the connection.
    pub(crate) async fn closed(mut self) {
        let _ = (&mut self.connection).await;
    }

    async fn over<S>(stream: S) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) =
            handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(async move {
            let _ = connection.await;
        });
        Self { sender, connection }
    }
}

impl Drop for H2Caller {
    fn drop(&mut self) {
        self.connection.abort();
    }
}
