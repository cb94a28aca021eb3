//! How a text writes strings: where one begins and ends, and how it may spell a slash.

use memchr::memrchr;

/// The syntax of a text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Syntax {
    /// RFC 8259. A URL is all of a string from its beginning; `/` may be `\/` or `\u002f`.
    Json,
    /// XML 1.0. A URL is an attribute's value or a word of a text.
    Xml,
}

/// The next character of a string.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Next {
    /// This one, written with so many bytes.
    Char(u8, usize),
    /// It takes more bytes to tell.
    Unclear,
    /// None that a URL's beginning could have.
    Other,
}

impl Syntax {
    /// Where the last string in `text` begins, if one does. `before` is what precedes `text`.
    pub(super) fn last_start(self, text: &[u8], before: &[u8]) -> Option<usize> {
        match self {
            Self::Json => {
                let quote = memrchr(b'"', text)?;
                let previous = quote.checked_sub(1).map_or_else(|| before.last(), |i| text.get(i));
                // A quote in a string is no beginning; one that opens a string follows no backslash.
                (previous != Some(&b'\\')).then_some(quote + 1)
            }
            Self::Xml => text.iter().rposition(|byte| is_xml_edge(*byte)).map(|edge| edge + 1),
        }
    }

    pub(super) fn next(self, raw: &[u8]) -> Next {
        match (self, raw) {
            (_, []) => Next::Unclear,
            (Self::Json, [b'\\', rest @ ..]) => match rest {
                [b'/', ..] => Next::Char(b'/', 2),
                rest if rest.len() < U002F.len() => {
                    let is_beginning = U002F[..rest.len()].eq_ignore_ascii_case(rest);
                    if is_beginning && !rest.starts_with(b"U") {
                        Next::Unclear
                    } else {
                        Next::Other
                    }
                }
                [b'u', rest @ ..] if rest[..4].eq_ignore_ascii_case(&U002F[1..]) => {
                    Next::Char(b'/', 6)
                }
                _ => Next::Other,
            },
            (_, [byte, ..]) => Next::Char(*byte, 1),
        }
    }

    /// Whether a string ends before this byte.
    pub(super) fn ends_string(self, byte: u8) -> bool {
        match self {
            Self::Json => byte == b'"',
            Self::Xml => is_xml_edge(byte) || byte == b'<',
        }
    }

    /// How many bytes a character of a URL may take.
    pub(super) fn longest(self, byte: u8) -> usize {
        if self == Self::Json && byte == b'/' { 6 } else { 1 }
    }
}

fn is_xml_edge(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'>' | b' ' | b'\t' | b'\r' | b'\n')
}

const U002F: &[u8] = b"u002f";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_of_json_has_three_spellings() {
        for (raw, next) in [
            (&b"/x"[..], Next::Char(b'/', 1)),
            (b"\\/x", Next::Char(b'/', 2)),
            (b"\\u002fx", Next::Char(b'/', 6)),
            (b"\\u002Fx", Next::Char(b'/', 6)),
            (b"\\U002f", Next::Other),
            (b"\\U", Next::Other),
            (b"\\u002e", Next::Other),
            (b"\\\"", Next::Other),
            (b"\\", Next::Unclear),
            (b"\\u00", Next::Unclear),
            (b"\\u01", Next::Other),
            (b"", Next::Unclear),
        ] {
            assert_eq!(Syntax::Json.next(raw), next, "{}", raw.escape_ascii());
        }
        assert_eq!(Syntax::Xml.next(b"\\/"), Next::Char(b'\\', 1));
    }

    #[test]
    fn a_string_begins_where_it_says() {
        let json =
            |text: &str, before: &str| Syntax::Json.last_start(text.as_bytes(), before.as_bytes());
        assert_eq!(json("a\"b", ""), Some(2));
        assert_eq!(json("\"b", ": "), Some(1));
        assert_eq!(json("\"b", "\\"), None);
        assert_eq!(json("a\\\"b", ""), None);
        assert_eq!(json("ab", ""), None);
        for (text, start) in [("a=\"b", 3), ("a='b", 3), ("<a>b", 3), ("a b", 2), ("a\nb", 2)] {
            assert_eq!(Syntax::Xml.last_start(text.as_bytes(), b""), Some(start), "{text}");
        }
    }
}
