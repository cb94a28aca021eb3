//! `/applications/{id}/federatedIdentityCredentials`.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::applications::next_link;
use super::directory::{Directory, Key};
use super::dispatch::Answer;
use super::query::Query;
use super::refusal::Refusal;

pub(super) fn answer(
    directory: &mut Directory,
    method: &Method,
    (key, id): (&Key, Option<&str>),
    (query, body): (&Query, &Value),
) -> Answer {
    let index = directory.application(key)?;
    let application = directory.applications[index].clone();
    let next = next_link(
        directory,
        &format!("applications/{}/{SEGMENT}", application["id"].as_str().unwrap_or_default()),
    );
    let size = directory.page_size;
    let all = directory.federated.entry(application["id"].as_str().unwrap_or_default().to_owned());
    let all = all.or_default();
    let answer = match (method.as_str(), id) {
        ("GET", None) => Ok((StatusCode::OK, Some(query.page(all, size, &next)))),
        ("POST", None) => {
            check(all, body)?;
            let mut new = body.clone();
            new["id"] = json!(Uuid::new_v4().to_string());
            all.push(new.clone());
            Ok((StatusCode::CREATED, Some(new)))
        }
        ("DELETE", Some(id)) => {
            let before = all.len();
            all.retain(|it| it["id"] != id);
            if all.len() == before {
                return Err(Refusal::not_found(id));
            }
            Ok((StatusCode::NO_CONTENT, None))
        }
        _ => Err(Refusal::no_such_method()),
    };
    directory.publish(&application);
    answer
}

fn check(all: &[Value], body: &Value) -> Result<(), Refusal> {
    let name = body["name"].as_str().unwrap_or_default();
    let named = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if !(3..=120).contains(&name.len()) || !name.chars().all(named) {
        return Err(Refusal::bad("Property name has an invalid value."));
    }
    let texts = ["issuer", "subject"].map(|it| body[it].as_str().unwrap_or_default());
    if texts.iter().any(|text| text.is_empty() || text.len() > 600 || text.trim() != *text) {
        return Err(Refusal::bad("issuer and subject are required, without blanks around them."));
    }
    if body["audiences"].as_array().is_none_or(|all| all.len() != 1) {
        return Err(Refusal::bad("Property audiences has to hold one value."));
    }
    if all.iter().any(|it| it["name"] == name) {
        return Err(Refusal::taken("FederatedIdentityCredential with this name already exists."));
    }
    if all.iter().any(|it| it["issuer"] == texts[0] && it["subject"] == texts[1]) {
        return Err(Refusal::taken("issuer and subject combination already exists."));
    }
    if all.len() >= 20 {
        return Err(Refusal::bad("An application has no more than 20 federated credentials."));
    }
    Ok(())
}

const SEGMENT: &str = "federatedIdentityCredentials";
