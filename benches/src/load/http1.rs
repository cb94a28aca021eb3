//! One caller's connection: a request, its answer, and again.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::Target;
use super::request::Request;
use super::response::{Chunks, Head};
use super::wire::Wire;
use crate::Result;

pub(super) struct Connection {
    wire: Wire,
    request: Rc<Request>,
    phase: Phase,
    since: Instant,
    /// So much of bodies may pass before this caller stands still.
    allowance: u64,
    /// What came of a head that is not whole.
    partial: Vec<u8>,
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
        let (wire, request, partial) = (Wire::open(target)?, request.clone(), Vec::new());
        let (phase, since) = (Phase::Idle, Instant::now());
        Ok(Self { wire, request, phase, since, allowance: u64::MAX, partial })
    }

    pub(super) fn socket(&self) -> &TcpStream {
        self.wire.socket()
    }

    /// Lets so much of bodies pass from now on.
    pub(super) fn allow(&mut self, allowance: u64) {
        self.allowance = allowance;
    }

    /// Sends the request and waits for its answer's status.
    pub(super) fn blocking_status(&mut self) -> Result<u16> {
        self.wire.block(Duration::from_secs(5))?;
        self.begin(&self.request.clone(), Instant::now())?;
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
    pub(super) fn begin(&mut self, request: &Rc<Request>, since: Instant) -> Result<()> {
        self.request.clone_from(request);
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
                Phase::Body { .. } if self.allowance == 0 => return Ok(None),
                Phase::Body { left } => at_most(left.min(self.allowance), scratch.len()),
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
                    self.allowance = self.allowance.saturating_sub(read as u64);
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
        match self.phase {
            Phase::Body { .. } => self.wire.drain(buffer),
            _ => self.wire.read(buffer),
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
                Phase::SendingBody { .. } if self.allowance == 0 => return Ok(()),
                Phase::SendingBody { left } => {
                    let next = at_most(left.min(self.allowance), BODY.len());
                    let sent = self.wire.write(&BODY[..next])? as u64;
                    self.allowance = self.allowance.saturating_sub(sent);
                    Phase::SendingBody { left: left - sent }
                }
                Phase::Idle | Phase::Head | Phase::Body { .. } | Phase::Chunks(_) => return Ok(()),
            };
        }
    }
}

fn at_most(wanted: u64, most: usize) -> usize {
    usize::try_from(wanted).map_or(most, |wanted| wanted.min(most))
}

/// More than any head of an answer here.
const HEAD: usize = 4 << 10;

/// A body is this, again and again.
static BODY: [u8; 256 << 10] = [0; 256 << 10];
