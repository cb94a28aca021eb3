//! By what right a token is asked for (RFC 6749, section 1.3).

use std::fmt;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use config::Exchange;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

/// By what right a token is asked for.
#[derive(Clone, Debug)]
pub(crate) enum Grant {
    /// The client's own (RFC 6749, section 4.4).
    ClientCredentials,
    /// That of a user, who let the client act.
    OnBehalfOf(OnBehalfOf),
}

/// A user's right, as the user's own token proves it.
#[derive(Clone, Debug)]
pub(crate) struct OnBehalfOf {
    /// The user's token.
    pub assertion: Arc<Assertion>,
    /// The user's tenant at Entra, where the token says one: a guest's is not the client's own.
    pub tenant: Option<Uuid>,
    /// How it is exchanged.
    pub exchange: Exchange,
}

/// A user's token, which was found good for the request that brought it.
///
/// Its text leaves only towards the authority, and is wiped when it is dropped. There is no
/// `Display`, and `Debug` shows none of it.
pub(crate) struct Assertion {
    text: Arc<SecretString>,
    sha256: [u8; 32],
    ends_at: Instant,
}

impl Assertion {
    /// The token whose text this is, good until `ends`.
    pub(crate) fn new(text: Arc<SecretString>, ends: SystemTime) -> Self {
        let left = ends.duration_since(SystemTime::now()).unwrap_or_default();
        let now = Instant::now();
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(digest(&SHA256, text.expose_secret().as_bytes()).as_ref());
        // An end that no clock can tell is one that nobody lives to see: none is the safe side.
        Self { text, sha256, ends_at: now.checked_add(left).unwrap_or(now) }
    }

    /// What tells it from every other one.
    pub(super) fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// When it ends.
    pub(super) fn ends_at(&self) -> Instant {
        self.ends_at
    }
}

impl fmt::Debug for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Assertion")
    }
}

impl Grant {
    /// The parameters that say so, and what is asked for.
    pub(super) fn parameters(&self, scope: &str) -> Vec<(&'static str, SecretString)> {
        let mut all = vec![("scope", scope.into())];
        match self {
            Self::ClientCredentials => all.push(("grant_type", "client_credentials".into())),
            Self::OnBehalfOf(OnBehalfOf { assertion, exchange, .. }) => {
                let user = SecretString::clone(&assertion.text);
                match exchange {
                    Exchange::JwtBearer => all.extend([
                        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer".into()),
                        ("requested_token_use", "on_behalf_of".into()),
                        ("assertion", user),
                    ]),
                    Exchange::TokenExchange => all.extend([
                        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange".into()),
                        ("requested_token_type", ACCESS_TOKEN.into()),
                        ("subject_token_type", ACCESS_TOKEN.into()),
                        ("subject_token", user),
                    ]),
                }
            }
        }
        all
    }

    /// The tenant that has to be asked, where it is not the client's own.
    pub(super) fn tenant(&self) -> Option<Uuid> {
        match self {
            Self::ClientCredentials => None,
            Self::OnBehalfOf(user) => user.tenant,
        }
    }
}

/// RFC 8693, section 3.
pub(super) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn debug_shows_nothing_of_an_assertion() {
        let assertion = Assertion::new(Arc::new("canary".into()), SystemTime::now());
        let user = OnBehalfOf {
            assertion: Arc::new(assertion),
            tenant: None,
            exchange: Exchange::JwtBearer,
        };
        let shown = format!("{:?}", Grant::OnBehalfOf(user));
        assert!(!shown.contains("canary"), "{shown}");
        // Nor its digest, by which the log of another could be searched for it.
        assert!(shown.contains("assertion: Assertion,"), "{shown}");
    }

    #[test]
    fn an_assertion_ends_when_its_token_does() {
        let now = Instant::now();
        let text = Arc::new(SecretString::from("token"));
        let of = |at| Assertion::new(text.clone(), at);
        let ends = |at| of(at).ends_at().saturating_duration_since(now).as_secs();
        let from_now = |seconds| SystemTime::now() + Duration::from_secs(seconds);
        assert!((58..=60).contains(&ends(from_now(60))));
        assert_eq!(ends(SystemTime::UNIX_EPOCH), 0);
    }
}
