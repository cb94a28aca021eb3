//! The origin server: its connections, and one exchange with it.

use std::sync::Arc;
use std::time::Duration;

use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Response, StatusCode, Version, header};
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;

use crate::error::Error;

mod challenge;
mod connect;
mod exchange;
mod h1;
mod incoming;
mod outgoing;
mod pool;

pub(crate) use self::challenge::{bearer_parameter, demanded_claims};
pub(crate) use self::exchange::{Failure, run};
pub(crate) use self::h1::share;
pub(crate) use self::incoming::{Incoming, Lost};
pub(crate) use self::outgoing::{Outgoing, Upload};
pub(crate) use self::pool::{Lease, Pool, Wanted};

/// How an origin server is reached.
pub(crate) struct OriginSpec {
    /// Its base URL, taken apart.
    pub origin: config::Origin,
    /// `Host`, and `:authority`.
    pub authority: Authority,
    /// `Host` as a header's value.
    pub host: HeaderValue,
    /// How to speak TLS with it.
    pub tls: Option<(TlsConnector, ServerName<'static>)>,
    /// Tells its trust anchors from others.
    pub anchors: u64,
    /// Whether HTTP/2 is offered.
    pub http2: bool,
    /// How long a connection may take, TLS included.
    pub connect_timeout: Duration,
    /// How long it may take to answer once it has the request.
    pub response_timeout: Duration,
    /// How long it may stand still in a body.
    pub body_timeout: Duration,
    /// How long an idle connection is kept.
    pub idle_timeout: Duration,
    /// How many idle connections a worker keeps.
    pub max_idle_connections: usize,
}

impl OriginSpec {
    /// Whether connections made for `other` serve this one as well.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.origin == other.origin
            && self.anchors == other.anchors
            && self.http2 == other.http2
            && self.connect_timeout == other.connect_timeout
            && self.response_timeout == other.response_timeout
            && self.body_timeout == other.body_timeout
            && self.idle_timeout == other.idle_timeout
            && self.max_idle_connections == other.max_idle_connections
    }
}

/// Refuses answers that hyper reads well and would write on badly (RFC 9112, section 6). A length
/// comes out as one plain number.
pub(crate) fn sound(response: &mut Response<Incoming>) -> Result<(), Error> {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Error::Unsound("101 that nobody asked for"));
    }
    if response.status().as_u16() > 599 {
        return Err(Error::Unsound("a status beyond 599"));
    }
    // Our own HTTP/1.1 has looked at these, to know where the body ends (`h1::head`).
    if matches!(response.body(), Incoming::Hyper(_)) {
        plain_length(response.headers_mut()).map_err(Error::Unsound)?;
        if response.version() <= Version::HTTP_11 && !sound_coding(response.headers()) {
            return Err(Error::Unsound(UNSOUND_CODING));
        }
    }
    Ok(())
}

/// hyper takes `02`, `2, 2` and two lines for 2, and would write on what it found.
fn plain_length(headers: &mut HeaderMap) -> Result<Option<u64>, &'static str> {
    let mut lines = headers.get_all(header::CONTENT_LENGTH).iter();
    let Some(first) = lines.next() else { return Ok(None) };
    if lines.next().is_none()
        && let Some(length) = plain(first)
    {
        return Ok(Some(length));
    }
    let lines = headers.get_all(header::CONTENT_LENGTH).iter();
    let words = lines.flat_map(|line| line.to_str().unwrap_or_default().split(','));
    let digits = |word: &&str| word.bytes().all(|byte| byte.is_ascii_digit());
    let mut lengths = words
        .map(|word| Some(word.trim()).filter(digits).and_then(|word| word.parse::<u64>().ok()));
    let length = lengths.next().flatten().ok_or(UNSOUND_LENGTH)?;
    if lengths.any(|other| other != Some(length)) {
        return Err(UNSOUND_LENGTH);
    }
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    Ok(Some(length))
}

fn plain(number: &HeaderValue) -> Option<u64> {
    match number.as_bytes() {
        b"0" => Some(0),
        digits @ [b'1'..=b'9', ..] => digits.iter().try_fold(0u64, |number, byte| {
            let digit = char::from(*byte).to_digit(10)?;
            number.checked_mul(10)?.checked_add(digit.into())
        }),
        _ => None,
    }
}

fn sound_coding(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    match codings.next() {
        None => true,
        Some(coding) => {
            codings.next().is_none()
                && coding.as_bytes().eq_ignore_ascii_case(b"chunked")
                && !headers.contains_key(header::CONTENT_LENGTH)
        }
    }
}

impl std::fmt::Debug for OriginSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OriginSpec").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// Shared by the generations that reach it in the same way.
pub(crate) type SharedSpec = Arc<OriginSpec>;

const UNSOUND_LENGTH: &str = "a length that is not one number";
const UNSOUND_CODING: &str = "a transfer coding other than chunked, or a length beside it";

/// How often a busy HTTP/2 connection is asked whether the other end is still there.
const H2_PING_INTERVAL: Duration = Duration::from_secs(20);

/// How long the answer may take.
const H2_PING_TIMEOUT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_becomes_one_plain_number_or_nothing() {
        for (lines, expected) in [
            (&["2"][..], Some("2")),
            (&["0"], Some("0")),
            (&["02"], Some("2")),
            (&["00"], Some("0")),
            (&["2", "2"], Some("2")),
            (&["2, 2"], Some("2")),
            (&["2", "02"], Some("2")),
            (&["2", "3"], None),
            (&["2, 3"], None),
            (&["+2"], None),
            (&["-2"], None),
            (&["2,"], None),
            (&[""], None),
            (&["x"], None),
            (&["18446744073709551616", "18446744073709551616"], None),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::CONTENT_LENGTH, HeaderValue::from_static(line));
            }
            let length = plain_length(&mut headers).map(|_| &headers[header::CONTENT_LENGTH]);
            assert_eq!(length.ok().and_then(|length| length.to_str().ok()), expected, "{lines:?}");
            assert!(
                expected.is_none() || headers.get_all(header::CONTENT_LENGTH).iter().count() == 1
            );
        }
    }
}
