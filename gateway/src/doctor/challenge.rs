//! A 401 of an origin server: what is wrong with our token.

use config::Profile;
use http::HeaderMap;
use url::Url;

use super::finding::{Said, plain};
use super::published::Published;
use super::token::Decoded;
use crate::origin::{bearer_parameter, demanded_claims};

/// Puts what the token is for beside what the service asks for.
pub(super) fn explain(
    route: &config::Route,
    token: &Decoded,
    (headers, published): (&HeaderMap, &Published),
) -> Said {
    let parameter = |name| bearer_parameter(headers, name).map(|value| plain(&value));
    let wanted = audience(route.profile, &route.origin.host)
        .or_else(|| Wanted::published(published))
        .or_else(|| {
            ["resource_id", "resource", "audience"]
                .into_iter()
                .find_map(parameter)
                .map(Wanted::Claimed)
        });
    let has = token.claim("aud");
    // Only its words count: what else stands there is the service's affair.
    let description = parameter("error_description").unwrap_or_default().to_ascii_lowercase();
    let about = |word| description.contains(word);
    let says = match &has {
        Some(has) => format!("401: the service does not take this token, which is for {has}"),
        None => "401: the service does not take this token".to_owned(),
    };
    let remedy = if demanded_claims(headers).is_some() {
        "the service demands claims that the token does not have (conditional access): have its \
         policy let in the gateway's workload identity"
            .to_owned()
    } else {
        match (&has, &wanted) {
            (Some(has), Some(wanted)) if !is_same(has, wanted.audience()) => {
                format!("{}{}", wanted.remedy(route, published), own_url(route, has))
            }
            (_, None) if about("audience") => format!(
                "its audience is wrong: write the service's own in `scope`, which is {} now{}",
                plain(&route.scope),
                own_url(route, has.as_deref().unwrap_or_default())
            ),
            _ if about("expired") || about("lifetime") || about("not yet valid") => {
                "it finds the token too old or too new: see the clocks, the service's among them"
                    .to_owned()
            }
            _ if published.is_of_others_than(token) => of_others(token, published),
            _ if about("issuer") || about("signature") => of_another(token),
            (None, Some(Wanted::Known(wanted))) => format!(
                "what the token is for cannot be read; the service takes those for {wanted}: see \
                 `scope`"
            ),
            (None, Some(Wanted::Published(wanted) | Wanted::Claimed(wanted))) => format!(
                "what the token is for cannot be read; the service says that it takes those for \
                 {wanted}: ask its administrator for the scope, and compare it with `scope`"
            ),
            (Some(_), Some(_)) => {
                format!("the audience is the right one, so it is the rest: {}", of_another(token))
            }
            (_, None) => "see which audience and which authority the service is set to, and \
                          compare them with `scope` and `authority`"
                .to_owned(),
        }
    };
    let remedy = match &published.doubt {
        Some(doubt) => format!("{remedy}. Beside that: {doubt}"),
        None => remedy,
    };
    let remedy = match route.profile {
        Profile::Azure => format!("{remedy}\n{ARM}"),
        _ => remedy,
    };
    let said = Said::fail(says, remedy);
    let said = match wanted {
        Some(Wanted::Known(audience)) => said.fact("wanted_audience", audience),
        Some(Wanted::Published(audience)) => said.fact("published_audience", audience),
        Some(Wanted::Claimed(audience)) => said.fact("claimed_audience", audience),
        None => said,
    };
    let said = match published.at.as_str() {
        "" => said,
        at => said
            .fact("metadata", plain(at))
            .fact("authorities", published.authorities.clone())
            .fact("scopes", published.scopes.clone()),
    };
    match has {
        Some(has) => said.fact("aud", has),
        None => said,
    }
}

/// What a service takes tokens for.
enum Wanted {
    /// As all of its kind do.
    Known(&'static str),
    /// As its metadata say, in which it names itself.
    Published(String),
    /// As whoever answers there says: a lure, perhaps, for a token that opens something else.
    Claimed(String),
}

impl Wanted {
    fn published(published: &Published) -> Option<Self> {
        let resource = published.resource.clone()?;
        let is_its_own = resource.starts_with("https://") || resource.starts_with("http://");
        Some(if is_its_own { Self::Published(resource) } else { Self::Claimed(resource) })
    }

