//! Role assignments of Azure Resource Manager.

use std::collections::HashMap;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::directory::{Directory, Key};
use super::dispatch::Answer;
use super::refusal::Refusal;

pub(super) fn answer(
    directory: &mut Directory,
    method: &Method,
    (path, query): (&str, &str),
    body: &Value,
) -> Answer {
    if !query.contains("api-version=2022-04-01") {
        let message = "The api-version query parameter (?api-version=) is required.";
        return Err(Refusal::new(400, "MissingApiVersionParameter", message));
    }
    if let Some(scope) = path.strip_suffix(ASSIGNMENTS.trim_end_matches('/')) {
        return if *method == Method::GET {
            list(directory, (path, scope), query)
        } else {
            Err(Refusal::new(405, "MethodNotAllowed", "No such method."))
        };
    }
    let parts = path.split_once(ASSIGNMENTS);
    let (scope, name) =
        parts.ok_or_else(|| Refusal::new(404, "InvalidResourceType", "No such."))?;
    match *method {
        Method::GET => {
            let missing = || Refusal::new(404, "RoleAssignmentNotFound", "There is no such one.");
            let found = directory.assignments.get(path).cloned().ok_or_else(missing)?;
            Ok((StatusCode::OK, Some(found)))
        }
        Method::PUT => assign(directory, (path, scope, name), body),
        Method::DELETE if directory.assignments.remove(path).is_some() => {
            Ok((StatusCode::OK, Some(json!({}))))
        }
        Method::DELETE => Ok((StatusCode::NO_CONTENT, None)),
        _ => Err(Refusal::new(405, "MethodNotAllowed", "No such method.")),
    }
}

/// Those of a principal at this scope, above it and below it.
fn list(directory: &Directory, (path, scope): (&str, &str), query: &str) -> Answer {
    let options = url::form_urlencoded::parse(query.as_bytes()).collect::<HashMap<_, _>>();
    let wanted = options.get("$filter").and_then(|filter| filter.strip_prefix("principalId eq '"));
    let invalid = || Refusal::new(400, "InvalidFilter", "The filter is not supported.");
    let wanted = wanted.and_then(|id| id.strip_suffix('\'')).ok_or_else(invalid)?;
    let skip = options.get("$skiptoken").map_or(0, |it| it.parse().expect("a token of ours"));
    let related = |it: &&Value| {
        let theirs = it["properties"]["scope"].as_str().unwrap_or_default();
        theirs.starts_with(scope) || scope.starts_with(theirs)
    };
    let all = directory.assignments.values().filter(related);
    let all = all.filter(|it| it["properties"]["principalId"] == wanted).collect::<Vec<_>>();
    let page = all.iter().skip(skip).take(directory.page_size).collect::<Vec<_>>();
    let mut answer = json!({ "value": page });
    let next = skip + page.len();
    if next < all.len() {
        let query = query.split("&$skiptoken=").next().unwrap_or_default();
        let link = format!("{}{path}?{query}&$skiptoken={next}", directory.arm_url());
        answer["nextLink"] = link.into();
    }
    Ok((StatusCode::OK, Some(answer)))
}

fn assign(
    directory: &mut Directory,
    (path, scope, name): (&str, &str, &str),
    body: &Value,
) -> Answer {
    let invalid = |what: &str| Refusal::new(400, "InvalidRoleAssignmentRequest", what);
    if Uuid::try_parse(name).is_err() {
        return Err(Refusal::new(400, "InvalidRoleAssignmentId", "The name has to be a GUID."));
    }
    let properties = &body["properties"];
    let role = properties["roleDefinitionId"].as_str().unwrap_or_default();
    if !role.contains("/providers/Microsoft.Authorization/roleDefinitions/") {
        return Err(invalid("roleDefinitionId is required."));
    }
    let principal = properties["principalId"].as_str().unwrap_or_default().to_owned();
    if directory.principal(&Key::Id(principal.clone())).is_err() {
        let message = format!("Principal {principal} does not exist in the directory.");
        return Err(Refusal::new(400, "PrincipalNotFound", message));
    }
    let mut properties = properties.clone();
    properties["scope"] = scope.into();
    let same = directory.assignments.iter().find(|(_, it)| it["properties"] == properties);
    if let Some((at, assignment)) = same {
        if at != path {
            let message = "The role assignment already exists.";
            return Err(Refusal::new(409, "RoleAssignmentExists", message));
        }
        return Ok((StatusCode::OK, Some(assignment.clone())));
    }
    let assignment = json!({ "id": path, "name": name, "properties": properties });
    directory.assignments.insert(path.to_owned(), assignment.clone());
    Ok((StatusCode::CREATED, Some(assignment)))
}

const ASSIGNMENTS: &str = "/providers/Microsoft.Authorization/roleAssignments/";
