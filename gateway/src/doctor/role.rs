//! A 403 of an origin server: who lacks which role, and how it is given.

use config::{Profile, Transaction};

use super::finding::Said;
use super::token::Decoded;

/// The token is good, and its owner may not search.
pub(super) fn missing(route: &config::Route, token: &Decoded) -> Said {
    let owner = token.claim("oid").or_else(|| token.claim("sub"));
    let name = owner.as_deref().unwrap_or("<object id of the application's service principal>");
    let (role, remedy) = match route.profile {
        Profile::Azure => azure(route, token, name),
        Profile::Google => {
            let role = if writes(route) { "dicomEditor" } else { "dicomViewer" };
            let role = format!("roles/healthcare.{role}");
            (role.clone(), format!("give the service account the role {role} on the DICOM store"))
        }
        Profile::Generic | Profile::Orthanc | Profile::Dcm4chee | Profile::HealthImaging => (
            "a role".to_owned(),
            format!(
                "have the service's administrator let {name} search, there or at the authority"
            ),
        ),
    };
    let said = Said::fail(
        format!("403: the service takes the token, and {name} may not search: it lacks {role}"),
        remedy,
    );
    match owner {
        Some(owner) => said.fact("principal", owner),
        None => said,
    }
}

fn azure(route: &config::Route, token: &Decoded, name: &str) -> (String, String) {
    let role = if writes(route) { "DICOM Data Owner" } else { "DICOM Data Reader" };
    let kind = match token.claim("idtyp").as_deref() {
        Some("user") => "User",
        // What has scopes is a user's.
        None if token.claim("scp").is_some() => "User",
        _ => "ServicePrincipal",
    };
    let (workspace, service) = parts(&route.origin.host);
    let remedy = format!(
        "give it the role on the DICOM service; it takes effect within some minutes:\n\
         az role assignment create --assignee-object-id {name} --assignee-principal-type {kind} \
         --role \"{role}\" --scope \"/subscriptions/<subscription id>/resourceGroups/<resource \
         group>/providers/Microsoft.HealthcareApis/workspaces/{workspace}/dicomservices/{service}\"\n\
         The scope is the service's resource id, which this prints:\n\
         az resource list --resource-type Microsoft.HealthcareApis/workspaces/dicomservices \
         --query \"[].id\" --output tsv\n\
         If it has the role: the service's network settings refuse this machine."
    );
    (role.to_owned(), remedy)
}

/// Workspace and service, as a host of the service's own names them: a workspace's name has no
/// hyphen.
fn parts(host: &str) -> (&str, &str) {
    let own = host.split_once(".dicom.azurehealthcareapis.").map(|(name, _)| name);
    own.and_then(|name| name.split_once('-')).unwrap_or(("<workspace>", "<service>"))
}

/// Whether some caller may change something.
fn writes(route: &config::Route) -> bool {
    let permits = route.permits.iter().flat_map(|rule| &rule.allow);
    let mut all = route.allow.iter().chain(permits);
    all.any(|transaction| !matches!(transaction, Transaction::Search | Transaction::Retrieve))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_of_azure_names_workspace_and_service() {
        for (host, names) in [
            ("ward-ct.dicom.azurehealthcareapis.com", ("ward", "ct")),
            ("ward-ct-2.dicom.azurehealthcareapis.us", ("ward", "ct-2")),
            ("ward.dicom.azurehealthcareapis.com", ("<workspace>", "<service>")),
            ("dicom.example", ("<workspace>", "<service>")),
        ] {
            assert_eq!(parts(host), names, "{host}");
        }
    }
}
