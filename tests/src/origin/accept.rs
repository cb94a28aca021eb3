//! The Accept header as this service reads it, which is not as RFC 9110 does: a request without
//! one is refused, on the JSON routes a single malformed element spoils the whole list, the
//! retrieve routes forgive an unquoted `type`, and rendering wants exactly one media type.

use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE};

use super::answer::Refusal;

/// One element of an Accept header, or a Content-Type.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct MediaRange {
    kind: String,
    parameters: Vec<(String, String)>,
}

/// What a retrieve transaction shall answer with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Representation {
    pub(super) framing: Framing,
    pub(super) syntax: Syntax,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Single,
    Multipart,
}

/// The transfer syntax asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    /// As stored.
    Original,
    /// 1.2.840.10008.1.2.1, also when none is named.
    ExplicitLittleEndian,
    /// 1.2.840.10008.1.2.4.90, for which there is no codec here.
    Jpeg2000Lossless,
}

/// What the pictures are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Picture {
    Jpeg,
    Png,
}

/// Leave to answer with (DICOM) JSON.
pub(super) fn json(headers: &HeaderMap) -> Result<(), Refusal> {
    let ranges = elements(headers)
        .map(|element| MediaRange::parse(element, Slash::Refused))
        .collect::<Option<Vec<_>>>()
        .ok_or_else(Refusal::not_acceptable)?;
    let good = ["*/*", "application/*", "application/json", "application/dicom+json"];
    match ranges.iter().any(|range| good.contains(&range.kind.as_str())) {
        true => Ok(()),
        false => Err(Refusal::not_acceptable()),
    }
}

/// The representation of things of media type `part` that suits best, among `framings`.
pub(super) fn retrieve(
    headers: &HeaderMap,
    part: &str,
    framings: &[Framing],
) -> Result<Representation, Refusal> {
    let mut ranges: Vec<_> = elements(headers).filter_map(MediaRange::parse_forgiving).collect();
    ranges.sort_by(|a, b| b.quality().total_cmp(&a.quality()));
    ranges
        .iter()
        .filter(|range| range.quality() > 0.0)
        .filter_map(|range| range.representation(part))
        .find(|representation| framings.contains(&representation.framing))
        .ok_or_else(Refusal::not_acceptable)
}

/// The kind of picture to render.
pub(super) fn rendered(headers: &HeaderMap) -> Result<Picture, Refusal> {
    let mut elements = elements(headers);
    match (elements.next(), elements.next()) {
        (None, _) => Ok(Picture::Jpeg),
        (Some(_), Some(_)) => Err(Refusal::new(
            http::StatusCode::NOT_ACCEPTABLE,
            "The Accept header names several media types where one is wanted.",
        )),
        (Some(only), None) => match MediaRange::parse(only, Slash::Refused).as_ref() {
            Some(range) if range.kind == "image/jpeg" => Ok(Picture::Jpeg),
            Some(range) if range.kind == "image/png" => Ok(Picture::Png),
            _ => Err(Refusal::not_acceptable()),
        },
    }
}

/// The media type of a request's body.
pub(super) fn content_type(headers: &HeaderMap) -> Option<MediaRange> {
    MediaRange::parse_forgiving(headers.get(CONTENT_TYPE)?.to_str().ok()?)
}

/// Where a `/` may stand outside quotes in a parameter's value.
#[derive(Clone, Copy, PartialEq)]
enum Slash {
    Refused,
    InType,
}

impl MediaRange {
    /// Parses with an unquoted `type` allowed.
    fn parse_forgiving(text: &str) -> Option<Self> {
        Self::parse(text, Slash::InType)
    }

    /// Type and subtype, in lower case.
    pub(super) fn name(&self) -> &str {
        &self.kind
    }

    /// The value of the parameter `name`, unquoted.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    fn parse(element: &str, slash: Slash) -> Option<Self> {
        let mut pieces = outside_quotes(element, b';');
        let kind = pieces.next()?.trim().to_ascii_lowercase();
        let (major, minor) = kind.split_once('/')?;
        if !is_token(major) || !is_token(minor) {
            return None;
        }
        let parameters = pieces
            .filter(|piece| !piece.trim().is_empty())
            .map(|piece| {
                let (name, value) = piece.split_once('=')?;
                let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
                let value = match value.strip_prefix('"') {
                    Some(quoted) => quoted.strip_suffix('"')?,
                    None if is_token(value) => value,
                    None if slash == Slash::InType && name == "type" => value,
                    None => return None,
                };
                is_token(&name).then(|| (name, value.to_owned()))
            })
            .collect::<Option<_>>()?;
        Some(Self { kind, parameters })
    }

    fn quality(&self) -> f32 {
        self.parameter("q").and_then(|q| q.parse().ok()).unwrap_or(1.0)
    }

    fn representation(&self, part: &str) -> Option<Representation> {
        if self.kind == "*/*" {
            return Some(Representation { framing: Framing::Multipart, syntax: Syntax::Original });
        }
        let framing = match self.kind.as_str() {
            "multipart/related" => Framing::Multipart,
            kind if kind == part => Framing::Single,
            _ => return None,
        };
        let any = match self.parameter("type") {
            None => false,
            Some("*/*") => true,
            Some(kind) if kind.eq_ignore_ascii_case(part) => false,
            // The form of compressed frames, which has one syntax only.
            Some(kind) if kind.eq_ignore_ascii_case("image/jp2") && part != "application/dicom" => {
                return match self.parameter("transfer-syntax") {
                    None | Some("1.2.840.10008.1.2.4.90") => {
                        Some(Representation { framing, syntax: Syntax::Jpeg2000Lossless })
                    }
                    Some(_) => None,
                };
            }
            Some(_) => return None,
        };
        let syntax = match self.parameter("transfer-syntax") {
            Some("*") => Syntax::Original,
            None if any => Syntax::Original,
            None | Some("1.2.840.10008.1.2.1") => Syntax::ExplicitLittleEndian,
            Some("1.2.840.10008.1.2.4.90") if part == "application/dicom" => {
                Syntax::Jpeg2000Lossless
            }
            Some(_) => return None,
        };
        Some(Representation { framing, syntax })
    }
}

