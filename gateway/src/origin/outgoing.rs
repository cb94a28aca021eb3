//! A request's body on its way from the caller to the origin server.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::error::Error;
use crate::patience::Patience;

/// The body of a request to the origin server. Passes data on frame by frame and holds none; drops
/// trailers, which no DICOMweb transaction has.
pub(crate) enum Outgoing {
    /// There is none.
    Empty,
    /// The caller's.
    Caller(Box<CallerBody>),
}

/// How far a caller's body has come; shared with whoever waits for the origin server's answer.
#[derive(Debug)]
pub(crate) struct Upload {
    received: Cell<u64>,
    fault: Cell<Option<BodyFault>>,
    stage: Cell<Stage>,
    moved: Cell<Instant>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// All of it came.
    Ended,
    /// The origin server is to take what came.
    Origin,
    /// The caller is to send more.
    Caller,
}

/// Why a caller's body did not come whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum BodyFault {
    #[error("the body is over the route's ceiling")]
    TooLarge,
    #[error("the body broke off or is malformed")]
    Broken,
    #[error("the body stopped coming")]
    Late,
}

pub(crate) struct CallerBody {
    incoming: Incoming,
    upload: Rc<Upload>,
    most: u64,
    patience: Patience,
}

impl Outgoing {
    /// `incoming`, whose progress shows in `upload`; it may be `most` bytes long and may stand still
    /// for `timeout`.
    pub(crate) fn caller(
        incoming: Incoming,
        upload: Rc<Upload>,
        most: Option<u64>,
        timeout: Duration,
    ) -> Self {
        let most = most.unwrap_or(u64::MAX);
        let patience = Patience::new(timeout);
        Self::Caller(Box::new(CallerBody { incoming, upload, most, patience }))
    }
}

impl Upload {
    pub(crate) fn new() -> Self {
        Self {
            received: Cell::new(0),
            fault: Cell::new(None),
            stage: Cell::new(Stage::Origin),
            moved: Cell::new(Instant::now()),
        }
    }

    /// Bytes that came from the caller.
    pub(crate) fn received(&self) -> u64 {
        self.received.get()
    }

    /// Why the transaction failed, if it was the body's fault.
    pub(crate) fn fault(&self) -> Option<Error> {
        self.fault.get().map(|fault| match fault {
            BodyFault::TooLarge => Error::BodyTooLarge,
            BodyFault::Broken => Error::BodyBroken,
            BodyFault::Late => Error::BodyLate,
        })
    }

    /// Since when it is the origin server's turn; the caller's pauses are not its fault.
    pub(super) fn moved_at(&self) -> Instant {
        match self.stage.get() {
            Stage::Origin | Stage::Ended => self.moved.get(),
            Stage::Caller => Instant::now(),
        }
    }

    /// Whether all of it came from the caller.
    pub(crate) fn is_ended(&self) -> bool {
        self.stage.get() == Stage::Ended
    }

    fn fail(&self, fault: BodyFault) -> BodyFault {
        self.fault.set(Some(fault));
        fault
    }

    fn turn(&self, stage: Stage) {
        self.stage.set(stage);
        self.moved.set(Instant::now());
    }
}

impl CallerBody {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        loop {
            let frame = match Pin::new(&mut self.incoming).poll_frame(cx) {
                Poll::Ready(frame) => frame,
                Poll::Pending => return self.wait(cx).map(|fault| Some(Err(fault))),
            };
            self.patience.renew();
            self.upload.turn(Stage::Origin);
            match frame.map(|frame| frame.map(Frame::into_data)) {
                None => {
                    self.upload.turn(Stage::Ended);
                    return Poll::Ready(None);
                }
                Some(Err(_)) => return Poll::Ready(Some(Err(self.upload.fail(BodyFault::Broken)))),
                Some(Ok(Err(_trailers))) => {}
                Some(Ok(Ok(data))) => {
                    let received = self.upload.received() + data.len() as u64;
                    self.upload.received.set(received);
                    if self.incoming.is_end_stream() {
                        self.upload.turn(Stage::Ended);
                    }
                    let frame = if received > self.most {
                        Err(self.upload.fail(BodyFault::TooLarge))
                    } else {
                        Ok(Frame::data(data))
                    };
                    return Poll::Ready(Some(frame));
                }
            }
        }
    }

    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<BodyFault> {
        self.upload.turn(Stage::Caller);
        self.patience.poll_end(cx).map(|()| self.upload.fail(BodyFault::Late))
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            Self::Caller(body) => body.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Caller(body) => body.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Caller(body) => body.incoming.size_hint(),
        }
    }
}
