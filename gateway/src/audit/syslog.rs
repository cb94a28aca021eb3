//! Records for an audit record repository, by syslog over TLS (RFC 5424, RFC 5425; IHE ITI-20).
//!
//! RFC 5425 acknowledges no message. It has receivers answer the end of a connection, though: who gets
//! a `close_notify` has read all that came before it (section 4.4). So some hundred messages at most
//! have a connection of their own, and count as delivered once it ended as it should: the receiver
//! answered our `close_notify` with its own, which nobody else can, and the kernel has had its
//! acknowledgement of all that we wrote. Whatever else becomes of a connection, its messages are sent
//! again on the next one. The end of TCP alone says nothing, as whoever is on the way can take what we
//! send and make it. Writes that the kernel took say nothing: they may stand before a receiver that has
//! stopped reading, died, or refused our certificate, which TLS 1.3 lets it do after we have begun to
//! send.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use certs::TrustAnchors;
use config::AuditSyslog;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::atna::Source;
use super::entry::Entry;
use crate::identity;

mod kernel;
mod message;

use self::message::Header;

/// A repository that takes records by syslog.
pub(crate) struct Syslog {
    sink: AuditSyslog,
    header: Header,
    source: Source,
    /// How many messages a connection has; fewer once that was too much for it.
    most: usize,
    /// How many connections ended well in a row.
    taken: usize,
}

