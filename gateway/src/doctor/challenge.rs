//! A 401 of an origin server: what is wrong with our token.

use config::Profile;
use http::HeaderMap;

use super::finding::{Said, plain};
use super::token::Decoded;
use crate::origin::{bearer_parameter, demanded_claims};

/// Puts what the token is for beside what the service asks for.
pub(super) fn explain(route: &config::Route, token: &Decoded, headers: &HeaderMap) -> Said {
    let parameter = |name| bearer_parameter(headers, name).map(|value| plain(&value));
    let wanted = audience(route.profile).or_else(|| {
        ["resource_id", "resource", "audience"].into_iter().find_map(parameter).map(Wanted::Claimed)
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
            (Some(has), Some(wanted)) if !is_same(has, wanted.audience()) => wanted.remedy(),
            (_, None) if about("audience") => format!(
                "its audience is wrong: write the service's own in `scope`, which is {} now",
                plain(&route.scope)
            ),
            _ if about("expired") || about("lifetime") || about("not yet valid") => {
                "it finds the token too old or too new: see the clocks, the service's among them"
                    .to_owned()
            }
            _ if about("issuer") || about("signature") => of_another(token),
            (None, Some(Wanted::Known(wanted))) => format!(
                "what the token is for cannot be read; the service takes those for {wanted}: see \
                 `scope`"
            ),
            (None, Some(Wanted::Claimed(_))) => {
                "what the token is for cannot be read: ask the service's administrator for the \
                 scope, and compare it with `scope`"
                    .to_owned()
            }
            (Some(_), Some(_)) => {
                format!("the audience is the right one, so it is the rest: {}", of_another(token))
            }
            (_, None) => {
                "see which audience and which authority the service is set to, and compare \
                          them with `scope` and `authority`"
                    .to_owned()
            }
        }
    };
    let said = Said::fail(says, remedy);
    let said = match wanted {
        Some(Wanted::Known(audience)) => said.fact("wanted_audience", audience),
        Some(Wanted::Claimed(audience)) => said.fact("claimed_audience", audience),
        None => said,
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
    /// As whoever answers there says: a lure, perhaps, for a token that opens something else.
    Claimed(String),
}

impl Wanted {
    fn audience(&self) -> &str {
        match self {
            Self::Known(audience) => audience,
            Self::Claimed(audience) => audience,
        }
    }

    fn remedy(&self) -> String {
        let audience = self.audience();
        let scope = format!("scope = \"{}/.default\"", audience.trim_end_matches('/'));
        match self {
            Self::Known(_) => format!("it takes those for {audience}: write {scope}"),
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

/// What tokens for a service are for, where all of its kind have the same.
fn audience(profile: Profile) -> Option<Wanted> {
    match profile {
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
