//! Where an authority that is known by its issuer takes token requests.

use http::StatusCode;
use serde::Deserialize;
use url::Url;

use super::error::Said;
use super::{AcquireError, exchange};

/// What an authority's metadata say.
#[derive(Clone, Debug)]
pub(super) struct Discovered {
    /// The issuer, as the authority itself writes it.
    pub issuer: String,
    /// Where tokens are requested.
    pub token_endpoint: Url,
    /// Where users sign in, if it says so.
    pub authorization_endpoint: Option<Url>,
    /// The token endpoint for clients that show a certificate in the handshake (RFC 8705, section 5).
    pub mtls_token_endpoint: Url,
}

/// Asks for the issuer's metadata: OpenID Connect Discovery 1.0, section 4, where Entra's lie below
/// `/v2.0` of an authority; then RFC 8414, section 3.
pub(super) async fn discover(
    issuer: &Url,
    http: &reqwest::Client,
) -> Result<Discovered, AcquireError> {
    let base = issuer.as_str().trim_end_matches('/');
    let entra = format!("{base}/v2.0");
    let mut problem = "it has no metadata (OpenID Connect Discovery, RFC 8414)";
    for (issuer_of, url) in [
        (base, format!("{base}/.well-known/openid-configuration")),
        (&entra, format!("{entra}/.well-known/openid-configuration")),
        (base, oauth_metadata(issuer)),
    ] {
        let response = http.get(url).send().await.map_err(exchange::unanswered)?;
        let status = response.status();
        let body = exchange::bounded(response).await?;
        match status {
            StatusCode::OK => match read(&body, issuer_of, issuer)? {
                Some(found) => return Ok(found),
                // As at an authority of Entra's itself: those are of its version 1.
                None => problem = "its metadata are of another issuer",
            },
            // Some answer 400 or 405 for what is not there.
            status if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => {}
            _ => {
                let (status, said) = (status.as_u16(), Said::default());
                return Err(AcquireError::Unavailable { status, retry_after: None, said });
            }
        }
    }
    Err(AcquireError::Malformed(problem))
}

/// The issuer's path goes behind the well-known one.
fn oauth_metadata(issuer: &Url) -> String {
    let mut url = issuer.clone();
    let path = issuer.path().trim_end_matches('/');
    url.set_path(&format!("/.well-known/oauth-authorization-server{path}"));
    url.into()
}

/// `None` if the metadata are those of another issuer.
fn read(body: &[u8], issuer_of: &str, issuer: &Url) -> Result<Option<Discovered>, AcquireError> {
    let metadata = serde_json::from_slice::<Metadata>(body)
        .map_err(|_| AcquireError::Malformed("its metadata are no JSON object"))?;
    if metadata.issuer.trim_end_matches('/') != issuer_of {
        return Ok(None);
    }
    // The credential goes there: no weaker transport than the one that was configured.
    let endpoint = |text: &str| {
        Url::parse(text)
            .ok()
            .filter(|endpoint| endpoint.scheme() == issuer.scheme())
            .ok_or(AcquireError::Malformed("its token_endpoint is no URL of the issuer's scheme"))
    };
    let token_endpoint = endpoint(&metadata.token_endpoint)?;
    let mtls_token_endpoint = match metadata.mtls_endpoint_aliases.token_endpoint {
        Some(alias) => endpoint(&alias)?,
        None => token_endpoint.clone(),
    };
    let authorization_endpoint =
        metadata.authorization_endpoint.and_then(|text| endpoint(&text).ok());
    let issuer = metadata.issuer;
    Ok(Some(Discovered { issuer, token_endpoint, authorization_endpoint, mtls_token_endpoint }))
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    token_endpoint: String,
    authorization_endpoint: Option<String>,
    #[serde(default)]
    mtls_endpoint_aliases: Aliases,
}

#[derive(Default, Deserialize)]
struct Aliases {
    token_endpoint: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_well_known_path_goes_before_the_issuers() {
        for (issuer, metadata) in [
            ("https://a.example", "https://a.example/.well-known/oauth-authorization-server"),
            ("https://a.example/b/", "https://a.example/.well-known/oauth-authorization-server/b"),
        ] {
            assert_eq!(oauth_metadata(&Url::parse(issuer).expect("a URL")), metadata);
        }
    }
}
