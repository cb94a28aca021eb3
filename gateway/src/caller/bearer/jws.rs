//! A signed token in its compact form (RFC 7515, section 7.1; RFC 7519), taken apart and not believed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use config::JwsAlgorithm;
use serde_json::{Map, Value};

use super::claims::Claims;
use super::flaw::{self, Flaw};
use super::json;

/// A token's parts. Nothing in it is to be believed before its signature is.
pub(super) struct Jws<'t> {
    /// How it says that it is signed.
    pub algorithm: JwsAlgorithm,
    /// The name of its key: a thing to look up, and nothing else.
    pub kid: Option<String>,
    /// Whether its type is that of RFC 9068.
    pub is_at_jwt: bool,
    /// What it says.
    pub claims: Claims,
    /// What is signed.
    pub signed: &'t str,
    /// The signature, in base64url.
    pub signature: &'t str,
}

impl<'t> Jws<'t> {
    /// Takes a token apart. Keys that it brings, or says where to fetch (`jwk`, `x5c`, `jku`, `x5u`),
    /// are not looked at.
    pub(super) fn read(token: &'t str) -> Result<Self, Flaw> {
        let (signed, signature) = token.rsplit_once('.').ok_or(flaw::MALFORMED)?;
        let (header, claims) = signed.split_once('.').ok_or(flaw::MALFORMED)?;
        if claims.contains('.') {
            return Err(flaw::ENCRYPTED);
        }
        let (header, claims) = (members(header)?, members(claims)?);
        if ["enc", "zip"].iter().any(|name| header.contains_key(*name)) {
            return Err(flaw::ENCRYPTED);
        }
        // No extension is known here, and `b64` is one.
        if ["crit", "b64"].iter().any(|name| header.contains_key(*name)) {
            return Err(flaw::CRITICAL);
        }
        let algorithm = header.get("alg").and_then(Value::as_str);
        let algorithm = JwsAlgorithm::ALL.into_iter().find(|one| Some(one.name()) == algorithm);
        let algorithm = algorithm.ok_or(flaw::ALGORITHM)?;
        let kid = match header.get("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid.clone()),
            Some(_) => return Err(flaw::MALFORMED),
        };
        let is_at_jwt = is_at_jwt(header.get("typ"))?;
        Ok(Self { algorithm, kid, is_at_jwt, claims: Claims::read(&claims)?, signed, signature })
    }
}

fn members(part: &str) -> Result<Map<String, Value>, Flaw> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| flaw::MALFORMED)?;
    json::object(&json).ok_or(flaw::MALFORMED)
}

/// Other tokens have other types: for logging out, for proof of possession, for security events
/// (RFC 8725, section 3.11).
fn is_at_jwt(value: Option<&Value>) -> Result<bool, Flaw> {
    let Some(value) = value else { return Ok(false) };
    let mut value = value.as_str().ok_or(flaw::TYPE)?.to_ascii_lowercase();
    if let Some(short) = value.strip_prefix("application/") {
        value = short.to_owned();
    }
    match value.as_str() {
        "jwt" => Ok(false),
        "at+jwt" => Ok(true),
        _ => Err(flaw::TYPE),
    }
}
