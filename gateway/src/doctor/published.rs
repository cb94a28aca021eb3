//! What a service publishes about the tokens that it takes: RFC 9728, or SMART App Launch, section 6.

use std::time::Duration;

use http::HeaderMap;
use serde::Deserialize;
use url::Url;

use super::finding::plain;
use super::origin::Origin;
use super::token::Decoded;
use crate::origin::bearer_parameter;

/// What was found; nothing at all by default. Whoever answers there says so, and may be wrong.
#[derive(Default)]
pub(super) struct Published {
    /// The path where it stands.
    pub(super) at: String,
    /// Whom tokens have to be for.
    pub(super) resource: Option<String>,
    /// Whose tokens are taken.
    pub(super) authorities: Vec<String>,
    /// What may be asked for.
    pub(super) scopes: Vec<String>,
    /// Why something of it is not believed.
    pub(super) doubt: Option<String>,
}

impl Published {
    /// Reads it where the challenge says, and at the places that the standards name: on the service's
    /// own origin alone, without a token, and not where others could have a hand in it.
    pub(super) async fn of(origin: &Origin, headers: &HeaderMap) -> Self {
        let Some(own) = Url::parse(&origin.url).ok().filter(config::is_private) else {
            return Self::default();
        };
        let named = bearer_parameter(headers, "resource_metadata");
        let named = named.map(|text| (Url::parse(&text).ok(), plain(&text)));
        let (named, doubt) = match named {
            Some((Some(url), _)) if url.origin() == own.origin() => (Some(path(&url)), None),
            Some((_, text)) => (
                None,
                Some(format!(
                    "its metadata are said to be at {text}, which is not its own origin, and were \
                     not read"
                )),
            ),
            None => (None, None),
        };
        let mut found = Self { doubt, ..Self::default() };
        let read = async {
            for place in named.into_iter().chain(places(&origin.base)) {
                let body = origin.published(&place).await;
                let body = body.and_then(|body| serde_json::from_slice::<Metadata>(&body).ok());
                if let Some(metadata) = body.filter(Metadata::says_something) {
                    return Some((place, metadata));
                }
            }
            None
        };
        if let Ok(Some((place, metadata))) = tokio::time::timeout(LIMIT, read).await {
            found.take(place, metadata, (&own, &origin.base));
        }
        found
    }

    /// Whether authorities are named, and the token is of none of them.
    pub(super) fn is_of_others_than(&self, token: &Decoded) -> bool {
        let Some(issuer) = token.claim("iss") else { return false };
        let tenant = token.claim("tid");
        let is_its = |authority: &String| {
            let origin = |text: &str| Url::parse(text).ok().map(|url| url.origin());
            authority.trim_end_matches('/') == issuer.trim_end_matches('/')
                // Entra's issuers are written in several ways.
                || tenant.as_ref().is_some_and(|tenant| authority.contains(tenant))
                || (authority.ends_with("/token") && origin(authority) == origin(&issuer))
        };
        !self.authorities.is_empty() && !self.authorities.iter().any(is_its)
    }

    fn take(&mut self, at: String, metadata: Metadata, (own, base): (&Url, &str)) {
        let Metadata { resource, authorization_servers, issuer, token_endpoint, scopes_supported } =
            metadata;
        self.at = at;
        let authorities = authorization_servers.into_iter().chain(issuer.or(token_endpoint));
        // Somebody may copy it to where a credential is sent.
        let is_sound = |text: &String| {
            is_plain(text) && Url::parse(text).is_ok_and(|url| config::is_private(&url))
        };
        self.authorities = authorities.filter(is_sound).collect();
        self.scopes = scopes_supported.iter().map(|scope| plain(scope)).collect();
        match resource {
            Some(resource) if is_of_another(&resource, own, base) => {
                self.authorities.clear();
                self.scopes.clear();
                self.doubt = Some(format!(
                    "its metadata are those of {}, and not of this service, and are not believed \
                     (RFC 9728, section 3.3)",
                    plain(&resource)
                ));
            }
            resource => self.resource = resource.map(|resource| plain(&resource)),
        }
    }
}

/// Whether this is the URL of another service than the one at this base path. An identifier that is no
/// URL of the web can be anybody's.
fn is_of_another(resource: &str, own: &Url, base: &str) -> bool {
    let Ok(url) = Url::parse(resource) else { return false };
    if !matches!(url.scheme(), "http" | "https") {
        return false;
    }
    let is_bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    let path = url.path().trim_end_matches('/');
    let is_above =
        base.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    url.origin() != own.origin() || !is_above || !is_bare || !is_plain(resource)
}

/// Whether it can be written into a file as it is.
fn is_plain(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_graphic() && !"\"'\\".contains(c))
}

/// The well-known part goes before the path of a resource (RFC 9728, section 3.1), and after that of a
/// FHIR server.
fn places(base: &str) -> Vec<String> {
    let inserted = format!("{RESOURCE}{base}");
    let root = (!base.is_empty()).then(|| RESOURCE.to_owned());
    [inserted].into_iter().chain(root).chain([format!("{base}{SMART}")]).collect()
}

fn path(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

#[derive(Deserialize)]
struct Metadata {
    resource: Option<String>,
    #[serde(default)]
    authorization_servers: Vec<String>,
    issuer: Option<String>,
    token_endpoint: Option<String>,
    #[serde(default)]
    scopes_supported: Vec<String>,
}

impl Metadata {
    fn says_something(&self) -> bool {
        self.resource.is_some() || self.issuer.is_some() || self.token_endpoint.is_some()
    }
}

/// For all places together.
const LIMIT: Duration = Duration::from_secs(5);

const RESOURCE: &str = "/.well-known/oauth-protected-resource";

const SMART: &str = "/.well-known/smart-configuration";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_well_known_part_goes_before_the_path_and_smart_s_after_it() {
        assert_eq!(
            places("/v2/partitions/a"),
            [
                "/.well-known/oauth-protected-resource/v2/partitions/a",
                "/.well-known/oauth-protected-resource",
                "/v2/partitions/a/.well-known/smart-configuration",
            ]
        );
        assert_eq!(places("").len(), 2);
    }

    #[test]
    fn metadata_are_of_this_service_or_of_what_is_above_it() {
        let own = Url::parse("https://a.example").expect("a URL");
        for (resource, is) in [
            ("https://a.example", false),
            ("https://a.example/", false),
            ("https://A.example:443/v2", false),
            ("https://a.example/v2/", false),
            ("api://a", false),
            ("https://a.example/v", true),
            ("https://a.example/v2?a", true),
            ("https://a.example/v2#\"", true),
            ("https://x@a.example/v2", true),
            ("https://a.example/v2/other", true),
            ("https://b.example/v2", true),
            ("http://a.example/v2", true),
        ] {
            assert_eq!(is_of_another(resource, &own, "/v2"), is, "{resource}");
        }
    }
}
