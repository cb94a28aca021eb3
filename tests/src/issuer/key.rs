//! Keys that sign tokens, and what is published of them.

use std::fmt;
use std::sync::{Arc, LazyLock};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::{Value, json};

/// A key pair with a name.
#[derive(Clone)]
pub struct SigningKey {
    kid: String,
    algorithm: &'static str,
    private: Private,
    jwk: Value,
}

#[derive(Clone)]
enum Private {
    Jose(EncodingKey, Algorithm),
    Ed25519(Arc<Ed25519KeyPair>),
}

impl SigningKey {
    /// A key on P-256.
    pub fn es256(kid: &str) -> Self {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
        Self::jose(kid, "ES256", ec(&pair), Algorithm::ES256)
    }

    /// A key on P-384.
    pub fn es384(kid: &str) -> Self {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).expect("a key");
        Self::jose(kid, "ES384", ec(&pair), Algorithm::ES384)
    }

    /// The one RSA key of this process under this name, for an algorithm of RSA's.
    pub fn rsa(kid: &str, algorithm: &'static str) -> Self {
        let parsed = algorithm.parse().expect("an algorithm");
        Self::jose(kid, algorithm, RSA.clone(), parsed)
    }

    /// An Ed25519 key.
    pub fn ed25519(kid: &str) -> Self {
        let pair = Ed25519KeyPair::generate().expect("a key");
        let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "use": "sig", "x": x });
        let private = Private::Ed25519(Arc::new(pair));
        Self { kid: kid.to_owned(), algorithm: "EdDSA", private, jwk }
    }

    /// Its name.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// What it signs with, as tokens say it.
    pub fn algorithm(&self) -> &'static str {
        self.algorithm
    }

    /// The public half (RFC 7517), for any algorithm that it can.
    pub fn jwk(&self) -> Value {
        self.jwk.clone()
    }

    /// A signature, in base64url.
    pub fn sign(&self, text: &str) -> String {
        match &self.private {
            Private::Jose(key, algorithm) => {
                crypto::sign(text.as_bytes(), key, *algorithm).expect("a signature")
            }
            Private::Ed25519(pair) => URL_SAFE_NO_PAD.encode(pair.sign(text.as_bytes())),
        }
    }

    fn jose(kid: &str, name: &'static str, private: EncodingKey, algorithm: Algorithm) -> Self {
        let jwk = Jwk::from_encoding_key(&private, algorithm).expect("a key that has a JWK");
        let mut jwk = serde_json::to_value(jwk).expect("JSON");
        // As Entra's: a key says what it is for, and not by which algorithm.
        jwk.as_object_mut().expect("an object").remove("alg");
        jwk["kid"] = kid.into();
        jwk["use"] = "sig".into();
        let private = Private::Jose(private, algorithm);
        Self { kid: kid.to_owned(), algorithm: name, private, jwk }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.kid).finish()
    }
}

fn ec(pair: &KeyPair) -> EncodingKey {
    EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).expect("our own PEM")
}

/// Making one takes a while.
static RSA: LazyLock<EncodingKey> = LazyLock::new(|| {
    let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).expect("an RSA key");
    EncodingKey::from_rsa_pem(pair.serialize_pem().as_bytes()).expect("our own PEM")
});
