//! One connection to the recorder: read, write down, judge, reply.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsStream};

use super::request::{self, Incoming};
use super::{Log, RawRequest, Reply};
use crate::wire::Wire;

/// How a connection ends.
enum End {
    Closed,
    Reset,
}

/// Serves a connection until either side ends it.
pub(super) async fn serve(log: &Log, tcp: TcpStream, tls: Option<TlsAcceptor>) {
    let _open = Open::enter(log);
    let _ = tcp.set_nodelay(true);
    let wire = match tls {
        None => Wire::Tcp(tcp),
        Some(acceptor) => match acceptor.accept(tcp).await {
            Ok(stream) => Wire::Tls(Box::new(TlsStream::Server(stream))),
            Err(_) => return,
        },
    };
    let (reader, writer) = tokio::io::split(wire);
    let mut side = Side { log, number: log.open_record(), reader, writer, buffer: Vec::new() };
    let end = side.converse().await;
    let mut wire = side.reader.unsplit(side.writer);
    match end {
        Ok(End::Reset) => wire.reset_on_drop(),
        Ok(End::Closed) => drop(wire.shutdown().await),
        // The peer is gone.
        Err(_) => {}
    }
}

struct Side<'a> {
    log: &'a Log,
    number: usize,
    reader: ReadHalf<Wire>,
    writer: WriteHalf<Wire>,
    buffer: Vec<u8>,
}

impl Side<'_> {
    async fn converse(&mut self) -> io::Result<End> {
        loop {
            let request = match self.next_request().await? {
                Ok(request) => request,
                Err(violation) => {
                    // Where the next request would start is anybody's guess.
                    self.log.violation(violation);
                    return Ok(End::Closed);
                }
            };
            let Some(request) = request else { return Ok(End::Closed) };
            if let Some(end) = self.reply(&request).await? {
                return Ok(end);
            }
        }
    }

    /// The next request; none if its reply went out early and must be the connection's last.
    async fn next_request(&mut self) -> io::Result<Result<Option<RawRequest>, String>> {
        let mut incoming = loop {
            match request::head(&self.buffer) {
                Ok(Some(incoming)) => break incoming,
                Ok(None) => self.read().await?,
                Err(violation) => return Ok(Err(violation)),
            }
        };
        if let Some(interim) = self.log.take_interim() {
            self.writer.write_all(&interim).await?;
            self.writer.flush().await?;
        }
        if let Some(early) = self.log.take_early() {
            self.writer.write_all(&early).await?;
            self.writer.flush().await?;
            return self.rest_of(&mut incoming).await.map(|rest| rest.map(|_| None));
        }
        self.rest_of(&mut incoming).await.map(|rest| rest.map(Some))
    }

    async fn rest_of(&mut self, incoming: &mut Incoming) -> io::Result<Result<RawRequest, String>> {
        loop {
            match incoming.body(&self.buffer) {
                Ok(Some((request, length))) => {
                    self.buffer.drain(..length);
                    self.log.request(request.clone());
                    return Ok(Ok(request));
                }
                Ok(None) => self.read().await?,
                Err(violation) => return Ok(Err(violation)),
            }
        }
    }

    /// Does what the script says, while watching for the peer to leave.
    async fn reply(&mut self, request: &RawRequest) -> io::Result<Option<End>> {
        let reply = self.log.take_reply();
        let writer = &mut self.writer;
        let acting = act(writer, reply, request.method == "HEAD");
        tokio::pin!(acting);
        loop {
            tokio::select! {
                biased;
                done = &mut acting => return done,
                read = read(&mut self.reader, self.log, self.number, &mut self.buffer) => read?,
            }
        }
    }

    async fn read(&mut self) -> io::Result<()> {
        read(&mut self.reader, self.log, self.number, &mut self.buffer).await
    }
}

async fn read(
    reader: &mut ReadHalf<Wire>,
    log: &Log,
    number: usize,
    buffer: &mut Vec<u8>,
) -> io::Result<()> {
    let mut chunk = vec![0; 64 << 10];
    let length = reader.read(&mut chunk).await?;
    if length == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    buffer.extend_from_slice(&chunk[..length]);
    log.bytes(number, &chunk[..length]);
    Ok(())
}

async fn act(
    writer: &mut WriteHalf<Wire>,
    reply: Reply,
    head_only: bool,
) -> io::Result<Option<End>> {
    let mut end = None;
    match reply {
        Reply::Ok => {
            writer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n").await?;
            if !head_only {
                writer.write_all(b"ok").await?;
            }
        }
        Reply::Bytes(bytes) | Reply::Interim(bytes) | Reply::Early(bytes) => {
            writer.write_all(&bytes).await?;
        }
        Reply::BytesThenClose(bytes) => {
            writer.write_all(&bytes).await?;
            end = Some(End::Closed);
        }
        Reply::BytesThenReset(bytes) => {
            writer.write_all(&bytes).await?;
            end = Some(End::Reset);
        }
        Reply::Truncate { head, body, declared } => {
            writer
                .write_all(format!("{head}Content-Length: {declared}\r\n\r\n").as_bytes())
                .await?;
            writer.write_all(&body).await?;
            end = Some(End::Closed);
        }
        Reply::Trickle { bytes, pause } => {
            for byte in bytes {
                writer.write_all(&[byte]).await?;
                writer.flush().await?;
                tokio::time::sleep(pause).await;
            }
        }
        Reply::Close => end = Some(End::Closed),
        Reply::Reset => end = Some(End::Reset),
        Reply::Stall => std::future::pending().await,
    }
    writer.flush().await?;
    Ok(end)
}

/// Counts a connection while it is open.
struct Open<'a>(&'a Log);

impl<'a> Open<'a> {
    fn enter(log: &'a Log) -> Self {
        log.progress.send_modify(|progress| progress.open += 1);
        Self(log)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.progress.send_modify(|progress| progress.open -= 1);
    }
}
