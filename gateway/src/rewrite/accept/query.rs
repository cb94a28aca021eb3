//! The `accept` query parameter: what a hyperlink, which has no headers, would have said in one
//! (PS3.18, section 8.3.3.1).
//!
//! Origin servers that do not know it answer 400 to a search with it, as to any attribute that they
//! do not know, or overlook it and answer with something else. So it is taken out of the query when
//! the gateway sees to it; all else in the query stays byte for byte.

use std::ops::Range;

use http::HeaderValue;

/// The parameter: its value as a header's, and where in `query` it stands, with the `&` that goes
/// with it. None if there is none, or none that a header could say.
pub(super) fn accept(query: &str) -> Option<(HeaderValue, Range<usize>)> {
    let mut start = 0;
    for parameter in query.split('&') {
        if let Some(value) = parameter.strip_prefix(NAME) {
            let value = HeaderValue::from_maybe_shared(decoded(value)?).ok()?;
            let end = start + parameter.len();
            let cut = match start {
                0 => 0..(end + 1).min(query.len()),
                _ => start - 1..end,
            };
            return (!value.as_bytes().trim_ascii().is_empty()).then_some((value, cut));
        }
        start += parameter.len() + 1;
    }
    None
}

/// A plus is a plus: these are media types, and no form was filled in.
fn decoded(value: &str) -> Option<bytes::Bytes> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                bytes.push(digit(*high)? << 4 | digit(*low)?);
                after
            }
            (b'%', _) => return None,
            _ => {
                bytes.push(*first);
                after
            }
        };
    }
    Some(bytes.into())
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

const NAME: &str = "accept=";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameter_is_decoded_and_taken_out_of_the_query() {
        for (query, value, rest) in [
            ("accept=image/png", "image/png", ""),
            ("accept=image/png&limit=1", "image/png", "limit=1"),
            ("limit=1&accept=image/png", "image/png", "limit=1"),
            ("a=%2A&accept=image%2Fpng&b=2", "image/png", "a=%2A&b=2"),
            ("accept=application/dicom+json", "application/dicom+json", ""),
            ("accept=application/dicom%2bjson", "application/dicom+json", ""),
            (
                "accept=multipart/related;%20type=%22application/dicom%22",
                "multipart/related; type=\"application/dicom\"",
                "",
            ),
            ("accept=a/b&accept=c/d", "a/b", "accept=c/d"),
        ] {
            let (found, cut) = accept(query).unwrap();
            assert_eq!(found, value);
            assert_eq!([&query[..cut.start], &query[cut.end..]].concat(), rest);
        }
    }

    #[test]
    fn what_no_header_could_say_is_left_where_it_is() {
        for query in [
            "",
            "limit=1",
            "accept",
            "accept=",
            "accept=%20",
            "Accept=a/b",
            "xaccept=a/b",
            "accept=a%0d%0aX:%201",
            "accept=a%00",
            "accept=%",
            "accept=%2",
            "accept=%zz",
        ] {
            assert!(accept(query).is_none(), "{query}");
        }
    }
}
