//! How an issuer is asked for its keys: its metadata (OpenID Connect Discovery 1.0, section 4), then
//! the keys that they name, all within one limit of time.

use std::time::Duration;

use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::key::{Key, VERSION_1};
use crate::caller::bearer::issuer::TENANT;
use crate::caller::bearer::json;
use crate::token::exchange;

/// Asks one issuer.
pub(super) struct Fetcher {
    place: Place,
    issuer: String,
    http: reqwest::Client,
    timeout: Duration,
}

/// Where the keys of an issuer are.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum Place {
    /// At this URL.
    At(Url),
    /// Where the metadata of this issuer say.
    Of(String),
}

/// Why no keys came. Its words go to the log, never to a caller.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    /// No answer came.
    #[error("the issuer cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// No answer came in time.
    #[error("the issuer did not answer in time")]
    Late,
    /// An answer came that is no success; redirects are not followed.
    #[error("the issuer answered with status {0}")]
    Status(u16),
    /// An answer came, and is none.
    #[error("the issuer's answer cannot be used: {0}")]
    Malformed(&'static str),
    /// The fetch itself failed: a bug.
    #[error("the fetch broke down")]
    Broken,
}

impl Fetcher {
    /// Asks there, by a client that follows no redirects, and takes no longer than that.
    pub(super) fn new(
        place: Place,
        issuer: &str,
        http: reqwest::Client,
        timeout: Duration,
    ) -> Self {
        Self { place, issuer: issuer.to_owned(), http, timeout }
    }

    /// Who is asked, in the words of the configuration.
    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The keys that can be used.
    pub(super) async fn fetch(&self) -> Result<Vec<Key>, FetchError> {
        let fetched = tokio::time::timeout(self.timeout, async {
            match &self.place {
                Place::At(url) => self.keys(url.clone(), None).await,
                Place::Of(issuer) => {
                    let (url, cloud) = self.discover(issuer).await?;
                    self.keys(url, cloud.as_deref()).await
                }
            }
        });
        fetched.await.unwrap_or(Err(FetchError::Late))
    }

    /// Where the issuer's keys are, and in which cloud.
    async fn discover(&self, issuer: &str) -> Result<(Url, Option<String>), FetchError> {
        let url = metadata_url(issuer).ok_or(NO_URL)?;
        let scheme = url.scheme().to_owned();
        let metadata = serde_json::from_slice::<Metadata>(&self.get(url).await?)
            .map_err(|_| FetchError::Malformed("its metadata have no issuer and jwks_uri"))?;
        if metadata.issuer != issuer {
            return Err(FetchError::Malformed("its metadata are of another issuer"));
        }
        // No weaker transport than the one that was configured.
        let url = Url::parse(&metadata.jwks_uri).ok();
        let url = url.filter(|url| url.scheme() == "https" || url.scheme() == scheme);
        let url = url.ok_or(FetchError::Malformed("its jwks_uri is no URL of its own scheme"))?;
        Ok((url, metadata.cloud_instance_name))
    }

    async fn keys(&self, url: Url, cloud: Option<&str>) -> Result<Vec<Key>, FetchError> {
        let document = json::object(&self.get(url).await?);
        let keys = document.as_ref().and_then(|document| document.get("keys"));
        let keys =
            keys.and_then(Value::as_array).ok_or(FetchError::Malformed("it is no key set"))?;
        if keys.len() > KEYS_MOST {
            return Err(FetchError::Malformed("it has more than 100 keys"));
        }
        Ok(keys.iter().filter_map(|key| Key::read(key, cloud)).collect())
    }

    async fn get(&self, url: Url) -> Result<Vec<u8>, FetchError> {
        let response = self.http.get(url).header(header::ACCEPT, "application/json").send().await;
        let response = response.map_err(unanswered)?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(response.status().as_u16()));
        }
        let body = exchange::at_most(ANSWER_MOST, response).await.map_err(unanswered)?;
        body.ok_or(FetchError::Malformed("it is larger than 256 KiB"))
    }
}

/// What counts of an issuer's metadata.
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
    cloud_instance_name: Option<String>,
}

fn unanswered(error: reqwest::Error) -> FetchError {
    if error.is_timeout() { FetchError::Late } else { FetchError::Unreachable(error.without_url()) }
}

/// Where the metadata of an issuer are. Those of Entra's version 1 are at another host than the issuer,
/// and those of all tenants below `common`, whose `issuer` has the template.
fn metadata_url(issuer: &str) -> Option<Url> {
    let issuer = issuer.replace(TENANT, "common");
    let base = VERSION_1.iter().zip(LOGIN).find_map(|(version_1, login)| {
        issuer.strip_prefix(version_1).map(|tenant| format!("{login}{tenant}"))
    });
    let base = base.unwrap_or(issuer);
    Url::parse(&format!("{}/.well-known/openid-configuration", base.trim_end_matches('/'))).ok()
}

/// In the order of [`VERSION_1`].
const LOGIN: [&str; 2] =
    ["https://login.microsoftonline.com/", "https://login.partner.microsoftonline.cn/"];

const NO_URL: FetchError = FetchError::Malformed("it is no URL below which metadata could be");

/// Entra's key sets, with certificates, are of some 20 KiB.
const ANSWER_MOST: usize = 256 << 10;

/// Entra has some ten.
const KEYS_MOST: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_issuer_s_metadata_are_where_it_has_them() {
        for (issuer, url) in [
            ("https://a.example", "https://a.example/.well-known/openid-configuration"),
            ("https://a.example/b/", "https://a.example/b/.well-known/openid-configuration"),
            (
                "https://login.microsoftonline.com/{tenantid}/v2.0",
                "https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration",
            ),
            (
                "https://sts.windows.net/{tenantid}/",
                "https://login.microsoftonline.com/common/.well-known/openid-configuration",
            ),
            (
                "https://sts.windows.net/7f58e645-0000-4000-8000-000000000001/",
                "https://login.microsoftonline.com/7f58e645-0000-4000-8000-000000000001\
                 /.well-known/openid-configuration",
            ),
        ] {
            assert_eq!(metadata_url(issuer).as_ref().map(Url::as_str), Some(url));
        }
    }
}
