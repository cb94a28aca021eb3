//! Which targets mean the same to everyone.
//!
//! A path is taken only in the one form that no server along the way would want to change: the path
//! that a permit is granted for is the path that the origin server acts on.

use http::{Method, Request};

use crate::error::Refusal;

/// Refuses targets that are not canonical. `OPTIONS *` passes; the gateway answers it itself.
pub(super) fn check<B>(request: &Request<B>) -> Result<(), Refusal> {
    let uri = request.uri();
    // Authority-form (`GET foo`) has a host and neither scheme nor path.
    let path = match uri.path() {
        "*" if request.method() == Method::OPTIONS => return Ok(()),
        "" => return Err(Refusal::Target),
        _ if uri.scheme().is_none() && uri.authority().is_some() => return Err(Refusal::Target),
        path => path,
    };
    if uri.scheme_str().is_some_and(|scheme| !matches!(scheme, "http" | "https")) {
        return Err(Refusal::Target);
    }
    is_canonical(path).then_some(()).ok_or(Refusal::Target)
}

/// Printable ASCII in non-empty segments, no dot segment, nothing encoded that need not be or that
/// has a meaning to paths. The last segment may be empty.
fn is_canonical(path: &str) -> bool {
    let Some(rest) = path.as_bytes().strip_prefix(b"/") else { return false };
    let mut segments = rest.split(|byte| *byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        let is_sound = match segment {
            b"" => segments.peek().is_none(),
            b"." | b".." => false,
            segment => is_canonical_segment(segment),
        };
        if !is_sound {
            return false;
        }
    }
    true
}

fn is_canonical_segment(mut segment: &[u8]) -> bool {
    while let Some((first, rest)) = segment.split_first() {
        segment = match first {
            b'%' => match rest {
                [high, low, rest @ ..] if may_be_encoded(*high, *low) => rest,
                _ => return false,
            },
            b'\\' | b';' => return false,
            b'!'..=b'~' => rest,
            _ => return false,
        };
    }
    true
}

/// Unreserved characters need no encoding (RFC 3986, section 2.3); slashes, percent signs, path
/// parameters and controls would change what a path means when somebody decodes it.
fn may_be_encoded(high: u8, low: u8) -> bool {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (Some(high), Some(low)) = (digit(high), digit(low)) else { return false };
    match high << 4 | low {
        b'-' | b'.' | b'_' | b'~' | b'/' | b'\\' | b'%' | b';' => false,
        byte if byte.is_ascii_alphanumeric() => false,
        byte => matches!(byte, b' '..=b'~'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_paths_pass() {
        for path in
            ["/", "/studies", "/studies/", "/a/$bulkUpdate", "/a/%24b", "/AE%20TITLE", "/1,2"]
        {
            assert!(is_canonical(path), "{path}");
        }
        for path in [
            "",
            "studies",
            "//studies",
            "/a//b",
            "/.",
            "/..",
            "/a/../b",
            "/a/./b",
            "/a/%2e%2e/b",
            "/a/%2E/b",
            "/a/.%2e",
            "/a%2fb",
            "/a%5Cb",
            "/a\\b",
            "/a;b=c",
            "/a%3bb",
            "/a%00",
            "/a%0d%0ab",
            "/a%25b",
            "/a%31",
            "/a%7e",
            "/a%",
            "/a%2",
            "/a%zz",
            "/a%+1",
            "/\u{e9}",
            "/a%c3%a9",
        ] {
            assert!(!is_canonical(path), "{path:?}");
        }
    }
}
