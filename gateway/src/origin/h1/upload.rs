//! A request on its way out: its head, and the pieces of its body one by one.

use std::io::{self, Cursor, IoSlice, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::{HeaderMap, Request};
use http_body::Body;

use super::{Fault, Stream, head};
use crate::origin::Outgoing;

/// How a body follows its head.
#[derive(Clone, Copy, Debug)]
pub(super) enum Coding {
    /// There is none.
    Nothing,
    /// So many bytes of it, or of what is left of it.
    Length(u64),
    /// In chunks.
    Chunked,
}

/// What is written, in this order, and what comes after.
pub(super) struct Sending {
    /// A head, or a chunk's size, or both. Its room is used again and again.
    text: Cursor<Vec<u8>>,
    data: Bytes,
    end: &'static [u8],
    body: Outgoing,
    coding: Coding,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// More of the body may come.
    Open,
    /// All came, and has to be written.
    Last,
    /// All went.
    Done,
}

impl Sending {
    pub(super) fn new() -> Self {
        Self {
            text: Cursor::default(),
            data: Bytes::new(),
            end: b"",
            body: Outgoing::Empty,
            coding: Coding::Nothing,
            stage: Stage::Done,
        }
    }

    /// Begins with `request`, whose fields are no longer needed then.
    pub(super) fn begin(&mut self, request: Request<Outgoing>) -> HeaderMap {
        let text = self.text.get_mut();
        text.reserve(HEAD_USUAL);
        self.coding = head::write(&request, text);
        let (head, body) = request.into_parts();
        self.body = body;
        self.stage = if self.body.is_end_stream() { Stage::Last } else { Stage::Open };
        head.headers
    }

    pub(super) fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    /// Ready when all of the request went, or none of it will go any more.
    pub(super) fn poll(
        &mut self,
        stream: &mut dyn Stream,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Fault>> {
        loop {
            // The first piece of a body goes with the head, if it is there.
            if self.stage == Stage::Open && self.data.is_empty() && self.end.is_empty() {
                let polled = self.poll_body(cx)?;
                if polled.is_pending() && !self.text.has_remaining() {
                    let _ = Pin::new(&mut *stream).poll_flush(cx).map_err(Fault::Broke)?;
                    return Poll::Pending;
                }
            }
            while self.is_left() {
                ready!(self.poll_write(stream, cx)).map_err(Fault::Broke)?;
            }
            self.text.get_mut().clear();
            self.text.set_position(0);
            if self.stage == Stage::Last {
                ready!(Pin::new(&mut *stream).poll_flush(cx)).map_err(Fault::Broke)?;
                self.stage = Stage::Done;
                self.body = Outgoing::Empty;
            }
            if self.stage == Stage::Done {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Takes the next piece of the body, which is framed here, or its end.
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let frame = frame.transpose().map_err(|_| Fault::Body)?;
        let data = frame.and_then(|frame| frame.into_data().ok());
        let is_last = data.is_none() || self.body.is_end_stream();
        let data = data.unwrap_or_default();
        match &mut self.coding {
            Coding::Nothing | Coding::Length(_) if data.is_empty() => {}
            Coding::Nothing => return Poll::Ready(Err(Fault::Body)),
            Coding::Length(left) => {
                *left = left.checked_sub(data.len() as u64).ok_or(Fault::Body)?;
            }
            Coding::Chunked => {
                if !data.is_empty() {
                    // Room grows: it cannot fail.
                    let _ = write!(self.text.get_mut(), "{:x}\r\n", data.len());
                }
                self.end = match (data.is_empty(), is_last) {
                    (false, false) => b"\r\n",
                    (false, true) => b"\r\n0\r\n\r\n",
                    (true, true) => b"0\r\n\r\n",
                    (true, false) => b"",
                };
            }
        }
        self.data = data;
        if is_last {
            if matches!(self.coding, Coding::Length(1..)) {
                return Poll::Ready(Err(Fault::Body));
            }
            self.stage = Stage::Last;
        }
        Poll::Ready(Ok(()))
    }

    fn is_left(&self) -> bool {
        self.text.has_remaining() || !self.data.is_empty() || !self.end.is_empty()
    }

    fn poll_write(
        &mut self,
        stream: &mut dyn Stream,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let stream = Pin::new(stream);
        let mut written = ready!(if self.data.is_empty() && self.end.is_empty() {
            stream.poll_write(cx, self.text.chunk())
        } else {
            let slices = [self.text.chunk(), &*self.data, self.end].map(IoSlice::new);
            stream.poll_write_vectored(cx, &slices)
        })?;
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        for part in [&mut self.text as &mut dyn Buf, &mut self.data, &mut self.end] {
            let count = part.remaining().min(written);
            part.advance(count);
            written -= count;
        }
        Poll::Ready(Ok(()))
    }
}

/// A token, and some two hundred bytes beside it.
const HEAD_USUAL: usize = 4 << 10;
