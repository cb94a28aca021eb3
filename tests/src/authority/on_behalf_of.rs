//! What Entra looks at before it gives a token on behalf of a user; and the same by RFC 8693.

use jsonwebtoken::{Algorithm, Validation, decode};
use serde::Deserialize;
use serde_json::json;

use super::form::Form;
use super::refusal::Refusal;
use super::settings::Settings;
use super::token::SIGNING_KEY;
use super::user::{self, SECOND_FACTOR, Subject};

/// What a user's token says.
#[derive(Deserialize)]
struct Claims {
    aud: String,
    exp: u64,
    tid: String,
    oid: String,
    #[serde(default)]
    name: String,
    scp: Option<String>,
    idtyp: Option<String>,
    #[serde(default)]
    acrs: Vec<String>,
}

/// Gives the user whom the assertion of `form` stands for.
pub(super) fn check(form: &Form, settings: &Settings) -> Result<Subject, Refusal> {
    if form.field("requested_token_use") != Some("on_behalf_of") {
        return Err(Refusal::malformed("The parameter 'requested_token_use' is not known."));
    }
    let assertion = form.field("assertion").ok_or_else(|| Refusal::missing("assertion"))?;
    user(form, assertion, settings)
}

/// The same of a `subject_token`.
pub(super) fn check_exchange(form: &Form, settings: &Settings) -> Result<Subject, Refusal> {
    let wanted = [form.field("subject_token_type"), form.field("requested_token_type")];
    if wanted != [Some(ACCESS_TOKEN); 2] {
        return Err(Refusal::plain("invalid_request", "Only access tokens are exchanged."));
    }
    let subject = form.field("subject_token");
    let subject =
        subject.ok_or_else(|| Refusal::plain("invalid_request", "There is no subject_token."))?;
    user(form, subject, settings).map_err(Refusal::without_number)
}

fn user(form: &Form, assertion: &str, settings: &Settings) -> Result<Subject, Refusal> {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    let claims = decode::<Claims>(assertion, &SIGNING_KEY.public, &validation)
        .map_err(|_| Refusal::assertion(50_013, "The assertion's signature is not valid."))?
        .claims;
    if claims.exp <= user::now().as_secs() {
        return Err(Refusal::assertion(500_133, "The assertion is not within its time range."));
    }
    let id = &settings.client_id;
    if claims.aud != *id && claims.aud != format!("api://{id}") {
        let text = format!("The assertion's audience '{}' is not the application.", claims.aud);
        return Err(Refusal::assertion(500_131, &text));
    }
    if claims.idtyp.as_deref() == Some("app") || claims.scp.is_none() {
        let text = format!("Application '{id}' may not call on behalf of an application.");
        return Err(Refusal::assertion(7_000_114, &text));
    }
    if claims.tid != form.tenant {
        return Err(Refusal::assertion(50_013, "The assertion is of another tenant."));
    }
    if settings.second_factor.contains(&claims.oid)
        && !claims.acrs.iter().any(|context| context == SECOND_FACTOR)
    {
        return Err(Refusal::second_factor(&demand()));
    }
    if settings.without_consent.contains(&claims.oid) {
        let text = format!("The user has not consented to use application '{id}'.");
        return Err(Refusal::assertion(65_001, &text));
    }
    Ok(Subject::User { oid: claims.oid, tenant: claims.tid, name: claims.name })
}

/// What a user's next token has to carry.
fn demand() -> String {
    json!({ "access_token": { "acrs": { "essential": true, "value": SECOND_FACTOR } } }).to_string()
}

/// The object id in a text that may be a token, unproved.
pub(super) fn oid_of(form: &Form) -> Option<String> {
    let token = form.field("assertion").or_else(|| form.field("subject_token"))?;
    let claims = jsonwebtoken::dangerous::insecure_decode::<Claims>(token).ok()?.claims;
    Some(claims.oid)
}

pub(super) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
