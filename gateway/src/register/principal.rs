//! The application's principal in the tenant, and what it may ask for.

use http::Method;
use serde_json::json;

use super::api::{Api, encoded};
use super::application::Application;
use super::az::word;
use super::change::{Change, PRINCIPAL_ID};
use super::error::Error;
use super::report::{Outcome, Report};
use super::rest::Service;

/// The object id of the application's principal, which is made if it is not there: the portal does
/// that silently, Graph does not.
pub(super) async fn principal(
    graph: &Service,
    application: &Application,
    report: &mut Report,
) -> Result<String, Error> {
    let path = format!("/servicePrincipals(appId='{}')?$select=id", application.app_id);
    let of = |found: &serde_json::Value| found["id"].as_str().unwrap_or_default().to_owned();
    if let Some(found) = graph.find(&path).await? {
        let id = of(&found);
        report.done(Outcome::Kept, &format!("service principal ({id})"));
        return Ok(id);
    }
    let az = format!(
        "PRINCIPAL_ID=$(az ad sp create --id {} --query id --output tsv)",
        word(&application.app_id)
    );
    let body = json!({ "appId": application.app_id });
    let change = Change::new(Method::POST, "/servicePrincipals", Some(body)).az(az).only_once();
    let made = graph.change(change.giving(&[("id", PRINCIPAL_ID)])).await;
    let made = match made {
        // It was made before, and this copy of the directory heard of it too late.
        Err(error) if error.is_taken() => graph.read(&path).await?,
        made => made?,
    };
    let id = of(&made);
    if id.is_empty() {
        return Err(Error::bare("POST /servicePrincipals"));
    }
    report.done(Outcome::Made, &format!("service principal ({id})"));
    Ok(id)
}

/// Consents to the API's permission for all users of the tenant.
pub(super) async fn consent(
    graph: &Service,
    (principal, app_id): (&str, &str),
    api: &Api,
    report: &mut Report,
) -> Result<(), Error> {
    let filter = format!("clientId eq '{principal}' and consentType eq 'AllPrincipals'");
    let all = graph.list(&format!("/oauth2PermissionGrants?$filter={}", encoded(&filter))).await?;
    let what = format!("admin consent to {} of {}", api.scope, api.name);
    let az = format!(
        "az ad app permission grant --id {} --api {} --scope {}",
        word(app_id),
        api.app_id,
        word(&api.scope)
    );
    let Some(grant) = all.iter().find(|it| it["resourceId"] == api.principal.as_str()) else {
        let body = json!({
            "clientId": principal,
            "consentType": "AllPrincipals",
            "resourceId": api.principal,
            "scope": api.scope,
        });
        let change = Change::new(Method::POST, "/oauth2PermissionGrants", Some(body)).az(az);
        let change = change.only_once();
        match graph.change(change).await {
            Err(error) if error.is_taken() => {}
            made => drop(made?),
        }
        report.done(Outcome::Made, &what);
        return Ok(());
    };
    let given = grant["scope"].as_str().unwrap_or_default();
    if given.split_whitespace().any(|it| it == api.scope) {
        report.done(Outcome::Kept, &what);
        return Ok(());
    }
    let path = format!("/oauth2PermissionGrants/{}", grant["id"].as_str().unwrap_or_default());
    let body = json!({ "scope": format!("{} {}", given.trim(), api.scope).trim() });
    graph.change(Change::new(Method::PATCH, path, Some(body)).az(az)).await?;
    report.done(Outcome::Changed, &what);
    Ok(())
}
