//! A caller that nobody knows, and what it is told (RFC 6750, section 3; RFC 7617).

use std::time::Duration;

use config::CallerKind;
use http::HeaderValue;

use crate::metrics::TOO_OFTEN;

/// A caller that did not prove who it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stranger {
    /// What was wrong.
    pub why: Why,
    /// How it could prove it.
    pub accepted: Accepted,
}

/// What was wrong with a caller's proof. Texts are of a closed list: they hold nothing of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Why {
    /// There was none.
    Nothing,
    /// There was more than one, or one where none may stand.
    Ambiguous,
    /// The access token is not good, in these words.
    Token(&'static str),
    /// The access token is good, and has none of the scopes and roles that the route wants.
    Scope,
    /// The key is not known.
    Key,
    /// The key was good until some day.
    KeyEnded,
    /// The certificate is not good, in these words.
    Certificate(&'static str),
    /// This address failed too often, and has to wait.
    TooOften(Duration),
    /// Nobody can tell now: the issuer gives no keys.
    Undecided,
    /// Nobody can tell now: too many passwords wait to be tried.
    Busy,
}

/// The kinds of credentials for `Authorization` that a route takes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Accepted {
    /// Access tokens.
    pub bearer: bool,
    /// Keys.
    pub keys: bool,
    /// Keys as passwords, from whoever sent the request.
    pub passwords: bool,
}

impl Why {
    /// What was wrong, for the log.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Nothing => "no credential",
            Self::Ambiguous => "more than one credential, or one in the query",
            Self::Token(reason) | Self::Certificate(reason) => reason,
            Self::Scope => "no scope or role that the route wants",
            Self::Key => "no such key",
            Self::KeyEnded => "the key has expired",
            Self::TooOften(_) => "too many failed attempts from this address",
            Self::Undecided => "the issuer gives no keys",
            Self::Busy => "too many passwords wait to be tried",
        }
    }

    /// What kind of failed attempt this is in the metrics, if it is one.
    pub(crate) fn failed_kind(self) -> Option<&'static str> {
        match self {
            Self::Token(_) => Some(CallerKind::Bearer.name()),
            Self::Key | Self::KeyEnded => Some(CallerKind::ApiKey.name()),
            Self::Certificate(_) => Some(CallerKind::Certificate.name()),
            Self::TooOften(_) => Some(TOO_OFTEN),
            Self::Nothing | Self::Ambiguous | Self::Scope | Self::Undecided | Self::Busy => None,
        }
    }
}

impl Stranger {
    /// The values of `WWW-Authenticate`; none where no other credential would help.
    pub(crate) fn challenges(self) -> impl Iterator<Item = HeaderValue> {
        let bearer = match self.why {
            Why::Nothing | Why::Key | Why::KeyEnded | Why::Certificate(_) => Some(BEARER),
            Why::Token(_) => Some(INVALID_TOKEN),
            Why::Scope => Some(INSUFFICIENT_SCOPE),
            Why::Ambiguous => Some(INVALID_REQUEST),
            Why::TooOften(_) | Why::Undecided | Why::Busy => None,
        };
        let basic = bearer.is_some() && !matches!(self.why, Why::Scope | Why::Ambiguous);
        let takes_bearer = self.accepted.bearer || self.accepted.keys;
        let bearer = bearer.filter(|_| takes_bearer);
        let basic = (basic && self.accepted.passwords).then_some(BASIC);
        bearer.into_iter().chain(basic).map(HeaderValue::from_static)
    }
}

const BEARER: &str = r#"Bearer realm="dicom-gateway""#;
const INVALID_TOKEN: &str = r#"Bearer realm="dicom-gateway", error="invalid_token""#;
const INSUFFICIENT_SCOPE: &str = r#"Bearer realm="dicom-gateway", error="insufficient_scope""#;
const INVALID_REQUEST: &str = r#"Bearer realm="dicom-gateway", error="invalid_request""#;
const BASIC: &str = r#"Basic realm="dicom-gateway", charset="UTF-8""#;
