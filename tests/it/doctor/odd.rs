//! Servers that are not what they should be.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// A port where connections are made and nothing is ever said. Gone when dropped.
pub(super) struct Odd {
    pub(super) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Odd {
    /// One who accepts, and is silent.
    pub(super) async fn silent() -> Self {
        Self::saying(b"").await
    }

    /// One who waits for the first bytes, and says these.
    pub(super) async fn saying(bytes: &'static [u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let mut open = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                open.push(tokio::spawn(async move {
                    let mut chunk = [0; 1024];
                    let _ = stream.read(&mut chunk).await;
                    if bytes.is_empty() {
                        std::future::pending::<()>().await;
                    }
                    let _ = stream.write_all(bytes).await;
                    let _ = stream.read(&mut chunk).await;
                }));
            }
        });
        Self { address, task }
    }

    /// One who opens TLS, and passes what is in it on.
    pub(super) async fn before(behind: SocketAddr, tls: Arc<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::from(tls);
        let task = tokio::spawn(async move {
            let mut open = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let acceptor = acceptor.clone();
                open.spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let mut behind = TcpStream::connect(behind).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut stream, &mut behind).await;
                });
            }
        });
        Self { address, task }
    }

    /// One who hangs up at the first bytes.
    pub(super) async fn hanging_up() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut chunk = [0; 1024];
                let _ = stream.read(&mut chunk).await;
            }
        });
        Self { address, task }
    }

    /// One whose machine drops every packet: nobody is let into its full queue.
    pub(super) async fn swallowing() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let calls = (0..QUEUE + 2).map(|_| tokio::spawn(TcpStream::connect(address)));
        let held = calls.collect::<Vec<_>>();
        while queued(address) < QUEUE {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let task = tokio::spawn(async move {
            let _held = (listener, held);
            std::future::pending::<()>().await;
        });
        Self { address, task }
    }

    /// Its URL by TLS.
    pub(super) fn https(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }
}

impl Drop for Odd {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// How many connections wait to be accepted, as Linux tells.
fn queued(address: SocketAddr) -> usize {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let port = format!(":{:04X}", address.port());
    let mut lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let listener = lines.find(|line| line[1].ends_with(&port) && line[3] == "0A");
    let (_, waiting) = listener.unwrap()[4].split_once(':').unwrap();
    usize::from_str_radix(waiting, 16).unwrap()
}

/// Linux takes one more than it is told.
const QUEUE: usize = 2;

/// What a server that has nothing newer than TLS 1.1 answers to a hello: its own, of that version.
pub(super) const OLD_HELLO: &[u8] = &[
    0x16, 0x03, 0x02, 0x00, 0x2a, 0x02, 0x00, 0x00, 0x26, 0x03, 0x02, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
    10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 0x00,
    0x00, 0x2f, 0x00,
];

/// The alert `protocol_version`.
pub(super) const TOO_NEW: &[u8] = &[0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46];
