//! Managed identities: tokens that the platform gives to what runs on it.
//!
//! Three platforms, each with its own question; the answer is that of a token endpoint, but for
//! numbers in strings and a date instead of a life. None of them is asked twice here: what passes by
//! itself is told with the pause that the platform wants, and the slot asks again after it.

use std::time::{Duration, Instant};

use config::{IdentitySource, ManagedIdentity, WhichIdentity};
use http::{HeaderMap, StatusCode};
use reqwest::RequestBuilder;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;
use uuid::Uuid;

use super::super::answer::{self, Asked};
use super::super::error::Said;
use super::super::{AccessToken, AcquireError, Grant, exchange};

mod arc;

/// A managed identity of this machine or app.
#[derive(Debug)]
pub(in crate::token) struct Identity {
    config: ManagedIdentity,
}

impl Identity {
    /// One as configured.
    pub(super) fn new(config: ManagedIdentity) -> Self {
        Self { config }
    }

    /// A token for this scope, with or without `/.default`.
    ///
    /// The platform gives the same one until it is nearly over, so a new one is asked for at half of
    /// its life at the earliest.
    pub(super) async fn token(
        &self,
        scope: &str,
        refresh_percent: u8,
        http: &reqwest::Client,
    ) -> Result<AccessToken, AcquireError> {
        let asked_at = Instant::now();
        let resource = scope.strip_suffix("/.default").unwrap_or(scope);
        let body = self.ask(resource, http).await?;
        let (status, headers) = (StatusCode::OK, HeaderMap::new());
        let (grant, refresh_percent) = (&Grant::ClientCredentials, refresh_percent.max(HALF));
        answer::read(status, &headers, &body, &Asked { grant, refresh_percent, at: asked_at })
    }

    /// A token for this audience, to be shown to an authority.
    pub(super) async fn assertion(
        &self,
        audience: &str,
        http: &reqwest::Client,
    ) -> Result<SecretString, AcquireError> {
        let body = self.ask(audience, http).await?;
        serde_json::from_slice::<Answer>(&body)
            .map(|answer| answer.access_token.into())
            .map_err(|_| AcquireError::Malformed("the platform's is no JSON with an access_token"))
    }

    async fn ask(&self, resource: &str, http: &reqwest::Client) -> Result<Vec<u8>, AcquireError> {
        let mut request = self.request(resource, http);
        let IdentitySource::Arc { folder, .. } = &self.config.source else {
            return self.answer(request).await;
        };
        if let Some(unopened) = request.try_clone() {
            let response = unopened.send().await.map_err(exchange::unanswered)?;
            let shown = arc::response(response.status(), response.headers(), folder).await?;
            request = request.header(http::header::AUTHORIZATION, shown);
        }
        self.answer(request).await
    }

    fn request(&self, resource: &str, http: &reqwest::Client) -> RequestBuilder {
        let id = Uuid::new_v4().to_string();
        let request = match &self.config.source {
            IdentitySource::Imds(base) => {
                let mut url = base.clone();
                url.set_path(IMDS_PATH);
                http.get(self.asked(url, "2018-02-01", resource)).header("metadata", "true")
            }
            IdentitySource::AppService { endpoint, header } => http
                .get(self.asked(endpoint.clone(), "2019-08-01", resource))
                .header("x-identity-header", header.expose_secret()),
            IdentitySource::Arc { endpoint, .. } => http
                .get(self.asked(endpoint.clone(), "2020-06-01", resource))
                .header("metadata", "true"),
        };
        request.header("x-ms-client-request-id", id)
    }

    fn asked(&self, mut url: Url, version: &str, resource: &str) -> Url {
        let by_resource = match self.config.source {
            IdentitySource::Imds(_) => "msi_res_id",
            IdentitySource::AppService { .. } | IdentitySource::Arc { .. } => "mi_res_id",
        };
        let which = match &self.config.which {
            WhichIdentity::Only => None,
            WhichIdentity::ClientId(id) => Some(("client_id", id)),
            WhichIdentity::ObjectId(id) => Some(("object_id", id)),
            WhichIdentity::ResourceId(id) => Some((by_resource, id)),
        };
        url.query_pairs_mut()
            .append_pair("api-version", version)
            .append_pair("resource", resource)
            .extend_pairs(which);
        url
    }

    async fn answer(&self, request: RequestBuilder) -> Result<Vec<u8>, AcquireError> {
        let response = request.send().await.map_err(exchange::unanswered)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = exchange::bounded(response).await?;
        if status == StatusCode::OK {
            return Ok(body);
        }
        let pause = answer::retry_after_of(&headers).max(self.pause(status));
        match pause {
            Some(retry_after) if status == StatusCode::TOO_MANY_REQUESTS => {
                Err(AcquireError::Throttled { retry_after, said: Said::default() })
            }
            Some(_) => {
                let (status, said) = (status.as_u16(), Said::default());
                Err(AcquireError::Unavailable { status, retry_after: pause, said })
            }
            None => Err(answer::refused(&body)),
        }
    }

    /// How long to leave the platform alone if this status passes by itself.
    fn pause(&self, status: StatusCode) -> Option<Duration> {
        let passes = match (&self.config.source, status.as_u16()) {
            // While the service is updated, for some seventy seconds.
            (IdentitySource::Imds(_), 410) => return Some(UPDATED),
            (IdentitySource::Imds(_), 404 | 408 | 429 | 500..) => true,
            (_, 404 | 408 | 429 | 500 | 503 | 504) => true,
            _ => false,
        };
        passes.then_some(PAUSE)
    }
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
}

const IMDS_PATH: &str = "/metadata/identity/oauth2/token";

/// In percent of a token's life.
const HALF: u8 = 50;

/// Between two questions to a platform that failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Between two questions to a metadata service that is being updated.
const UPDATED: Duration = Duration::from_secs(10);
