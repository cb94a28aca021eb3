//! The URLs of the authority: discovery, keys, and the one that issues tokens.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::json;
use uuid::Uuid;

use super::answer::{self, Answer, Overrides};
use super::check;
use super::form::Form;
use super::on_behalf_of;
use super::refusal::Refusal;
use super::script;
use super::settings::Settings;
use super::shared::{Shared, lock};
use super::token;
use super::user::Subject;
use crate::server::{Body, BoxError};

/// Answers one request of any kind.
pub(super) async fn answer(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Body>, BoxError> {
    let path = request.uri().path().to_owned();
    let Some((tenant, endpoint)) = path.trim_start_matches('/').split_once('/') else {
        return Ok(answer::whole(not_found()));
    };
    match endpoint {
        "oauth2/v2.0/token" => issue(&shared, tenant, request).await,
        "oauth2/v2.0/devicecode" => begin(&shared, tenant, request).await,
        "v2.0/.well-known/openid-configuration" | ".well-known/openid-configuration"
            if request.method() == Method::GET =>
        {
            Ok(answer::whole(discovery(&shared, tenant)))
        }
        "discovery/v2.0/keys" if request.method() == Method::GET => {
            let keys = serde_json::to_string(&token::jwks())?;
            Ok(answer::whole(json_response(StatusCode::OK, keys)))
        }
        _ => Ok(answer::whole(not_found())),
    }
}

async fn begin(
    shared: &Shared,
    tenant: &str,
    request: Request<Incoming>,
) -> Result<Response<Body>, BoxError> {
    let (parts, body) = request.into_parts();
    let form =
        Form::read(tenant, parts, Limited::new(body, LONGEST_FORM).collect().await?.to_bytes());
    let settings = lock(&shared.settings).clone();
    let begun = lock(&shared.devices).begin(&form, &settings, &shared.origin());
    Ok(answer::whole(match begun {
        Ok(code) => json_response(StatusCode::OK, code.to_string()),
        Err(refusal) => refused(&refusal, &Uuid::new_v4().to_string()),
    }))
}

async fn issue(
    shared: &Shared,
    tenant: &str,
    request: Request<Incoming>,
) -> Result<Response<Body>, BoxError> {
    let (parts, body) = request.into_parts();
    let raw = Limited::new(body, LONGEST_FORM).collect().await?.to_bytes();
    let form = Form::read(tenant, parts, raw);
    lock(&shared.forms).push(form.clone());
    let _in_flight = InFlight::enter(shared);

    let (answer, delay) = {
        let mut script = lock(&shared.script);
        let user = on_behalf_of::oid_of(&form);
        (script.take(form.field("client_id").unwrap_or_default(), user.as_deref()), script.delay)
    };
    script::pass(&shared.gate).await;
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    Ok(match answer {
        Answer::Token(overrides) => answer::whole(dutiful(shared, &form, &overrides)),
        Answer::Fixed { status, headers, body } => {
            let mut response = Response::new(body);
            *response.status_mut() = status;
            *response.headers_mut() = headers;
            answer::whole(response)
        }
        Answer::Drip(pause) => {
            answer::dripping(dutiful(shared, &form, &Overrides::default()), pause)
        }
        Answer::Reset => answer::cut_off(dutiful(shared, &form, &Overrides::default())),
        Answer::Never => std::future::pending().await,
    })
}

/// Does what Entra does.
fn dutiful(shared: &Shared, form: &Form, overrides: &Overrides) -> Response<Bytes> {
    let client = check::client(form).unwrap_or_default();
    let settings = lock(&shared.settings).as_known_to(&client);
    let correlation_id =
        form.header("client-request-id").map_or_else(|| Uuid::new_v4().to_string(), str::to_owned);
    let here = format!("{}/{}/oauth2/v2.0/token", shared.origin(), form.tenant);
    if let Some("urn:ietf:params:oauth:grant-type:device_code" | "refresh_token") =
        form.field("grant_type")
    {
        return match lock(&shared.devices).redeem(form, &settings) {
            Ok((audience, refresh_token)) => {
                let token =
                    token::mint(&shared.origin(), &audience, &Subject::Application, &settings);
                let mut fields = token_fields(&token, &settings);
                let refresh_token = refresh_token.map(|it| json!(it).to_string());
                fields.extend(refresh_token.map(|it| ("refresh_token".to_owned(), it)));
                json_response(StatusCode::OK, overrides.apply(fields))
            }
            Err(refusal) => refused(&refusal, &correlation_id),
        };
    }
    let checked = check::check(form, &settings, &here, &mut lock(&shared.used));
    let mut response = match checked {
        Ok((audience, subject)) => {
            let token = token::mint(&shared.origin(), &audience, &subject, &settings);
            lock(&shared.tokens).push(token.clone());
            let mut fields = token_fields(&token, &settings);
            if form.field("subject_token").is_some() {
                let kind = json!(on_behalf_of::ACCESS_TOKEN).to_string();
                fields.push(("issued_token_type".to_owned(), kind));
            }
            json_response(StatusCode::OK, overrides.apply(fields))
        }
        Err(refusal) => refused(&refusal, &correlation_id),
    };
    if form.header("return-client-request-id").is_some_and(|value| value == "true") {
        let echo = HeaderValue::try_from(correlation_id).expect("it came in a header");
        response.headers_mut().insert("client-request-id", echo);
    }
    response
}

fn token_fields(token: &str, settings: &Settings) -> Vec<(String, String)> {
    let lifetime = settings.lifetime.as_secs();
    let mut fields = vec![
        ("token_type".to_owned(), "\"Bearer\"".to_owned()),
        ("expires_in".to_owned(), lifetime.to_string()),
        ("ext_expires_in".to_owned(), lifetime.to_string()),
    ];
    if let Some(refresh_in) = settings.refresh_in {
        fields.push(("refresh_in".to_owned(), refresh_in.as_secs().to_string()));
    }
    fields.push(("access_token".to_owned(), json!(token).to_string()));
    fields
}

fn discovery(shared: &Shared, tenant: &str) -> Response<Bytes> {
    let many = ["common", "organizations"].contains(&tenant);
    if !many && !lock(&shared.settings).knows(tenant) {
        return refused(&Refusal::unknown_tenant(tenant), &Uuid::new_v4().to_string());
    }
    let base = format!("{}/{tenant}", shared.origin());
    // Entra's own for many tenants have a template, word by word.
    let issuer_tenant = if many { "{tenantid}" } else { tenant };
    let metadata = json!({
        "issuer": format!("{}/{issuer_tenant}/v2.0", shared.origin()),
        "token_endpoint": format!("{base}/oauth2/v2.0/token"),
        "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
        "device_authorization_endpoint": format!("{base}/oauth2/v2.0/devicecode"),
        "end_session_endpoint": format!("{base}/oauth2/v2.0/logout"),
        "jwks_uri": format!("{base}/discovery/v2.0/keys"),
        "token_endpoint_auth_methods_supported": [
            "client_secret_post", "client_secret_basic", "private_key_jwt", "tls_client_auth",
        ],
        "response_types_supported": ["code", "id_token"],
        "response_modes_supported": ["query", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "tid", "ver"],
        "tenant_region_scope": "EU",
        "cloud_instance_name": "microsoftonline.com",
    });
    json_response(StatusCode::OK, metadata.to_string())
}

fn refused(refusal: &Refusal, correlation_id: &str) -> Response<Bytes> {
    json_response(refusal.status(), refusal.body(correlation_id))
}

fn json_response(status: StatusCode, body: String) -> Response<Bytes> {
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, answer::JSON)
        .header(header::CACHE_CONTROL, "no-store, no-cache")
        .header(header::PRAGMA, "no-cache")
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains")
        .header("x-ms-request-id", Uuid::new_v4().to_string())
        .body(Bytes::from(body))
        .expect("a response")
}

fn not_found() -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// Counts a token request until it is answered or its connection is gone.
struct InFlight<'a>(&'a Shared);

impl<'a> InFlight<'a> {
    fn enter(shared: &'a Shared) -> Self {
        shared.traffic.send_modify(|traffic| {
            traffic.arrived += 1;
            traffic.in_flight += 1;
            traffic.max_in_flight = traffic.max_in_flight.max(traffic.in_flight);
        });
        Self(shared)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.traffic.send_modify(|traffic| traffic.in_flight -= 1);
    }
}

const LONGEST_FORM: usize = 1 << 20;
