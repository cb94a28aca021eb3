//! A caller's connection, whatever it speaks.

use std::net::TcpStream;
use std::rc::Rc;
use std::time::Instant;

use super::request::Request;
use super::{Target, http1, http2};
use crate::Result;
use crate::case::Manner;

pub(super) enum Caller {
    Http1(http1::Connection),
    Http2(http2::Connection),
}

impl Caller {
    pub(super) fn open(target: &Target, manner: Manner, request: &Rc<Request>) -> Result<Self> {
        Ok(match manner {
            Manner::Http2 => Self::Http2(http2::Connection::open(target)?),
            Manner::Steady | Manner::Halting | Manner::Fresh => {
                Self::Http1(http1::Connection::open(target, request)?)
            }
        })
    }

    pub(super) fn socket(&self) -> &TcpStream {
        match self {
            Self::Http1(connection) => connection.socket(),
            Self::Http2(connection) => connection.socket(),
        }
    }

    /// Starts another request; its time counts from `since`.
    pub(super) fn begin(&mut self, request: &Rc<Request>, since: Instant) -> Result<()> {
        match self {
            Self::Http1(connection) => connection.begin(request, since),
            Self::Http2(connection) => connection.begin(request, since),
        }
    }

    /// Goes on as far as the socket allows; adds to `done` since when, for each answer that is whole.
    pub(super) fn progress(&mut self, scratch: &mut [u8], done: &mut Vec<Instant>) -> Result<()> {
        match self {
            Self::Http1(connection) => done.extend(connection.progress(scratch)?),
            Self::Http2(connection) => connection.progress(scratch, done)?,
        }
        Ok(())
    }

    /// Lets so much of bodies pass from now on, and no more.
    pub(super) fn allow(&mut self, allowance: u64) {
        if let Self::Http1(connection) = self {
            connection.allow(allowance);
        }
    }
}
