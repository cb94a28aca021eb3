//! Requests, as bytes that are made once.

use super::Target;
use crate::case::Transfer;

/// A request as it goes over the wire.
pub(super) struct Request {
    /// In HTTP/1.1 all of the head, in HTTP/2 its block of fields.
    pub(super) head: Vec<u8>,
    /// Length of the body to send.
    pub(super) body: u64,
    /// Length of the body to get, if it is known.
    pub(super) answer: Option<u64>,
}

impl Request {
    /// In HTTP/1.1.
    pub(super) fn new(target: &Target, transfer: Transfer) -> Self {
        let (path, accept) = (transfer.path(), transfer.accept());
        let size = transfer.size();
        if transfer == Transfer::Store {
            let more = format!(
                "Content-Type: multipart/related; type=\"application/dicom\"; boundary=part\r\n\
                 Content-Length: {size}\r\n"
            );
            let head = head(target, "POST", path, accept, &more);
            return Self { head, body: size, answer: None };
        }
        let head = head(target, "GET", path, accept, "");
        Self { head, body: 0, answer: Some(size) }
    }

    /// A GET of `path`, in HTTP/1.1.
    pub(super) fn of(target: &Target, path: &str) -> Self {
        Self { head: head(target, "GET", path, "*/*", ""), body: 0, answer: None }
    }

    /// A GET in HTTP/2. Nothing is put into the table of fields, so that the same bytes are right on
    /// any connection (RFC 7541, section 6.2.2).
    pub(super) fn fields(target: &Target, transfer: Transfer) -> Self {
        let mut head = vec![GET, HTTPS];
        let address = target.address.to_string();
        let bearer = target.bearer.as_ref().map(|token| format!("Bearer {token}"));
        let fields = [
            (AUTHORITY, Some(address.as_str())),
            (PATH, Some(transfer.path())),
            (USER_AGENT, Some("race")),
            (ACCEPT, Some(transfer.accept())),
            (AUTHORIZATION, bearer.as_deref()),
        ];
        for (name, value) in fields {
            let Some(value) = value else { continue };
            integer(&mut head, 4, name);
            integer(&mut head, 7, value.len());
            head.extend_from_slice(value.as_bytes());
        }
        Self { head, body: 0, answer: Some(transfer.size()) }
    }
}

fn head(target: &Target, method: &str, path: &str, accept: &str, more: &str) -> Vec<u8> {
    let bearer = target.bearer.as_ref();
    let bearer = bearer.map(|token| format!("Authorization: Bearer {token}\r\n"));
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {}\r\nUser-Agent: race\r\nAccept: {accept}\r\n{}{more}\r\n",
        target.address,
        bearer.unwrap_or_default(),
    )
    .into_bytes()
}

/// RFC 7541, section 5.1, with nothing before the prefix.
fn integer(out: &mut Vec<u8>, prefix: u32, value: usize) {
    let most = (1 << prefix) - 1;
    let Some(mut left) = value.checked_sub(most) else { return out.push(value as u8) };
    out.push(most as u8);
    while left >= 0x80 {
        out.push(left as u8 | 0x80);
        left >>= 7;
    }
    out.push(left as u8);
}

/// Whole fields, by their place in the table that is always there (RFC 7541, appendix A).
const GET: u8 = 0x82;
const HTTPS: u8 = 0x87;

/// Names of fields, by their place in it.
const AUTHORITY: usize = 1;
const PATH: usize = 4;
const ACCEPT: usize = 19;
const AUTHORIZATION: usize = 23;
const USER_AGENT: usize = 58;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_as_in_the_examples_of_rfc_7541() {
        let encoded = |prefix, value| {
            let mut out = Vec::new();
            integer(&mut out, prefix, value);
            out
        };
        assert_eq!(encoded(5, 10), [10]);
        assert_eq!(encoded(5, 1337), [31, 154, 10]);
        assert_eq!(encoded(8, 42), [42]);
    }
}
