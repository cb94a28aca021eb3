//! The gateway as an authority knows it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Instant, SystemTime};

use config::{IdentitySource, SecretSource, TokenEndpoint};
use rustls::client::Resumption;
use secrecy::ExposeSecret;
use tokio::sync::OnceCell;
use url::Url;
use uuid::Uuid;

use super::answer::{self, Asked};
use super::credential::{Credential, Proof, Recipient};
use super::discovery::{Discovered, discover};
use super::{AccessToken, AcquireError, Claims, CredentialError, Grant, claims, entra, exchange};
use crate::metrics::Counter;

/// An application that can keep a secret (RFC 6749, section 2.1).
///
/// Holds no token: each call asks the authority once and gives its answer. It remembers which of its
/// credentials was taken last, and what discovery found.
#[derive(Debug)]
pub(crate) struct ConfidentialClient {
    config: config::Client,
    discovered: OnceCell<Discovered>,
    ways: Vec<Way>,
    first: AtomicUsize,
    fingerprint: u64,
    material: u64,
}

/// A credential, the connections that it is shown on, and how it fares.
#[derive(Debug)]
pub(crate) struct Way {
    credential: Credential,
    http: reqwest::Client,
    /// Token requests with it that were granted.
    pub(crate) accepted: Counter,
    /// Token requests for which another had to be tried.
    pub(crate) refused: Counter,
}

/// What a token is asked for with.
struct Question<'q> {
    scope: &'q str,
    grant: &'q Grant,
    claims: Option<&'q str>,
}

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// Its HTTP client cannot.
    #[error("no HTTP client can be made")]
    Http(#[from] reqwest::Error),
    /// A credential cannot be used.
    #[error("credential {index}")]
    Credential {
        /// Which one, from 0.
        index: usize,
        /// What is wrong.
        source: CredentialError,
    },
}

impl ConfidentialClient {
    /// A client as configured, which speaks `tls`, whose key material `material` tells from other.
    pub(crate) fn new(
        config: config::Client,
        tls: &rustls::ClientConfig,
        material: u64,
    ) -> Result<Self, ClientError> {
        let way = |(index, credential)| {
            let credential = Credential::load(credential)
                .map_err(|source| ClientError::Credential { index, source })?;
            let http = http(&config, tls, credential.presented())?;
            let (accepted, refused) = <(Counter, Counter)>::default();
            Ok(Way { credential, http, accepted, refused })
        };
        let ways = config.credentials.iter().enumerate().map(way);
        let ways = ways.collect::<Result<Vec<_>, ClientError>>()?;
        let fingerprint = fingerprint(&config);
        Ok(Self {
            config,
            discovered: OnceCell::new(),
            ways,
            first: AtomicUsize::new(0),
            fingerprint,
            material,
        })
    }

    /// The client as configured.
    pub(crate) fn config(&self) -> &config::Client {
        &self.config
    }

    /// Its credentials, in the order of the configuration.
    pub(crate) fn ways(&self) -> &[Way] {
        &self.ways
    }

    /// Differs for clients that could get different tokens, within this process.
    pub(crate) fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Whether it speaks to the authority with the same key material.
    pub(super) fn speaks_as(&self, other: &Self) -> bool {
        self.material == other.material
    }

    /// Asks the authority for a token, all in all within the client's time limit: with the credential
    /// that it took last, and with the others in their order where it refuses one. One that was
    /// replaced while it was refused is tried once more.
    pub(crate) async fn acquire(
        &self,
        scope: &str,
        grant: &Grant,
        demanded: Option<&Claims>,
    ) -> Result<AccessToken, AcquireError> {
        let claims = claims::parameter(&self.config.capabilities, demanded);
        let question = Question { scope, grant, claims: claims.as_deref() };
        tokio::time::timeout(self.config.timeout, self.ask(&question))
            .await
            .unwrap_or(Err(AcquireError::Late))
    }

    /// Where a user's browser goes to sign in, for an application of this tenant; `None` where the
    /// authority has not said it.
    pub(crate) fn authorization_uri(&self, tenant: Option<Uuid>) -> Option<Url> {
        match &self.config.endpoint {
            TokenEndpoint::At(url) => entra::sign_in(&entra::of_tenant(url, tenant)),
            TokenEndpoint::Of(_) => self.discovered.get().and_then(|found| {
                let asked = entra::of_tenant(&found.token_endpoint, tenant);
                entra::sign_in(&asked).or_else(|| found.authorization_endpoint.clone())
            }),
            TokenEndpoint::OfCredential => None,
        }
    }

    async fn ask(&self, question: &Question<'_>) -> Result<AccessToken, AcquireError> {
        let first = self.first.load(Ordering::Relaxed);
        let others = (0..self.ways.len()).filter(|index| *index != first);
        let mut last = AcquireError::Broken;
        for index in std::iter::once(first).chain(others) {
            let way = &self.ways[index];
            let error = match self.ask_by(way, question).await {
                Ok(token) => {
                    way.accepted.add(1);
                    self.first.store(index, Ordering::Relaxed);
                    return Ok(token);
                }
                Err(error) => error,
            };
            if !way.is_refused(&error) {
                return Err(error);
            }
            way.refused.add(1);
            if self.ways.len() > 1 {
                let (client, kind) = (self.config.name.as_str(), way.kind());
                let cause = &error as &dyn std::error::Error;
                tracing::warn!(client, credential = index, kind, error = cause, "not taken");
            }
            last = error;
        }
        Err(last)
    }

