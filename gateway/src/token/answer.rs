//! The authority's answer, read with suspicion (RFC 6749, sections 5.1 and 5.2).

use std::time::{Duration, Instant, SystemTime};

use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::Value;

use super::error::RETRY_AFTER_MOST;
use super::{AccessToken, AcquireError};

/// Reads a token endpoint's answer to a question asked at `asked_at`.
pub(super) fn read(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    refresh_percent: u8,
    asked_at: Instant,
) -> Result<AccessToken, AcquireError> {
    if status == StatusCode::OK {
        return granted(body, refresh_percent, asked_at);
    }
    let retry_after = retry_after(headers, SystemTime::now());
    if status == StatusCode::TOO_MANY_REQUESTS {
        let retry_after = retry_after.unwrap_or(THROTTLED);
        return Err(AcquireError::Throttled { retry_after });
    }
    if status.is_client_error()
        && let Ok(refusal) = serde_json::from_slice::<Refusal>(body)
    {
        return Err(refusal.into_error(status, retry_after));
    }
    Err(AcquireError::Unavailable { status: status.as_u16(), retry_after })
}

fn granted(
    body: &[u8],
    refresh_percent: u8,
    asked_at: Instant,
) -> Result<AccessToken, AcquireError> {
    let grant = serde_json::from_slice::<Grant>(body)
        .map_err(|_| AcquireError::Malformed("it is no JSON object with an access_token"))?;
    if !grant.token_type.eq_ignore_ascii_case("bearer") {
        return Err(AcquireError::Malformed("token_type is not Bearer"));
    }
    let token = grant.access_token.as_bytes();
    if token.is_empty() || !token.iter().all(is_b64token) {
        return Err(AcquireError::Malformed("access_token is no b64token (RFC 6750, section 2.1)"));
    }
    let life = match grant.expires_in {
        None | Some(Value::Null) => LIFE_UNKNOWN,
        Some(value) => seconds(&value)
            .filter(|life| !life.is_zero())
            .ok_or(AcquireError::Malformed("expires_in is no positive number"))?
            .min(LIFE_MOST),
    };
    let refresh_in = grant.refresh_in.as_ref().and_then(seconds).filter(|after| !after.is_zero());
    let mut authorization = HeaderValue::try_from(format!("Bearer {}", grant.access_token))
        .map_err(|_| AcquireError::Malformed("access_token fits no header"))?;
    authorization.set_sensitive(true);
    Ok(AccessToken::new(authorization, life, refresh_in, refresh_percent, asked_at))
}

#[derive(Deserialize)]
struct Grant {
    access_token: String,
    token_type: String,
    expires_in: Option<Value>,
    refresh_in: Option<Value>,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
    #[serde(default)]
    error_codes: Vec<u32>,
}

impl Refusal {
    fn into_error(self, status: StatusCode, retry_after: Option<Duration>) -> AcquireError {
        if self.error_codes.iter().any(|code| THROTTLES.contains(code)) {
            let retry_after = retry_after.unwrap_or(LOOP_DETECTED);
            return AcquireError::Throttled { retry_after };
        }
        if self.error == "temporarily_unavailable" {
            return AcquireError::Unavailable { status: status.as_u16(), retry_after };
        }
        // Only words of our own may reach a log: the answer could hold anything.
        let error = ERRORS.iter().find(|known| **known == self.error).unwrap_or(&"another error");
        AcquireError::Refused { error, codes: self.error_codes }
    }
}

/// `Retry-After` as seconds or as a date (RFC 9110, section 10.2.3), at most an hour.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default(),
    };
    Some(wait.min(RETRY_AFTER_MOST))
}

/// A number or a string of one, as authorities send both; `None` for what is no length of time.
fn seconds(value: &Value) -> Option<Duration> {
    let seconds = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    (seconds >= 0.0).then(|| Duration::try_from_secs_f64(seconds).unwrap_or(LIFE_MOST))
}

fn is_b64token(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte)
}

/// The life of a token whose authority does not tell it: short, since nobody promised more.
const LIFE_UNKNOWN: Duration = Duration::from_secs(300);

/// The longest life that is believed: Entra's longest (continuous access evaluation) is 28 hours.
const LIFE_MOST: Duration = Duration::from_secs(48 * 3600);

/// How long a throttling authority is left alone if it does not say.
const THROTTLED: Duration = Duration::from_secs(5);

