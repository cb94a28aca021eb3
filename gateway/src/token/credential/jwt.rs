//! JSON Web Tokens of our own (RFC 7519): signed once, for one token request.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use certs::{Algorithm, SigningKey};
use secrecy::SecretString;
use serde_json::Value;

/// The compact form (RFC 7515, section 7.1); `header` needs no `alg` and no `typ`. `None` if the key
/// cannot sign so.
pub(super) fn signed(
    key: &SigningKey,
    algorithm: Algorithm,
    mut header: Value,
    claims: &Value,
) -> Option<SecretString> {
    header["alg"] = algorithm.name().into();
    header["typ"] = "JWT".into();
    let mut text = format!("{}.{}", encoded(&header), encoded(claims));
    let signature = key.sign(algorithm, text.as_bytes())?;
    text.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut text);
    Some(text.into())
}

/// Seconds since 1970, as claims want them (RFC 7519, section 2).
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}
