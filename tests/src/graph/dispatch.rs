//! From a request to what answers it.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use serde_json::Value;

use super::directory::{Directory, Fault, Key, Seen};
use super::query::Query;
use super::refusal::Refusal;
use super::{applications, arm, credentials, federated, lock, principals};
use crate::authority::Registry;
use crate::server::{Body, BoxError};

/// Status and body; no body where there is none.
pub(super) type Answer = Result<(StatusCode, Option<Value>), Refusal>;

pub(super) async fn answer(
    directory: Arc<Mutex<Directory>>,
    request: Request<Incoming>,
) -> Result<Response<Body>, BoxError> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, LONGEST_BODY).collect().await?.to_bytes();
    let mut directory = lock(&directory);
    let path = decoded(head.uri.path());
    let query = head.uri.query().unwrap_or_default();
    let shown = match query {
        "" => path.clone(),
        query => format!("{path}?{}", decoded(query)),
    };
    let (method, json) = (head.method.to_string(), serde_json::from_slice(&body));
    let body_of = json.as_ref().ok().cloned().unwrap_or(Value::Null);
    directory.seen.push(Seen { method, path: shown, body: body_of.clone() });
    let at = directory.seen.len();
    let fault = directory.faults.iter().find(|(nth, _)| *nth == at).map(|(_, fault)| *fault);
    match fault {
        Some(Fault::Gone) => return Err("the connection is cut".into()),
        Some(Fault::Throttled(seconds)) => {
            let refusal = Refusal::new(429, "TooManyRequests", "Too many requests.");
            let mut response = told(Err(refusal));
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            return Ok(response);
        }
        Some(Fault::Unavailable) => {
            return Ok(told(Err(Refusal::new(503, "ServiceUnavailable", "Try again later."))));
        }
        Some(Fault::Bad) => return Ok(told(Err(Refusal::bad("Try another time.")))),
        Some(Fault::Bare) => return Ok(told(Ok((StatusCode::OK, Some(serde_json::json!({})))))),
        Some(Fault::Denied) => return Ok(told(Err(Refusal::denied()))),
        Some(Fault::Lost | Fault::Done(_)) | None => {}
    }
    let is_json = head
        .headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.to_str().is_ok_and(|kind| kind.starts_with("application/json")));
    let authorization = head.headers.get(header::AUTHORIZATION);
    let bearer = authorization.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let answer = if !body.is_empty() && (json.is_err() || !is_json) {
        Err(Refusal::bad("Unable to read JSON request payload."))
    } else {
        directory.route(&head.method, (&path, query), &body_of, bearer.unwrap_or_default())
    };
    match fault {
        Some(Fault::Lost) => Err("the connection is cut".into()),
        Some(Fault::Done(status)) => {
            let mut response =
                told(Err(Refusal::new(status, "UnknownError", "Something is late.")));
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            Ok(response)
        }
        _ => Ok(told(answer)),
    }
}

impl Directory {
    fn route(
        &mut self,
        method: &Method,
        (path, query): (&str, &str),
        body: &Value,
        bearer: &str,
    ) -> Answer {
        let graph = path.strip_prefix("/v1.0/");
        let audience = if graph.is_some() { self.graph_url() } else { self.arm_url() };
        if !Registry::knows_token(bearer, &audience) {
            return Err(Refusal::token());
        }
        let Some(path) = graph else { return arm::answer(self, method, (path, query), body) };
        let query = Query::read(query)?;
        let (collection, key, rest) = segments(path);
        let is_get = *method == Method::GET;
        match (collection, &key, rest) {
            ("organization", None, "") if is_get => {
                let tenant = self.registry.tenant();
                let one = serde_json::json!({ "id": tenant, "displayName": "Contoso" });
                Ok((StatusCode::OK, Some(query.page(&[one], 100, ""))))
            }
            ("applications", None, "") => applications::all(self, method, &query, body),
            ("applications", Some(key), "") => applications::one(self, method, key, (&query, body)),
            ("applications", Some(key), "addPassword") => credentials::add(self, key, body),
            ("applications", Some(key), "removePassword") => credentials::remove(self, key, body),
            ("applications", Some(key), rest)
                if rest.split('/').next() == Some("federatedIdentityCredentials") =>
            {
                let id = rest.split_once('/').map(|(_, id)| id);
                federated::answer(self, method, (key, id), (&query, body))
            }
            ("servicePrincipals", None, "") => principals::all(self, method, &query, body),
            ("servicePrincipals", Some(key), "") => principals::one(self, method, key, &query),
            ("oauth2PermissionGrants", None, "") => principals::grants(self, method, &query, body),
            ("oauth2PermissionGrants", Some(Key::Id(id)), "") => {
                principals::grant(self, method, id, body)
            }
            _ => Err(Refusal::bad(format!("Resource not found for the segment '{collection}'."))),
        }
    }
}

/// `collection/{id}/rest` or `collection(appId='{id}')/rest`.
fn segments(path: &str) -> (&str, Option<Key>, &str) {
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    if let Some((collection, key)) = first.split_once("(appId='") {
        let key = key.trim_end_matches("')").to_owned();
        return (collection, Some(Key::AppId(key)), rest);
    }
    let (id, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let key = (!id.is_empty()).then(|| Key::Id(id.to_owned()));
    (first, key, rest)
}

fn told(answer: Answer) -> Response<Body> {
    let (status, body) = match answer {
        Ok((status, body)) => (status, body),
        Err(refusal) => (refusal.status, Some(refusal.body())),
    };
    let text = body.map_or_else(String::new, |body| body.to_string());
    let body = Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json; odata.metadata=minimal");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn decoded(text: &str) -> String {
    let plain = text.replace('+', "%2B");
    let pair = format!("={}", plain.replace('&', "%26"));
    url::form_urlencoded::parse(pair.as_bytes()).map(|(_, value)| value.into_owned()).collect()
}

const LONGEST_BODY: usize = 1 << 20;
