//! An origin server that writes down every byte it is sent.
//!
//! It speaks HTTP/1.1 on raw sockets, knows nothing of DICOM, and replies from a script. Each
//! request must be one that no reading of RFC 9112 could take for another; what is not is kept as a
//! violation, and its connection closed.

mod connection;
mod request;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::ca::Ca;
use crate::server::{Port, Server};

/// A running recorder on a port of 127.0.0.1. It ends when dropped.
pub struct Recorder {
    log: Arc<Log>,
    port: Port,
    tls: Option<TlsAcceptor>,
    server: Mutex<Option<Server>>,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct RawRequest {
    /// The request line and the field lines, with the empty line that ends them.
    pub head: Vec<u8>,
    /// The method.
    pub method: String,
    /// The target, in origin form.
    pub target: String,
    /// The field lines in their order, names as written.
    pub headers: Vec<(String, String)>,
    /// The body, without its framing.
    pub body: Vec<u8>,
    /// The field lines behind a chunked body.
    pub trailers: Vec<(String, String)>,
}

/// What the recorder does once a request has arrived.
#[derive(Clone, Debug, Default)]
pub enum Reply {
    /// Replies `200 OK` with the body `ok`.
    #[default]
    Ok,
    /// Replies these bytes, framing and all, and awaits the next request.
    Bytes(Vec<u8>),
    /// Replies these bytes and closes the connection in an orderly way.
    BytesThenClose(Vec<u8>),
    /// Replies these bytes and resets the connection; the peer may not see the last of them.
    BytesThenReset(Vec<u8>),
    /// Sends these bytes as soon as the head is there, and the next reply once the body is.
    Interim(Vec<u8>),
    /// Replies these bytes as soon as the head is there, reads the body, and closes.
    Early(Vec<u8>),
    /// Promises `declared` bytes in a `Content-Length`, sends `body` and closes.
    Truncate {
        /// The status line and field lines, each with its CRLF.
        head: String,
        /// What is sent of the body.
        body: Vec<u8>,
        /// What is said of the body.
        declared: u64,
    },
    /// Replies these bytes one at a time.
    Trickle {
        /// All of the reply.
        bytes: Vec<u8>,
        /// The pause after each byte.
        pause: Duration,
    },
    /// Closes the connection without a reply.
    Close,
    /// Resets the connection without a reply.
    Reset,
    /// Says nothing until the peer leaves.
    Stall,
}

impl Recorder {
    /// Starts a recorder on plain TCP.
    pub async fn start() -> Self {
        Self::on(None).await
    }

    /// Starts a recorder on TLS, with a certificate of `ca` for `localhost` and `127.0.0.1`, that
    /// agrees to HTTP/1.1 and nothing else.
    pub async fn start_tls(ca: &Ca) -> Self {
        let config = ca.issue(&["localhost", "127.0.0.1"]).server_config(&[b"http/1.1"]);
        Self::on(Some(TlsAcceptor::from(config))).await
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Its URL, without a path.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://localhost:{}", self.address().port())
    }

    /// Replies so to the next request, after those already so ordered.
    pub fn reply_next(&self, reply: Reply) {
        lock(&self.log.script).next.push_back(reply);
    }

    /// Replies so to every request that has no reply ordered.
    pub fn reply_with(&self, reply: Reply) {
        lock(&self.log.script).otherwise = reply;
    }

    /// Every byte of every connection, in the order in which they were opened.
    pub fn connections(&self) -> Vec<Vec<u8>> {
        lock(&self.log.records).clone()
    }

    /// All requests that arrived whole.
    pub fn requests(&self) -> Vec<RawRequest> {
        lock(&self.log.requests).clone()
    }

    /// What was wrong with those that are not among [`Recorder::requests`].
    pub fn violations(&self) -> Vec<String> {
        lock(&self.log.violations).clone()
    }

    /// How many bytes arrived on all connections, those of TLS itself not counted.
    pub fn bytes_seen(&self) -> usize {
        self.log.progress.borrow().bytes
    }

    /// How many connections are open now.
    pub fn open_connections(&self) -> usize {
        self.log.progress.borrow().open
    }

