//! What Entra looks at before it issues an app-only token, in its order.

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Method, header};
use url::form_urlencoded;

use super::assertion::Assertion;
use super::form::Form;
use super::on_behalf_of;
use super::refusal::Refusal;
use super::service_account;
use super::settings::Settings;
use super::user::Subject;

/// Gives the audience and the subject of the token that `form`, sent to the endpoint `here`, has a
/// right to; `used` are the ids of assertions that were taken before.
pub(super) fn check(
    form: &Form,
    settings: &Settings,
    here: &str,
    used: &mut HashSet<String>,
) -> Result<(String, Subject), Refusal> {
    if !settings.knows(&form.tenant) {
        return Err(Refusal::unknown_tenant(&form.tenant));
    }
    if form.method != Method::POST {
        return Err(Refusal::only_post());
    }
    no_parameter_twice(form)?;
    match form.field("grant_type") {
        None => return Err(Refusal::missing("grant_type")),
        Some("client_credentials") => {}
        Some("urn:ietf:params:oauth:grant-type:jwt-bearer")
            if form.field("requested_token_use").is_none() =>
        {
            let audience = service_account::check(form, settings, here)?;
            return Ok((audience, Subject::Application));
        }
        Some("urn:ietf:params:oauth:grant-type:jwt-bearer") => {
            authenticate(form, settings, here, used)?;
            let subject = on_behalf_of::check(form, settings)?;
            return Ok((delegated_audience(form, settings)?, subject));
        }
        Some("urn:ietf:params:oauth:grant-type:token-exchange") => {
            authenticate(form, settings, here, used).map_err(Refusal::without_number)?;
            let subject = on_behalf_of::check_exchange(form, settings)?;
            return Ok((settings.audience().to_owned(), subject));
        }
        Some(other) => return Err(Refusal::unsupported_grant(other)),
    }
    authenticate(form, settings, here, used)?;
    let scope = form.field("scope").ok_or_else(|| Refusal::missing("scope"))?;
    Ok((audience(scope, settings)?, Subject::Application))
}

/// Who says that it asks.
pub(super) fn client(form: &Form) -> Option<String> {
    let in_header = basic(form).ok().flatten().map(|(client, _)| client);
    in_header.or_else(|| form.field("client_id").map(str::to_owned))
}

/// Of a token for a user: a scope may be named, and many of one service.
fn delegated_audience(form: &Form, settings: &Settings) -> Result<String, Refusal> {
    let scope = form.field("scope").ok_or_else(|| Refusal::missing("scope"))?;
    let own = format!("{}/", settings.audience());
    let mut asked = scope.split_ascii_whitespace().filter(|scope| !OPENID_SCOPES.contains(scope));
    match asked.find(|scope| !scope.starts_with(&own)) {
        None => Ok(settings.audience().to_owned()),
        Some(other) => audience(other, settings),
    }
}

fn no_parameter_twice(form: &Form) -> Result<(), Refusal> {
    for (at, (name, _)) in form.pairs.iter().enumerate() {
        if form.pairs[..at].iter().any(|(earlier, _)| earlier == name) {
            return Err(Refusal::malformed(&format!("The parameter '{name}' is there twice.")));
        }
    }
    Ok(())
}

fn authenticate(
    form: &Form,
    settings: &Settings,
    here: &str,
    used: &mut HashSet<String>,
) -> Result<(), Refusal> {
    let basic = basic(form)?;
    let in_form = form.field("client_secret").map(str::to_owned);
    let (client, secret) = match basic {
        Some(_) if in_form.is_some() => {
            return Err(Refusal::malformed("The client authenticates in two ways at once."));
        }
        Some((client, secret)) => (client, Some(secret)),
        None => {
            let client =
                form.field("client_id").ok_or_else(|| Refusal::missing("client_id"))?.to_owned();
            (client, in_form)
        }
    };
    if client != settings.client_id {
        return Err(Refusal::unknown_client(&client, &form.tenant));
    }
    match secret {
        Some(secret) if settings.secrets.contains(&secret) => Ok(()),
        Some(secret) if !secret.is_empty() => Err(Refusal::wrong_secret(&client)),
        _ => match (form.field("client_assertion"), &form.shown) {
            (Some(assertion), _) => check_assertion(form, assertion, settings, here, used),
            (None, Some(shown)) if settings.tls_certificates.iter().any(|it| **it == **shown) => {
                Ok(())
            }
            (None, Some(_)) => Err(Refusal::unknown_tls_certificate()),
            (None, None) => Err(Refusal::no_credential()),
        },
    }
}

fn check_assertion(
    form: &Form,
    assertion: &str,
    settings: &Settings,
    here: &str,
    used: &mut HashSet<String>,
) -> Result<(), Refusal> {
    if form.field("client_assertion_type") != Some(JWT_BEARER) {
        return Err(Refusal::bad_assertion("The client assertion's type is not known."));
    }
    let assertion = Assertion::read(assertion)?;
    if !assertion.is_of(&settings.client_id) {
        return assertion.check_foreign(&settings.federations);
    }
    let audience = settings.assertion_audience.as_deref().unwrap_or(here);
    assertion.check_own(&settings.client_id, audience, &settings.certificates, used)
}

/// Client id and secret of HTTP Basic, each of them form-encoded before base64 (RFC 6749, 2.3.1).
fn basic(form: &Form) -> Result<Option<(String, String)>, Refusal> {
    let Some(value) = form.headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let credential = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
        .and_then(|(_, encoded)| STANDARD.decode(encoded.trim()).ok())
        .and_then(|decoded| String::from_utf8(decoded).ok())
        .and_then(|text| {
            let (client, secret) = text.split_once(':')?;
            Some((form_decoded(client), form_decoded(secret)))
        });
    match credential {
        Some(credential) => Ok(Some(credential)),
        None => Err(Refusal::malformed("The Authorization header is not HTTP Basic.")),
    }
}

fn form_decoded(text: &str) -> String {
    // As the value of a nameless pair; a raw '&' cannot be in a form-encoded text.
    let pair = format!("={text}");
    form_urlencoded::parse(pair.as_bytes()).map(|(_, value)| value.into_owned()).collect()
}

fn audience(scope: &str, settings: &Settings) -> Result<String, Refusal> {
    if scope == settings.scope {
        return Ok(settings.audience().to_owned());
    }
    let asked: Vec<&str> =
        scope.split_ascii_whitespace().filter(|scope| !OPENID_SCOPES.contains(scope)).collect();
    let [asked] = asked[..] else { return Err(Refusal::bad_scope(scope)) };
    let Some(resource) = asked.strip_suffix("/.default") else {
        return Err(Refusal::scope_without_default(asked));
    };
    if asked == settings.scope {
        Ok(resource.to_owned())
    } else if resource.contains("://") {
        Err(Refusal::unknown_resource(resource, &settings.tenant))
    } else {
        Err(Refusal::bad_scope(asked))
    }
}

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Some clients add these to every request; an app-only token has no use for them.
const OPENID_SCOPES: [&str; 4] = ["openid", "offline_access", "profile", "email"];
