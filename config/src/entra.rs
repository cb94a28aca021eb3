//! What is known of Microsoft Entra ID without asking it.
//!
//! Its token endpoints follow a template, so that a start needs no discovery; and three of its rules
//! are checked here, because Entra would tell of them only with the first request, in a code.

use url::Url;

use crate::credential::TokenEndpoint;
use crate::web;

/// Whether this is at one of Entra's login hosts, of any of its clouds.
pub fn is_entra(url: &Url) -> bool {
    url.host_str().is_some_and(|host| HOSTS.contains(&host))
}

/// The token endpoint of an Entra authority, `https://<login host>/<tenant>`.
pub(crate) fn token_endpoint(authority: &Url) -> Result<Url, String> {
    let path = authority.path().trim_matches('/');
    // The issuer of the tokens has the version behind the tenant, and is as often copied.
    let tenant = path.strip_suffix("/v2.0").unwrap_or(path);
    if tenant.is_empty() {
        return Err(format!("names no tenant; {FORM}"));
    }
    check_tenant(tenant)?;
    let mut endpoint = authority.clone();
    endpoint.set_path(&format!("/{tenant}/oauth2/v2.0/token"));
    Ok(endpoint)
}

/// The token endpoint of a tenant at this host, the public cloud's without one, as Azure's own tools
/// understand `AZURE_AUTHORITY_HOST`: a URL, or a bare host.
pub(crate) fn endpoint_at(host: Option<&str>, tenant: &str) -> Result<Url, String> {
    check_tenant(tenant).map_err(|message| format!("{tenant:?} {message}"))?;
    let host = host.unwrap_or(PUBLIC_CLOUD);
    let host = if host.contains("://") { host.to_owned() } else { format!("https://{host}") };
    let mut endpoint = web::url(&host)?;
    endpoint.set_path(&format!("/{tenant}/oauth2/v2.0/token"));
    Ok(endpoint)
}

/// Whether this can be the tenant of a confidential client that speaks for itself.
pub(crate) fn check_tenant(tenant: &str) -> Result<(), String> {
    if ["common", "organizations", "consumers"].contains(&tenant.to_lowercase().as_str()) {
        return Err(format!(
            "{tenant:?} stands for many tenants, and a client that asks for itself (grant \
             client_credentials) belongs to one; write that one's id or domain"
        ));
    }
    if tenant.is_empty() || !tenant.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c)) {
        return Err(format!("is not a tenant's id or domain; {FORM}"));
    }
    Ok(())
}

/// Whether Entra gives tokens for this scope to a client that asks for itself.
pub(crate) fn check_scope(scope: &str) -> Result<(), String> {
    if scope.ends_with("/.default") {
        return Ok(());
    }
    Err("is refused by Entra for client_credentials (AADSTS1002012); write the resource's \
         identifier and /.default, such as https://dicom.healthcareapis.azure.com/.default"
        .to_owned())
}

/// What the tokens of a managed identity must be for, so that this authority takes them for those of
/// an application.
pub(crate) fn exchange_audience(endpoint: Option<&TokenEndpoint>) -> &'static str {
    let (TokenEndpoint::At(url) | TokenEndpoint::Of(url)) =
        endpoint.unwrap_or(&TokenEndpoint::OfCredential)
    else {
        return EXCHANGE;
    };
    exchange_audience_at(url)
}

/// The same of this login host: what any token must be for that is to stand for an application.
pub fn exchange_audience_at(url: &Url) -> &'static str {
    match url.host_str() {
        Some("login.microsoftonline.us" | "login.usgovcloudapi.net") => EXCHANGE_US_GOVERNMENT,
        Some("login.partner.microsoftonline.cn" | "login.chinacloudapi.cn") => EXCHANGE_CHINA,
        _ => EXCHANGE,
    }
}

/// What the DICOM service of Azure Health Data Services wants to see in a token.
pub(crate) const DICOM_SCOPE: &str = "https://dicom.healthcareapis.azure.com/.default";

/// The login host of the public cloud.
pub(crate) const PUBLIC_CLOUD: &str = "https://login.microsoftonline.com";

const EXCHANGE: &str = "api://AzureADTokenExchange";
const EXCHANGE_US_GOVERNMENT: &str = "api://AzureADTokenExchangeUSGov";
const EXCHANGE_CHINA: &str = "api://AzureADTokenExchangeChina";

const FORM: &str = "write https://login.microsoftonline.com/ and the tenant's id or domain";

/// The login hosts of the public cloud, of its sovereign sisters, and their aliases.
const HOSTS: [&str; 11] = [
    "login.microsoftonline.com",
    "login.windows.net",
    "login.microsoft.com",
    "sts.windows.net",
    "login.microsoftonline.us",
    "login.usgovcloudapi.net",
    "login.partner.microsoftonline.cn",
    "login.chinacloudapi.cn",
    "login.sovcloud-identity.fr",
    "login.sovcloud-identity.de",
    "login.sovcloud-identity.sg",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(authority: &str) -> Result<String, String> {
        token_endpoint(&Url::parse(authority).unwrap()).map(String::from)
    }

    #[test]
    fn an_authority_gives_its_token_endpoint_without_discovery() {
        let right = "https://login.microsoftonline.us/t.example/oauth2/v2.0/token";
        for authority in ["t.example", "t.example/", "t.example/v2.0"] {
            let authority = format!("https://login.microsoftonline.us/{authority}");
            assert_eq!(endpoint(&authority).as_deref(), Ok(right), "{authority}");
        }
    }

    #[test]
    fn each_cloud_has_its_own_audience_for_tokens_of_others() {
        for (host, audience) in [
            ("login.microsoftonline.com", EXCHANGE),
            ("login.sovcloud-identity.de", EXCHANGE),
            ("login.microsoftonline.us", EXCHANGE_US_GOVERNMENT),
            ("login.usgovcloudapi.net", EXCHANGE_US_GOVERNMENT),
            ("login.partner.microsoftonline.cn", EXCHANGE_CHINA),
            ("login.chinacloudapi.cn", EXCHANGE_CHINA),
        ] {
            let url = Url::parse(&format!("https://{host}/")).unwrap();
            assert!(is_entra(&url), "{host}");
            assert_eq!(exchange_audience_at(&url), audience, "{host}");
        }
    }

    #[test]
    fn the_tenant_is_one_and_named() {
        for (authority, why) in [
            ("https://login.microsoftonline.com", "names no tenant"),
            ("https://login.microsoftonline.com/common", "many tenants"),
            ("https://login.microsoftonline.com/Organizations/v2.0", "many tenants"),
            ("https://login.microsoftonline.com/consumers/", "many tenants"),
            ("https://login.microsoftonline.com/t/oauth2/v2.0/token", "is not a tenant"),
            ("https://login.microsoftonline.com/<tenant>", "is not a tenant"),
        ] {
            let message = endpoint(authority).unwrap_err();
            assert!(message.contains(why), "{authority}: {message}");
        }
    }
}
