//! Claims that are asked for with a token (OpenID Connect Core 1.0, section 5.5; Entra's claims
//! challenge): what an origin server demands, and what the client says that it can do.

use std::fmt;

use config::Capability;
use serde_json::{Map, Value, json};

/// What an origin server demands of the next token.
#[derive(Clone, PartialEq)]
pub(crate) struct Claims(Map<String, Value>);

impl Claims {
    /// Reads the JSON object of a challenge.
    pub(crate) fn read(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok().map(Self)
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
