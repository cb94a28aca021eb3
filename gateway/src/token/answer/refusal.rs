//! The authority's refusal: what it is about, and what may be told of it.

use std::time::Duration;

use config::Exchange;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::super::aadsts::{self, Class};
use super::super::error::Said;
use super::super::{AcquireError, Claims, Grant};

/// A refusal, as it was sent (RFC 6749, section 5.2), with what Entra adds.
#[derive(Deserialize)]
pub(super) struct Refusal {
    error: String,
    #[serde(default)]
    error_codes: Vec<Value>,
    #[serde(default)]
    error_description: Value,
    #[serde(default)]
    correlation_id: Value,
    #[serde(default)]
    trace_id: Value,
    #[serde(default)]
    claims: Value,
}

impl Refusal {
    /// What it means for whoever asked by this right.
    pub(super) fn into_error(
        self,
        grant: &Grant,
        status: StatusCode,
        (retry_after, said): (Option<Duration>, Said),
    ) -> AcquireError {
        match said.advice.map(|advice| advice.class) {
            Some(Class::Throttle) => {
                let retry_after = retry_after.unwrap_or(LOOP_DETECTED);
                AcquireError::Throttled { retry_after, said }
            }
            Some(Class::Transient) => {
                AcquireError::Unavailable { status: status.as_u16(), retry_after, said }
            }
            _ => {
                // Only words of our own may reach a log: the answer could hold anything.
                let known = ERRORS.iter().find(|known| **known == self.error);
                let error = known.copied().unwrap_or("another error");
                let Grant::OnBehalfOf(user) = grant else {
                    return AcquireError::Refused { error, said };
                };
                match self.about_user(user.exchange) {
                    Some(AboutUser::MustAct) => {
                        AcquireError::UserNeeded { error, claims: self.claims(), said }
                    }
                    Some(AboutUser::NotLet) => AcquireError::NotGranted { error, said },
                    Some(AboutUser::Assertion) => AcquireError::AssertionRefused { error, said },
                    None => AcquireError::Refused { error, said },
                }
            }
        }
    }

    /// What a refusal on behalf of a user is about, if it is about the user at all: by Entra's number
    /// if that is known, else by `error`.
    fn about_user(&self, exchange: Exchange) -> Option<AboutUser> {
        let forbidden = |it| match self.claims() {
            // Whatever forbids it: with these claims in a new token it is forbidden no more.
            Some(_) => AboutUser::MustAct,
            None => it,
        };
        if let Some(known) = aadsts::known(&self.codes()) {
            return match known.class {
                Class::User => Some(AboutUser::MustAct),
                Class::Policy | Class::Consent => Some(forbidden(AboutUser::NotLet)),
                Class::Assertion => Some(AboutUser::Assertion),
                _ => None,
            };
        }
        match (&*self.error, exchange) {
            ("interaction_required" | "login_required", _) => Some(AboutUser::MustAct),
            ("access_denied", _) => Some(forbidden(AboutUser::NotLet)),
            // Where the grant is a token, this is said of one that does not do (RFC 6749, section
            // 5.2; RFC 8693, section 2.2.2).
            ("invalid_grant", _)
            | ("invalid_request" | "invalid_token", Exchange::TokenExchange) => {
                Some(forbidden(AboutUser::Assertion))
            }
            _ => None,
        }
    }

    /// What the user's next token must carry, so that the client may act with it.
    fn claims(&self) -> Option<Claims> {
        let json = self.claims.as_str().filter(|json| json.len() <= CLAIMS_MOST)?;
        Claims::read(json.as_bytes())
    }

    /// Entra's numbers; where they stand in prose only, the first of that.
    fn codes(&self) -> Vec<u32> {
        let mut codes = self.error_codes.iter().filter_map(number).collect::<Vec<_>>();
        if codes.is_empty()
            && let Some((_, rest)) = self.error_description.as_str().and_then(at_a_code)
        {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            codes.extend(rest[..end].parse::<u32>());
        }
        codes.truncate(CODES_MOST);
        codes
    }
}

/// What may be told of an answer. An id that is no UUID could be anything, and is left out.
pub(super) fn said(refusal: Option<&Refusal>, headers: &HeaderMap) -> Said {
    let header = |name| headers.get(name)?.to_str().ok();
    let id = |field: Option<&Value>, name| {
        let text = field.and_then(Value::as_str).or_else(|| header(name))?;
        Uuid::try_parse(text).ok()
    };
    let codes = refusal.map(Refusal::codes).unwrap_or_default();
    let advice = refusal.and_then(|refusal| aadsts::advice(&codes, &refusal.error));
    Said {
        codes,
        correlation_id: id(refusal.map(|it| &it.correlation_id), "client-request-id"),
        trace_id: id(refusal.map(|it| &it.trace_id), "x-ms-request-id"),
        advice,
    }
}

/// What a refusal on behalf of a user is about.
enum AboutUser {
    /// The user can mend it.
    MustAct,
    /// An administrator can.
    NotLet,
    /// The token that stands for the user.
    Assertion,
}

fn at_a_code(description: &str) -> Option<(&str, &str)> {
    description.split_once("AADSTS")
}

fn number(value: &Value) -> Option<u32> {
    match value {
        Value::Number(number) => u32::try_from(number.as_u64()?).ok(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// How long Entra is left alone after it detected a loop.
const LOOP_DETECTED: Duration = Duration::from_secs(60);

/// More numbers than any answer has.
const CODES_MOST: usize = 8;

/// More than any demand has.
const CLAIMS_MOST: usize = 4 << 10;

/// RFC 6749, sections 4.1.2.1 and 5.2; RFC 8707; and what Entra adds.
const ERRORS: [&str; 13] = [
    "access_denied",
    "interaction_required",
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_resource",
    "invalid_scope",
    "invalid_target",
    "invalid_token",
    "login_required",
    "server_error",
    "unauthorized_client",
    "unsupported_grant_type",
];
