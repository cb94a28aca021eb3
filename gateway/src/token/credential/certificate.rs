//! Client assertions that a key of ours signs (RFC 7523, section 2.2; OpenID Connect's
//! `private_key_jwt`).

use std::time::SystemTime;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use certs::{Algorithm, Identity};
use config::SigningAlgorithm;
use secrecy::SecretString;
use serde_json::json;
use uuid::Uuid;

use super::keys::Keys;
use super::{CredentialError, Recipient, jwt, key_file};

/// A certificate that the authority knows, and the key that it speaks for.
#[derive(Debug)]
pub(in crate::token) struct Certificate {
    keys: Keys,
    config: config::Certificate,
}

impl Certificate {
    /// Reads the files, and makes sure that the key can sign.
    pub(super) fn load(config: config::Certificate) -> Result<Self, CredentialError> {
        let certificate = Self { keys: Keys::load(config.keys.clone())?, config };
        certificate.algorithm(&certificate.keys.refresh())?;
        Ok(certificate)
    }

    /// When the first certificate of the chain ends.
    pub(super) fn not_after(&self) -> Option<SystemTime> {
        self.keys.not_after()
    }

    /// A new assertion for this recipient, good for ten minutes and one use, and the certificate that
    /// it names.
    pub(super) fn assertion(
        &self,
        to: &Recipient,
    ) -> Result<(SecretString, Vec<u8>), CredentialError> {
        let identity = self.keys.refresh();
        let algorithm = self.algorithm(&identity)?;
        let leaf = identity.chain()[0].as_ref();
        let thumbprint = digest::digest(&digest::SHA256, leaf);
        let mut header = json!({ "x5t#S256": URL_SAFE_NO_PAD.encode(thumbprint) });
        if self.config.x5c {
            let chain = identity.chain().iter().map(|one| STANDARD.encode(one));
            header["x5c"] = chain.collect::<Vec<_>>().into();
        }
        let audience = self.config.audience.as_deref().or(to.issuer.as_deref());
        let now = jwt::now();
        let claims = json!({
            "iss": to.client_id,
            "sub": to.client_id,
            "aud": audience.unwrap_or(to.endpoint.as_str()),
            "jti": Uuid::new_v4().to_string(),
            "nbf": now,
            "iat": now,
            "exp": now + LIFE,
        });
        jwt::signed(&identity.signing_key(), algorithm, header, &claims)
            .map(|assertion| (assertion, leaf.to_vec()))
            .ok_or_else(|| self.cannot(algorithm.name()))
    }

    fn algorithm(&self, identity: &Identity) -> Result<Algorithm, CredentialError> {
        let key = identity.signing_key();
        let Some(wanted) = self.config.algorithm else {
            return key.algorithm().ok_or_else(|| self.cannot("PS256, ES256 or ES384"));
        };
        let algorithm = match wanted {
            SigningAlgorithm::Ps256 => Algorithm::Ps256,
            SigningAlgorithm::Rs256 => Algorithm::Rs256,
            SigningAlgorithm::Es256 => Algorithm::Es256,
            SigningAlgorithm::Es384 => Algorithm::Es384,
        };
        if key.can(algorithm) { Ok(algorithm) } else { Err(self.cannot(algorithm.name())) }
    }

    fn cannot(&self, algorithm: &'static str) -> CredentialError {
        CredentialError::Algorithm { path: key_file(self.keys.files()).to_owned(), algorithm }
    }
}

/// How long an assertion is good, in seconds: Entra wants ten minutes at most.
const LIFE: u64 = 600;
