//! HTTP/1.1 as a client speaks it, one exchange at a time (RFC 9112).
//!
//! hyper's client runs each connection in a task of its own, to which requests go by one channel and
//! from which bodies come by another. Here the task that serves the caller speaks with the origin server
//! as well: no other task has to be woken for it, and one piece of a body is held at most. What is read
//! is judged more strictly than by hyper, since it is to be written on.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, Request, Response};
use http_body::SizeHint;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::Outgoing;
use crate::metrics::OpenConnection;

mod chunked;
mod early;
mod framing;
mod head;
mod room;
mod share;
mod upload;

pub(super) use self::early::Early;
use self::framing::{Decoded, Framing};
use self::share::Share;
pub(crate) use self::share::share;
use self::upload::Sending;

/// A connection to an origin server that one exchange at a time has to itself.
pub(crate) struct Connection {
    stream: Box<dyn Stream>,
    /// What was read and not yet used.
    input: BytesMut,
    /// For how much there is room at the next read, where nobody says how much comes.
    room: usize,
    sending: Sending,
    /// Room for the fields of the answer: what those of the request took.
    fields: HeaderMap,
    /// Where the answer's body ends, once its head came.
    framing: Framing,
    /// Its part of what bodies may take, while one comes that takes more than a head does.
    share: Option<Share>,
    /// Another exchange may follow.
    persists: bool,
    /// Something of an answer came.
    answers: bool,
    /// What the body's next piece fails with.
    fault: Option<Fault>,
    _open: OpenConnection,
}

