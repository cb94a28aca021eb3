//! A token before it is signed.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Issuer, SigningKey};

/// What a token is to say, to be changed at will.
#[derive(Clone, Debug)]
pub struct Draft {
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl Draft {
    /// A user's token of this issuer, as Entra's version 2 writes them, good for an hour.
    pub fn user(issuer: &str) -> Self {
        let now = now();
        let claims = json!({
            "aud": Issuer::AUDIENCE,
            "iss": issuer,
            "iat": now - 300,
            "nbf": now - 300,
            "exp": now + 3600,
            "aio": Uuid::new_v4().simple().to_string(),
            "azp": "8f6a1f0c-1f5a-4c08-9b43-5f3b7a0e6d11",
            "azpacr": "0",
            "name": "Jane Doe",
            "oid": "1d2c3b4a-0000-4000-8000-0123456789ab",
            "preferred_username": "jane@hospital.example",
            "scp": "Dicom.Read",
            "sub": "pairwise-subject",
            "tid": Issuer::TENANT,
            "uti": Uuid::new_v4().simple().to_string(),
            "ver": "2.0",
        });
        let Value::Object(claims) = claims else { unreachable!("an object") };
        Self { header: Map::new(), claims }
    }

    /// With this claim, instead of one of its name.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Without these claims.
    pub fn without(mut self, names: &[&str]) -> Self {
        self.claims.retain(|name, _| !names.contains(&name.as_str()));
        self
    }

    /// With this member of the header, instead of one of its name; `null` for none of it.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// The token, signed by `key`, which its header names unless it was told otherwise.
    pub fn sign(&self, key: &SigningKey) -> String {
        let mut header = Map::new();
        header.insert("typ".to_owned(), "JWT".into());
        header.insert("alg".to_owned(), key.algorithm().into());
        header.insert("kid".to_owned(), key.kid().into());
        header.extend(self.header.clone());
        header.retain(|_, value| !value.is_null());
        compact(&Value::Object(header).to_string(), &self.claims_text(), key)
    }

    /// What it says, as JSON.
    pub fn claims_text(&self) -> String {
        Value::Object(self.claims.clone()).to_string()
    }
}

/// Any two texts in the form of a token, signed by `key`.
pub fn compact(header: &str, claims: &str, key: &SigningKey) -> String {
    let signed = format!("{}.{}", encoded(header), encoded(claims));
    let signature = key.sign(&signed);
    format!("{signed}.{signature}")
}

/// A text in base64url.
pub fn encoded(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}
