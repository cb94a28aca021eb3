//! Client assertions (RFC 7523, section 2.2): signed by a registered certificate, or by another
//! authority that is trusted for one subject.

use std::collections::HashSet;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::Value;

use super::refusal::Refusal;

/// Trust in the tokens of another authority (a federated identity credential).
#[derive(Clone, Debug)]
pub(crate) struct Federation {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) audience: String,
    pub(crate) keys: JwkSet,
}

/// A JWT taken apart; nothing of it is proved yet.
pub(super) struct Assertion<'a> {
    text: &'a str,
    header: Value,
    claims: Value,
}

impl<'a> Assertion<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, Refusal> {
        let part = |index: usize| -> Option<Value> {
            let decoded = URL_SAFE_NO_PAD.decode(text.split('.').nth(index)?).ok()?;
            serde_json::from_slice(&decoded).ok()
        };
        let (header, claims) = part(0)
            .zip(part(1))
            .ok_or_else(|| Refusal::bad_assertion("The client assertion is no JWT."))?;
        Ok(Self { text, header, claims })
    }

    pub(super) fn claim(&self, name: &str) -> &str {
        self.claims[name].as_str().unwrap_or_default()
    }

    /// Whether the client itself signed it, by its own account.
    pub(super) fn is_of(&self, client: &str) -> bool {
        self.claim("iss") == client
    }

    /// Checks an assertion of `client` for `audience` with the certificates (DER) that are
    /// registered for it; `used` are the ids of earlier ones.
    pub(super) fn check_own(
        &self,
        client: &str,
        audience: &str,
        certificates: &[Vec<u8>],
        used: &mut HashSet<String>,
    ) -> Result<(), Refusal> {
        // Some clients write it in the other alphabet, or padded.
        let thumbprint = self.header["x5t#S256"].as_str().unwrap_or_default();
        let thumbprint = thumbprint.trim_end_matches('=').replace('+', "-").replace('/', "_");
        let registered = certificates
            .iter()
            .find(|der| URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, der)) == thumbprint);
        let registered = registered.ok_or_else(Refusal::unknown_key)?;
        self.check_chain(registered)?;
        self.verify(&key_of(registered, self.algorithm()?))?;
        if !self.is_of(client) || self.claim("sub") != client {
            return Err(Refusal::bad_assertion("Issuer and subject have to be the client."));
        }
        if self.claim("aud") != audience {
            return Err(Refusal::assertion_for_another(self.claim("aud")));
        }
        self.check_time(Some(LONGEST_LIFE))?;
        let id = self.claim("jti");
        if id.is_empty() || !used.insert(id.to_owned()) {
            return Err(Refusal::bad_assertion("The client assertion was used before."));
        }
        Ok(())
    }

    /// Checks another authority's token.
    pub(super) fn check_foreign(&self, federations: &[Federation]) -> Result<(), Refusal> {
        let (issuer, subject) = (self.claim("iss"), self.claim("sub"));
        let audiences = match &self.claims["aud"] {
            Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
            one => vec![one.as_str().unwrap_or_default()],
        };
        let trusted = federations.iter().find(|trusted| {
            (trusted.issuer.as_str(), trusted.subject.as_str()) == (issuer, subject)
                && audiences.contains(&trusted.audience.as_str())
        });
        let trusted =
            trusted.ok_or_else(|| Refusal::no_federation(issuer, subject, &audiences.join(" ")))?;
        let key = trusted.keys.find(self.header["kid"].as_str().unwrap_or_default());
        let key = key.and_then(|jwk| DecodingKey::from_jwk(jwk).ok());
        self.verify(&key.ok_or_else(Refusal::unknown_key)?)?;
        self.check_time(None)
    }

    /// The signature, by one of the algorithms that are allowed.
    pub(super) fn verify(&self, key: &DecodingKey) -> Result<(), Refusal> {
        let mut validation = Validation::new(self.algorithm()?);
        // Some clients write times as strings or fractions: they are checked here.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let verified = decode::<Value>(self.text, key, &validation);
        verified.map(drop).map_err(|_| Refusal::unknown_key())
    }

    /// Not over, begun, and not too long.
    pub(super) fn check_time(&self, longest: Option<f64>) -> Result<(), Refusal> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64();
        let time = |name: &str| match &self.claims[name] {
            Value::String(text) => text.parse().ok(),
            value => value.as_f64(),
        };
        let begun = |name| time(name).is_none_or(|time| time <= now + SKEW);
        let ends = time("exp").ok_or_else(Refusal::untimely_assertion)?;
        let is_short = longest.is_none_or(|longest| ends <= now + longest + SKEW);
        if ends <= now || !begun("nbf") || !begun("iat") || !is_short {
            return Err(Refusal::untimely_assertion());
        }
        Ok(())
    }

    fn algorithm(&self) -> Result<Algorithm, Refusal> {
        let algorithm = match self.header["alg"].as_str() {
            Some("PS256") => Algorithm::PS256,
            Some("RS256") => Algorithm::RS256,
            Some("ES256") => Algorithm::ES256,
            Some("ES384") => Algorithm::ES384,
            _ => return Err(Refusal::bad_assertion("The signature's algorithm is not allowed.")),
        };
        Ok(algorithm)
    }

    /// A chain that is sent begins with the certificate that is named.
    fn check_chain(&self, leaf: &[u8]) -> Result<(), Refusal> {
        let first = match &self.header["x5c"] {
            Value::Null => return Ok(()),
            Value::Array(chain) => chain.first().and_then(Value::as_str),
            one => one.as_str(),
        };
        let first = first.unwrap_or_default().replace(char::is_whitespace, "");
        if STANDARD.decode(first).is_ok_and(|first| first == leaf) {
            return Ok(());
        }
        Err(Refusal::bad_assertion("The chain does not begin with the certificate."))
    }
}

fn key_of(certificate: &[u8], algorithm: Algorithm) -> DecodingKey {
    let encoded = STANDARD.encode(certificate);
    let pem = format!("-----BEGIN CERTIFICATE-----\n{encoded}\n-----END CERTIFICATE-----\n");
    let key = match algorithm {
        Algorithm::ES256 | Algorithm::ES384 => DecodingKey::from_ec_pem(pem.as_bytes()),
        _ => DecodingKey::from_rsa_pem(pem.as_bytes()),
    };
    // Of a kind that does not fit the algorithm: no signature will.
    key.unwrap_or_else(|_| DecodingKey::from_secret(b""))
}

/// In seconds, either way.
const SKEW: f64 = 5.0;

/// In seconds.
const LONGEST_LIFE: f64 = 600.0;