    fn audience(&self) -> &str {
        match self {
            Self::Known(audience) => audience,
            Self::Published(audience) | Self::Claimed(audience) => audience,
        }
    }

    fn remedy(&self, route: &config::Route, published: &Published) -> String {
        let audience = self.audience();
        let name = if route.prefix.is_empty() { "/" } else { &route.prefix };
        let now = format!("instead of \"{}\" in the route {name}", plain(&route.scope));
        let scope = format!("scope = \"{}/.default\" {now}", audience.trim_end_matches('/'));
        match self {
            Self::Known(_) => format!("it takes those for {audience}: write {scope}"),
            // Only Entra has such scopes.
            Self::Published(_) if !route.scope.ends_with("/.default") => format!(
                "by what it publishes ({}) it takes those for {audience}{}: have the authority \
                 give such tokens to this client, and write the scope for them {now}",
                plain(&published.at),
                match published.scopes.as_slice() {
                    [] => String::new(),
                    scopes => format!(", with scopes such as {}", plain(&scopes.join(" "))),
                }
            ),
            Self::Published(_) => format!(
                "by what it publishes ({}) it takes those for {audience}: write {scope}",
                plain(&published.at)
            ),
            Self::Claimed(_) if is_of_others(audience) => format!(
                "it claims to take those for {audience}, which no DICOM service has any business \
                 with: give it none, and see whether `origin` is the service that you mean"
            ),
            Self::Claimed(_) => format!(
                "it claims to take those for {audience}: if its administrator says the same, write \
                 {scope}"
            ),
        }
    }
}

/// What to add where somebody took the service's own URL for its audience.
fn own_url(route: &config::Route, has: &str) -> &'static str {
    let is_own = has.split(' ').any(|has| {
        Url::parse(has).is_ok_and(|url| url.host_str() == Some(route.origin.host.as_str()))
    });
    match route.profile {
        Profile::Azure if is_own => {
            "; its own URL is what Azure's FHIR services have for that, and its DICOM services not"
        }
        _ => "",
    }
}

