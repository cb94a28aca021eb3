//! What the head of a message or of a part says of the body that follows.

use super::syntax::Syntax;

/// What a body is made of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// One text.
    Text(Syntax),
    /// Parts with this boundary (RFC 2046, section 5.1).
    Parts(Box<[u8]>),
}

/// How a body is coded for its way (RFC 9110, section 8.4.1), as far as the gateway can undo it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Coding {
    /// Not at all.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 1950, or RFC 1951 as some send it.
    Deflate,
}

impl Kind {
    /// What `Content-Type` says; `None` for what can hold no URLs that we would know.
    pub(crate) fn of(content_type: &[u8]) -> Option<Self> {
        let essence = content_type.split(|byte| *byte == b';').next()?.trim_ascii();
        let essence = essence.to_ascii_lowercase();
        if essence.starts_with(b"multipart/") {
            return boundary(&content_type[essence.len()..]).map(Self::Parts);
        }
        syntax(&essence).map(Self::Text)
    }
}

impl Coding {
    /// What `Content-Encoding` says; `None` for what the gateway cannot undo.
    pub(crate) fn of(content_encoding: &[u8]) -> Option<Self> {
        let coding = content_encoding.trim_ascii().to_ascii_lowercase();
        match &coding[..] {
            b"" | b"identity" => Some(Self::Identity),
            b"gzip" | b"x-gzip" => Some(Self::Gzip),
            b"deflate" => Some(Self::Deflate),
            _ => None,
        }
    }
}

fn syntax(essence: &[u8]) -> Option<Syntax> {
    let (kind, subtype) = essence.split_at(essence.iter().position(|byte| *byte == b'/')? + 1);
    match (kind, subtype) {
        (b"application/", b"json") => Some(Syntax::Json),
        (b"application/" | b"text/", b"xml") => Some(Syntax::Xml),
        (b"application/", subtype) if subtype.ends_with(b"+json") => Some(Syntax::Json),
        (b"application/", subtype) if subtype.ends_with(b"+xml") => Some(Syntax::Xml),
        _ => None,
    }
}

/// The parameter `boundary`, which may be quoted.
fn boundary(mut parameters: &[u8]) -> Option<Box<[u8]>> {
    loop {
        let start = parameters.iter().position(|byte| *byte == b';')? + 1;
        let name_end = start + parameters[start..].iter().position(|byte| *byte == b'=')?;
        let name = parameters[start..name_end].trim_ascii();
        let (value, rest) = value(parameters[name_end + 1..].trim_ascii_start())?;
        if name.eq_ignore_ascii_case(b"boundary") {
            let is_sound = (1..=BOUNDARY_MOST).contains(&value.len());
            let breaks = value.iter().any(|byte| matches!(byte, b'\r' | b'\n'));
            return (is_sound && !breaks).then(|| value.into());
        }
        parameters = rest;
    }
}

/// A token or a quoted string, and what follows it.
fn value(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let Some(quoted) = text.strip_prefix(b"\"") else {
        let (value, rest) =
            text.split_at(text.iter().position(|byte| *byte == b';').unwrap_or(text.len()));
        return Some((value.trim_ascii_end().to_vec(), rest));
    };
    let mut value = Vec::new();
    let mut bytes = quoted.iter();
    loop {
        match bytes.next()? {
            b'"' => return Some((value, bytes.as_slice())),
            b'\\' => value.push(*bytes.next()?),
            byte => value.push(*byte),
        }
    }
}

/// RFC 2046 allows 70; some write more.
const BOUNDARY_MOST: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_type_says_what_to_look_for() {
        let (json, xml) = (Some(Kind::Text(Syntax::Json)), Some(Kind::Text(Syntax::Xml)));
        let parts = |boundary: &[u8]| Some(Kind::Parts(boundary.into()));
        for (content_type, kind) in [
            ("application/dicom+json", &json),
            ("Application/JSON ; charset=utf-8", &json),
            ("application/problem+json", &json),
            ("application/dicom+xml;transfer-syntax=x", &xml),
            ("text/xml", &xml),
            ("application/xml", &xml),
            ("application/vnd.sun.wadl+xml", &xml),
            ("application/dicom", &None),
            ("image/svg+xml", &None),
            ("text/plain", &None),
            ("json", &None),
            ("", &None),
            ("multipart/related; boundary=a-b", &parts(b"a-b")),
            (
                "multipart/related;type=\"application/dicom\";BOUNDARY=\"a;\\\"b\" ",
                &parts(b"a;\"b"),
            ),
            ("Multipart/Related; type=\"a;boundary=b\"; boundary=c ; x=y", &parts(b"c")),
            ("multipart/related", &None),
            ("multipart/related; boundary=", &None),
            ("multipart/related; boundary=\"a", &None),
            ("multipart/related; boundary=\"a\r\nb\"", &None),
        ] {
            assert_eq!(&Kind::of(content_type.as_bytes()), kind, "{content_type}");
        }
    }

    #[test]
    fn a_coding_is_undone_or_let_be() {
        for (value, coding) in [
            ("", Some(Coding::Identity)),
            ("GZIP ", Some(Coding::Gzip)),
            ("x-gzip", Some(Coding::Gzip)),
            ("deflate", Some(Coding::Deflate)),
            ("br", None),
            ("gzip, gzip", None),
        ] {
            assert_eq!(Coding::of(value.as_bytes()), coding, "{value}");
        }
    }
}
