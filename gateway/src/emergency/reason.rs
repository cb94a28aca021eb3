//! Why somebody asserts an emergency, in its own words.

use http::HeaderValue;

/// The reason in a field's value: visible ASCII with spaces, or percent-encoded UTF-8 (RFC 3986,
/// section 2.1), of 1 to 256 characters once what is white at its ends is off, and none of them a
/// control character.
pub(super) fn read(value: &HeaderValue) -> Option<String> {
    let value = value.as_bytes();
    let is_plain = value.iter().all(|byte| matches!(byte, b' '..=b'~'));
    if !is_plain || value.len() > LONGEST_VALUE {
        return None;
    }
    let decoded = String::from_utf8(decoded(value)?).ok()?;
    let reason = decoded.trim();
    let is_fitting = (1..=LONGEST).contains(&reason.chars().count());
    (is_fitting && !reason.chars().any(char::is_control)).then(|| reason.to_owned())
}

/// The octets that are meant. A percent sign without two digits could mean anything.
fn decoded(value: &[u8]) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(value.len());
    let mut rest = value.iter();
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    while let Some(byte) = rest.next() {
        octets.push(if *byte == b'%' {
            let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
            u8::try_from(high << 4 | low).ok()?
        } else {
            *byte
        });
    }
    Some(octets)
}

/// In characters.
const LONGEST: usize = 256;

/// In octets: four for a character, three times that encoded, and some space.
const LONGEST_VALUE: usize = LONGEST * 12 + 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_plain_or_percent_encoded() {
        let long = "x".repeat(256);
        let wide = "%F0%9F%9A%91".repeat(256);
        for (value, reason) in [
            ("cardiac arrest, room 3", "cardiac arrest, room 3"),
            (" a  b ", "a  b"),
            ("%20Herzstillstand%2C Stra%c3%9Fe%20", "Herzstillstand, Straße"),
            ("100%25", "100%"),
            (&long, &long),
            (&wide, &"\u{1f691}".repeat(256)),
        ] {
            assert_eq!(of(value.as_bytes()).as_deref(), Some(reason), "{value}");
        }
    }

    #[test]
    fn what_is_no_reason_is_none() {
        for value in [
            "",
            "   ",
            "%20%09",
            "50% down",
            "50%",
            "%4",
            "%zz",
            "%C3",
            "%FF%FE",
            "a%0Ab",
            "a%00",
            "%7F",
            "%C2%85",
            &"x".repeat(257),
            &"%C3%9F".repeat(257),
            &" ".repeat(4000),
        ] {
            assert_eq!(of(value.as_bytes()), None, "{value}");
        }
        assert_eq!(of("Stra\u{df}e".as_bytes()), None, "UTF-8 as it is");
        assert_eq!(of(b"a\tb"), None);
    }

    fn of(value: &[u8]) -> Option<String> {
        read(&HeaderValue::from_bytes(value).expect("a value"))
    }
}
