//! An answer's body on its way to the caller.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Version;
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::error::Blame;
use crate::origin::{Incoming, Lease};
use crate::patience::Patience;
use crate::record::Record;
use crate::rewrite::{Broken, Rewriter};
use crate::server::Conn;

mod kept;
mod recorded;

use self::kept::Kept;
pub(crate) use self::recorded::recorded;

/// What the caller is given. Ends the transaction's record when it ends, whichever way.
pub(crate) struct Body {
    source: Source,
    record: Option<Record>,
}

enum Source {
    Whole(Whole),
    Origin(OriginBody),
    /// The same, whose end waits for the record.
    Kept(Box<Kept>),
}

struct Whole {
    bytes: Option<Bytes>,
    /// They were given, and hyper may hold them until the caller takes them.
    owed: bool,
}

struct OriginBody {
    incoming: Incoming,
    lease: Option<Lease>,
    rewriter: Option<Box<Rewriter>>,
    /// What is told once all is given that the rewriter held.
    failure: Option<BodyError>,
    patience: Patience,
    conn: Rc<Conn>,
    /// A frame was given and the next one not yet asked for: it is the caller's turn.
    owed: bool,
    ended: bool,
}

/// What comes with an origin server's body: its connection, and what becomes of the body.
pub(crate) struct Answer {
    pub(crate) lease: Lease,
    pub(crate) rewriter: Option<Box<Rewriter>>,
    /// Stands in for a body that is empty.
    pub(crate) instead: Option<Bytes>,
}

/// Why a body broke off. hyper then ends the connection or stream in a way that callers can tell from
/// a clean end.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum BodyError {
    /// The origin server broke off.
    #[error("the origin server broke off")]
    BrokeOff,
    /// The origin server stopped sending.
    #[error("the origin server stopped sending")]
    Late,
    /// No record of it could be kept.
    #[error("no record of the access could be kept")]
    Unrecorded,
}

impl BodyError {
    fn blame(self) -> Blame {
        match self {
            Self::BrokeOff | Self::Late => Blame::Origin,
            Self::Unrecorded => Blame::Gateway,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::BrokeOff => "origin-broke-off",
            Self::Late => "origin-late",
            Self::Unrecorded => "audit-unavailable",
        }
    }
}

impl Body {
    /// One of our own making.
    pub(crate) fn whole(bytes: Bytes, record: Option<Record>) -> Self {
        let bytes = Some(bytes).filter(|bytes| !bytes.is_empty());
        Self { source: Source::Whole(Whole { bytes, owed: false }), record }
    }

    /// The origin server's. `version` is the caller's.
    pub(crate) fn origin(
        mut incoming: Incoming,
        Answer { lease, rewriter, instead }: Answer,
        (conn, version): (Rc<Conn>, Version),
        record: Record,
    ) -> Self {
        if let Some(bytes) = instead {
            if incoming.is_end_stream() {
                lease.release(&mut incoming);
            }
            return Self::whole(bytes, Some(record));
        }
        if version == Version::HTTP_10 {
            conn.ends_an_answer();
        }
        let origin = OriginBody {
            incoming,
            patience: Patience::new(lease.spec().body_timeout),
            lease: Some(lease),
            rewriter,
            failure: None,
            conn,
            owed: false,
            ended: false,
        };
        let source = if record.waits_for_the_disk() {
            Source::Kept(Box::new(Kept::new(origin)))
        } else {
            Source::Origin(origin)
        };
        Self { source, record: Some(record) }
    }
}

impl Whole {
    /// Until the body is dropped it is the caller's turn: it may leave no window for the bytes.
    fn give(&mut self, record: Option<&Record>) -> Option<Bytes> {
        let bytes = self.bytes.take()?;
        if let Some(record) = record {
            self.owed = true;
            record.conn().owes(true);
        }
        Some(bytes)
    }

    fn left(&self) -> u64 {
        self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)
    }
}