/// Why it did not take them. Tells nothing of a record.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum SyslogError {
    /// The files of its TLS cannot be used.
    #[error("its key material cannot be used")]
    Certs(#[source] certs::Error),
    /// Its host is no name for TLS.
    #[error("its host is no name for TLS")]
    ServerName,
    /// Its name has no address.
    #[error("its name cannot be resolved")]
    Name(#[source] io::Error),
    /// Nobody listens, or no way leads there.
    #[error("no connection")]
    Tcp(#[source] io::Error),
    /// It is not whom it should be, or speaks no TLS that we do.
    #[error("no TLS")]
    Tls(#[source] io::Error),
    /// It, or the way to it, stood still.
    #[error("it took too long {0}")]
    Late(&'static str),
    /// The connection broke.
    #[error("the connection broke before everything was received")]
    Broken(#[source] io::Error),
    /// It said something. A receiver of syslog has nothing to say, so this is none.
    #[error("it answers, so it is no receiver of syslog")]
    Answers,
    /// It, or somebody on the way, cut the connection off.
    #[error(
        "it ended the connection without close_notify, so it may not have received everything \
         (rsyslog: use the driver \"ossl\" instead of \"gtls\")"
    )]
    Bare,
    /// It closed the connection, and had not everything by then.
    #[error("it closed the connection before everything was received")]
    Closed,
    /// A task failed: a bug.
    #[error("sending broke down")]
    Panicked,
}

impl Syslog {
    /// Nothing is read or connected before something is sent.
    pub(crate) fn new(sink: AuditSyslog, source: Source) -> Self {
        Self { sink, header: Header::of_this_process(), source, most: MOST, taken: 0 }
    }

    /// Sends the first of these, on a connection of their own, and says how many: all of those are
    /// received, or none of them counts.
    pub(crate) async fn send(&mut self, entries: &[Entry]) -> Result<usize, SyslogError> {
        let some = &entries[..entries.len().min(self.most)];
        let sent = self.exchange(some).await;
        match &sent {
            // It reads, maybe, and not as fast as that. All at once, it would never be done in time.
            Err(SyslogError::Late(TO_READ | TO_END)) => {
                self.most = (some.len() / 2).max(1);
                self.taken = 0;
            }
            Err(_) => {}
            Ok(()) => {
                self.taken += 1;
                if self.taken >= PATIENCE {
                    self.most = MOST.min(self.most * 2);
                    self.taken = 0;
                }
            }
        }
        sent.map(|()| some.len())
    }

    async fn exchange(&self, entries: &[Entry]) -> Result<(), SyslogError> {
        let mut frames = Vec::new();
        for entry in entries {
            message::write(entry, &self.source, &self.header, &mut frames);
        }
        let connecting = timeout(self.sink.timeout, self.connect());
        let mut stream = connecting.await.map_err(|_| SyslogError::Late("to connect"))??;
        self.put(&mut stream, &frames).await?;
        self.end(stream).await
    }

    async fn connect(&self) -> Result<TlsStream<TcpStream>, SyslogError> {
        let (host, port) = (self.sink.host.as_str(), self.sink.port);
        let name = ServerName::try_from(host.to_owned()).map_err(|_| SyslogError::ServerName)?;
        let sink = self.sink.clone();
        let config = spawn_blocking(move || tls(&sink)).await;
        let config = config.map_err(|_| SyslogError::Panicked)?.map_err(SyslogError::Certs)?;
        let mut last = SyslogError::Tcp(ErrorKind::AddrNotAvailable.into());
        let addresses = tokio::net::lookup_host((host, port)).await.map_err(SyslogError::Name)?;
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    let connector = TlsConnector::from(Arc::new(config));
                    return connector.connect(name, stream).await.map_err(SyslogError::Tls);
                }
                Err(error) => last = SyslogError::Tcp(error),
            }
        }
        Err(last)
    }

    async fn put(
        &self,
        stream: &mut TlsStream<TcpStream>,
        mut bytes: &[u8],
    ) -> Result<(), SyslogError> {
        let late = |_| SyslogError::Late(TO_READ);
        while !bytes.is_empty() {
            let some = &bytes[..bytes.len().min(AT_ONCE)];
            let writing = timeout(self.sink.timeout, stream.write(some));
            let written = writing.await.map_err(late)?.map_err(SyslogError::Broken)?;
            bytes = &bytes[written..];
        }
        let flushing = timeout(self.sink.timeout, stream.flush());
        flushing.await.map_err(late)?.map_err(SyslogError::Broken)
    }

    /// Ends the connection, and learns from how that goes whether everything was received.
    async fn end(&self, mut stream: TlsStream<TcpStream>) -> Result<(), SyslogError> {
        let ending = async {
            // Who closes of its own accord has not read everything, and its end looks as if it had. So it
            // must not come before ours does: whoever has our messages has sent its end behind them.
            kernel::acknowledged(stream.get_ref().0).await.map_err(|_| SyslogError::Closed)?;
            match timeout(EARLY, stream.read(&mut [0; 1])).await {
                Err(_) => {}
                Ok(Ok(0)) => return Err(SyslogError::Closed),
                Ok(Ok(_)) => return Err(SyslogError::Answers),
                Ok(Err(error)) => return Err(SyslogError::Broken(error)),
            }
            stream.get_mut().1.send_close_notify();
            stream.flush().await.map_err(SyslogError::Broken)?;
            match stream.read(&mut [0; 1]).await {
                Ok(0) => {}
                Ok(_) => return Err(SyslogError::Answers),
                // RFC 5425 wants a word before that; rsyslog's GnuTLS has none.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    if !self.sink.danger_bare_end {
                        return Err(SyslogError::Bare);
                    }
                }
                Err(error) => return Err(SyslogError::Broken(error)),
            }
            // A socket that is closed before everything was read is reset.
            let tcp = stream.get_mut().0;
            kernel::acknowledged(tcp).await.map_err(|_| SyslogError::Closed)?;
            tcp.shutdown().await.map_err(|_| SyslogError::Closed)?;
            tcp.read(&mut [0; 1]).await.map_err(|_| SyslogError::Closed)
        };
        let ended = timeout(self.sink.timeout, ending).await;
        ended.map_err(|_| SyslogError::Late(TO_END))?.map(|_| ())
    }
}

/// Read anew for each connection: certificates are replaced below a running gateway.
fn tls(sink: &AuditSyslog) -> Result<ClientConfig, certs::Error> {
    let anchors = TrustAnchors::load(sink.anchors.as_deref())?;
    Ok(match &sink.identity {
        None => anchors.client_config(&[]),
        Some(files) => anchors.client_config_as(&identity::load(files)?, &[]),
    })
}

/// Messages on one connection: as many as a reader of the queue gives.
const MOST: usize = 500;

/// After so many connections that ended well, the next ones have twice as many messages.
const PATIENCE: usize = 20;

const TO_READ: &str = "to read";
const TO_END: &str = "to end the connection";

/// How long who has everything may take to tell that it had closed before.
const EARLY: Duration = Duration::from_millis(10);

/// Bytes that have to move within the limit of time.
const AT_ONCE: usize = 16 << 10;
