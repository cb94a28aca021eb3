//! A token, decoded to be shown: what it says of itself, and never the token.

use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::finding::{Said, plain};
use crate::token::AccessToken;

/// What a token says of itself. Nobody has looked at its signature.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    claims: Option<Map<String, Value>>,
}

impl Decoded {
    /// Of a token that an authority gave.
    pub(super) fn of(token: &AccessToken) -> Self {
        let value = token.authorization().as_bytes();
        let text = value.strip_prefix(b"Bearer ").and_then(|text| str::from_utf8(text).ok());
        text.map(Self::read).unwrap_or_default()
    }

    /// Of this text; one that is no JSON Web Token (RFC 7519) says nothing.
    pub(super) fn read(text: &str) -> Self {
        let mut parts = text.trim().split('.');
        let (header, payload) = (parts.next(), parts.next());
        let claims = header.zip(payload).filter(|_| parts.count() == 1).and_then(|(_, payload)| {
            let json = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
            serde_json::from_slice(&json).ok()
        });
        Self { claims }
    }

    /// Whether nothing can be read of it.
    pub(super) fn is_opaque(&self) -> bool {
        self.claims.is_none()
    }

    /// A claim as text; several values with a space between.
    pub(super) fn claim(&self, name: &str) -> Option<String> {
        let text = |value: &Value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let text = match self.claims.as_ref()?.get(name)? {
            Value::Array(values) => values.iter().filter_map(text).collect::<Vec<_>>().join(" "),
            value => text(value)?,
        };
        Some(plain(&text))
    }

    /// The application that it was given to.
    pub(super) fn application(&self) -> Option<String> {
        ["azp", "appid", "client_id"].into_iter().find_map(|name| self.claim(name))
    }

    /// What it says, in the order in which one looks at it.
    pub(super) fn words(&self) -> String {
        if self.is_opaque() {
            return "an opaque token, of which only the authority and the service can tell whom it \
                    is for"
                .to_owned();
        }
        let application = self.application().map(|id| ("azp", id));
        let claims = SHOWN.iter().filter_map(|name| Some((*name, self.claim(name)?)));
        let (before, after) = claims.partition::<Vec<_>, _>(|(name, _)| *name != "oid");
        let rights = RIGHTS.iter().filter_map(|name| Some((*name, self.claim(name)?)));
        let all = before.into_iter().chain(application).chain(after).chain(rights);
        let words = all.map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>();
        words.join(", ")
    }

    /// The same as facts, and how long the token is usable.
    pub(super) fn facts(&self, said: Said, token: &AccessToken) -> Said {
        let said = said.fact("usable_secs", token.life_left(Instant::now()).as_secs());
        let said = said.fact("opaque", self.is_opaque());
        let names = SHOWN.iter().chain(&RIGHTS);
        let said = names.fold(said, |said, name| match self.claim(name) {
            Some(value) => said.fact(name, value),
            None => said,
        });
        match self.application() {
            Some(id) => said.fact("azp", id),
            None => said,
        }
    }
}

const SHOWN: [&str; 4] = ["aud", "iss", "tid", "oid"];

/// What the token's owner may do.
const RIGHTS: [&str; 3] = ["roles", "scp", "scope"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_is_shown_by_its_claims_and_not_by_itself() {
        let claims = json!({
            "aud": ["https://a.example", "b"], "iss": "https://i.example/v2.0", "exp": 5,
            "oid": "o",
            "roles": ["Reader"], "appid": "c", "name": "never", "tid": "t\u{1b}",
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}.c2ln", part(&json!({"alg": "RS256"})), part(&claims));
        let decoded = Decoded::read(&text);
        assert_eq!(
            decoded.words(),
            "aud https://a.example b, iss https://i.example/v2.0, tid t?, azp c, oid o, roles \
             Reader"
        );
        assert_eq!(decoded.claim("exp").as_deref(), Some("5"));
    }

    #[test]
    fn what_is_no_json_web_token_is_opaque() {
        for text in ["", "abc", "a.b.c", "e30.e30", "e30.e30.e30.e30.e30", "e30.W10.e30"] {
            let decoded = Decoded::read(text);
            assert!(decoded.is_opaque(), "{text}");
            assert!(decoded.words().starts_with("an opaque token"));
        }
        assert!(!Decoded::read("e30.e30.e30").is_opaque());
    }
}