/// How long Entra is left alone after it detected a loop.
const LOOP_DETECTED: Duration = Duration::from_secs(60);

/// Entra's codes for "you ask too often", which it dresses as refusals.
const THROTTLES: [u32; 2] = [50196, 90055];

/// RFC 6749, sections 4.1.2.1 and 5.2; RFC 8707; and what Entra adds.
const ERRORS: [&str; 11] = [
    "access_denied",
    "interaction_required",
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_resource",
    "invalid_scope",
    "invalid_target",
    "server_error",
    "unauthorized_client",
    "unsupported_grant_type",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_are_read_as_authorities_write_them() {
        for (written, life) in [
            ("3599", 3599),
            ("\"3599\"", 3599),
            ("3599.5", 3599),
            ("1e18", 48 * 3600),
            ("1e300", 48 * 3600),
            ("null", 300),
        ] {
            let now = Instant::now();
            let body = answer(&format!(r#""expires_in":{written}"#));
            let token = granted(body.as_bytes(), 20, now).expect(written);
            let left = token.life_left(now).as_secs();
            assert_eq!(left, life - 30.min(life / 5), "expires_in {written}");
        }
        let body = r#"{"access_token":"abc","token_type":"bearer"}"#;
        assert!(granted(body.as_bytes(), 20, Instant::now()).is_ok(), "no expires_in at all");
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for body in [
            "",
            "[]",
            "<html>",
            r#"{"access_token":"abc"}"#,
            r#"{"access_token":"","token_type":"Bearer"}"#,
            r#"{"access_token":"a\r\nx: y","token_type":"Bearer"}"#,
            r#"{"access_token":"a b","token_type":"Bearer"}"#,
            r#"{"access_token":"abc","token_type":"mac"}"#,
            r#"{"access_token":"abc","token_type":"Bearer","expires_in":0}"#,
            r#"{"access_token":"abc","token_type":"Bearer","expires_in":-1}"#,
            r#"{"access_token":"abc","token_type":"Bearer","expires_in":"soon"}"#,
        ] {
            let outcome = granted(body.as_bytes(), 20, Instant::now());
            assert!(matches!(outcome, Err(AcquireError::Malformed(_))), "{body}");
        }
    }

    #[test]
    fn refusals_keep_entra_s_numbers_and_nothing_else_of_it() {
        let body =
            br#"{"error":"invalid_client","error_description":"canary","error_codes":[7000215]}"#;
        let error = refuse(StatusCode::UNAUTHORIZED, body);
        assert_eq!(
            error.to_string(),
            "the authority refused this client: invalid_client AADSTS7000215"
        );
        let error = refuse(StatusCode::BAD_REQUEST, br#"{"error":"canary"}"#);
        assert_eq!(error.to_string(), "the authority refused this client: another error");
    }

    #[test]
    fn throttling_is_known_in_all_its_dresses() {
        let loop_detected = br#"{"error":"invalid_grant","error_codes":[50196]}"#;
        for (status, body) in [
            (StatusCode::TOO_MANY_REQUESTS, &b"<html>slow down"[..]),
            (StatusCode::BAD_REQUEST, loop_detected),
        ] {
            let error = refuse(status, body);
            assert!(matches!(error, AcquireError::Throttled { .. }), "{error:?}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_has_a_limit() {
        let now = httpdate::parse_http_date("Mon, 23 Nov 2026 08:00:00 GMT").expect("a date");
        for (value, seconds) in [
            ("7", Some(7)),
            ("0", Some(0)),
            ("99999999", Some(3600)),
            ("Mon, 23 Nov 2026 08:01:00 GMT", Some(60)),
            ("Mon, 23 Nov 2026 07:00:00 GMT", Some(0)),
            ("soon", None),
        ] {
            let headers =
                HeaderMap::from_iter([(header::RETRY_AFTER, HeaderValue::from_static(value))]);
            assert_eq!(retry_after(&headers, now).map(|wait| wait.as_secs()), seconds, "{value}");
        }
    }

    fn refuse(status: StatusCode, body: &[u8]) -> AcquireError {
        read(status, &HeaderMap::new(), body, 20, Instant::now()).expect_err("no token")
    }

    fn answer(field: &str) -> String {
        format!(r#"{{"access_token":"abc","token_type":"Bearer",{field}}}"#)
    }
}
