//! Client secrets, and other one-line files.

use std::io;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use config::{Secret, SecretMethod, SecretSource};
use http::HeaderValue;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use url::form_urlencoded;

use super::{CredentialError, Proof, Recipient};

/// RFC 6749, section 2.3.1.
pub(super) fn prove(secret: &Secret, to: Recipient) -> Result<Proof, CredentialError> {
    let value = match &secret.source {
        SecretSource::Value(value) => value.clone(),
        SecretSource::File(path) => line(path)?,
    };
    if secret.method == SecretMethod::Post {
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

/// The text of a file as an editor or a kubelet leaves it: one line end at its end is not part of it.
pub(super) fn line(path: &Path) -> io::Result<SecretString> {
    let mut text = std::fs::read_to_string(path)?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(SecretString::from(text))
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