/// Whether tokens for this open what no DICOM service is; what no plain identifier is counts as
/// that.
fn is_of_others(audience: &str) -> bool {
    let audience = audience.to_ascii_lowercase();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/".contains(c);
    let is_service = |part: &str| {
        let part = part.trim_matches('.');
        OTHERS.iter().any(|other| {
            part.strip_suffix(other).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    };
    !audience.chars().all(is_plain) || audience.split([':', '/']).any(is_service)
}

fn of_another(token: &Decoded) -> String {
    let issuer = token.claim("iss").unwrap_or_else(|| "another authority".to_owned());
    format!(
        "the token is of {issuer}, and the service has to trust that one: see whether it is in the \
         same tenant as `authority`, and in the same cloud"
    )
}

/// The service names authorities, and the token is of none of them.
fn of_others(token: &Decoded, published: &Published) -> String {
    let issuer = token.claim("iss").unwrap_or_else(|| "another one".to_owned());
    let first = published.authorities.first().map_or("", String::as_str);
    format!(
        "by what it publishes ({}) it takes tokens of {}, and this one is of {issuer}: if its \
         administrator says the same, write authority = \"{first}\" in the table of this route's \
         client, which has to be registered there; its credential will be sent to that authority",
        plain(&published.at),
        plain(&published.authorities.join(" or ")),
    )
}

/// What tokens for a service are for, where all of its kind have the same. Azure's other clouds have
/// others, which nobody has written down.
fn audience(profile: Profile, host: &str) -> Option<Wanted> {
    let is_of_another_cloud =
        [".azurehealthcareapis.us", ".azurehealthcareapis.cn"].iter().any(|it| host.ends_with(it));
    match profile {
        Profile::Azure if is_of_another_cloud => None,
        Profile::Azure => Some(Wanted::Known(AZURE)),
        Profile::Generic
        | Profile::Orthanc
        | Profile::Google
        | Profile::Dcm4chee
        | Profile::HealthImaging => None,
    }
}

/// Entra writes some with a slash at the end, and some without.
fn is_same(has: &str, wanted: &str) -> bool {
    let wanted = wanted.trim_end_matches('/');
    let is_it = |one: &str| {
        one.trim_end_matches('/') == wanted || (wanted == AZURE && one == AZURE_APPLICATION)
    };
    has.split(' ').any(is_it)
}

/// What a service of Azure is set to, its own resource knows, by the name that its role needs too.
const ARM: &str = "What the service itself is set to (authority and audiences), this prints:\n\
                   az resource list --resource-type \
                   Microsoft.HealthcareApis/workspaces/dicomservices --query \"[].id\" --output \
                   tsv | xargs -n 1 az resource show --query \
                   \"[name, properties.authenticationConfiguration]\" --ids";

const AZURE: &str = "https://dicom.healthcareapis.azure.com";

/// The application that Azure's DICOM services are, as tokens of version 2 may name it.
const AZURE_APPLICATION: &str = "75e725bf-66ce-4cea-9b9a-5c4caae57f33";

/// Microsoft Graph and the directory before it, Azure Resource Manager, Key Vault: in all clouds, by
/// name and by application.
const OTHERS: [&str; 24] = [
    "graph.microsoft.com",
    "graph.microsoft.us",
    "dod-graph.microsoft.us",
    "graph.microsoft.de",
    "microsoftgraph.chinacloudapi.cn",
    "graph.windows.net",
    "graph.chinacloudapi.cn",
    "graph.microsoftazure.us",
    "graph.cloudapi.de",
    "00000003-0000-0000-c000-000000000000",
    "00000002-0000-0000-c000-000000000000",
    "management.azure.com",
    "management.core.windows.net",
    "management.usgovcloudapi.net",
    "management.core.usgovcloudapi.net",
    "management.chinacloudapi.cn",
    "management.core.chinacloudapi.cn",
    "management.microsoftazure.de",
    "797f4846-ba00-4fd7-ba43-dac1f8f63013",
    "vault.azure.net",
    "vault.azure.cn",
    "vault.usgovcloudapi.net",
    "managedhsm.azure.net",
    "cfa8b339-82a2-471a-a3c9-0fc0be7a4093",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_audience_that_is_claimed_is_none_of_another_service() {
        for (audience, is) in [
            ("https://graph.microsoft.com", true),
            ("https://GRAPH.microsoft.com:443/", true),
            ("https://graph.microsoft.com./User.Read", true),
            ("graph.microsoft.com", true),
            ("https://x@graph.microsoft.com", true),
            ("https://graph%2emicrosoft.com", true),
            ("00000003-0000-0000-C000-000000000000", true),
            ("https://management.azure.com/", true),
            ("https://management.core.windows.net", true),
            ("https://ward.vault.azure.net", true),
            ("https://dicom.example\"\norigin = \"x", true),
            ("https://dicom.example/", false),
            ("https://notgraph.microsoft.com.example", false),
            ("api://0d9e2f6c-7f1b-4c5e-8a3d-2b6f1c0a9e8d", false),
        ] {
            assert_eq!(is_of_others(audience), is, "{audience}");
        }
    }

    #[test]
    fn the_audience_of_azure_s_public_cloud_is_no_other_cloud_s() {
        for (profile, host, is) in [
            (Profile::Azure, "w-s.dicom.azurehealthcareapis.com", true),
            (Profile::Azure, "dicom.clinic.example", true),
            (Profile::Azure, "w-s.dicom.azurehealthcareapis.us", false),
            (Profile::Azure, "w-s.dicom.azurehealthcareapis.cn", false),
            (Profile::Generic, "w-s.dicom.azurehealthcareapis.com", false),
        ] {
            let known = matches!(audience(profile, host), Some(Wanted::Known(AZURE)));
            assert_eq!(known, is, "{host}");
        }
    }

    #[test]
    fn an_audience_has_several_spellings() {
        for (has, wanted, is) in [
            ("https://dicom.healthcareapis.azure.com", AZURE, true),
            ("https://dicom.healthcareapis.azure.com/", AZURE, true),
            (AZURE_APPLICATION, AZURE, true),
            (AZURE_APPLICATION, "https://other.example", false),
            ("a https://other.example", "https://other.example/", true),
            ("https://healthcareapis.azure.com", AZURE, false),
        ] {
            assert_eq!(is_same(has, wanted), is, "{has} {wanted}");
        }
    }
}