impl OriginBody {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.rewriter.is_some() { self.poll_rewritten(cx) } else { self.poll_origin(cx) }
    }

    fn poll_origin(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.turn(false);
        loop {
            return match Pin::new(&mut self.incoming).poll_frame(cx) {
                // They could say what the head may not.
                Poll::Ready(Some(Ok(trailers))) if trailers.is_trailers() => continue,
                Poll::Ready(Some(Ok(frame))) => {
                    self.patience.renew();
                    self.turn(true);
                    Poll::Ready(Some(Ok(frame)))
                }
                Poll::Ready(Some(Err(_))) => Poll::Ready(Some(Err(BodyError::BrokeOff))),
                Poll::Ready(None) => {
                    if self.rewriter.is_none() {
                        self.end();
                    }
                    Poll::Ready(None)
                }
                Poll::Pending => self.patience.poll_end(cx).map(|()| Some(Err(BodyError::Late))),
            };
        }
    }

    /// The origin server is asked for more once nothing is left of what it sent.
    fn poll_rewritten(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            let Some(rewriter) = &mut self.rewriter else { return Poll::Ready(None) };
            match rewriter.next() {
                Ok(Some(bytes)) => {
                    self.turn(true);
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Ok(None) if !rewriter.is_done() => {}
                Ok(None) => {
                    self.turn(false);
                    if self.failure.is_none() {
                        self.end();
                    }
                    return Poll::Ready(self.failure.map(Err));
                }
                Err(Broken) => return Poll::Ready(Some(Err(BodyError::BrokeOff))),
            }
            let frame = ready!(self.poll_origin(cx));
            let Some(rewriter) = &mut self.rewriter else { return Poll::Ready(None) };
            match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => rewriter.push(data),
                Some(Ok(Err(_trailers))) => {}
                Some(Err(error)) => {
                    self.failure = Some(error);
                    rewriter.break_off();
                }
                None => rewriter.finish(),
            }
        }
    }

    fn turn(&mut self, owed: bool) {
        if self.owed != owed {
            self.owed = owed;
            self.conn.owes(owed);
        }
    }

    /// The connection is free for the next request.
    fn end(&mut self) {
        self.ended = true;
        if let Some(lease) = self.lease.take() {
            lease.release(&mut self.incoming);
        }
    }

    fn is_ended(&self) -> bool {
        // What a rewriter holds comes after all that the origin server sent.
        self.ended || self.rewriter.is_none() && self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        match self.rewriter {
            Some(_) => SizeHint::default(),
            None => self.incoming.size_hint(),
        }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let frame = match &mut this.source {
            Source::Whole(whole) => {
                let bytes = whole.give(this.record.as_ref());
                Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
            }
            Source::Origin(origin) => origin.poll(cx),
            Source::Kept(kept) => match &mut this.record {
                Some(record) => kept.poll(cx, record),
                None => kept.origin.poll(cx),
            },
        };
        match (&frame, &mut this.record) {
            (Poll::Ready(Some(Ok(frame))), Some(record)) => {
                record.sent += frame.data_ref().map_or(0, |data| data.len() as u64);
            }
            (Poll::Ready(Some(Err(error))), Some(record)) => {
                record.broke_off(error.blame(), error.code());
            }
            (Poll::Ready(None), Some(record)) => {
                record.whole();
                record.conn().answer_is_whole();
            }
            _ => {}
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Whole(whole) => whole.bytes.is_none(),
            Source::Origin(origin) => origin.is_ended(),
            Source::Kept(kept) => kept.is_ended(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Whole(whole) => SizeHint::with_exact(whole.left()),
            Source::Origin(origin) => origin.size_hint(),
            Source::Kept(kept) => kept.size_hint(),
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        // hyper does not ask again after the last byte of a body whose length it knows.
        let is_end = self.is_end_stream();
        if let Some(record) = self.record.as_mut().filter(|_| is_end) {
            record.whole();
        }
        let origin = match &mut self.source {
            Source::Whole(whole) => {
                if let Some(record) = self.record.as_ref().filter(|_| whole.owed) {
                    record.conn().owes(false);
                }
                return;
            }
            Source::Origin(origin) => origin,
            Source::Kept(kept) => &mut kept.origin,
        };
        origin.turn(false);
        if origin.is_ended() {
            origin.end();
        }
        if is_end {
            origin.conn.answer_is_whole();
        }
    }
}
