//! An answer of the origin server's whose end waits until the record of the access is on the disk.
//!
//! Nobody can tell the last frame of a body without a length from the others until the next one comes,
//! or none. So such a body is one frame behind.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::{BodyError, OriginBody};
use crate::record::{Keeping, Record};

pub(super) struct Kept {
    pub(super) origin: OriginBody,
    /// What came last, and is not yet given.
    held: Option<Bytes>,
    stage: Stage,
}

enum Stage {
    /// More may come.
    Open,
    /// All came that will, and the record is on its way; then the body ends, or fails with this.
    Keeping(Option<Keeping>, Option<BodyError>),
    /// The record is kept, and the failure told.
    Over,
}

impl Kept {
    pub(super) fn new(origin: OriginBody) -> Self {
        Self { origin, held: None, stage: Stage::Open }
    }

    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        record: &mut Record,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            match &mut self.stage {
                Stage::Open => {
                    if let Some(data) = ready!(self.poll_open(cx, record)) {
                        self.origin.turn(true);
                        return Poll::Ready(Some(Ok(Frame::data(data))));
                    }
                }
                Stage::Keeping(keeping, failure) => {
                    if let Some(keeping) = keeping
                        && !ready!(keeping.as_mut().poll(cx))
                    {
                        failure.get_or_insert(BodyError::Unrecorded);
                    }
                    let failure = failure.take();
                    self.stage = Stage::Over;
                    if let Some(failure) = failure {
                        return Poll::Ready(Some(Err(failure)));
                    }
                }
                Stage::Over => {
                    let Some(last) = self.held.take() else {
                        self.origin.turn(false);
                        // Where a body is as long as was promised, its end may still have to come.
                        let is_ended = self.origin.is_ended();
                        return if is_ended { Poll::Ready(None) } else { self.origin.poll(cx) };
                    };
                    self.origin.turn(true);
                    return Poll::Ready(Some(Ok(Frame::data(last))));
                }
            }
        }
    }

    /// The next frame that need not wait, if one came.
    fn poll_open(&mut self, cx: &mut Context<'_>, record: &mut Record) -> Poll<Option<Bytes>> {
        match ready!(self.origin.poll(cx)).map(|frame| frame.map(Frame::into_data)) {
            Some(Ok(Ok(data))) => {
                let before = self.held.replace(data);
                let left = self.origin.size_hint().exact();
                if self.origin.is_ended() || left == Some(0) {
                    self.keep(record, before.as_ref());
                    return Poll::Ready(before);
                }
                // Where a length tells that more is to come, nothing has to be held.
                return Poll::Ready(if left.is_some() { self.held.take() } else { before });
            }
            Some(Ok(Err(_trailers))) => {}
            Some(Err(error)) => {
                self.held = None;
                record.broke_off(error.blame(), error.code());
                self.keep(record, None);
                if let Stage::Keeping(_, failure) = &mut self.stage {
                    *failure = Some(error);
                }
            }
            None => self.keep(record, None),
        }
        Poll::Ready(None)
    }

    /// Has the record kept; `before` and what is held are all that is still to be given.
    fn keep(&mut self, record: &mut Record, before: Option<&Bytes>) {
        self.origin.turn(false);
        let last = before.map_or(0, Bytes::len) + self.held.as_ref().map_or(0, Bytes::len);
        self.stage = Stage::Keeping(record.keep(last as u64), None);
    }

    pub(super) fn is_ended(&self) -> bool {
        matches!(self.stage, Stage::Over) && self.held.is_none() && self.origin.is_ended()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        let held = self.held.as_ref().map_or(0, |held| held.len() as u64);
        match self.origin.size_hint().exact() {
            Some(rest) => SizeHint::with_exact(rest + held),
            None => SizeHint::default(),
        }
    }
}
