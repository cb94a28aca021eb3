//! Leave to use the DICOM service, which Azure keeps beside the directory: role assignments.

use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::api::encoded;
use super::arguments::Role;
use super::az::word;
use super::change::{ASSIGNMENT_ID, Change, PRINCIPAL_ID};
use super::error::Error;
use super::report::{Outcome, Report};
use super::rest::Service;

impl Role {
    /// As the portal and the Azure CLI call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Reader => "DICOM Data Reader",
            Self::Owner => "DICOM Data Owner",
        }
    }

    fn definition(self) -> &'static str {
        match self {
            Self::Reader => "e89c7a3c-2f64-4fa1-a847-3e4c9ba4283a",
            Self::Owner => "58a3b984-7adf-4c20-983a-32417c86fbc8",
        }
    }

    pub(super) const ALL: [Self; 2] = [Self::Reader, Self::Owner];
}

/// A DICOM service, as Azure calls it.
#[derive(Debug)]
pub(super) struct Resource {
    id: String,
    subscription: String,
    workspace: String,
    service: String,
}

impl Resource {
    pub(super) fn read(text: &str) -> Result<Self, Error> {
        let parts = text.trim_end_matches('/').split('/').collect::<Vec<_>>();
        let plain = |part: &&str| {
            !part.is_empty()
                && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.()".contains(c))
        };
        let is = |at: usize, word: &str| parts[at].eq_ignore_ascii_case(word);
        let fits = parts.len() == 11
            && parts[0].is_empty()
            && parts[1..].iter().all(plain)
            && is(1, "subscriptions")
            && is(6, "Microsoft.HealthcareApis")
            && is(7, "workspaces")
            && is(9, "dicomservices");
        if !fits {
            return Err(Error::Usage(format!(
                "--resource {text}: a DICOM service is /subscriptions/ID/resourceGroups/NAME/providers/\
                 Microsoft.HealthcareApis/workspaces/NAME/dicomservices/NAME (az resource list \
                 --resource-type Microsoft.HealthcareApis/workspaces/dicomservices --query [].id)"
            )));
        }
        Ok(Self {
            id: parts.join("/"),
            subscription: parts[2].to_owned(),
            workspace: parts[8].to_owned(),
            service: parts[10].to_owned(),
        })
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Where it is in the public cloud.
    pub(super) fn url(&self) -> String {
        let Self { workspace, service, .. } = self;
        format!("https://{workspace}-{service}.dicom.azurehealthcareapis.com/v2")
    }

    /// The same for each run, so that a second one finds what the first one made.
    fn assignment(&self, role: Role, principal: &str) -> String {
        let what = format!("{}|{}|{principal}", self.id.to_lowercase(), role.definition());
        let name = match principal {
            PRINCIPAL_ID => ASSIGNMENT_ID.to_owned(),
            _ => Uuid::new_v5(&Uuid::NAMESPACE_URL, what.as_bytes()).to_string(),
        };
        format!("{}/{ASSIGNMENTS}/{name}?{VERSION}", self.id)
    }
}

/// The line that assigns it by hand.
pub(super) fn az(role: Role, principal: &str, resource: Option<&Resource>) -> String {
    let resource = resource.map_or("<resource id of the DICOM service>", Resource::id);
    format!(
        "az role assignment create --assignee-object-id {} --assignee-principal-type ServicePrincipal \
         --role {} --scope {}",
        word(principal),
        word(role.name()),
        word(resource)
    )
}

/// Gives the principal this role for this service.
pub(super) async fn assign(
    manager: &Service,
    role: Role,
    (principal, resource): (&str, &Resource),
    report: &mut Report,
) -> Result<(), Error> {
    let definition = format!(
        "/subscriptions/{}/providers/Microsoft.Authorization/roleDefinitions/{}",
        resource.subscription,
        role.definition()
    );
    let body: Value = json!({
        "properties": {
            "roleDefinitionId": definition,
            "principalId": principal,
            // So that Azure does not look for somebody whom it has not heard of yet.
            "principalType": "ServicePrincipal",
        },
    });
    let path = resource.assignment(role, principal);
    let what = format!("role {} for {}", role.name(), resource.service);
    if manager.find(&path).await?.is_some() {
        report.done(Outcome::Kept, &what);
        return Ok(());
    }
    let change = Change::new(Method::PUT, path, Some(body)).az(az(role, principal, Some(resource)));
    match manager.change(change).await {
        Err(error) if error.has_code("RoleAssignmentExists") => {
            report.done(Outcome::Kept, &what);
        }
        assigned => {
            drop(assigned?);
            report.done(Outcome::Made, &what);
        }
    }
    Ok(())
}

/// Takes the roles away that the principal has for this DICOM service, whoever gave them. Those that it
/// has for all of a resource group, or for a part, stay.
pub(super) async fn withdraw(
    manager: &Service,
    (principal, resource): (&str, &Resource),
    report: &mut Report,
) -> Result<(), Error> {
    let filter = encoded(&format!("principalId eq '{principal}'"));
    let path = format!("{}/{ASSIGNMENTS}?{VERSION}&$filter={filter}", resource.id);
    let mut removed = Vec::new();
    for it in manager.list(&path).await? {
        let text = |name: &str| it["properties"][name].as_str().unwrap_or_default();
        let definition = text("roleDefinitionId").to_lowercase();
        let role = Role::ALL.into_iter().find(|role| definition.ends_with(role.definition()));
        let id = it["id"].as_str().filter(|id| id.starts_with('/'));
        let (Some(role), Some(id)) = (role, id) else { continue };
        if !text("principalId").eq_ignore_ascii_case(principal) {
            continue;
        }
        // The list has those of what the service is a part of as well, and of its own parts.
        let scope = text("scope").trim_end_matches('/');
        if !scope.eq_ignore_ascii_case(&resource.id) {
            report.note(&format!("role {} for {scope} stays", role.name()));
            continue;
        }
        manager.remove(Change::new(Method::DELETE, format!("{id}?{VERSION}"), None)).await?;
        removed.push(role.name());
    }
    match &removed[..] {
        [] => report.note(&format!("no role for {} was there to be removed", resource.service)),
        [one] => report.done(Outcome::Removed, &format!("1 role for {}: {one}", resource.service)),
        all => {
            let text = format!("{} roles for {}: {}", all.len(), resource.service, all.join(", "));
            report.done(Outcome::Removed, &text);
        }
    }
    Ok(())
}

const ASSIGNMENTS: &str = "providers/Microsoft.Authorization/roleAssignments";

const VERSION: &str = "api-version=2022-04-01";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dicom_service_is_told_from_what_is_none() {
        let id = "/subscriptions/0000/resourceGroups/rg/providers/Microsoft.HealthcareApis/workspaces/\
                  ward/dicomservices/ct";
        let resource = Resource::read(id).unwrap();
        assert_eq!(resource.url(), "https://ward-ct.dicom.azurehealthcareapis.com/v2");
        assert_eq!(resource.id(), id);
        for wrong in ["", "/subscriptions/0000", &id.replace("dicom", "fhir"), &format!("{id}/x y")]
        {
            assert!(Resource::read(wrong).is_err(), "{wrong}");
        }
    }
}
