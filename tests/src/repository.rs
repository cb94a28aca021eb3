//! An audit record repository that takes syslog over TLS (RFC 5425), or does with its connections what
//! repositories should not.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::ca::Ca;
use crate::server::{Port, Server};

/// A running repository on a port of 127.0.0.1. It ends when dropped.
pub struct Repository {
    log: Arc<Log>,
    port: Port,
    server: Mutex<Option<Server>>,
}

/// What the repository does with a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Manner {
    /// Reads until the sender ends it, and ends it too (RFC 5425, section 4.4).
    Take,
    /// The same, but closes without a word of TLS, as many do.
    TakeAndHangUp,
    /// The same, but nobody has received anything: somebody on the way takes it all and hangs up.
    Swallow,
    /// The same, a message every 100 ms.
    TakeSlowly,
    /// Reads as many messages, and closes with the rest unread.
    CloseAfter(usize),
    /// Reads as many messages, and resets.
    ResetAfter(usize),
    /// Closes in an orderly way as soon as TLS is agreed on.
    CloseAtOnce,
    /// Reads nothing, and closes nothing.
    Stall,
    /// Reads everything, and closes nothing.
    Hang,
    /// Reads everything, and answers like a web server.
    Answer,
    /// Answers like a web server to what should be TLS.
    Garbage,
}

/// A connection as it went.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// The messages that were read from it, without their frames.
    pub messages: Vec<String>,
    /// Whether the sender ended it as it should, after whole messages, and was answered so.
    pub is_whole: bool,
    /// Whether the sender showed a certificate.
    pub is_known: bool,
}

impl Repository {
    /// Starts one with a certificate of `ca` for `localhost`.
    pub async fn start(ca: &Ca) -> Self {
        let log = Log {
            sessions: watch::Sender::new(Vec::new()),
            manner: Mutex::new(Manner::Take),
            tls: Mutex::new(ca.issue(&["localhost"]).server_config(&[])),
        };
        let repository = Self { log: Arc::new(log), port: Port::take(), server: Mutex::new(None) };
        repository.restart().await;
        repository
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Does so with the connections that come.
    pub fn behave(&self, manner: Manner) {
        *lock(&self.log.manner) = manner;
    }

    /// Speaks TLS so on the connections that come.
    pub fn present(&self, tls: Arc<ServerConfig>) {
        *lock(&self.log.tls) = tls;
    }

    /// All connections that came, in their order, also those that got no further than that.
    pub fn sessions(&self) -> Vec<Session> {
        self.log.sessions.borrow().clone()
    }

    /// The messages of the connections that ended as they should: what a sender may believe delivered.
    pub fn delivered(&self) -> Vec<String> {
        delivered(&self.log.sessions.borrow())
    }

    /// Waits until this is so of its connections.
    pub async fn wait_for(&self, what: &str, is_so: impl Fn(&[Session]) -> bool) {
        let mut sessions = self.log.sessions.subscribe();
        let waited = sessions.wait_for(|sessions| is_so(sessions));
        let waited = tokio::time::timeout(PATIENCE, waited).await;
        assert!(waited.is_ok(), "waited in vain for {what}: {:#?}", self.sessions());
    }

    /// Waits until as many messages are delivered.
    pub async fn wait_for_delivered(&self, count: usize) {
        let what = format!("{count} messages");
        self.wait_for(&what, |sessions| delivered(sessions).len() >= count).await;
    }

    /// Waits until as many connections came since the start.
    pub async fn wait_for_sessions(&self, count: usize) {
        self.wait_for(&format!("{count} connections"), |sessions| sessions.len() >= count).await;
    }

    /// Closes its socket and all connections: who comes now is refused by the system.
    pub async fn stop(&self) {
        let running = lock(&self.server).take();
        if let Some(server) = running {
            server.close().await;
        }
    }

    /// Serves again after [`Repository::stop`], on the same port.
    pub async fn restart(&self) {
        self.stop().await;
        let log = self.log.clone();
        let server = Server::accept(self.port.listen(), move |stream| {
            let log = log.clone();
            async move { log.serve(stream).await }
        });
        *lock(&self.server) = Some(server);
    }
}

struct Log {
    sessions: watch::Sender<Vec<Session>>,
    manner: Mutex<Manner>,
    tls: Mutex<Arc<ServerConfig>>,
}

impl Log {
    async fn serve(&self, mut tcp: TcpStream) {
        let number = self.open();
        let manner = *lock(&self.manner);
        if manner == Manner::Garbage {
            let _ = tcp.write_all(WEB_PAGE).await;
            return;
        }
        let acceptor = TlsAcceptor::from(lock(&self.tls).clone());
        let Ok(mut stream) = acceptor.accept(tcp).await else { return };
        let is_known = stream.get_ref().1.peer_certificates().is_some();
        self.note(number, |session| session.is_known = is_known);
        match manner {
            Manner::Stall => std::future::pending().await,
            Manner::CloseAtOnce => drop(stream.shutdown().await),
            Manner::CloseAfter(most) | Manner::ResetAfter(most) => {
                self.read(number, &mut stream, most).await;
                if manner == Manner::ResetAfter(most) {
                    let _ = stream.get_ref().0.set_zero_linger();
                }
            }
            Manner::Take
            | Manner::TakeAndHangUp
            | Manner::Swallow
            | Manner::TakeSlowly
            | Manner::Hang
            | Manner::Answer => {
                if !self.read(number, &mut stream, usize::MAX).await {
                    return;
                }
                match manner {
                    Manner::Swallow => return,
                    Manner::Hang => std::future::pending().await,
                    Manner::Answer => {
                        let _ = stream.write_all(WEB_PAGE).await;
                        let _ = stream.shutdown().await;
                        return;
                    }
                    Manner::Take | Manner::TakeSlowly => drop(stream.shutdown().await),
                    _ => {}
                }
                self.note(number, |session| session.is_whole = true);
            }
            Manner::Garbage => {}
        }
    }

