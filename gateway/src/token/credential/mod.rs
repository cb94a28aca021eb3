//! How the client proves itself: from a credential to what goes with a token request.
//!
//! A [`Credential`] is loaded once, when a configuration is built, so that a file that is no key fails
//! the start and not the first request. What may change while the gateway runs is read anew for each
//! proof, off the executor: a secret, a token, a key that was replaced. A proof is made for each token
//! request, and for nothing else.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use http::HeaderValue;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

mod certificate;
mod identity;
mod jwt;
mod kept;
mod keys;
mod secret;
mod service_account;

use self::certificate::Certificate;
use self::identity::Identity;
use self::kept::Kept;
use self::keys::Keys;
use self::secret::Secret;
use self::service_account::ServiceAccount;
use super::{AccessToken, AcquireError};

/// One way for a client to prove itself.
#[derive(Debug)]
pub(super) enum Credential {
    /// A secret.
    Secret(Arc<Secret>),
    /// A client assertion that our key signs.
    Certificate(Arc<Certificate>),
    /// A client assertion that another authority signed.
    FederatedToken(PathBuf),
    /// A client assertion that the platform gives.
    FederatedIdentity { identity: Identity, audience: String },
    /// No proof: the platform gives the token itself.
    ManagedIdentity(Identity),
    /// An assertion that is the grant.
    ServiceAccount(Arc<Kept>),
    /// A certificate in the handshake.
    TlsCertificate(Arc<Keys>),
}

/// Whom a proof is for.
#[derive(Debug)]
pub(super) struct Recipient {
    /// The client's id there.
    pub client_id: String,
    /// Where the token request goes.
    pub endpoint: Url,
    /// Who answers there, if it said so.
    pub issuer: Option<String>,
    /// The grant, and what is asked for.
    pub form: Vec<(&'static str, SecretString)>,
}

/// What goes with a token request, and where that goes.
pub(super) struct Proof {
    pub(super) endpoint: Url,
    pub(super) fields: Vec<(&'static str, SecretString)>,
    pub(super) authorization: Option<HeaderValue>,
    /// Tells what was read for it from what may be read next time.
    pub(super) shown: u64,
}

/// Why a credential cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CredentialError {
    /// It cannot be read.
    #[error("the file cannot be read")]
    Unreadable(#[from] io::Error),
    /// Key material is wrong.
    #[error(transparent)]
    Certs(#[from] certs::Error),
    /// The key cannot sign as it should.
    #[error("the key of {} cannot sign {algorithm}", .path.display())]
    Algorithm {
        /// The file with the key.
        path: PathBuf,
        /// The name of the algorithm in JWS, or several.
        algorithm: &'static str,
    },
    /// A service account's key file is none.
    #[error("{} is no key file of a service account: {wanted}", .path.display())]
    ServiceAccount {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        wanted: &'static str,
    },
}

impl Credential {
    /// Reads what can be read before it is used.
    pub(super) fn load(config: &config::Credential) -> Result<Self, CredentialError> {
        Ok(match config {
            config::Credential::Secret(secret) => {
                Self::Secret(Arc::new(Secret::new(secret.clone())))
            }
            config::Credential::Certificate(certificate) => {
                Self::Certificate(Arc::new(Certificate::load(certificate.clone())?))
            }
            config::Credential::FederatedToken(path) => Self::FederatedToken(path.clone()),
            config::Credential::FederatedIdentity { identity, audience } => {
                Self::FederatedIdentity {
                    identity: Identity::new(identity.clone()),
                    audience: audience.clone(),
                }
            }
            config::Credential::ManagedIdentity(identity) => {
                Self::ManagedIdentity(Identity::new(identity.clone()))
            }
            config::Credential::ServiceAccount(file) => {
                let kept = Kept::new(file.clone());
                ServiceAccount::read(&kept)?;
                Self::ServiceAccount(Arc::new(kept))
            }
            config::Credential::TlsCertificate(files) => {
                Self::TlsCertificate(Arc::new(Keys::load(files.clone())?))
            }
        })
    }

    /// A word of a closed list, for logs and metrics.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Secret(_) => "secret",
            Self::Certificate(_) => "certificate",
            Self::FederatedToken(_) => "federated_token",
            Self::FederatedIdentity { .. } => "federated_identity",
            Self::ManagedIdentity(_) => "managed_identity",
            Self::ServiceAccount(_) => "service_account",
            Self::TlsCertificate(_) => "tls_certificate",
        }
    }