    async fn ask_by(
        &self,
        way: &Way,
        question: &Question<'_>,
    ) -> Result<AccessToken, AcquireError> {
        if let Grant::ClientCredentials = question.grant {
            let (scope, percent) = (question.scope, self.config.refresh_percent);
            if let Some(token) = way.credential.token(scope, percent, &way.http).await {
                return token;
            }
        }
        let proof = self.prove(way, question).await?;
        let shown = proof.shown;
        let refusal = match self.ask_with(way, proof, question).await {
            Err(refusal) if refusal.blames_credential() => refusal,
            outcome => return outcome,
        };
        let newer = self.prove(way, question).await?;
        if newer.shown == shown { Err(refusal) } else { self.ask_with(way, newer, question).await }
    }

    async fn prove(&self, way: &Way, question: &Question<'_>) -> Result<Proof, AcquireError> {
        if let Grant::ClientCredentials = question.grant
            && let Some(granted) = way.credential.grant(question.scope).await
        {
            return granted;
        }
        way.credential.prove(self.recipient(way, question).await?, &way.http).await
    }

    async fn ask_with(
        &self,
        way: &Way,
        proof: Proof,
        question: &Question<'_>,
    ) -> Result<AccessToken, AcquireError> {
        let parameters = self.config.parameters.iter().map(|(name, value)| (&**name, &**value));
        let parameters = parameters.chain(question.claims.map(|claims| ("claims", claims)));
        let asked_at = Instant::now();
        let mut post = way
            .http
            .post(proof.endpoint.clone())
            .header("accept", "application/json")
            // Entra logs the first, and honours its own throttling only where the last is sent.
            .header("client-request-id", Uuid::new_v4().to_string())
            .header("return-client-request-id", "true")
            .header("x-ms-lib-capability", "retry-after, h429")
            .form(&parameters.chain(proof.form()).collect::<Vec<_>>());
        if let Some(authorization) = proof.authorization {
            post = post.header("authorization", authorization);
        }
        let response = post.send().await.map_err(exchange::unanswered)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = exchange::bounded(response).await?;
        let refresh_percent = self.config.refresh_percent;
        let asked = Asked { grant: question.grant, refresh_percent, at: asked_at };
        answer::read(status, &headers, &body, &asked)
    }

    async fn recipient(
        &self,
        way: &Way,
        question: &Question<'_>,
    ) -> Result<Recipient, AcquireError> {
        let (endpoint, mut issuer) = match &self.config.endpoint {
            TokenEndpoint::At(url) => (url.clone(), None),
            TokenEndpoint::Of(issuer) => {
                let found = self.discovered.get_or_try_init(|| discover(issuer, &way.http)).await?;
                let endpoint = match way.credential {
                    Credential::TlsCertificate(_) => &found.mtls_token_endpoint,
                    _ => &found.token_endpoint,
                };
                (endpoint.clone(), Some(found.issuer.clone()))
            }
            // The configuration has one for every credential that comes here.
            TokenEndpoint::OfCredential => return Err(AcquireError::Broken),
        };
        let theirs = entra::of_tenant(&endpoint, question.grant.tenant());
        if theirs != endpoint {
            // Another tenant's has another issuer, and Entra is content with the endpoint.
            issuer = None;
        }
        let form = question.grant.parameters(question.scope);
        Ok(Recipient { client_id: self.config.id.clone(), endpoint: theirs, issuer, form })
    }
}

impl Way {
    /// A word of a closed list: what kind of credential it is.
    pub(crate) fn kind(&self) -> &'static str {
        self.credential.kind()
    }

    /// When it ends, if that is known.
    pub(crate) fn ends(&self) -> Option<SystemTime> {
        self.credential.ends()
    }

    /// What is shown in TLS handshakes with the authority.
    pub(crate) fn presented(&self) -> Option<Arc<certs::Presented>> {
        self.credential.presented()
    }

    /// Whether it is this credential that failed, so that another one makes sense.
    fn is_refused(&self, error: &AcquireError) -> bool {
        let by_platform = matches!(self.credential, Credential::ManagedIdentity(_));
        error.blames_credential() || by_platform && matches!(error, AcquireError::Refused { .. })
    }
}

/// Follows no redirect, which would carry the credential.
fn http(
    config: &config::Client,
    tls: &rustls::ClientConfig,
    presented: Option<Arc<certs::Presented>>,
) -> Result<reqwest::Client, reqwest::Error> {
    let mut tls = tls.clone();
    if let Some(presented) = presented {
        tls.client_auth_cert_resolver = presented;
        // A resumed session would still be that of the certificate before.
        tls.resumption = Resumption::disabled();
    }
    exchange::http(tls, config.timeout)
}

fn fingerprint(config: &config::Client) -> u64 {
    let mut hasher = DefaultHasher::new();
    // All that is said of a client, its name included: logs and metrics call it by that.
    format!("{config:?}").hash(&mut hasher);
    for credential in &config.credentials {
        if let Some(secret) = told_by_the_environment(credential) {
            secret.expose_secret().hash(&mut hasher);
        }
    }
    hasher.finish()
}

/// What a credential holds that its `Debug` does not show.
fn told_by_the_environment(credential: &config::Credential) -> Option<&secrecy::SecretString> {
    use config::Credential::{FederatedIdentity, ManagedIdentity, Secret};
    match credential {
        Secret(config::Secret { source: SecretSource::Value(secret), .. }) => Some(secret),
        ManagedIdentity(identity) | FederatedIdentity { identity, .. } => match &identity.source {
            IdentitySource::AppService { header, .. } => Some(header),
            IdentitySource::Imds(_) | IdentitySource::Arc { .. } => None,
        },
        _ => None,
    }
}
