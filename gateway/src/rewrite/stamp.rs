//! Who is asking, for the origin server's own audit log.
//!
//! A service that is reached with the gateway's token sees one client, whoever calls. Azure's copies
//! fields of this prefix into its audit log: with these it can be read beside the gateway's records.

use bytes::{BufMut, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::caller::Principal;
use crate::local::Local;

/// Writes who stands behind a request: `principal` is its kind and what it is called there, both as
/// they stand in records, `application` what it uses, `request-id` what the record is called. Values
/// are percent-encoded (RFC 3986, section 2.3) and no longer than 128 octets.
pub(super) fn stamp(
    (principal, request_id): (&Principal, u64),
    headers: &mut HeaderMap,
    local: &Local,
) {
    let who = local.bytes(|out| {
        out.extend_from_slice(principal.kind().as_bytes());
        if let Some(id) = principal.id() {
            out.put_u8(b':');
            encode(out, id, MOST - principal.kind().len() - 1);
        }
    });
    let application = principal.application();
    let application = application.map(|id| local.bytes(|out| encode(out, id, MOST)));
    for (name, value) in [(PRINCIPAL, Some(who)), (APPLICATION, application)] {
        let value = value.and_then(|value| HeaderValue::from_maybe_shared(value).ok());
        headers.extend(value.map(|value| (HeaderName::from_static(name), value)));
    }
    headers.insert(HeaderName::from_static(REQUEST_ID), local.request_id(request_id));
}

/// Whether a field of this name says what only the gateway may say.
pub(super) fn is_ours(name: &str) -> bool {
    [PRINCIPAL, APPLICATION, REQUEST_ID].contains(&name)
}

/// As much of a text as fits into `most` octets; of no character a part.
fn encode(out: &mut BytesMut, text: &str, most: usize) {
    let mut left = most;
    for character in text.chars() {
        let is_plain = character.is_ascii_alphanumeric() || "-._~".contains(character);
        let length = if is_plain { 1 } else { 3 * character.len_utf8() };
        let Some(less) = left.checked_sub(length) else { return };
        left = less;
        for byte in character.encode_utf8(&mut [0; 4]).bytes() {
            if is_plain {
                out.put_u8(byte);
            } else {
                let [high, low] = [byte >> 4, byte & 0xf].map(|digit| DIGITS[usize::from(digit)]);
                out.extend_from_slice(&[b'%', high, low]);
            }
        }
    }
}

const PRINCIPAL: &str = "x-ms-azuredicom-audit-principal";
const APPLICATION: &str = "x-ms-azuredicom-audit-application";
const REQUEST_ID: &str = "x-ms-azuredicom-audit-request-id";

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// How long a value may be, in octets: what the service takes is not known to be more.
const MOST: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_encoded_and_cut_between_characters() {
        for (text, most, encoded) in [
            ("ward-7_a.b~", 20, "ward-7_a.b~"),
            ("CN=Zoë,O=H:1", 40, "CN%3DZo%C3%AB%2CO%3DH%3A1"),
            ("a b\r\n", 20, "a%20b%0D%0A"),
            ("abc", 2, "ab"),
            ("aë", 6, "a"),
            ("aë", 7, "a%C3%AB"),
            ("", 3, ""),
        ] {
            let mut out = BytesMut::new();
            encode(&mut out, text, most);
            assert_eq!(out, encoded, "{text} in {most}");
        }
    }
}
