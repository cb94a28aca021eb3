//! Client secrets.

use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use config::{SecretMethod, SecretSource};
use http::HeaderValue;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use url::form_urlencoded;

use super::kept::Kept;
use super::{CredentialError, Proof, Recipient};

/// A client secret, wherever it is.
#[derive(Debug)]
pub(in crate::token) struct Secret {
    source: Source,
    method: SecretMethod,
    ends: Option<SystemTime>,
}

#[derive(Debug)]
enum Source {
    File(Kept),
    Value(SecretString),
}

impl Secret {
    /// Reads nothing yet.
    pub(super) fn new(config: config::Secret) -> Self {
        let config::Secret { source, method, ends } = config;
        let source = match source {
            SecretSource::File(file) => Source::File(Kept::new(file)),
            SecretSource::Value(value) => Source::Value(value),
        };
        Self { source, method, ends }
    }

    /// When the authority will accept it no more, if the operator says so.
    pub(super) fn ends(&self) -> Option<SystemTime> {
        self.ends
    }

    /// RFC 6749, section 2.3.1.
    pub(super) fn prove(&self, to: Recipient) -> Result<Proof, CredentialError> {
        let value = match &self.source {
            Source::File(kept) => kept.text()?,
            Source::Value(value) => value.clone(),
        };
        if self.method == SecretMethod::Post {
            let proof = Proof::of_client(to, vec![("client_secret", value.clone())]);
            return Ok(proof.showing(value.expose_secret()));
        }
        let authorization = basic(&to.client_id, value.expose_secret());
        let mut proof = Proof::of_client(to, vec![]).showing(value.expose_secret());
        // Who sends it in the header does not say it again.
        proof.fields.retain(|(name, _)| *name != "client_id");
        proof.authorization = Some(authorization);
        Ok(proof)
    }
}

/// Both parts are form-encoded before they meet, so that a colon in an id parts nothing.
fn basic(id: &str, secret: &str) -> HeaderValue {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = Zeroizing::new(format!("{}:{}", encode(id), encode(secret)));
    let text = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
    let mut value =
        HeaderValue::from_str(&text).unwrap_or_else(|_| unreachable!("base64 is ASCII"));
    value.set_sensitive(true);
    value
}
