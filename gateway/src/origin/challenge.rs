//! The challenge of a 401 (RFC 9110, section 11.6.1), as far as it is about claims.

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::{HeaderMap, header};

/// The claims that a token must carry to be accepted, as the JSON that the origin server wrote:
/// `Bearer error="insufficient_claims", claims="<base64>"` (Entra's claims challenge).
pub(crate) fn demanded_claims(headers: &HeaderMap) -> Option<Vec<u8>> {
    let lines = headers.get_all(header::WWW_AUTHENTICATE).iter();
    let challenges = lines.filter_map(|line| line.to_str().ok()).flat_map(challenges);
    let mut demands = challenges.filter(|challenge| {
        challenge.scheme.eq_ignore_ascii_case("bearer")
            && challenge.parameter("error") == Some("insufficient_claims")
    });
    demands.find_map(|challenge| decoded(challenge.parameter("claims")?))
}

/// A parameter of the first Bearer challenge that has it.
pub(crate) fn bearer_parameter(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(header::WWW_AUTHENTICATE).iter();
    let challenges = lines.filter_map(|line| line.to_str().ok()).flat_map(challenges);
    let mut bearer = challenges.filter(|one| one.scheme.eq_ignore_ascii_case("bearer"));
    bearer.find_map(|challenge| challenge.parameter(name).map(str::to_owned))
}

/// One challenge: a scheme and its parameters.
struct Challenge<'h> {
    scheme: &'h str,
    parameters: Vec<(&'h str, String)>,
}

impl Challenge<'_> {
    fn parameter(&self, name: &str) -> Option<&str> {
        let mut found =
            self.parameters.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.as_str())
    }
}

/// The challenges of one line. A comma stands between parameters and between challenges alike; a
/// challenge begins where two words stand before the equals sign, or one without any.
fn challenges(line: &str) -> Vec<Challenge<'_>> {
    let mut challenges = Vec::<Challenge<'_>>::new();
    for item in items(line) {
        let (before, value) = match item.split_once('=') {
            Some((before, value)) => (before.trim(), Some(value)),
            None => (item, None),
        };
        let (scheme, name) = match (before.split_once(' '), value) {
            (Some((scheme, name)), _) => (Some(scheme), name.trim()),
            (None, None) => (Some(before), ""),
            (None, Some(_)) => (None, before),
        };
        challenges.extend(scheme.map(|scheme| Challenge { scheme, parameters: Vec::new() }));
        if let (Some(challenge), Some(value)) = (challenges.last_mut(), value) {
            challenge.parameters.push((name, unquoted(value.trim())));
        }
    }
    challenges
}

/// What stands between commas that are not quoted.
fn items(line: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    let items = line.split(move |c: char| {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        c == ',' && !quoted
    });
    items.map(str::trim).filter(|item| !item.is_empty())
}

fn unquoted(value: &str) -> String {
    let Some(quoted) = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) else {
        return value.to_owned();
    };
    let mut escaped = false;
    let keep = |c: &char| {
        escaped = *c == '\\' && !escaped;
        !escaped
    };
    quoted.chars().filter(keep).collect()
}

/// Base64 of either alphabet, padded or not: all of them are met.
fn decoded(text: &str) -> Option<Vec<u8>> {
    if text.len() > CLAIMS_MOST {
        return None;
    }
    let standard = text.replace('-', "+").replace('_', "/");
    LENIENT.decode(standard).ok()
}

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Far above any challenge, and no burden on a token request.
const CLAIMS_MOST: usize = 8 << 10;

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_demand_is_found_wherever_it_stands() {
        for lines in [
            &[r#"Bearer error="insufficient_claims", claims="eyJhIjoiPz8+In0=""#][..],
            &[
                r#"Bearer realm="", authorization_uri="https://a/b", claims="eyJhIjoiPz8+In0", error="insufficient_claims""#,
            ],
            &[r#"bearer CLAIMS = eyJhIjoiPz8-In0 , Error=insufficient_claims"#],
            &["Negotiate", r#"Bearer error="insufficient_claims", claims="eyJhIjoiPz8+In0=""#],
            &[
                r#"Basic realm="x, Bearer error=y", Bearer error="insufficient_claims",claims="eyJhIjoiPz8+In0=""#,
            ],
            &[
                r#"Negotiate, Bearer realm="a \"quoted\" \\", error="insufficient_claims", claims="eyJhIjoiPz8+In0=", Digest realm="x""#,
            ],
        ] {
            let found = demanded_claims(&headers(lines)).map(String::from_utf8);
            assert_eq!(found, Some(Ok(r#"{"a":"??>"}"#.to_owned())), "{lines:?}");
        }
    }

    #[test]
    fn what_is_no_demand_is_none() {
        let long = format!("Bearer error=insufficient_claims, claims={}", "e".repeat(9000));
        for line in [
            "",
            ",,=,",
            "Bearer",
            r#"Bearer error="invalid_token", claims="e30=""#,
            r#"Bearer error="insufficient_claims""#,
            r#"Bearer error="insufficient_claims", claims="{}""#,
            r#"Digest error="insufficient_claims", claims="e30=""#,
            r#"Bearer error="insufficient_claims", Digest claims="e30=""#,
            r#"Bearer realm="error=insufficient_claims, claims=e30=""#,
            &long,
        ] {
            assert_eq!(demanded_claims(&headers(&[line])), None, "{line}");
        }
    }

    fn headers(lines: &[&str]) -> HeaderMap {
        let value = |line: &&str| HeaderValue::from_str(line).expect("a header value");
        lines.iter().map(|line| (header::WWW_AUTHENTICATE, value(line))).collect()
    }
}
