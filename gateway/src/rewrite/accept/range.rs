//! The elements of an `Accept` line, read in one pass and kept byte for byte.
//!
//! The reader forgives what callers really send: unquoted values that are no tokens, odd whitespace,
//! empty elements. Only a quoted string without an end leaves no sense to be made of what follows.

use crate::rewrite::manners::Media;

/// The elements of one line.
pub(super) struct Ranges<'a>(Option<&'a [u8]>);

/// One element, understood as far as the fixes need it.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::rewrite) struct Range<'a> {
    /// As it stands between two commas.
    pub(super) raw: &'a [u8],
    /// Type and subtype.
    pub(in crate::rewrite) name: &'a [u8],
    /// The `type` of its parts, without quotes.
    pub(in crate::rewrite) parts: Option<&'a [u8]>,
    /// `transfer-syntax`, as it stands.
    pub(super) syntax: Option<&'a [u8]>,
    /// Its `q` in thousandths, where it has one.
    pub(super) weight: Option<u16>,
    /// Whether a value needs quotes and has none.
    pub(super) lacks_quotes: bool,
    /// A quoted string in it has no end.
    pub(in crate::rewrite) is_broken: bool,
}

/// How exactly an element names a media type.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Fit {
    /// `*/*`
    Anything,
    /// `image/*`
    Family,
    /// `multipart/related` with parts of any kind.
    AnyParts,
    /// The media type itself.
    Exact,
}

/// What becomes of an element's parameters when it is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edit {
    /// Values get the quotes that they need.
    pub(super) quotes: bool,
    /// `q` is left out.
    pub(super) unweighted: bool,
    /// It is asked for as stored.
    pub(super) stored: bool,
}

impl<'a> Ranges<'a> {
    pub(super) fn of(line: &'a [u8]) -> Self {
        Self(Some(line))
    }
}

impl<'a> Iterator for Ranges<'a> {
    type Item = Range<'a>;

    fn next(&mut self) -> Option<Range<'a>> {
        let line = self.0.take()?;
        let (range, rest) = Range::first(line);
        self.0 = rest;
        Some(range)
    }
}

impl<'a> Range<'a> {
    /// The first element of `line`, and what follows the comma behind it.
    pub(in crate::rewrite) fn first(line: &'a [u8]) -> (Self, Option<&'a [u8]>) {
        let mut range = Self::default();
        let mut end = range.piece_end(line, 0);
        range.name = line[..end].trim_ascii();
        while line.get(end) == Some(&b';') {
            let start = end + 1;
            end = range.piece_end(line, start);
            range.parameter(&line[start..end]);
        }
        range.raw = &line[..end];
        (range, line.get(end + 1..))
    }

    /// Whether it says anything.
    pub(super) fn is_empty(&self) -> bool {
        self.name.is_empty()
    }

    /// Whether it rules out instead of asking for.
    pub(super) fn is_refusal(&self) -> bool {
        self.weight == Some(0)
    }

    /// How exactly it names `media`, if it does.
    pub(super) fn fit(&self, media: &Media) -> Option<Fit> {
        if self.name.eq_ignore_ascii_case(media.name.as_bytes()) {
            return match self.parts {
                _ if media.parts.is_empty() => Some(Fit::Exact),
                None => Some(Fit::AnyParts),
                Some(parts) if parts.eq_ignore_ascii_case(media.parts.as_bytes()) => {
                    Some(Fit::Exact)
                }
                Some(parts) => family(parts, media.parts).map(|_| Fit::AnyParts),
            };
        }
        family(self.name, media.name)
    }

    /// Whether `*/*`, be it of parts.
    pub(super) fn is_anything(&self) -> bool {
        self.parts.unwrap_or(self.name) == b"*/*"
    }

    /// Whether it names a family of media types, be it of parts.
    pub(super) fn is_wildcard(&self) -> bool {
        self.name.ends_with(b"/*") || self.parts.is_some_and(|parts| parts.ends_with(b"/*"))
    }

    /// Whether the origin server would have to decode what it stores, for want of a transfer syntax
    /// (PS3.18, section 8.7.3.5.2).
    pub(super) fn is_decoded(&self) -> bool {
        let plain = |name: &[u8]| {
            [&b"application/dicom"[..], b"application/octet-stream"]
                .iter()
                .any(|plain| name.eq_ignore_ascii_case(plain))
        };
        let parts = || match self.parts {
            None => true,
            Some(parts) => plain(parts),
        };
        self.syntax.is_none()
            && (plain(self.name) || self.name.eq_ignore_ascii_case(b"multipart/related") && parts())
    }

