//! Service accounts: an assertion that is itself the grant (RFC 7523, section 2.1), as Google wants
//! it.

use certs::{Algorithm, SigningKey};
use secrecy::ExposeSecret;
use secrecy::zeroize::Zeroizing;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::kept::Kept;
use super::{CredentialError, Proof, jwt};

/// What a key file says.
pub(super) struct ServiceAccount {
    email: String,
    key_id: Option<String>,
    key: SigningKey,
    endpoint: Url,
}

impl ServiceAccount {
    /// Reads a key file as Google's console gives it.
    pub(super) fn read(kept: &Kept) -> Result<Self, CredentialError> {
        let path = kept.path();
        let wrong = |wanted| CredentialError::ServiceAccount { path: path.to_owned(), wanted };
        let file = serde_json::from_str::<KeyFile>(kept.text()?.expose_secret())
            .map_err(|_| wrong("it lacks client_email, private_key or token_uri"))?;
        let pem = Zeroizing::new(file.private_key);
        let key = SigningKey::from_pem(pem.as_bytes())
            .filter(|key| key.can(Algorithm::Rs256))
            .ok_or_else(|| wrong("its private_key is no RSA key"))?;
        let endpoint = Url::parse(&file.token_uri).ok().filter(config::is_private);
        let endpoint = endpoint.ok_or_else(|| wrong("its token_uri is no https URL"))?;
        Ok(Self { email: file.client_email, key_id: file.private_key_id, key, endpoint })
    }

    /// The whole request: who asks, and for what, stands in the assertion.
    pub(super) fn grant(self, scope: &str) -> Result<Proof, CredentialError> {
        let mut header = json!({});
        if let Some(id) = &self.key_id {
            header["kid"] = id.as_str().into();
        }
        let now = jwt::now();
        let claims = json!({
            "iss": self.email,
            "scope": scope,
            "aud": self.endpoint.as_str(),
            "iat": now,
            "exp": now + LIFE,
        });
        let assertion = jwt::signed(&self.key, Algorithm::Rs256, header, &claims);
        let assertion = assertion
            .ok_or(CredentialError::Unreadable(std::io::Error::other("the key does not sign")))?;
        let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
        let fields = vec![("grant_type", grant.into()), ("assertion", assertion)];
        let proof = Proof { endpoint: self.endpoint, fields, authorization: None, shown: 0 };
        Ok(proof.showing(self.key_id))
    }
}

#[derive(Deserialize)]
struct KeyFile {
    client_email: String,
    private_key_id: Option<String>,
    private_key: String,
    token_uri: String,
}

/// How long an assertion is good, in seconds: Google allows an hour, a few minutes are enough.
const LIFE: u64 = 600;
