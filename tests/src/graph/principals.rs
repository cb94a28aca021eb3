//! `/servicePrincipals` and `/oauth2PermissionGrants`.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::applications::next_link;
use super::directory::{Directory, Key};
use super::dispatch::Answer;
use super::query::Query;
use super::refusal::Refusal;
use crate::authority::Registry;

pub(super) fn all(
    directory: &mut Directory,
    method: &Method,
    query: &Query,
    body: &Value,
) -> Answer {
    match *method {
        Method::GET => {
            let found = directory.principals.iter().filter(|it| query.fits(it)).cloned();
            let found = found.collect::<Vec<_>>();
            let next = next_link(directory, "servicePrincipals");
            Ok((StatusCode::OK, Some(query.page(&found, directory.page_size, &next))))
        }
        Method::POST => create(directory, body),
        _ => Err(Refusal::no_such_method()),
    }
}

pub(super) fn one(directory: &mut Directory, method: &Method, key: &Key, query: &Query) -> Answer {
    let index = directory.principal(key)?;
    match *method {
        Method::GET => Ok((StatusCode::OK, Some(query.project(&directory.principals[index])))),
        Method::DELETE => {
            directory.principals.remove(index);
            Ok((StatusCode::NO_CONTENT, None))
        }
        _ => Err(Refusal::no_such_method()),
    }
}

pub(super) fn grants(
    directory: &mut Directory,
    method: &Method,
    query: &Query,
    body: &Value,
) -> Answer {
    if *method == Method::GET {
        let found = directory.grants.iter().filter(|it| query.fits(it)).cloned();
        let found = found.collect::<Vec<_>>();
        let next = next_link(directory, "oauth2PermissionGrants");
        return Ok((StatusCode::OK, Some(query.page(&found, directory.page_size, &next))));
    }
    if *method != Method::POST {
        return Err(Refusal::no_such_method());
    }
    for end in ["clientId", "resourceId"] {
        let id = body[end].as_str().unwrap_or_default().to_owned();
        directory.principal(&Key::Id(id))?;
    }
    if body["consentType"] != "AllPrincipals" || !body["principalId"].is_null() {
        return Err(Refusal::bad("consentType and principalId do not fit."));
    }
    let same = |it: &&Value| ["clientId", "resourceId"].iter().all(|end| it[*end] == body[*end]);
    if directory.grants.iter().any(|it| same(&it)) {
        return Err(Refusal::taken("Permission entry already exists."));
    }
    let mut grant = body.clone();
    grant["id"] = Uuid::new_v4().simple().to_string().into();
    directory.grants.push(grant.clone());
    Ok((StatusCode::CREATED, Some(grant)))
}

pub(super) fn grant(directory: &mut Directory, method: &Method, id: &str, body: &Value) -> Answer {
    let index = directory.grants.iter().position(|it| it["id"] == id);
    let index = index.ok_or_else(|| Refusal::not_found(id))?;
    match *method {
        Method::PATCH => {
            let only_scope = body.as_object().is_some_and(|it| it.keys().all(|key| key == "scope"));
            if !only_scope {
                return Err(Refusal::bad("Only scope can be changed."));
            }
            directory.grants[index]["scope"] = body["scope"].clone();
            Ok((StatusCode::NO_CONTENT, None))
        }
        Method::DELETE => {
            directory.grants.remove(index);
            Ok((StatusCode::NO_CONTENT, None))
        }
        _ => Err(Refusal::no_such_method()),
    }
}

fn create(directory: &mut Directory, body: &Value) -> Answer {
    let app_id = body["appId"].as_str().unwrap_or_default().to_owned();
    if directory.principals.iter().any(|it| it["appId"] == app_id.as_str()) {
        return Err(Refusal::taken("The service principal name is already present in the tenant."));
    }
    let Ok(index) = directory.application(&Key::AppId(app_id.clone())) else {
        let message = format!(
            "The appId '{app_id}' of the service principal does not reference a valid application \
             object."
        );
        return Err(Refusal::bad(message).with_detail("NoBackingApplicationObject"));
    };
    let application = directory.applications[index].clone();
    let id = Registry::principal_of(&app_id);
    let principal = json!({
        "id": id,
        "appId": app_id,
        "displayName": application["displayName"],
        "servicePrincipalNames": [app_id],
        "servicePrincipalType": "Application",
        "appRoles": [],
        "oauth2PermissionScopes": [],
    });
    directory.principals.push(principal.clone());
    directory.unseen.insert(id, directory.lag);
    directory.publish(&application);
    Ok((StatusCode::CREATED, Some(principal)))
}
