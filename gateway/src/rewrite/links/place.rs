//! Where a path is a reference to one of the origin server's resources, and not a text of somebody's.

use super::syntax::Syntax;

/// How much of what precedes a string is looked at, indentation and all.
pub(super) const REACH: usize = 512;

/// Whether the string that begins behind `before` is a reference: the value of `BulkDataURI`, of
/// `href` or of Retrieve URL (0008,1190) in JSON, of the URI of `BulkData` in XML.
pub(super) fn holds_reference(syntax: Syntax, before: &[u8]) -> bool {
    match syntax {
        Syntax::Json => json(before) == Some(true),
        Syntax::Xml => xml(before) == Some(true),
    }
}

fn json(before: &[u8]) -> Option<bool> {
    let before = before.strip_suffix(b"\"")?.trim_ascii_end();
    if let Some(before) = before.strip_suffix(b":") {
        let before = before.trim_ascii_end();
        return Some(before.ends_with(b"\"BulkDataURI\"") || before.ends_with(b"\"href\""));
    }
    let before = before_name(before.strip_suffix(b"[")?, b"\"Value\"")?;
    let before = match before.strip_suffix(b",") {
        Some(before) => before_name(before.trim_ascii_end().strip_suffix(b"\"UR\"")?, b"\"vr\"")?,
        None => before,
    };
    Some(before_name(before.strip_suffix(b"{")?, b"\"00081190\"").is_some())
}

/// What precedes `name` and the colon at the end of `text`.
fn before_name<'t>(text: &'t [u8], name: &[u8]) -> Option<&'t [u8]> {
    let text = text.trim_ascii_end().strip_suffix(b":")?.trim_ascii_end();
    Some(text.strip_suffix(name)?.trim_ascii_end())
}

fn xml(before: &[u8]) -> Option<bool> {
    let before = before.strip_suffix(b"\"").or_else(|| before.strip_suffix(b"'"))?;
    let before = before.trim_ascii_end().strip_suffix(b"=")?.trim_ascii_end();
    let before = before.strip_suffix(b"uri").or_else(|| before.strip_suffix(b"URI"))?;
    let tag = &before[memchr::memrchr(b'<', before)? + 1..];
    let attributes = tag.strip_prefix(b"BulkData")?;
    let [first, .., last] = attributes else {
        return Some(attributes.first()?.is_ascii_whitespace());
    };
    let stays_in_tag = !attributes.contains(&b'>');
    Some(first.is_ascii_whitespace() && last.is_ascii_whitespace() && stays_in_tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_reference_in_few_places() {
        let json = |before: &str| holds_reference(Syntax::Json, before.as_bytes());
        for yes in [
            "{\"vr\":\"OW\",\"BulkDataURI\":\"",
            "{\"href\" : \"",
            "\"00081190\":{\"vr\":\"UR\",\"Value\":[\"",
            "\"00081190\" : {\n  \"vr\" : \"UR\",\n  \"Value\" : [\n    \"",
            "\"00081190\":{\"Value\":[\"",
        ] {
            assert!(json(yes), "{yes}");
        }
        for no in [
            "{\"description\":\"",
            "\"00081190\":{\"vr\":\"UT\",\"Value\":[\"",
            "\"00081191\":{\"vr\":\"UR\",\"Value\":[\"",
            "\"Value\":[\"",
            "\"xhref\":\"",
            "href:\"",
            "\"",
            "",
        ] {
            assert!(!json(no), "{no}");
        }
        let xml = |before: &str| holds_reference(Syntax::Xml, before.as_bytes());
        for yes in ["<BulkData uri=\"", "<BulkData URI='", "<BulkData\n uuid=\"1.2\" uri = \""] {
            assert!(xml(yes), "{yes}");
        }
        for no in [
            "<BulkData xuri=\"",
            "<BulkData>uri=\"",
            "<Value number=\"",
            "<BulkDatas uri=\"",
            "<Value>",
            "",
        ] {
            assert!(!xml(no), "{no}");
        }
    }
}