    /// What proves the client to this recipient; of platforms, `http` asks for it.
    pub(super) async fn prove(
        &self,
        to: Recipient,
        http: &reqwest::Client,
    ) -> Result<Proof, AcquireError> {
        match self {
            Self::Secret(secret) => {
                let secret = secret.clone();
                read(move || secret.prove(to)).await
            }
            Self::Certificate(certificate) => {
                let certificate = certificate.clone();
                read(move || {
                    let (assertion, leaf) = certificate.assertion(&to)?;
                    Ok(Proof::assertion(to, assertion).showing(leaf))
                })
                .await
            }
            Self::FederatedToken(path) => {
                let path = path.clone();
                read(move || {
                    let token = kept::text(Zeroizing::new(std::fs::read(&path)?))?;
                    Ok(Proof::assertion(to, token.clone()).showing(token.expose_secret()))
                })
                .await
            }
            Self::FederatedIdentity { identity, audience } => {
                Ok(Proof::assertion(to, identity.assertion(audience, http).await?))
            }
            Self::TlsCertificate(keys) => {
                let keys = keys.clone();
                read(move || {
                    let leaf = keys.refresh().chain()[0].clone();
                    Ok(Proof::of_client(to, vec![]).showing(leaf))
                })
                .await
            }
            // They ask in their own way, below, and on nobody's behalf.
            Self::ManagedIdentity(_) | Self::ServiceAccount(_) => Err(AcquireError::Broken),
        }
    }

    /// The whole token request of a credential that knows where to go with it.
    pub(super) async fn grant(&self, scope: &str) -> Option<Result<Proof, AcquireError>> {
        let Self::ServiceAccount(kept) = self else { return None };
        let (kept, scope) = (kept.clone(), scope.to_owned());
        Some(read(move || ServiceAccount::read(&kept)?.grant(&scope)).await)
    }

    /// The platform's own token, where that is what this credential gives.
    pub(super) async fn token(
        &self,
        scope: &str,
        refresh_percent: u8,
        http: &reqwest::Client,
    ) -> Option<Result<AccessToken, AcquireError>> {
        let Self::ManagedIdentity(identity) = self else { return None };
        Some(identity.token(scope, refresh_percent, http).await)
    }

    /// When it ends, if that is known.
    pub(super) fn ends(&self) -> Option<SystemTime> {
        match self {
            Self::Secret(secret) => secret.ends(),
            Self::Certificate(certificate) => certificate.not_after(),
            Self::TlsCertificate(keys) => keys.not_after(),
            Self::FederatedToken(_)
            | Self::FederatedIdentity { .. }
            | Self::ManagedIdentity(_)
            | Self::ServiceAccount(_) => None,
        }
    }

    /// What is shown in TLS handshakes with the authority.
    pub(super) fn presented(&self) -> Option<Arc<certs::Presented>> {
        match self {
            Self::TlsCertificate(keys) => Some(keys.presented()),
            _ => None,
        }
    }
}

impl Proof {
    /// Of a client that is known by its id.
    fn of_client(to: Recipient, proof: Vec<(&'static str, SecretString)>) -> Self {
        let mut fields = vec![("client_id", to.client_id.into())];
        fields.extend(proof);
        fields.extend(to.form);
        Self { endpoint: to.endpoint, fields, authorization: None, shown: 0 }
    }

    fn showing(mut self, shown: impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        shown.hash(&mut hasher);
        self.shown = hasher.finish();
        self
    }

    /// RFC 7523, section 2.2.
    fn assertion(to: Recipient, assertion: SecretString) -> Self {
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let proof = vec![("client_assertion_type", kind.into()), ("client_assertion", assertion)];
        Self::of_client(to, proof)
    }

    /// The form as pairs.
    pub(super) fn form(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (*name, value.expose_secret()))
    }
}

/// Runs what reads files or signs where it keeps nobody waiting.
async fn read<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CredentialError> + Send + 'static,
) -> Result<T, AcquireError> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|_| AcquireError::Broken)?;
    done.map_err(AcquireError::Credential)
}

/// The file that a problem with a key is told of.
fn key_file(files: &config::KeyFiles) -> &Path {
    match files {
        config::KeyFiles::Pem(files) => files.key.path(),
        config::KeyFiles::Pkcs12 { store, .. } => store.path(),
    }
}