    /// Waits until `n` whole requests have arrived since the start.
    pub async fn wait_for_requests(&self, n: usize) {
        self.wait_for(|progress| progress.requests >= n).await;
    }

    /// Waits until `n` bytes have arrived since the start.
    pub async fn wait_for_bytes(&self, n: usize) {
        self.wait_for(|progress| progress.bytes >= n).await;
    }

    /// Waits until exactly `n` connections are open.
    pub async fn wait_for_open(&self, n: usize) {
        self.wait_for(|progress| progress.open == n).await;
    }

    /// Closes its socket and all connections: who comes now is refused by the system.
    pub async fn stop(&self) {
        let running = lock(&self.server).take();
        if let Some(server) = running {
            server.close().await;
        }
    }

    /// Serves again after [`Recorder::stop`], on the same port.
    pub async fn restart(&self) {
        self.stop().await;
        let (log, tls) = (Arc::clone(&self.log), self.tls.clone());
        let server = Server::accept(self.port.listen(), move |stream| {
            let (log, tls) = (Arc::clone(&log), tls.clone());
            async move { connection::serve(&log, stream, tls).await }
        });
        *lock(&self.server) = Some(server);
    }

    async fn on(tls: Option<TlsAcceptor>) -> Self {
        let recorder =
            Self { log: Arc::default(), port: Port::take(), tls, server: Mutex::new(None) };
        recorder.restart().await;
        recorder
    }

    async fn wait_for(&self, state: impl FnMut(&Progress) -> bool) {
        let mut progress = self.log.progress.subscribe();
        let _ = progress.wait_for(state).await;
    }
}

impl RawRequest {
    /// The values of all field lines called `name`, in whatever case.
    pub fn values(&self, name: &str) -> Vec<&str> {
        crate::raw_message::values(&self.headers, name)
    }

    /// The value of the only field line called `name`.
    ///
    /// # Panics
    /// If there are several.
    pub fn header(&self, name: &str) -> Option<&str> {
        let values = self.values(name);
        assert!(values.len() < 2, "several {name}: {values:?}");
        values.first().copied()
    }
}

/// What connections write, and what they are told.
#[derive(Default)]
struct Log {
    records: Mutex<Vec<Vec<u8>>>,
    requests: Mutex<Vec<RawRequest>>,
    violations: Mutex<Vec<String>>,
    script: Mutex<Script>,
    progress: watch::Sender<Progress>,
}

#[derive(Default)]
struct Script {
    next: VecDeque<Reply>,
    otherwise: Reply,
}

#[derive(Clone, Copy, Default)]
struct Progress {
    bytes: usize,
    requests: usize,
    open: usize,
}

impl Log {
    fn open_record(&self) -> usize {
        let mut records = lock(&self.records);
        records.push(Vec::new());
        records.len() - 1
    }

    fn bytes(&self, connection: usize, bytes: &[u8]) {
        lock(&self.records)[connection].extend_from_slice(bytes);
        self.progress.send_modify(|progress| progress.bytes += bytes.len());
    }

    fn request(&self, request: RawRequest) {
        lock(&self.requests).push(request);
        self.progress.send_modify(|progress| progress.requests += 1);
    }

    fn violation(&self, violation: String) {
        lock(&self.violations).push(violation);
    }

    fn take_interim(&self) -> Option<Vec<u8>> {
        let mut script = lock(&self.script);
        match script.next.front_mut() {
            Some(Reply::Interim(bytes)) => {
                let bytes = std::mem::take(bytes);
                script.next.pop_front();
                Some(bytes)
            }
            _ => None,
        }
    }

    fn take_early(&self) -> Option<Vec<u8>> {
        let mut script = lock(&self.script);
        if let Some(Reply::Early(_)) = script.next.front()
            && let Some(Reply::Early(bytes)) = script.next.pop_front()
        {
            return Some(bytes);
        }
        match &script.otherwise {
            Reply::Early(bytes) if script.next.is_empty() => Some(bytes.clone()),
            _ => None,
        }
    }

    fn take_reply(&self) -> Reply {
        let mut script = lock(&self.script);
        script.next.pop_front().unwrap_or_else(|| script.otherwise.clone())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
