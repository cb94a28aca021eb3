//! An origin server of a test's own making.

use std::net::SocketAddr;
use std::sync::Arc;

use gateway_tests::Issued;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Runs a test's own function for each connection. Dropped, it is gone, connections and all.
pub(super) struct RawOrigin {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl RawOrigin {
    pub(super) async fn start<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                open.spawn(serve(stream));
            }
        });
        Self { address, task }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// For one that speaks TLS.
    pub(super) fn tls_url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }
}

impl Drop for RawOrigin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads a head, and maybe more. Whether there was one.
pub(super) async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> bool {
    let mut head = Vec::new();
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        if stream.read_buf(&mut head).await.unwrap_or(0) == 0 {
            return false;
        }
    }
    true
}

/// A server's side of HTTP/1.1 over TLS.
pub(super) fn h1_tls(issued: &Issued) -> Arc<ServerConfig> {
    issued.server_config(&[b"http/1.1"])
}
