//! What strangers wrote, in a form that FHIR takes.

use std::borrow::Cow;

use super::super::coded::UNKNOWN;

/// The same text, if FHIR's `string` can hold it (<http://hl7.org/fhir/R4/datatypes.html#string>):
/// never empty, no space at its ends, no control characters. Nothing longer than what a name or a
/// reason needs.
pub(super) fn sound<'t>(text: impl Into<Cow<'t, str>>) -> Cow<'t, str> {
    let text = text.into();
    if is_sound(&text) {
        return text;
    }
    let end = (0..=text.len().min(MOST)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    let kept = text[..end].replace(char::is_control, "\u{fffd}");
    match kept.trim() {
        "" => UNKNOWN.into(),
        trimmed => trimmed.to_owned().into(),
    }
}

fn is_sound(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MOST
        && text.trim().len() == text.len()
        && !text.chars().any(char::is_control)
}

/// In bytes.
const MOST: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_fhir_server_would_take_is_put_right_and_bounded() {
        for (text, kept) in [
            ("dr.müller", "dr.müller"),
            ("a\nb\u{0}c", "a\u{fffd}b\u{fffd}c"),
            (" a ", "a"),
            ("", UNKNOWN),
            (" ", UNKNOWN),
        ] {
            assert_eq!(sound(text), kept);
        }
        let long = "ü".repeat(MOST);
        assert_eq!(sound(long.as_str()).len(), MOST);
        assert!(matches!(sound("as it was"), Cow::Borrowed(_)));
    }
}
