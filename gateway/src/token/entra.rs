//! What an Entra endpoint's URL says: `/{tenant}/oauth2/v2.0/token`.

use url::Url;
use uuid::Uuid;

/// The same endpoint of another tenant; as it is where it is none of Entra's, or no tenant is told.
pub(super) fn of_tenant(endpoint: &Url, tenant: Option<Uuid>) -> Url {
    let mut url = endpoint.clone();
    if let (Some(tenant), Some((own, rest))) = (tenant, parted(endpoint))
        && Uuid::try_parse(own) != Ok(tenant)
    {
        url.set_path(&format!("/{tenant}{rest}"));
    }
    url
}

/// Where users sign in, if this is a token endpoint of Entra's.
pub(super) fn sign_in(endpoint: &Url) -> Option<Url> {
    let (tenant, _) = parted(endpoint)?;
    let mut url = endpoint.clone();
    url.set_path(&format!("/{tenant}{AUTHORIZE}"));
    Some(url)
}

fn parted(endpoint: &Url) -> Option<(&str, &str)> {
    let tenant = endpoint.path().strip_suffix(TOKEN)?.strip_prefix('/')?;
    (!tenant.is_empty() && !tenant.contains('/')).then_some((tenant, TOKEN))
}

const TOKEN: &str = "/oauth2/v2.0/token";
const AUTHORIZE: &str = "/oauth2/v2.0/authorize";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_is_asked_about_where_the_guest_signed_in() {
        let tenant = Uuid::from_u128(7);
        for (endpoint, asked) in [
            ("https://a.example/t.example/oauth2/v2.0/token", Some("/oauth2/v2.0/token")),
            ("https://a.example/common/oauth2/v2.0/token", Some("/oauth2/v2.0/token")),
            ("https://a.example/oauth2/v2.0/token", None),
            ("https://a.example/a/b/oauth2/v2.0/token", None),
            ("https://a.example/realms/r/protocol/openid-connect/token", None),
        ] {
            let endpoint = Url::parse(endpoint).expect("a URL");
            let expected = asked.map_or_else(
                || endpoint.to_string(),
                |path| format!("https://a.example/{tenant}{path}"),
            );
            assert_eq!(of_tenant(&endpoint, Some(tenant)).as_str(), expected);
            assert_eq!(of_tenant(&endpoint, None), endpoint);
            assert_eq!(sign_in(&endpoint).is_some(), asked.is_some(), "{endpoint}");
        }
    }

    #[test]
    fn a_tenant_in_capitals_is_the_same_one() {
        let id = "6F4A3B1C-0D2E-4F5A-8B6C-7D8E9F0A1B2C";
        let own = format!("https://a.example/{id}/oauth2/v2.0/token");
        let own = Url::parse(&own).expect("a URL");
        assert_eq!(of_tenant(&own, Uuid::try_parse(id).ok()), own);
    }
}
