//! A 401 of an origin server: what is wrong with our token.

use config::Profile;
use http::HeaderMap;

use super::finding::{Said, plain};
use super::token::Decoded;
use crate::origin::{bearer_parameter, demanded_claims};

/// Puts what the token is for beside what the service asks for.
pub(super) fn explain(route: &config::Route, token: &Decoded, headers: &HeaderMap) -> Said {
    let parameter = |name| bearer_parameter(headers, name).map(|value| plain(&value));
    let asked = ["resource_id", "resource", "audience"].into_iter().find_map(parameter);
    let wanted = asked.or_else(|| audience(route.profile).map(str::to_owned));
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
            (Some(has), Some(wanted)) if !is_same(has, wanted) => format!(
                "it takes those for {wanted}: write scope = \"{}/.default\"",
                wanted.trim_end_matches('/')
            ),
            (_, None) if about("audience") => format!(
                "its audience is wrong: write the service's own in `scope`, which is {} now",
                plain(&route.scope)
            ),
            _ if about("expired") || about("lifetime") || about("not yet valid") => {
                "it finds the token too old or too new: see the clocks, the service's among them"
                    .to_owned()
            }
            _ if about("issuer") || about("signature") => of_another(token),
            (None, Some(wanted)) => format!(
                "what the token is for cannot be read; the service takes those for {wanted}: see \
                 `scope`"
            ),
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
        Some(wanted) => said.fact("wanted_audience", wanted),
        None => said,
    };
    match has {
        Some(has) => said.fact("aud", has),
        None => said,
    }
}

fn of_another(token: &Decoded) -> String {
    let issuer = token.claim("iss").unwrap_or_else(|| "another authority".to_owned());
    format!(
        "the token is of {issuer}, and the service has to trust that one: see whether it is in the \
         same tenant as `authority`, and in the same cloud"
    )
}

/// What tokens for a service are for, where all of its kind have the same.
fn audience(profile: Profile) -> Option<&'static str> {
    match profile {
        Profile::Azure => Some(AZURE),
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

#[cfg(test)]
mod tests {
    use super::*;

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
