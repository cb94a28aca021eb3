//! What is refused at the door, and what the caller is told of it.

use super::{Allowed, Answer, BAD_REQUEST, Blame, DENIED, METHODS, answer};

/// Why a request is none that a gateway may pass on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    /// Not exactly one sound `Host` (RFC 9112, section 3.2).
    Host,
    /// A host that is not ours (RFC 9110, section 7.4).
    Misdirected,
    /// A target that is not canonical: dot segments, encoded slashes, and the like.
    Target,
    /// A parameter that asks for another method.
    Parameter,
    /// A header field name with an underscore, or one that may not stand there.
    Field,
    /// A body on a method that has none in DICOMweb.
    Body,
    /// A transfer coding other than chunked alone.
    TransferCoding,
    /// An expectation other than 100-continue.
    Expectation,
    /// A target that is over the ceiling by itself.
    TargetTooLong,
    /// A head over the ceiling.
    HeadTooLarge,
    /// A method that must not pass: TRACE would show the caller our token.
    Method,
    /// A method that nobody knows.
    UnknownMethod,
    /// The request has been here before (RFC 9110, section 7.6.3).
    Loop,
    /// A WebSocket's key that is none (RFC 6455, section 4.2.1).
    Handshake,
    /// A WebSocket of another version than the standard's.
    WebSocketVersion,
    /// A proxy asks about a request that it does not describe exactly once.
    Description,
}

impl Refusal {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Misdirected => "misdirected",
            Self::Target => "target",
            Self::Field => "field",
            Self::Parameter => "parameter",
            Self::Body => "body",
            Self::TransferCoding => "transfer-coding",
            Self::Expectation => "expectation",
            Self::TargetTooLong => "target-too-long",
            Self::HeadTooLarge => "head-too-large",
            Self::Method => "method",
            Self::UnknownMethod => "unknown-method",
            Self::Loop => "loop",
            Self::Handshake => "handshake",
            Self::WebSocketVersion => "websocket-version",
            Self::Description => "description",
        }
    }

    pub(super) fn answer(self) -> Answer {
        let (status, title) = match self {
            Self::Host => (400, "The request has not exactly one sound Host"),
            Self::Misdirected => (421, "The gateway does not answer for this host"),
            Self::Target => (400, "The request's target is not canonical"),
            Self::Field => (400, "A header field may not stand there"),
            Self::Parameter => (400, "A parameter of the query may not stand there"),
            Self::Body => (400, "This method has no body in DICOMweb"),
            Self::TransferCoding => (501, "Only the chunked transfer coding is known"),
            Self::Expectation => (417, "Only 100-continue can be expected"),
            Self::TargetTooLong => (414, "The request's target is too long"),
            Self::HeadTooLarge => (431, "The request's head is too large"),
            Self::Method => (405, "The method must not pass a gateway"),
            Self::UnknownMethod => (501, "The method is not known"),
            Self::Loop => (508, "The request has been here before"),
            Self::Handshake => (400, "The WebSocket's handshake is not sound"),
            Self::WebSocketVersion => (426, "WebSockets have version 13"),
            Self::Description => (400, "The request to forward is not described exactly once"),
        };
        let proxy_error = match self {
            Self::Loop => "proxy_loop_detected",
            Self::Misdirected | Self::Method | Self::UnknownMethod => DENIED,
            _ => BAD_REQUEST,
        };
        let blame = if self == Self::Loop { Blame::Gateway } else { Blame::Caller };
        let allow = (self == Self::Method).then_some(Allowed(METHODS));
        Answer { allow, ..answer(status, blame, self.code(), title, proxy_error) }
    }
}