    /// Writes it, edited and otherwise byte for byte.
    pub(super) fn write(&self, edit: Edit, out: &mut Vec<u8>) {
        let mut stored = edit.stored && self.is_decoded();
        let mut start = 0;
        while start <= self.raw.len() {
            let end = split(self.raw, start).unwrap_or(self.raw.len());
            let piece = &self.raw[start..end];
            let value = value_of(piece);
            let is_weight =
                start > 0 && value.is_some_and(|(name, _)| name.eq_ignore_ascii_case(b"q"));
            // Parameters behind the weight were extensions once, and no part of the media type.
            if is_weight && std::mem::take(&mut stored) {
                out.extend_from_slice(AS_STORED);
            }
            if !(is_weight && edit.unweighted) {
                if start > 0 {
                    out.push(b';');
                }
                match value {
                    Some((_, value)) if start > 0 && edit.quotes && lacks_quotes(value) => {
                        quoted(piece, value, out);
                    }
                    _ => out.extend_from_slice(piece),
                }
            }
            start = end + 1;
        }
        if stored {
            out.truncate(out.trim_ascii_end().len());
            out.extend_from_slice(AS_STORED);
        }
    }

    /// Where the piece that starts at `from` ends: at a `;` or `,`, or where the line does.
    fn piece_end(&mut self, line: &[u8], from: usize) -> usize {
        let mut is_quoted = false;
        let mut at = from;
        while let Some(byte) = line.get(at) {
            match byte {
                b'"' => is_quoted = !is_quoted,
                b'\\' if is_quoted => at += 1,
                b';' | b',' if !is_quoted => return at,
                _ => {}
            }
            at += 1;
        }
        self.is_broken |= is_quoted;
        line.len()
    }

    fn parameter(&mut self, piece: &'a [u8]) {
        let Some((name, value)) = value_of(piece) else { return };
        self.lacks_quotes |= lacks_quotes(value);
        if name.eq_ignore_ascii_case(b"type") {
            self.parts = Some(unquoted(value));
        } else if name.eq_ignore_ascii_case(b"transfer-syntax") {
            self.syntax = Some(value);
        } else if name.eq_ignore_ascii_case(b"q") {
            self.weight = Some(thousandths(value));
        }
    }
}

/// Where the next `;` outside quotes is.
fn split(element: &[u8], from: usize) -> Option<usize> {
    let end = Range::default().piece_end(element, from);
    (end < element.len()).then_some(end)
}

fn value_of(piece: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = piece.iter().position(|byte| *byte == b'=')?;
    Some((piece[..at].trim_ascii(), piece[at + 1..].trim_ascii()))
}

fn unquoted(value: &[u8]) -> &[u8] {
    let inner = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    inner.unwrap_or(value)
}

/// Whether a value is no token and can be made a quoted string without changing it.
fn lacks_quotes(value: &[u8]) -> bool {
    !value.is_empty()
        && !value.iter().all(|byte| is_token(*byte))
        && !value.iter().any(|byte| matches!(byte, b'"' | b'\\'))
}

/// Whether it is type and subtype, and nothing else.
pub(super) fn is_media_type(text: &[u8]) -> bool {
    let at = text.iter().position(|byte| *byte == b'/').unwrap_or(0);
    let (major, minor) = (&text[..at], text.get(at + 1..).unwrap_or_default());
    let is_word = |word: &[u8]| !word.is_empty() && word.iter().all(|byte| is_token(*byte));
    is_word(major) && is_word(minor)
}

/// RFC 9110, section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Writes `piece` with quotes around its `value`.
fn quoted(piece: &[u8], value: &[u8], out: &mut Vec<u8>) {
    let trailing = piece.len() - piece.trim_ascii_end().len();
    let (before, after) = piece.split_at(piece.len() - trailing - value.len());
    out.extend_from_slice(before);
    out.push(b'"');
    out.extend_from_slice(value);
    out.push(b'"');
    out.extend_from_slice(&after[value.len()..]);
}

fn family(wildcard: &[u8], name: &str) -> Option<Fit> {
    match wildcard.strip_suffix(b"*")? {
        b"*/" => Some(Fit::Anything),
        family if family.ends_with(b"/") => {
            let of_name = name.as_bytes().get(..family.len())?;
            of_name.eq_ignore_ascii_case(family).then_some(Fit::Family)
        }
        _ => None,
    }
}

/// RFC 9110, section 12.4.2. What is no weight weighs in full: it was not meant to rule out.
fn thousandths(value: &[u8]) -> u16 {
    match value {
        [b'0'] => 0,
        [b'0', b'.', digits @ ..] if digits.len() <= 3 && digits.iter().all(u8::is_ascii_digit) => {
            let digit = |at| digits.get(at).map_or(0, |digit: &u8| u16::from(digit - b'0'));
            digit(0) * 100 + digit(1) * 10 + digit(2)
        }
        _ => FULL,
    }
}

/// The weight of what has none.
pub(super) const FULL: u16 = 1000;

const AS_STORED: &[u8] = b"; transfer-syntax=*";
