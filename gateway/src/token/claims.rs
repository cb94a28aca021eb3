//! Claims that are asked for with a token (OpenID Connect Core 1.0, section 5.5; Entra's claims
//! challenge): what an origin server demands, and what the client says that it can do.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use config::Capability;
use serde_json::{Map, Value, json};

/// What an origin server, or the authority itself, demands of the next token.
#[derive(Clone, PartialEq)]
pub(crate) struct Claims(Map<String, Value>);

impl Claims {
    /// Reads the JSON object of a challenge.
    pub(crate) fn read(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok().map(Self)
    }

    /// As a challenge has them: JSON in base64, if they are of a size that a header may have.
    pub(crate) fn encoded(&self) -> Option<String> {
        let json = Value::Object(self.0.clone()).to_string();
        (json.len() <= ENCODED_MOST).then(|| STANDARD.encode(json))
    }

    /// How many bytes they take, more or less.
    pub(super) fn size(&self) -> usize {
        // A tree of text takes a few times what the text does.
        4 * Value::Object(self.0.clone()).to_string().len()
    }
}

/// It came from outside, and may name anything.
impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claims")
    }
}

/// The `claims` parameter of a token request, if it needs one.
pub(super) fn parameter(capabilities: &[Capability], demanded: Option<&Claims>) -> Option<String> {
    let mut claims = demanded.map(|Claims(demanded)| demanded.clone()).unwrap_or_default();
    if !capabilities.is_empty() {
        let names = capabilities.iter().map(|it| it.name()).collect::<Vec<_>>();
        let of_token = claims.entry("access_token").or_insert_with(|| json!({}));
        // Where the demand is no object, the authority shall say what is wrong with it.
        if let Some(of_token) = of_token.as_object_mut() {
            of_token.insert("xms_cc".to_owned(), json!({ "values": names }));
        }
    }
    (!claims.is_empty()).then(|| Value::Object(claims).to_string())
}

/// The largest demand that is passed on, as JSON.
const ENCODED_MOST: usize = 4 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demand_and_capabilities_make_one_object() {
        let demand = Claims::read(br#"{"access_token":{"nbf":{"essential":true,"value":"1"}}}"#);
        let cp1 = &[Capability::Cp1][..];
        for (capabilities, demanded, expected) in [
            (&[][..], None, None),
            (&[], demand.as_ref(), Some(json!({"access_token": {"nbf": NBF()}}))),
            (cp1, None, Some(json!({"access_token": {"xms_cc": {"values": ["cp1"]}}}))),
            (
                cp1,
                demand.as_ref(),
                Some(json!({"access_token": {"nbf": NBF(), "xms_cc": {"values": ["cp1"]}}})),
            ),
        ] {
            let written = parameter(capabilities, demanded);
            let written = written.map(|it| serde_json::from_str::<Value>(&it).expect("JSON"));
            assert_eq!(written, expected);
        }
    }

    #[test]
    fn only_an_object_is_a_demand() {
        for text in ["", "[]", "1", "\"{}\"", "{", "{}{}"] {
            assert_eq!(Claims::read(text.as_bytes()), None, "{text}");
        }
    }

    const NBF: fn() -> Value = || json!({"essential": true, "value": "1"});
}
