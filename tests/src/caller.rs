//! A caller that sends bytes, for what no well-bred HTTP client would say.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::{TlsConnector, TlsStream};

use crate::ca::Ca;
use crate::raw_message::{self, Chunked, Fields, values};
use crate::wire::Wire;

/// One connection, with what has arrived on it and not been read yet.
///
/// It reads HTTP/1.1 to the letter: a malformed response is an error of kind `InvalidData`.
pub struct RawCaller {
    wire: Wire,
    buffer: Vec<u8>,
}

/// A response, whether final or interim.
#[derive(Clone, Debug)]
pub struct RawResponse {
    /// The status.
    pub status: u16,
    /// The version, such as `HTTP/1.1`.
    pub version: String,
    /// The field lines in their order, names as written.
    pub headers: Vec<(String, String)>,
    /// The body without its framing, as far as it came; of a broken chunk nothing.
    pub body: Vec<u8>,
    /// The field lines behind a chunked body.
    pub trailers: Vec<(String, String)>,
    /// Whether the body came to the end that its framing promised.
    pub complete: bool,
    /// All bytes of the response as they came.
    pub raw: Vec<u8>,
}

impl RawCaller {
    /// Connects over plain TCP.
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self::over(Wire::Tcp(stream)))
    }

    /// Connects to a Unix socket.
    pub async fn connect_unix(path: &Path) -> io::Result<Self> {
        Ok(Self::over(Wire::Unix(UnixStream::connect(path).await?)))
    }

    /// Connects over TLS to a server that shows a certificate of `ca` for `localhost`, and offers
    /// the protocols `alpn`.
    pub async fn connect_tls(address: SocketAddr, ca: &Ca, alpn: &[&[u8]]) -> io::Result<Self> {
        let mut config = ca.client_config();
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from("localhost").expect("a name");
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        Ok(Self::over(Wire::Tls(Box::new(TlsStream::Client(stream)))))
    }

    /// Sends all of `bytes`.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.wire.write_all(bytes.as_ref()).await?;
        self.wire.flush().await
    }

    /// Says that nothing more will be sent, and can still read.
    pub async fn finish_sending(&mut self) -> io::Result<()> {
        self.wire.shutdown().await
    }

    /// Resets the connection.
    pub fn reset(self) {
        self.wire.reset_on_drop();
    }

    /// Reads to the end of the next response's head and leaves the rest where it is; the head is
    /// still there for [`RawCaller::read_response`].
    pub async fn read_head(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(end) = raw_message::head_end(&self.buffer) {
                return Ok(self.buffer[..end].to_vec());
            }
            if !self.read_more().await? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Reads the next response, be it an interim one, to its end or to that of the connection.
    pub async fn read_response(&mut self) -> io::Result<RawResponse> {
        self.read_response_to("GET").await
    }

    /// The same for the response to a `method` that may be `HEAD`, whose responses have no body.
    pub async fn read_response_to(&mut self, method: &str) -> io::Result<RawResponse> {
        let head = self.read_head().await?;
        let (line, headers) = raw_message::head(&head).map_err(invalid)?;
        let (version, status) = status_line(line).map_err(invalid)?;
        let framing = framing(method, status, &headers).map_err(invalid)?;
        let mut body = Body::default();
        while !body.arrived(&framing, &self.buffer[head.len()..]).map_err(invalid)? {
            // A reset and an end in mid-body are the same to the reader: the response is broken.
            if !self.read_more().await.unwrap_or_else(|_| {
                body.broken = true;
                false
            }) {
                body.take_rest(&framing, &self.buffer[head.len()..]);
                break;
            }
        }
        let raw = self.buffer.drain(..head.len() + body.length).collect();
        Ok(RawResponse {
            status,
            version,
            headers,
            body: body.content,
            trailers: body.chunked.trailers,
            complete: body.complete,
            raw,
        })
    }

    /// Reads whatever comes until the other side closes or resets the connection.
    pub async fn read_to_end(&mut self) -> Vec<u8> {
        while let Ok(true) = self.read_more().await {}
        std::mem::take(&mut self.buffer)
    }

    fn over(wire: Wire) -> Self {
        Self { wire, buffer: Vec::new() }
    }

    /// Whether there was more.
    async fn read_more(&mut self) -> io::Result<bool> {
        Ok(self.wire.read_buf(&mut self.buffer).await? > 0)
    }
}

impl RawResponse {
    /// The values of all field lines called `name`, in whatever case.
    pub fn values(&self, name: &str) -> Vec<&str> {
        values(&self.headers, name)
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

    /// The body as text, whatever is not UTF-8 in it replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

enum Framing {
    None,
    Length(usize),
    Chunked,
    ToTheEnd,
}

#[derive(Default)]
struct Body {
    chunked: Chunked,
    content: Vec<u8>,
    length: usize,
    complete: bool,
    broken: bool,
}

impl Body {
    /// Whether all of it is in `buffer`, which starts where the body starts.
    fn arrived(&mut self, framing: &Framing, buffer: &[u8]) -> Result<bool, String> {
        match framing {
            Framing::None => self.complete = true,
            Framing::Length(length) => {
                if let Some(whole) = buffer.get(..*length) {
                    self.content = whole.to_vec();
                    self.length = *length;
                    self.complete = true;
                }
            }
            Framing::Chunked => {
                self.chunked.advance(buffer)?;
                if self.chunked.finished {
                    self.content = std::mem::take(&mut self.chunked.body);
                    self.length = self.chunked.decoded;
                    self.complete = true;
                }
            }
            Framing::ToTheEnd => {}
        }
        Ok(self.complete)
    }

    /// Takes what there is, now that the connection has ended.
    fn take_rest(&mut self, framing: &Framing, buffer: &[u8]) {
        self.length = buffer.len();
        self.complete = matches!(framing, Framing::ToTheEnd) && !self.broken;
        self.content = match framing {
            Framing::Chunked => std::mem::take(&mut self.chunked.body),
            _ => buffer.to_vec(),
        };
    }
}

fn status_line(line: &[u8]) -> Result<(String, u16), String> {
    let text = String::from_utf8_lossy(line);
    let mut words = text.splitn(3, ' ');
    let version = words.next().filter(|version| version.starts_with("HTTP/1."));
    let status = words.next().filter(|status| status.len() == 3).and_then(|s| s.parse().ok());
    match (version, status) {
        (Some(version), Some(status)) => Ok((version.to_owned(), status)),
        _ => Err(format!("the status line is {text:?}")),
    }
}

fn framing(method: &str, status: u16, headers: &Fields) -> Result<Framing, String> {
    let lengths = values(headers, "content-length");
    let encodings = values(headers, "transfer-encoding");
    if method == "HEAD" || status < 200 || status == 204 || status == 304 {
        return Ok(Framing::None);
    }
    match (&lengths[..], &encodings[..]) {
        ([], []) => Ok(Framing::ToTheEnd),
        ([length], []) => {
            let length = usize::try_from(raw_message::content_length(length)?);
            Ok(Framing::Length(length.map_err(|_| "a body longer than the memory")?))
        }
        ([], ["chunked"]) => Ok(Framing::Chunked),
        _ => Err(format!("framed by Content-Length {lengths:?}, Transfer-Encoding {encodings:?}")),
    }
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
