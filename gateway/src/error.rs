//! Why a transaction failed, who is to blame, and what the caller is told.
//!
//! `Display` and the source chain are for the log; [`Error::answer`] is for the caller, and is made
//! of constants: nothing that an authority, an origin server or a caller said can get into it.

use std::time::Duration;

use http::{HeaderValue, StatusCode};

use crate::caller::{Stranger, Why};
use crate::origin::Lost;
use crate::token::{AcquireError, Held};

mod methods;
mod refusal;

pub(crate) use self::methods::{METHODS, is_known};
pub(crate) use self::refusal::Refusal;

/// Why a transaction failed. Its words go to the log, never to the caller.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Error {
    /// The request is none that a gateway may pass on.
    #[error("the request was refused: {}", .0.code())]
    Refused(Refusal),
    /// No route has this path.
    #[error("no route has this path")]
    NoRoute,
    /// The path names nothing that DICOMweb knows.
    #[error("no DICOMweb transaction has this path")]
    NoTransaction,
    /// The path is known, the method does not go with it.
    #[error("no DICOMweb transaction has this method on this path")]
    WrongMethod(Allowed),
    /// A web page asks that is not listed.
    #[error("a web page of an origin that is not listed asked")]
    ForeignPage,
    /// A proxy asks about a browser's preflight, which has no credential and must get no token.
    #[error("a proxy asked about a preflight")]
    Preflight,
    /// The caller did not prove who it is.
    #[error("the caller is not known: {}", .0.why.reason())]
    Stranger(Stranger),
    /// The principal may not do this.
    #[error("this route does not allow this transaction")]
    NotPermitted,
    /// A field that asserts an emergency and gives no reason that could be recorded.
    #[error("an emergency was asserted without a sound reason")]
    EmergencyMalformed,
    /// The principal may not assert an emergency there.
    #[error("this principal may not assert an emergency on this route")]
    EmergencyNotPermitted,
    /// The emergency of this reason is over.
    #[error("this emergency is over")]
    EmergencyOver,
    /// There are too many emergencies to know which of them are over.
    #[error("too many emergencies were asserted within a day")]
    EmergenciesFull,
    /// Tokens are got on behalf of users, and the caller's credential stands for none.
    #[error("the caller's credential stands for no user")]
    NoUser,
    /// No token came for a user, who can mend it; this tells the caller how.
    #[error("no token could be acquired for the user")]
    UserNeeded(#[source] Held, HeaderValue),
    /// The origin server wants more of the user than the token shows; this tells the caller what.
    #[error("the origin server wants the user to sign in again")]
    StepUp(HeaderValue),
    /// A search that names nothing to match.
    #[error("a search on this route has to name what to match")]
    SearchNeedsKey,
    /// No token came.
    #[error("no token could be acquired")]
    Acquire(#[source] Held),
    /// The request's body is over the ceiling.
    #[error("the request's body is over the route's ceiling")]
    BodyTooLarge,
    /// The request's body broke off or is malformed.
    #[error("the request's body is broken")]
    BodyBroken,
    /// The caller stopped sending.
    #[error("the caller stopped sending its body")]
    BodyLate,
    /// The origin server cannot be reached.
    #[error("the origin server cannot be reached")]
    Unreachable(#[source] ConnectError),
    /// The origin server did not answer in time.
    #[error("the origin server did not answer in time")]
    Late,
    /// The origin server broke off before it answered.
    #[error("the origin server broke off")]
    BrokeOff(#[source] Lost),
    /// The origin server's answer is none that a gateway may pass on.
    #[error("the origin server's answer is no sound HTTP: {0}")]
    Unsound(&'static str),
    /// The origin server refuses our token.
    #[error("the origin server refuses the token")]
    TokenRefused,
    /// No record of the access could be kept.
    #[error("no record of the access could be kept")]
    AuditUnavailable,
    /// A bug.
    #[error("the gateway failed")]
    Panicked,
}

/// Why there is no connection to an origin server. Messages name no host.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ConnectError {
    /// Its name has no address.
    #[error("its name cannot be resolved")]
    Name(#[source] std::io::Error),
    /// Nobody listens, or no way leads there.
    #[error("no connection")]
    Tcp(#[source] std::io::Error),
    /// It is not whom it should be, or speaks no TLS that we do.
    #[error("no TLS")]
    Tls(#[source] std::io::Error),
    /// It took too long.
    #[error("no connection in time")]
    Late,
    /// It speaks no HTTP.
    #[error("no HTTP")]
    Http(#[source] hyper::Error),
}

/// The methods that go with a path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Allowed(pub &'static str);

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Blame {
    /// The caller's.
    Caller,
    /// The gateway's own, or its operator's.
    Gateway,
    /// The authority's.
    Authority,
    /// The origin server's.
    Origin,
}

impl Blame {
    /// All of them, in the order of their declaration.
    pub(crate) const ALL: [Self; 4] = [Self::Caller, Self::Gateway, Self::Authority, Self::Origin];

    /// Its name in logs and metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Gateway => "gateway",
            Self::Authority => "authority",
            Self::Origin => "origin",
        }
    }
}

/// What the caller is told: all constants, but for the wait and the methods.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Answer {
    /// The status.
    pub status: StatusCode,
    /// Whose fault it is.
    pub blame: Blame,
    /// A word of our closed list.
    pub code: &'static str,
    /// What a person may make of it.
    pub title: &'static str,
    /// `error` of `Proxy-Status` (RFC 9209, section 2.3), where it knows one.
    pub proxy_error: &'static str,
    /// `Retry-After`.
    pub retry_after: Option<Duration>,
    /// `Allow`.
    pub allow: Option<Allowed>,
}

impl Error {
    /// What the caller is told, and who is to blame.
    pub(crate) fn answer(&self) -> Answer {
        use Blame::{Caller, Gateway, Origin};
        let (status, blame, code, title, proxy_error) = match self {
            Self::Refused(refusal) => return refusal.answer(),
            Self::NoRoute => (404, Caller, "no-route", "No route has this path", DENIED),
            Self::NoTransaction => {
                (404, Caller, "no-transaction", "The path names no DICOMweb resource", DENIED)
            }
            Self::WrongMethod(_) => {
                (405, Caller, "method", "The method does not go with this resource", DENIED)
            }
            Self::ForeignPage => {
                let title = "No page of this origin may call; the operator has to list it in \
                             cors.origins";
                (403, Caller, "foreign-page", title, DENIED)
            }
            Self::Preflight => {
                let title = "A preflight has no credential; the proxy has to answer it itself";
                (403, Caller, "preflight", title, DENIED)
            }
            Self::Stranger(stranger) => return stranger.answer(),
            Self::NotPermitted => {
                (403, Caller, "not-permitted", "This route does not allow this transaction", DENIED)
            }
            Self::SearchNeedsKey => {
                let title = "A search on this route has to name what to match";
                (403, Caller, "search-needs-key", title, DENIED)
            }
            Self::EmergencyMalformed => {
                let title = "Emergency-Access has to give one reason of 1 to 256 characters, \
                             percent-encoded where it is not ASCII";
                (400, Caller, "emergency-malformed", title, BAD_REQUEST)
            }
            Self::EmergencyNotPermitted => {
                let title = "This caller may not assert an emergency here";
                (403, Caller, "emergency-not-permitted", title, DENIED)
            }
            Self::EmergencyOver => {
                let title = "This emergency is over: give a new reason if there is another";
                (403, Caller, "emergency-over", title, DENIED)
            }
            Self::EmergenciesFull => {
                let title = "Too many emergencies were asserted within a day";
                (503, Gateway, "emergencies-full", title, DENIED)
            }
            Self::NoUser => {
                let title = "This route acts on behalf of users, and this credential stands for \
                             none: call with a user's token";
                (403, Caller, "no-user", title, DENIED)
            }
            Self::StepUp(_) => {
                let title = "The origin server wants the user to sign in again";
                (401, Caller, "user-needed", title, DENIED)
            }
            Self::UserNeeded(held, _) | Self::Acquire(held) => return acquire(held),
            Self::BodyTooLarge => {
                (413, Caller, "body-too-large", "The body is over this route's ceiling", DENIED)
            }
            Self::BodyBroken => {
                (400, Caller, "body-broken", "The body broke off or is malformed", BAD_REQUEST)
            }
            Self::BodyLate => (408, Caller, "body-late", "The body stopped coming", BAD_REQUEST),
            Self::Unreachable(error) => return unreachable(error),
            Self::Late => {
                let title = "The origin server did not answer in time";
                (504, Origin, "origin-late", title, "connection_read_timeout")
            }
            Self::BrokeOff(_) => {
                let title = "The origin server broke off";
                (502, Origin, "origin-broke-off", title, "http_response_incomplete")
            }
            Self::Unsound(_) => {
                let title = "The origin server's answer is no sound HTTP";
                (502, Origin, "origin-unsound", title, "http_protocol_error")
            }
            Self::TokenRefused => {
                let title = "The origin server refuses the gateway's token";
                (502, Origin, "token-refused", title, "proxy_internal_response")
            }
            Self::AuditUnavailable => {
                let title = "No record of this access could be kept, so it is refused for now";
                (503, Gateway, "audit-unavailable", title, "proxy_internal_error")
            }
            Self::Panicked => {
                (500, Gateway, "gateway-failed", "The gateway failed", "proxy_internal_error")
            }
        };
        let allow = if let Self::WrongMethod(allowed) = self { Some(*allowed) } else { None };
        let retry_after = matches!(self, Self::AuditUnavailable).then_some(BETWEEN_ATTEMPTS);
        Answer { allow, retry_after, ..answer(status, blame, code, title, proxy_error) }
    }
}

impl Stranger {
    fn answer(self) -> Answer {
        use Blame::{Authority, Caller};
        let (status, blame, code, title) = match self.why {
            Why::Nothing => (401, Caller, "no-credentials", "The caller has to say who it is"),
            Why::Ambiguous => {
                let title = "A request has one credential, in a header";
                (400, Caller, "ambiguous-credentials", title)
            }
            Why::Token(title) => (401, Caller, "invalid-token", title),
            Why::Scope => {
                let title =
                    "The access token has none of the scopes and roles that this route wants";
                (403, Caller, "insufficient-scope", title)
            }
            Why::Key => (401, Caller, "invalid-key", "The key is not known"),
            Why::KeyEnded => (401, Caller, "expired-key", "The key has expired"),
            Why::Certificate(title) => (401, Caller, "invalid-certificate", title),
            Why::TooOften(_) => {
                (429, Caller, "too-many-attempts", "This address failed too often to say who it is")
            }
            Why::Undecided => {
                let title = "The issuer of callers' tokens gives no keys now";
                (503, Authority, "issuer-unavailable", title)
            }
            Why::Busy => (503, Blame::Gateway, "busy", "Too many passwords wait to be tried"),
        };
        let retry_after = match self.why {
            Why::TooOften(wait) => Some(wait),
            Why::Undecided | Why::Busy => Some(BETWEEN_ATTEMPTS),
            _ => None,
        };
        Answer { retry_after, ..answer(status, blame, code, title, DENIED) }
    }
}

fn acquire(held: &Held) -> Answer {
    use Blame::{Authority, Caller, Gateway};
    let (status, blame, code, title) = match &*held.error {
        AcquireError::Credential(_) => {
            (500, Gateway, "credential", "The gateway cannot read its credential")
        }
        AcquireError::Refused { .. } => {
            (500, Gateway, "client-refused", "The authority refuses the gateway's client")
        }
        AcquireError::Broken => (500, Gateway, "gateway-failed", "The gateway failed"),
        AcquireError::UserNeeded { .. } => {
            (401, Caller, "user-needed", "The authority wants the user to sign in again")
        }
        AcquireError::NotGranted { .. } => {
            let title = "The authority lets the gateway do nothing for this user: an \
                         administrator has to consent to its application, or to let the user in";
            (403, Caller, "not-granted", title)
        }
        AcquireError::AssertionRefused { .. } | AcquireError::AssertionEnded => {
            let title = "The authority does not take this token for a user's: get another, for \
                         the gateway";
            (401, Caller, "assertion-refused", title)
        }
        AcquireError::Throttled { .. } => {
            (503, Authority, "authority-throttles", "The authority throttles the gateway")
        }
        AcquireError::Unavailable { .. }
        | AcquireError::Unreachable(_)
        | AcquireError::Malformed(_) => {
            (503, Authority, "authority-unavailable", "The authority gives no token now")
        }
        AcquireError::Late => {
            (504, Authority, "authority-late", "The authority did not answer in time")
        }
    };
    let retry_after = (status > 500).then_some(held.retry_after);
    let proxy_error = "proxy_internal_response";
    Answer { retry_after, ..answer(status, blame, code, title, proxy_error) }
}

fn unreachable(error: &ConnectError) -> Answer {
    let (status, proxy_error) = match error {
        ConnectError::Name(_) => (502, "dns_error"),
        ConnectError::Tcp(_) => (502, "connection_refused"),
        ConnectError::Tls(_) => (502, "tls_protocol_error"),
        ConnectError::Late => (504, "connection_timeout"),
        ConnectError::Http(_) => (502, "http_protocol_error"),
    };
    let title = "The origin server cannot be reached";
    answer(status, Blame::Origin, "origin-unreachable", title, proxy_error)
}

fn answer(
    status: u16,
    blame: Blame,
    code: &'static str,
    title: &'static str,
    proxy_error: &'static str,
) -> Answer {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Answer { status, blame, code, title, proxy_error, retry_after: None, allow: None }
}

/// How long a caller should wait for an issuer's keys, or for room on a disk.
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(5);

const BAD_REQUEST: &str = "http_request_error";
const DENIED: &str = "http_request_denied";
