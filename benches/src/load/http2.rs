//! One caller's connection in HTTP/2: several requests at once, and as little of the protocol as GETs
//! need. The peer may send as much as it likes, at any time.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use super::Target;
use super::frames::{
    ACK, DATA, END_HEADERS, END_STREAM, Frame, Frames, HEADERS, PADDED, PING, SETTINGS,
    WINDOW_UPDATE, write,
};
use super::request::Request;
use super::wire::Wire;
use crate::Result;

pub(super) struct Connection {
    wire: Wire,
    frames: Frames,
    /// What has yet to be sent.
    out: Vec<u8>,
    next: u32,
    streams: Vec<Stream>,
    /// Bytes of bodies that came since the peer was last allowed more.
    taken: u32,
}

struct Stream {
    id: u32,
    since: Instant,
}

impl Connection {
    pub(super) fn open(target: &Target) -> Result<Self> {
        let mut out = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        let mut settings = Vec::new();
        for (setting, value) in [(ENABLE_PUSH, 0), (INITIAL_WINDOW_SIZE, WINDOW)] {
            settings.extend_from_slice(&u16::to_be_bytes(setting));
            settings.extend_from_slice(&u32::to_be_bytes(value));
        }
        write(&mut out, [SETTINGS, 0], 0, &settings);
        write(&mut out, [WINDOW_UPDATE, 0], 0, &(WINDOW - FIRST_WINDOW).to_be_bytes());
        let (wire, frames) = (Wire::open(target)?, Frames::default());
        Ok(Self { wire, frames, out, next: 1, streams: Vec::new(), taken: 0 })
    }

    pub(super) fn socket(&self) -> &TcpStream {
        self.wire.socket()
    }

    /// Starts another request; its time counts from `since`.
    pub(super) fn begin(&mut self, request: &Request, since: Instant) -> Result<()> {
        let id = self.next;
        self.next += 2;
        self.streams.push(Stream { id, since });
        write(&mut self.out, [HEADERS, END_HEADERS | END_STREAM], id, &request.head);
        self.send()
    }

    /// Goes on as far as the socket allows; adds to `done` since when, for each answer that is whole.
    pub(super) fn progress(&mut self, scratch: &mut [u8], done: &mut Vec<Instant>) -> Result<()> {
        self.send()?;
        loop {
            let read = match self.wire.read(scratch) {
                Ok(0) => return Err("the connection ended".into()),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            };
            let mut bytes = &scratch[..read];
            while let Some(frame) = self.frames.next(&mut bytes) {
                done.extend(self.take(&frame)?);
            }
        }
        self.send()
    }

    fn take(&mut self, frame: &Frame) -> Result<Option<Instant>> {
        match frame.kind {
            DATA | HEADERS => return self.answer(frame),
            SETTINGS if frame.flags & ACK == 0 => {
                write(&mut self.out, [SETTINGS, ACK], 0, &[]);
            }
            PING if frame.flags & ACK == 0 => {
                write(&mut self.out, [PING, ACK], 0, &frame.payload);
            }
            SETTINGS | PING | WINDOW_UPDATE => {}
            kind => return Err(format!("a frame of type {kind}: {:?}", frame.payload).into()),
        }
        Ok(None)
    }

    fn answer(&mut self, frame: &Frame) -> Result<Option<Instant>> {
        let found = self.streams.iter().position(|stream| stream.id == frame.stream);
        let index = found.ok_or("an answer that nobody asked for")?;
        if frame.flags & PADDED != 0 {
            return Err("a padded frame".into());
        }
        if frame.kind == DATA {
            self.taken += frame.length;
            if self.taken > WINDOW / 2 {
                write(&mut self.out, [WINDOW_UPDATE, 0], 0, &self.taken.to_be_bytes());
                self.taken = 0;
            }
        } else if frame.flags & END_HEADERS == 0 || !is_ok(&frame.payload) {
            return Err("an answer that is not 200".into());
        }
        if frame.flags & END_STREAM == 0 {
            return Ok(None);
        }
        // Whatever its length, since URLs in it may have been replaced: one that broke off ends otherwise.
        Ok(Some(self.streams.swap_remove(index).since))
    }

    fn send(&mut self) -> Result<()> {
        while !self.out.is_empty() {
            match self.wire.write(&self.out) {
                Ok(sent) => drop(self.out.drain(..sent)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// Whether a block of fields begins with the status 200 as all who race write it: as a field of the
/// table that is always there, perhaps after changes of the other table's size (RFC 7541, section 6).
fn is_ok(mut block: &[u8]) -> bool {
    while let [first, rest @ ..] = block
        && first & 0xe0 == 0x20
    {
        let more = rest.iter().take_while(|byte| **byte & 0x80 != 0).count() + 1;
        block = if first & 0x1f == 0x1f { rest.get(more..).unwrap_or_default() } else { rest };
    }
    block.first() == Some(&0x88)
}

/// The largest that there can be (RFC 9113, section 6.9.1), and the one to begin with.
const WINDOW: u32 = (1 << 31) - 1;
const FIRST_WINDOW: u32 = 65_535;

/// RFC 9113, section 6.5.2.
const ENABLE_PUSH: u16 = 2;
const INITIAL_WINDOW_SIZE: u16 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_found_behind_changes_of_the_table() {
        for block in [&[0x88][..], &[0x20, 0x88, 0x76], &[0x3f, 0xe1, 0x1f, 0x88]] {
            assert!(is_ok(block));
        }
        for block in [&[][..], &[0x8d], &[0x20], &[0x3f, 0xe1]] {
            assert!(!is_ok(block));
        }
    }
}
