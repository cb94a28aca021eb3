//! Another authority than the gateway's: such as a cluster, whose tokens for its pods are proof of who
//! they are.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::json;

/// An issuer with one key. It answers no requests: who trusts it is handed its keys.
pub struct TokenIssuer {
    url: String,
    private: EncodingKey,
    jwk: Jwk,
}

impl TokenIssuer {
    /// An issuer of this name, with a key of its own.
    pub fn new(url: &str) -> Self {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
        let private = EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).expect("our key");
        let mut jwk = Jwk::from_encoding_key(&private, Algorithm::ES256).expect("an EC key");
        jwk.common.key_id = Some("1".to_owned());
        Self { url: url.to_owned(), private, jwk }
    }

    /// What stands as `iss` in its tokens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its public keys.
    pub fn keys(&self) -> JwkSet {
        JwkSet { keys: vec![self.jwk.clone()] }
    }

    /// A token that is good for an hour.
    pub fn token(&self, subject: &str, audience: &str) -> String {
        self.token_that_ends(subject, audience, SystemTime::now() + Duration::from_secs(3600))
    }

    /// A token that is good until then.
    pub fn token_that_ends(&self, subject: &str, audience: &str, end: SystemTime) -> String {
        let seconds = |at: SystemTime| at.duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let ends = seconds(end);
        let claims = json!({
            "iss": self.url,
            "sub": subject,
            "aud": [audience],
            "iat": ends - 3600,
            "nbf": ends - 3600,
            "exp": ends,
        });
        let mut header = Header::new(Algorithm::ES256);
        header.kid.clone_from(&self.jwk.common.key_id);
        encode(&header, &claims, &self.private).expect("a signed token")
    }
}
