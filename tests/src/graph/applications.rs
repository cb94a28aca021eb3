//! `/applications`: registrations.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::credentials;
use super::directory::{Directory, Key};
use super::dispatch::Answer;
use super::query::Query;
use super::refusal::Refusal;

pub(super) fn all(
    directory: &mut Directory,
    method: &Method,
    query: &Query,
    body: &Value,
) -> Answer {
    match *method {
        Method::GET => {
            let mut found = Vec::new();
            for index in 0..directory.applications.len() {
                let id =
                    directory.applications[index]["id"].as_str().unwrap_or_default().to_owned();
                if query.fits(&directory.applications[index]) && directory.finds(&id) {
                    found.push(without_keys(&directory.seen_as(index)));
                }
            }
            let next = next_link(directory, "applications");
            Ok((StatusCode::OK, Some(query.page(&found, directory.page_size, &next))))
        }
        Method::POST => create(directory, body),
        _ => Err(Refusal::no_such_method()),
    }
}

pub(super) fn one(
    directory: &mut Directory,
    method: &Method,
    key: &Key,
    (query, body): (&Query, &Value),
) -> Answer {
    let index = directory.application(key)?;
    match *method {
        Method::GET => {
            let application = directory.seen_as(index);
            let shown = if query.selects("keyCredentials") {
                application
            } else {
                without_keys(&application)
            };
            Ok((StatusCode::OK, Some(query.project(&shown))))
        }
        Method::PATCH => {
            check(body)?;
            let mut changed = directory.applications[index].clone();
            for (name, value) in body.as_object().into_iter().flatten() {
                if name == "keyCredentials" {
                    changed[name] = credentials::keys(directory, &changed[name], value)?;
                } else {
                    merge(&mut changed[name], value);
                }
            }
            audience(&changed)?;
            directory.outdate(index);
            directory.applications[index] = changed.clone();
            directory.publish(&changed);
            Ok((StatusCode::NO_CONTENT, None))
        }
        Method::DELETE => {
            let gone = directory.applications.remove(index);
            directory.principals.retain(|it| it["appId"] != gone["appId"]);
            directory.federated.remove(gone["id"].as_str().unwrap_or_default());
            directory.registry.forget(gone["appId"].as_str().unwrap_or_default());
            Ok((StatusCode::NO_CONTENT, None))
        }
        _ => Err(Refusal::no_such_method()),
    }
}

/// Where the next page is.
pub(super) fn next_link(directory: &Directory, collection: &str) -> String {
    let path = directory.seen.last().map(|seen| seen.path.clone()).unwrap_or_default();
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let query = query.replace(' ', "%20");
    format!("{}/v1.0/{collection}?{query}", directory.graph_url())
}

fn create(directory: &mut Directory, body: &Value) -> Answer {
    check(body)?;
    if body["displayName"].as_str().is_none_or(str::is_empty) {
        return Err(Refusal::bad("A value is required for property 'displayName' of resource."));
    }
    let (id, app_id) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
    let mut application = json!({
        "id": id,
        "appId": app_id,
        "displayName": null,
        // Not what the portal proposes.
        "signInAudience": "AzureADandPersonalMicrosoftAccount",
        "publisherDomain": "contoso.example",
        "identifierUris": [],
        "tags": [],
        "web": { "redirectUris": [] },
        "api": { "requestedAccessTokenVersion": null, "oauth2PermissionScopes": [] },
        "requiredResourceAccess": [],
        "passwordCredentials": [],
        "keyCredentials": [],
    });
    for (name, value) in body.as_object().into_iter().flatten() {
        if name == "keyCredentials" {
            application[name] = credentials::keys(directory, &json!([]), value)?;
        } else {
            merge(&mut application[name], value);
        }
    }
    if body["signInAudience"].is_null() {
        application["api"]["requestedAccessTokenVersion"] = 2.into();
    }
    audience(&application)?;
    directory.applications.push(application.clone());
    directory.unseen.insert(id, directory.lag);
    Ok((StatusCode::CREATED, Some(without_keys(&application))))
}

/// What cannot stand in a body.
fn check(body: &Value) -> Result<(), Refusal> {
    let Some(body) = body.as_object() else { return Err(Refusal::bad("A body is required.")) };
    for (name, value) in body {
        if !PROPERTIES.contains(&name.as_str()) {
            return Err(Refusal::bad(format!(
                "Property '{name}' is unknown, read-only, or has an operation of its own."
            )));
        }
        if name == "web" {
            let uris = value["redirectUris"].as_array().into_iter().flatten();
            if let Some(wrong) = uris.filter_map(Value::as_str).find(|uri| !may_redirect(uri)) {
                return Err(Refusal::bad(format!("Reply URL '{wrong}' has an invalid scheme.")));
            }
        }
        if name == "requiredResourceAccess" {
            let all = value.as_array().into_iter().flatten();
            let access = all.flat_map(|it| it["resourceAccess"].as_array().into_iter().flatten());
            if !access.into_iter().all(|it| it["type"] == "Scope" || it["type"] == "Role") {
                return Err(Refusal::bad("resourceAccess has an invalid type."));
            }
        }
    }
    Ok(())
}

fn audience(application: &Value) -> Result<(), Refusal> {
    let audience = application["signInAudience"].as_str().unwrap_or_default();
    if !AUDIENCES.contains(&audience) {
        return Err(Refusal::bad("Property signInAudience has an invalid value."));
    }
    let personal = audience.contains("Personal");
    if personal && application["api"]["requestedAccessTokenVersion"] != 2 {
        return Err(Refusal::bad("Property api.requestedAccessTokenVersion is invalid.")
            .with_detail("InvalidAccessTokenVersion"));
    }
    Ok(())
}

fn may_redirect(uri: &str) -> bool {
    let local = ["http://localhost/", "http://localhost:"];
    uri.starts_with("https://") || local.iter().any(|local| uri.starts_with(local))
}

/// Objects are merged, everything else is replaced.
fn merge(old: &mut Value, new: &Value) {
    match (old.as_object_mut(), new.as_object()) {
        (Some(old), Some(new)) => old.extend(new.clone()),
        _ => *old = new.clone(),
    }
}

fn without_keys(application: &Value) -> Value {
    let mut shown = application.clone();
    for key in shown["keyCredentials"].as_array_mut().into_iter().flatten() {
        key["key"] = Value::Null;
    }
    shown
}

const PROPERTIES: [&str; 10] = [
    "displayName",
    "tags",
    "signInAudience",
    "identifierUris",
    "web",
    "api",
    "requiredResourceAccess",
    "keyCredentials",
    "isFallbackPublicClient",
    "notes",
];

const AUDIENCES: [&str; 4] = [
    "AzureADMyOrg",
    "AzureADMultipleOrgs",
    "AzureADandPersonalMicrosoftAccount",
    "PersonalMicrosoftAccount",
];