    /// Reads so many messages; whether the sender ended the connection as it should.
    async fn read(&self, number: usize, stream: &mut TlsStream<TcpStream>, most: usize) -> bool {
        let (mut buffer, mut chunk) = (Vec::new(), vec![0; 4096]);
        let mut count = 0;
        while count < most {
            match stream.read(&mut chunk).await {
                Ok(0) => return buffer.is_empty(),
                Ok(read) => buffer.extend_from_slice(&chunk[..read]),
                Err(_) => return false,
            }
            while count < most
                && let Some(message) = next_message(&mut buffer)
            {
                if *lock(&self.manner) == Manner::TakeSlowly {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                self.note(number, |session| session.messages.push(message));
                count += 1;
            }
        }
        false
    }

    fn open(&self) -> usize {
        let mut number = 0;
        self.sessions.send_modify(|sessions| {
            number = sessions.len();
            sessions.push(Session::default());
        });
        number
    }

    fn note(&self, number: usize, what: impl FnOnce(&mut Session)) {
        self.sessions.send_modify(|sessions| what(&mut sessions[number]));
    }
}

/// Takes the first whole frame off the buffer: its length, a space, and as many octets.
///
/// # Panics
/// If there is something else.
fn next_message(buffer: &mut Vec<u8>) -> Option<String> {
    let space = buffer.iter().position(|byte| *byte == b' ')?;
    let length = std::str::from_utf8(&buffer[..space]).expect("a length");
    assert!(!length.starts_with('0'), "a length without leading zeroes: {length}");
    let end = space + 1 + length.parse::<usize>().expect("a length");
    let message = buffer.get(space + 1..end)?.to_vec();
    buffer.drain(..end);
    Some(String::from_utf8(message).expect("UTF-8"))
}

fn delivered(sessions: &[Session]) -> Vec<String> {
    let whole = sessions.iter().filter(|session| session.is_whole);
    whole.flat_map(|session| session.messages.clone()).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const WEB_PAGE: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Far more than anything takes, far less than a person waits.
const PATIENCE: Duration = Duration::from_secs(60);