/// The elements of all Accept lines, as they stand.
fn elements(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| outside_quotes(line, b','))
        .map(str::trim)
        .filter(|element| !element.is_empty())
}

/// `text` cut at each `separator` that is not in a quoted string.
fn outside_quotes(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let mut quoted = false;
        let cut = text.bytes().position(|byte| {
            quoted ^= byte == b'"';
            byte == separator && !quoted
        });
        rest = cut.map(|at| &text[at + 1..]);
        Some(&text[..cut.unwrap_or(text.len())])
    })
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_routes_want_an_accept_header_without_a_single_fault() {
        let accepted = |accept| json(&headers(accept)).is_ok();
        assert!(accepted("*/*"));
        assert!(accepted("application/*;q=0.1"));
        assert!(accepted("application/dicom+json, application/json"));
        assert!(accepted(r#"text/html, multipart/related; type="application/dicom", */*"#));
        assert!(!accepted(""));
        assert!(!accepted("application/dicom+xml"));
        assert!(!accepted("application/dicom+json, multipart/related; type=application/dicom"));
        assert!(json(&HeaderMap::new()).is_err());
    }

    #[test]
    fn retrieve_routes_forgive_an_unquoted_type() {
        use Framing::{Multipart, Single};
        use Syntax::{ExplicitLittleEndian, Jpeg2000Lossless, Original};

        let chosen = |accept| {
            let both = [Single, Multipart];
            retrieve(&headers(accept), "application/dicom", &both)
                .ok()
                .map(|it| (it.framing, it.syntax))
        };
        assert_eq!(chosen("*/*"), Some((Multipart, Original)));
        assert_eq!(
            chosen("multipart/related; type=application/dicom"),
            Some((Multipart, ExplicitLittleEndian))
        );
        assert_eq!(
            chosen(r#"multipart/related; type="application/dicom"; transfer-syntax=*"#),
            Some((Multipart, Original))
        );
        assert_eq!(
            chosen("application/dicom; transfer-syntax=1.2.840.10008.1.2.4.90"),
            Some((Single, Jpeg2000Lossless))
        );
        assert_eq!(
            chosen("*/*;q=0.1, application/dicom;transfer-syntax=*;q=0.9"),
            Some((Single, Original))
        );
        assert_eq!(chosen("application/dicom; transfer-syntax=1.2.840.10008.1.2.4.50"), None);
        assert_eq!(chosen("application/octet-stream"), None);
        assert_eq!(chosen(""), None);
    }

    #[test]
    fn frames_are_compressed_under_a_name_of_their_own() {
        let chosen = |accept| {
            let both = [Framing::Single, Framing::Multipart];
            retrieve(&headers(accept), "application/octet-stream", &both).ok().map(|it| it.syntax)
        };
        let lossless = Some(Syntax::Jpeg2000Lossless);
        assert_eq!(chosen(r#"multipart/related; type="image/jp2""#), lossless);
        let syntax = "multipart/related; type=image/jp2; transfer-syntax=1.2.840.10008.1.2.4.90";
        assert_eq!(chosen(syntax), lossless);
        assert_eq!(chosen(r#"multipart/related; type="image/jp2"; transfer-syntax=*"#), None);
        assert_eq!(
            chosen("application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.90"),
            None
        );
    }

    #[test]
    fn rendering_wants_one_kind_of_picture_or_none_named() {
        let chosen = |accept| rendered(&headers(accept)).ok();
        assert_eq!(chosen("image/png"), Some(Picture::Png));
        assert_eq!(chosen("image/jpeg"), Some(Picture::Jpeg));
        assert_eq!(chosen("image/png, image/jpeg"), None);
        assert_eq!(chosen("*/*"), None);
        assert_eq!(rendered(&HeaderMap::new()).ok(), Some(Picture::Jpeg));
    }

    fn headers(accept: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT, http::HeaderValue::from_static(accept))])
    }
}
