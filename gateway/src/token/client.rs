//! The gateway as an authority knows it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::time::Instant;

use config::{Credential, TokenEndpoint};
use http::StatusCode;
use reqwest::redirect;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::OnceCell;
use url::Url;
use uuid::Uuid;

use super::error::Said;
use super::{AccessToken, AcquireError, Claims, TokenRequest, answer, claims};

/// An application that can keep a secret (RFC 6749, section 2.1).
///
/// Holds no token and no state but the endpoint that discovery found: each call asks the authority
/// once and gives its answer.
#[derive(Debug)]
pub(crate) struct ConfidentialClient {
    http: reqwest::Client,
    config: config::Client,
    discovered: OnceCell<Url>,
    fingerprint: u64,
    material: u64,
}

impl ConfidentialClient {
    /// A client as configured, which speaks `tls`, whose key material `material` tells from other.
    /// Follows no redirect: it would carry the secret.
    pub(crate) fn new(
        config: config::Client,
        tls: rustls::ClientConfig,
        material: u64,
    ) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(config.timeout)
            // Asked once in a quarter of an hour, an old connection saves nothing; one whose way was
            // cut in silence would be tried again and again.
            .pool_max_idle_per_host(0)
            .user_agent(concat!("dicom-gateway/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let fingerprint = fingerprint(&config);
        Ok(Self { http, config, discovered: OnceCell::new(), fingerprint, material })
    }

    /// The client as configured.
    pub(crate) fn config(&self) -> &config::Client {
        &self.config
    }

    /// Differs for clients that could get different tokens, within this process.
    pub(crate) fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Whether it speaks to the authority with the same key material.
    pub(super) fn speaks_as(&self, other: &Self) -> bool {
        self.material == other.material
    }

    /// Asks the authority for a token. One question, one answer, within the client's time limit; a
    /// second one if the credential was replaced while the first was refused.
    pub(crate) async fn acquire(
        &self,
        request: &TokenRequest,
        demanded: Option<&Claims>,
    ) -> Result<AccessToken, AcquireError> {
        tokio::time::timeout(self.config.timeout, self.ask(request, demanded))
            .await
            .unwrap_or(Err(AcquireError::Late))
    }

    async fn ask(
        &self,
        request: &TokenRequest,
        demanded: Option<&Claims>,
    ) -> Result<AccessToken, AcquireError> {
        let claims = claims::parameter(&self.config.capabilities, demanded);
        let form = [("scope", request.scope.as_str())];
        let form = form.into_iter().chain(claims.iter().map(|claims| ("claims", claims.as_str())));
        let form = form.collect::<Vec<_>>();
        let endpoint = self.endpoint().await?;
        let secret = self.secret().await?;
        let refusal = match self.ask_with(&endpoint, &form, &secret).await {
            Err(refusal @ AcquireError::Refused { .. }) => refusal,
            outcome => return outcome,
        };
        let newer = self.secret().await?;
        if newer.expose_secret() == secret.expose_secret() {
            return Err(refusal);
        }
        self.ask_with(&endpoint, &form, &newer).await
    }

    async fn ask_with(
        &self,
        endpoint: &Url,
        form: &[(&str, &str)],
        secret: &SecretString,
    ) -> Result<AccessToken, AcquireError> {
        let own = [
            ("client_id", self.config.id.as_str()),
            ("client_secret", secret.expose_secret()),
            ("grant_type", "client_credentials"),
        ];
        let asked_at = Instant::now();
        let response = self
            .http
            .post(endpoint.clone())
            .header("accept", "application/json")
            // Entra logs the first, and honours its own throttling only where the last is sent.
            .header("client-request-id", Uuid::new_v4().to_string())
            .header("return-client-request-id", "true")
            .header("x-ms-lib-capability", "retry-after, h429")
            .form(&[form, &own].concat())
            .send()
            .await
            .map_err(unanswered)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = bounded(response).await?;
        answer::read(status, &headers, &body, self.config.refresh_percent, asked_at)
    }

    async fn endpoint(&self) -> Result<Url, AcquireError> {
        match &self.config.endpoint {
            TokenEndpoint::At(url) => Ok(url.clone()),
            TokenEndpoint::Of(issuer) => {
                self.discovered.get_or_try_init(|| self.discover(issuer)).await.cloned()
            }
        }
    }

    /// OpenID Connect Discovery 1.0, section 4; Entra's metadata lie below `/v2.0` of an authority.
    async fn discover(&self, issuer: &Url) -> Result<Url, AcquireError> {
        let base = issuer.as_str().trim_end_matches('/');
        let mut problem = "it has no metadata (OpenID Connect Discovery)";
        for prefix in [base.to_owned(), format!("{base}/v2.0")] {
            let url = format!("{prefix}/.well-known/openid-configuration");
            let response = self.http.get(url).send().await.map_err(unanswered)?;
            let status = response.status();
            let body = bounded(response).await?;
            match status {
                StatusCode::OK => match endpoint_in(&body, &prefix, issuer)? {
                    Some(endpoint) => return Ok(endpoint),
                    // As at an authority of Entra's itself: those are of its version 1.
                    None => problem = "its metadata are of another issuer",
                },
                StatusCode::NOT_FOUND => {}
                _ => {
                    let (status, said) = (status.as_u16(), Said::default());
                    return Err(AcquireError::Unavailable { status, retry_after: None, said });
                }
            }
        }
        Err(AcquireError::Malformed(problem))
    }

    async fn secret(&self) -> Result<SecretString, AcquireError> {
        match &self.config.credential {
            Credential::Secret(secret) => Ok(secret.clone()),
            Credential::SecretFile(path) => {
                let path = path.clone();
                tokio::task::spawn_blocking(move || read_secret(&path))
                    .await
                    .map_err(|_| AcquireError::Broken)?
                    .map_err(AcquireError::Credential)
            }
        }
    }
}

/// A secret as an editor or a kubelet leaves it: one line end at its end is not part of it.
fn read_secret(path: &Path) -> std::io::Result<SecretString> {
    let mut text = std::fs::read_to_string(path)?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(SecretString::from(text))
}

/// `None` if the metadata are not those of `prefix`.
fn endpoint_in(body: &[u8], prefix: &str, issuer: &Url) -> Result<Option<Url>, AcquireError> {
    let metadata = serde_json::from_slice::<Metadata>(body)
        .map_err(|_| AcquireError::Malformed("its metadata are no JSON object"))?;
    if metadata.issuer.trim_end_matches('/') != prefix {
        return Ok(None);
    }
    // The secret goes there: no weaker transport than the one that was configured.
    Url::parse(&metadata.token_endpoint)
        .ok()
        .filter(|endpoint| endpoint.scheme() == issuer.scheme())
        .map(Some)
        .ok_or(AcquireError::Malformed("its token_endpoint is no URL of the issuer's scheme"))
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    token_endpoint: String,
}

/// The body, if it is of a size that a token's answer has.
async fn bounded(mut response: reqwest::Response) -> Result<Vec<u8>, AcquireError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unanswered)? {
        if body.len() + chunk.len() > ANSWER_MOST {
            return Err(AcquireError::Malformed("it is larger than 64 KiB"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn unanswered(error: reqwest::Error) -> AcquireError {
    if error.is_timeout() {
        return AcquireError::Late;
    }
    AcquireError::Unreachable(error.without_url())
}

fn fingerprint(config: &config::Client) -> u64 {
    let mut hasher = DefaultHasher::new();
    match &config.endpoint {
        TokenEndpoint::At(url) | TokenEndpoint::Of(url) => url.hash(&mut hasher),
    }
    // Logs and metrics call it by its name: another name, another client.
    (&config.name, &config.id).hash(&mut hasher);
    (config.timeout, config.refresh_percent).hash(&mut hasher);
    config.capabilities.hash(&mut hasher);
    match &config.credential {
        Credential::SecretFile(path) => path.hash(&mut hasher),
        Credential::Secret(secret) => secret.expose_secret().hash(&mut hasher),
    }
    hasher.finish()
}

/// Far above any token's answer, far below what hurts.
const ANSWER_MOST: usize = 64 << 10;
