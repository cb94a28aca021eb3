//! What goes back: bodies made of pieces that the store already holds, sent without copying them,
//! and refusals in the service's manner, which are plain text. A body can be told to end badly,
//! because that is what a gateway has to be tested against.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};

use super::controls::{Bodies, Flight};

/// The body of an answer.
#[derive(Debug, Default)]
pub struct Answer {
    pieces: VecDeque<Bytes>,
    remaining: u64,
    length: Length,
    end: End,
    flight: Option<Flight>,
}

/// Whether the length of a body is told before it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    #[default]
    Told,
    Untold,
}

#[derive(Debug, Default)]
enum End {
    #[default]
    Clean,
    Stalled,
    Aborted(Flushed),
}

#[derive(Debug)]
enum Flushed {
    No,
    Yes,
}

impl Answer {
    pub(super) fn new(pieces: impl IntoIterator<Item = Bytes>, length: Length) -> Self {
        let pieces: VecDeque<_> = pieces.into_iter().filter(|piece| !piece.is_empty()).collect();
        let remaining = pieces.iter().map(|piece| piece.len() as u64).sum();
        Self { pieces, remaining, length, end: End::Clean, flight: None }
    }

    /// This body, ending as `bodies` says and counted as under way until it is dropped.
    pub(super) fn carried(mut self, bodies: Bodies, flight: Flight) -> Self {
        self.flight = Some(flight);
        self.end = match bodies {
            Bodies::Whole => return self,
            _ if self.remaining == 0 => return self,
            Bodies::StalledMidway => End::Stalled,
            Bodies::AbortedMidway => End::Aborted(Flushed::No),
        };
        let mut left = self.remaining / 2;
        for piece in &mut self.pieces {
            piece.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            left -= piece.len() as u64;
        }
        self.pieces.retain(|piece| !piece.is_empty());
        self
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let body = self.get_mut();
        if let Some(first) = body.pieces.front_mut() {
            let chunk = first.split_to(first.len().min(CHUNK));
            if first.is_empty() {
                body.pieces.pop_front();
            }
            body.remaining -= chunk.len() as u64;
            return Poll::Ready(Some(Ok(Frame::data(chunk))));
        }
        match &mut body.end {
            End::Clean => {
                body.flight = None;
                Poll::Ready(None)
            }
            End::Stalled => Poll::Pending,
            // hyper writes out what it holds when a body has nothing to say, not when it fails.
            End::Aborted(flushed @ Flushed::No) => {
                *flushed = Flushed::Yes;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            End::Aborted(Flushed::Yes) => {
                Poll::Ready(Some(Err(io::Error::other("told to break off"))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty() && matches!(self.end, End::Clean)
    }

    fn size_hint(&self) -> SizeHint {
        match self.length {
            Length::Told => SizeHint::with_exact(self.remaining),
            Length::Untold => SizeHint::default(),
        }
    }
}

/// Why a request was not answered as asked.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    text: String,
    field: Option<(HeaderName, HeaderValue)>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), field: None }
    }

    pub(super) fn bad_request(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "There is nothing under this path.")
    }

    pub(super) fn not_acceptable() -> Self {
        Self::new(StatusCode::NOT_ACCEPTABLE, "Nothing that the Accept header admits can be sent.")
    }

    pub(super) fn conflict(text: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, text)
    }

    pub(super) fn unsupported() -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "This media type is not taken here.")
    }

    /// This refusal with one header field more.
    pub(super) fn with(self, name: HeaderName, value: Option<HeaderValue>) -> Self {
        Self { field: value.map(|value| (name, value)), ..self }
    }

    pub(super) fn unauthorized(challenge: HeaderValue) -> Self {
        Self {
            field: Some((WWW_AUTHENTICATE, challenge)),
            ..Self::new(StatusCode::UNAUTHORIZED, "A valid token is needed.")
        }
    }
}

impl From<Refusal> for Response<Answer> {
    fn from(refusal: Refusal) -> Self {
        let mut response = body(refusal.status, "text/plain; charset=utf-8", refusal.text);
        if let Some((name, value)) = refusal.field {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

/// DICOM JSON.
pub(super) fn dicom_json(
    status: StatusCode,
    value: &(impl serde::Serialize + ?Sized),
) -> Response<Answer> {
    body(status, "application/dicom+json", serde_json::to_vec(value).unwrap_or_default())
}

/// JSON that is not DICOM's.
pub(super) fn json(status: StatusCode, value: &serde_json::Value) -> Response<Answer> {
    body(status, "application/json; charset=utf-8", value.to_string())
}

/// `response` with one header field more, unless its value is not one.
pub(super) fn with_field(
    mut response: Response<Answer>,
    name: HeaderName,
    value: &str,
) -> Response<Answer> {
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(name, value);
    }
    response
}

/// A status that says it all.
pub(super) fn bare(status: StatusCode) -> Response<Answer> {
    let mut response = Response::new(Answer::default());
    *response.status_mut() = status;
    response
}

/// A body of known length.
pub(super) fn body(
    status: StatusCode,
    kind: &'static str,
    content: impl Into<Bytes>,
) -> Response<Answer> {
    let mut response = Response::new(Answer::new([content.into()], Length::Told));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

const CHUNK: usize = 64 << 10;
