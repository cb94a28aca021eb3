//! What small calls have in common: a way that leads nowhere else, a body of bounded size, and a failure
//! without a URL.

use std::time::Duration;

use reqwest::redirect;

use super::AcquireError;

/// Calls by this TLS: without redirects, without a proxy, each on a connection of its own.
pub(crate) fn http(
    tls: rustls::ClientConfig,
    timeout: Duration,
) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .connect_timeout(timeout)
        // Asked once in a quarter of an hour, an old connection saves nothing; one whose way was cut
        // in silence would be tried again and again.
        .pool_max_idle_per_host(0)
        .user_agent(concat!("dicom-gateway/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// The body, if it is of no more than `most` bytes.
pub(crate) async fn at_most(
    most: usize,
    mut response: reqwest::Response,
) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > most {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// The body, if it is of a size that a token's answer has.
pub(super) async fn bounded(response: reqwest::Response) -> Result<Vec<u8>, AcquireError> {
    let body = at_most(ANSWER_MOST, response).await.map_err(unanswered)?;
    body.ok_or(AcquireError::Malformed("it is larger than 64 KiB"))
}

/// What became of a request that has no answer.
pub(super) fn unanswered(error: reqwest::Error) -> AcquireError {
    if error.is_timeout() {
        return AcquireError::Late;
    }
    AcquireError::Unreachable(error.without_url())
}

/// Far above any token's answer, far below what hurts.
const ANSWER_MOST: usize = 64 << 10;