/// What such a connection is made of.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// Why there is no answer, or no more of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The connection broke.
    #[error("the connection broke")]
    Broke(#[source] io::Error),
    /// The connection ended too early.
    #[error("the connection ended")]
    Ended,
    /// What came is no HTTP.
    #[error("no HTTP: {0}")]
    Malformed(&'static str),
    /// What came is HTTP, and could be read in two ways.
    #[error("no sound HTTP: {0}")]
    Unsound(&'static str),
    /// The request's body failed.
    #[error("the request's body failed")]
    Body,
}

impl Connection {
    pub(super) fn new(stream: Box<dyn Stream>, open: OpenConnection) -> Self {
        Self {
            stream,
            input: BytesMut::new(),
            room: ROOM_OF_A_HEAD,
            sending: Sending::new(),
            fields: HeaderMap::new(),
            framing: Framing::Length(0),
            share: None,
            persists: true,
            answers: false,
            fault: None,
            _open: open,
        }
    }

    /// Whether nothing came since the last answer: neither its end, nor what nobody asked for. TLS may
    /// have had something to say to itself.
    pub(super) fn is_quiet(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        self.input.is_empty() && pin!(self.stream.read_u8()).poll(&mut cx).is_pending()
    }

    /// Sends `request` and reads up to the end of the answer's head; 1xx are passed over.
    ///
    /// Before a small answer is given on, whoever else has something to do goes first: it is written next,
    /// and wakes the caller, as a request wakes the origin server (`Pool::lease`).
    pub(super) async fn send(&mut self, request: Request<Outgoing>) -> Result<Response<()>, Fault> {
        let method = request.method().clone();
        (self.persists, self.answers) = (false, false);
        self.fields = self.sending.begin(request);
        self.fields.clear();
        let response = poll_fn(|cx| self.poll_head(&method, cx)).await?;
        if self.holds_a_small_rest() {
            self.leave_room_behind();
            tokio::task::yield_now().await;
        }
        Ok(response)
    }

    /// Whether nothing of the answer is still to come, and little to be given on.
    fn holds_a_small_rest(&self) -> bool {
        let here = self.input.len();
        here <= room::LEAST && matches!(self.framing, Framing::Length(left) if left <= here as u64)
    }

    /// Whether something of an answer came.
    pub(super) fn has_answered(&self) -> bool {
        self.answers
    }

    /// Whether all of the request went.
    pub(super) fn has_sent(&self) -> bool {
        self.sending.is_done()
    }

    /// Whether another exchange may follow.
    pub(super) fn is_reusable(&self) -> bool {
        self.persists && self.is_ended() && self.has_sent() && self.input.is_empty()
    }

    /// Puts it aside until the next exchange.
    pub(super) fn rest(&mut self) {
        self.share = None;
        // The end of a chunked body came behind all that was given on.
        if self.input.capacity() > 0 {
            self.leave_room();
        }
    }

    /// Says goodbye.
    pub(super) async fn close(mut self) {
        let _ = self.stream.shutdown().await;
    }

    pub(super) fn is_ended(&self) -> bool {
        self.framing.is_ended()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        match self.framing {
            Framing::Length(left) => SizeHint::with_exact(left),
            Framing::Chunked(_) | Framing::UntilClose => SizeHint::default(),
        }
    }

    /// The next piece of the answer's body.
    pub(super) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        if let Some(fault) = self.fault.take() {
            return Poll::Ready(Some(Err(fault)));
        }
        ready!(self.poll_piece(cx)).transpose().map_or_else(
            |fault| {
                // What came before it should reach the caller before it: whoever asks has a turn to
                // pass that on.
                self.fault = Some(fault);
                cx.waker().wake_by_ref();
                Poll::Pending
            },
            |data| Poll::Ready(data.map(Ok)),
        )
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        loop {
            self.poll_sending(cx)?;
            match self.framing.decode(&mut self.input).map_err(Fault::Malformed)? {
                Decoded::Data(data) => {
                    self.leave_room();
                    return Poll::Ready(Some(Ok(data)));
                }
                Decoded::End => return Poll::Ready(None),
                Decoded::More => {}
            }
            match (ready!(self.poll_read(cx)), &self.framing) {
                (Ok(()), _) => {}
                (Err(Fault::Ended), Framing::UntilClose) => {
                    self.framing = Framing::Length(0);
                    return Poll::Ready(None);
                }
                (Err(fault), _) => return Poll::Ready(Some(Err(fault))),
            }
        }
    }

    fn poll_head(
        &mut self,
        method: &Method,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Response<()>, Fault>> {
        loop {
            self.poll_sending(cx)?;
            if !self.input.is_empty()
                && let Some(mut response) =
                    head::parse(&mut self.input, &mut self.fields).map_err(Fault::Malformed)?
            {
                self.leave_room();
                if is_interim(&response) {
                    continue;
                }
                self.framing = head::framing(&mut response, method).map_err(Fault::Unsound)?;
                self.persists = head::persists(&response, &self.framing);
                let is_small = matches!(self.framing, Framing::Length(left) if left < SMALL);
                self.share = (!is_small).then(Share::take);
                return Poll::Ready(Ok(response));
            }
            ready!(self.poll_read(cx))?;
            self.answers = true;
        }
    }

    /// Sends what can be sent. That the connection breaks is left to the next read to tell: an answer
    /// may have come before.
    fn poll_sending(&mut self, cx: &mut Context<'_>) -> Result<(), Fault> {
        if self.sending.is_done() {
            return Ok(());
        }
        match self.sending.poll(&mut *self.stream, cx) {
            Poll::Ready(Err(Fault::Broke(_))) | Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
            Poll::Ready(Err(fault)) => Err(fault),
        }
    }

    /// Leaves the room of what was read to others, once nothing of it is left here.
    fn leave_room(&mut self) {
        if self.input.is_empty() {
            room::give_back(std::mem::take(&mut self.input));
        }
    }

    /// Leaves to others what room there is behind what was read.
    fn leave_room_behind(&mut self) {
        // With nothing in it, it was left as a whole.
        if !self.input.is_empty() {
            room::give_back(self.input.split_off(self.input.len()));
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        let most = self.share.as_ref().map_or(ROOM_OF_A_HEAD, |_| Share::size());
        let room = match self.framing {
            Framing::Length(1..) => most,
            _ => self.room.min(most),
        };
        if self.input.is_empty() {
            self.input = room::take(room);
        } else if self.input.capacity() - self.input.len() < room::LEAST {
            self.input.reserve(room);
        }
        let free = self.input.capacity() - self.input.len();
        let read = pin!(self.stream.read_buf(&mut self.input)).poll(cx);
        if read.is_pending() {
            self.leave_room();
        }
        match ready!(read) {
            Ok(0) => Poll::Ready(Err(Fault::Ended)),
            Ok(count) => {
                if count == free {
                    self.room = (2 * self.room).min(share::MOST);
                }
                Poll::Ready(Ok(()))
            }
            Err(error) => Poll::Ready(Err(Fault::Broke(error))),
        }
    }
}

/// An answer before the answer, which no caller waits for (RFC 9110, section 15.2). 101 is none: after
/// it comes no other.
fn is_interim(response: &Response<()>) -> bool {
    response.status().is_informational() && response.status().as_u16() != 101
}

/// For a head and all of a body that is small.
const ROOM_OF_A_HEAD: usize = SMALL as usize;

/// A body that comes with its head, or soon after.
const SMALL: u64 = 64 << 10;

#[cfg(test)]
mod tests;
