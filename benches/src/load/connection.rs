//! One caller's connection: a request, its answer, and again.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::net::{RecvFlags, recv};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use super::response::{Chunks, Head};
use super::{Request, Target};
use crate::Result;

pub(super) struct Connection {
    wire: Wire,
    request: Rc<Request>,
    phase: Phase,
    since: Instant,
    /// What came of a head that is not whole.
    partial: Vec<u8>,
}

enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

#[derive(Clone, Copy)]
enum Phase {
    Idle,
    SendingHead { sent: usize },
    SendingBody { left: u64 },
    Head,
    Body { left: u64 },
    Chunks(Chunks),
}

impl Connection {
    pub(super) fn open(target: &Target, request: &Rc<Request>) -> Result<Self> {
        let socket = TcpStream::connect(target.address)?;
        socket.set_nodelay(true)?;
        let wire = match &target.tls {
            None => {
                socket.set_nonblocking(true)?;
                Wire::Plain(socket)
            }
            Some(config) => {
                let name = ServerName::from(target.address.ip());
                let tls = ClientConnection::new(config.clone(), name)?;
                let mut stream = StreamOwned::new(tls, socket);
                while stream.conn.is_handshaking() {
                    stream.conn.complete_io(&mut stream.sock)?;
                }
                stream.sock.set_nonblocking(true)?;
                Wire::Tls(Box::new(stream))
            }
        };
        let (request, partial) = (request.clone(), Vec::new());
        Ok(Self { wire, request, phase: Phase::Idle, since: Instant::now(), partial })
    }

    pub(super) fn socket(&self) -> &TcpStream {
        match &self.wire {
            Wire::Plain(socket) => socket,
            Wire::Tls(stream) => &stream.sock,
        }
    }

    /// Sends the request and waits for its answer's status.
    pub(super) fn blocking_status(&mut self) -> Result<u16> {
        self.socket().set_nonblocking(false)?;
        self.socket().set_read_timeout(Some(Duration::from_secs(5)))?;
        self.begin(Instant::now())?;
        let mut buffer = [0; HEAD];
        loop {
            let read = self.wire.read(&mut buffer)?;
            if read == 0 {
                return Err("the connection ended before the answer".into());
            }
            self.partial.extend_from_slice(&buffer[..read]);
            if let Some(head) = Head::parse(&self.partial)? {
                return Ok(head.status);
            }
        }
    }

    /// Starts the next request; its time counts from `since`.
    pub(super) fn begin(&mut self, since: Instant) -> Result<()> {
        self.since = since;
        self.phase = Phase::SendingHead { sent: 0 };
        self.send()
    }

    /// Goes on as far as the socket allows; says since when, once the answer is whole.
    pub(super) fn progress(&mut self, scratch: &mut [u8]) -> Result<Option<Instant>> {
        self.send()?;
        loop {
            let asked = match self.phase {
                Phase::Idle => return Ok(None),
                Phase::Body { left } => {
                    usize::try_from(left).map_or(scratch.len(), |left| left.min(scratch.len()))
                }
                Phase::Chunks(_) => scratch.len(),
                // Little, since it is copied; the rest of the body is not.
                Phase::Head | Phase::SendingHead { .. } | Phase::SendingBody { .. } => HEAD,
            };
            let read = match self.receive(&mut scratch[..asked]) {
                Ok(0) => return Err("the connection ended within an answer".into()),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            let is_whole = match &mut self.phase {
                Phase::Body { left } => {
                    *left -= read as u64;
                    *left == 0
                }
                Phase::Chunks(chunks) => chunks.take(&scratch[..read])?,
                _ => self.head(&scratch[..read])?,
            };
            if is_whole {
                self.phase = Phase::Idle;
                return Ok(Some(self.since));
            }
        }
    }

    /// Goes on to the body once the head is whole; true if that came with it.
    fn head(&mut self, bytes: &[u8]) -> Result<bool> {
        self.partial.extend_from_slice(bytes);
        let Some(head) = Head::parse(&self.partial)? else { return Ok(false) };
        if head.status != 200 || !matches!(self.phase, Phase::Head) {
            let text = String::from_utf8_lossy(&self.partial).into_owned();
            return Err(format!("an answer that nobody wants: {text}").into());
        }
        let come = &self.partial[head.length..];
        let is_whole = match head.body {
            // Of another length, since something in it was replaced.
            None => {
                let mut chunks = Chunks::START;
                let is_whole = chunks.take(come)?;
                self.phase = Phase::Chunks(chunks);
                is_whole
            }
            Some(body) => {
                if self.request.answer.is_some_and(|length| length != body) {
                    return Err(format!("a body of {body} bytes").into());
                }
                let left = body.checked_sub(come.len() as u64).ok_or("more than the answer")?;
                self.phase = Phase::Body { left };
                left == 0
            }
        };
        self.partial.clear();
        Ok(is_whole)
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match (&mut self.wire, self.phase) {
            // The kernel counts, and copies nothing.
            (Wire::Plain(socket), Phase::Body { .. }) => {
                Ok(recv(socket, buffer, RecvFlags::TRUNC).map(|(_, length)| length)?)
            }
            (wire, _) => wire.read(buffer),
        }
    }

    fn send(&mut self) -> Result<()> {
        match self.send_on() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            sent => Ok(sent?),
        }
    }

    fn send_on(&mut self) -> io::Result<()> {
        loop {
            self.phase = match self.phase {
                Phase::SendingHead { sent } => {
                    let sent = sent + self.wire.write(&self.request.head[sent..])?;
                    if sent < self.request.head.len() {
                        Phase::SendingHead { sent }
                    } else {
                        Phase::SendingBody { left: self.request.body }
                    }
                }
                Phase::SendingBody { left: 0 } => {
                    self.wire.flush()?;
                    Phase::Head
                }
                Phase::SendingBody { left } => {
                    let next =
                        usize::try_from(left).map_or(BODY.len(), |left| left.min(BODY.len()));
                    let sent = self.wire.write(&BODY[..next])?;
                    Phase::SendingBody { left: left - sent as u64 }
                }
                Phase::Idle | Phase::Head | Phase::Body { .. } | Phase::Chunks(_) => return Ok(()),
            };
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(buffer),
            Self::Tls(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

/// More than any head of an answer here.
const HEAD: usize = 4 << 10;

/// A body is this, again and again.
static BODY: [u8; 256 << 10] = [0; 256 << 10];
