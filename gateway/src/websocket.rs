//! The opening handshake of a WebSocket (RFC 6455, section 4), by which work items are notified
//! (PS3.18, section 8.10.4).
//!
//! Which pages may open one is `cors`' to say, since browsers do not ask; what goes through once it
//! is open is `tunnel`'s.

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Version, header};

use crate::error::{Error, Refusal};
use crate::permit::Permit;
use crate::transaction::Resource;

/// Whether the request would have its connection become a WebSocket, and nothing else.
pub(crate) fn is_asked_for<B>(request: &Request<B>) -> bool {
    request.version() == Version::HTTP_11
        && request.method() == Method::GET
        && agreed(request.headers())
}

/// Refuses handshakes that the origin server should not see. Has nothing to say of other requests.
pub(crate) fn may_open(permit: &Permit<'_>, headers: &HeaderMap) -> Result<(), Error> {
    if permit.resource() != Resource::Notifications {
        return Ok(());
    }
    let version = only(headers, &header::SEC_WEBSOCKET_VERSION);
    if version.is_none_or(|version| version != VERSION) {
        return Err(Error::Refused(Refusal::WebSocketVersion));
    }
    let key = only(headers, &header::SEC_WEBSOCKET_KEY).and_then(|key| STANDARD.decode(key).ok());
    if key.is_none_or(|key| key.len() != KEY_BYTES) {
        return Err(Error::Refused(Refusal::Handshake));
    }
    Ok(())
}

/// Refuses a 101 that is none to what was `asked`: whoever sends it does not speak WebSocket, or
/// speaks to somebody else.
pub(crate) fn accepted(asked: &HeaderMap, answer: &HeaderMap) -> Result<(), Error> {
    let key = only(asked, &header::SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes);
    let accept = only(answer, &header::SEC_WEBSOCKET_ACCEPT);
    let fits = accept.is_some_and(|accept| *accept == proof(key.unwrap_or_default()));
    if agreed(answer) && fits {
        Ok(())
    } else {
        Err(Error::Unsound("101 that is no WebSocket's, or another's"))
    }
}

/// Says that the connection is to become a WebSocket.
pub(crate) fn agree(headers: &mut HeaderMap) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static(PROTOCOL));
}

/// The only version of the protocol that was not a draft.
pub(crate) const VERSION: &str = "13";

fn agreed(headers: &HeaderMap) -> bool {
    let is_token =
        |token: &[u8], word: &str| token.trim_ascii().eq_ignore_ascii_case(word.as_bytes());
    let options = headers.get_all(header::CONNECTION).iter();
    only(headers, &header::UPGRADE).is_some_and(|value| is_token(value.as_bytes(), PROTOCOL))
        && options
            .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
            .any(|option| is_token(option, "upgrade"))
}

/// The value of the only line of this name.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut lines = headers.get_all(name).iter();
    lines.next().filter(|_| lines.next().is_none())
}

/// What shows that a server has read this very key.
fn proof(key: &[u8]) -> String {
    let mut hash = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(key);
    hash.update(GUID);
    STANDARD.encode(hash.finish())
}

/// In `Upgrade`.
const PROTOCOL: &str = "websocket";

/// RFC 6455, section 1.3.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const KEY_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proof_is_that_of_the_standard() {
        assert_eq!(proof(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn only_a_websocket_by_http_1_1_is_asked_for_and_nothing_beside_it() {
        let asked = |lines: &[(&str, &str)], version| {
            let mut request = Request::get("/").version(version);
            for (name, value) in lines {
                request = request.header(*name, *value);
            }
            is_asked_for(&request.body(()).expect("a request"))
        };
        let upgrade = ("upgrade", "WebSocket");
        for connection in ["upgrade", "Upgrade", "keep-alive, Upgrade"] {
            let lines = [("connection", connection), upgrade];
            assert!(asked(&lines, Version::HTTP_11), "{connection}");
            assert!(!asked(&lines, Version::HTTP_10), "{connection}");
        }
        for lines in [
            &[upgrade][..],
            &[("connection", "upgrade")],
            &[("connection", "upgrade"), ("upgrade", "h2c")],
            &[("connection", "upgrade"), ("upgrade", "websocket, h2c")],
            &[("connection", "upgrade"), upgrade, ("upgrade", "h2c")],
            &[("connection", "upgraded"), upgrade],
        ] {
            assert!(!asked(lines, Version::HTTP_11), "{lines:?}");
        }
    }
}
