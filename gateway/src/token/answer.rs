//! The authority's answer, read with suspicion (RFC 6749, sections 5.1 and 5.2).

use std::time::{Duration, Instant, SystemTime};

use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::Value;

use super::error::{RETRY_AFTER_MOST, Said};
use super::grant::ACCESS_TOKEN;
use super::{AccessToken, AcquireError, Grant};

mod refusal;

use self::refusal::{Refusal, said};

/// What was asked.
pub(super) struct Asked<'a> {
    /// By what right.
    pub(super) grant: &'a Grant,
    /// After which part of its life a token is renewed, if the authority does not say.
    pub(super) refresh_percent: u8,
    /// When.
    pub(super) at: Instant,
}

/// Reads a token endpoint's answer to what was asked.
pub(super) fn read(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    asked: &Asked<'_>,
) -> Result<AccessToken, AcquireError> {
    if status == StatusCode::OK {
        return granted(body, asked);
    }
    let retry_after = retry_after(headers, SystemTime::now());
    let refusal = serde_json::from_slice::<Refusal>(body).ok();
    let said = said(refusal.as_ref(), headers);
    if status == StatusCode::TOO_MANY_REQUESTS {
        let retry_after = retry_after.unwrap_or(THROTTLED);
        return Err(AcquireError::Throttled { retry_after, said });
    }
    Err(match refusal.filter(|_| status.is_client_error()) {
        Some(refusal) => refusal.into_error(asked.grant, status, (retry_after, said)),
        None => AcquireError::Unavailable { status: status.as_u16(), retry_after, said },
    })
}

fn granted(body: &[u8], asked: &Asked<'_>) -> Result<AccessToken, AcquireError> {
    let grant = serde_json::from_slice::<Granted>(body)
        .map_err(|_| AcquireError::Malformed("it is no JSON object with an access_token"))?;
    if !grant.token_type.eq_ignore_ascii_case("bearer") {
        return Err(AcquireError::Malformed("token_type is not Bearer"));
    }
    if grant.issued_token_type.is_some_and(|kind| kind != ACCESS_TOKEN && kind != JWT) {
        return Err(AcquireError::Malformed("issued_token_type is no access token's (RFC 8693)"));
    }
    let token = grant.access_token.as_bytes();
    if token.is_empty() || !token.iter().all(is_b64token) {
        return Err(AcquireError::Malformed("access_token is no b64token (RFC 6750, section 2.1)"));
    }
    let left = grant.expires_on.as_ref().and_then(|on| time_left(on, SystemTime::now()));
    let life = match (grant.expires_in, left) {
        (Some(value), left) if !is_blank(&value) => seconds(&value)
            .filter(|life| !life.is_zero())
            .ok_or(AcquireError::Malformed("expires_in is no positive number"))?
            .min(left.unwrap_or(LIFE_MOST))
            .min(LIFE_MOST),
        (_, Some(left)) => left.min(LIFE_MOST),
        _ => LIFE_UNKNOWN,
    };
    let refresh_in = grant.refresh_in.as_ref().and_then(seconds).filter(|after| !after.is_zero());
    let mut authorization = HeaderValue::try_from(format!("Bearer {}", grant.access_token))
        .map_err(|_| AcquireError::Malformed("access_token fits no header"))?;
    authorization.set_sensitive(true);
    Ok(AccessToken::new(authorization, life, refresh_in, asked.refresh_percent, asked.at))
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    token_type: String,
    expires_in: Option<Value>,
    /// When a managed identity's token ends; it may have been given to others before.
    expires_on: Option<Value>,
    refresh_in: Option<Value>,
    issued_token_type: Option<String>,
}

/// What a platform's refusal says, which is like an authority's.
pub(super) fn refused(body: &[u8]) -> AcquireError {
    match serde_json::from_slice::<Refusal>(body) {
        Ok(refusal) => {
            let said = said(Some(&refusal), &HeaderMap::new());
            let nobodys = &Grant::ClientCredentials;
            refusal.into_error(nobodys, StatusCode::BAD_REQUEST, (None, said))
        }
        Err(_) => AcquireError::Refused { error: "another error", said: Said::default() },
    }
}

/// The answer's `Retry-After`, if it has one.
pub(crate) fn retry_after_of(headers: &HeaderMap) -> Option<Duration> {
    retry_after(headers, SystemTime::now())
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

/// How long it is until a time in seconds since 1970, or as App Service writes dates of its own
/// (`11/23/2026 08:00:00 +00:00`); `None` for what is no time to come.
fn time_left(value: &Value, now: SystemTime) -> Option<Duration> {
    let at = seconds(value).or_else(|| date(value.as_str()?))?;
    let now = now.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    at.checked_sub(now).filter(|left| !left.is_zero())
}

fn date(text: &str) -> Option<Duration> {
    let mut words = text.split_ascii_whitespace();
    let (date, time) = (words.next()?, words.next()?);
    let mut date = date.split('/');
    let (month, day, year) = (date.next()?, date.next()?, date.next()?);
    if words.any(|zone| !matches!(zone, "+00:00" | "Z" | "UTC")) || time.len() != 8 {
        return None;
    }
    let at = humantime::parse_rfc3339(&format!("{year:0>4}-{month:0>2}-{day:0>2}T{time}Z")).ok()?;
    at.duration_since(SystemTime::UNIX_EPOCH).ok()
}

fn is_blank(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
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

/// RFC 8693, section 3.
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

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
            let token = granted(body.as_bytes(), &asked(now)).expect(written);
            let left = token.life_left(now).as_secs();
            assert_eq!(left, life - 30.min(life / 5), "expires_in {written}");
        }
        let body = r#"{"access_token":"abc","token_type":"bearer"}"#;
        assert!(granted(body.as_bytes(), &asked(Instant::now())).is_ok(), "no expires_in at all");
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
            let outcome = granted(body.as_bytes(), &asked(Instant::now()));
            assert!(matches!(outcome, Err(AcquireError::Malformed(_))), "{body}");
        }
    }

    #[test]
    fn the_time_of_an_end_is_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Mon, 23 Nov 2026 08:00:00 GMT").expect("a date");
        for (value, left) in [
            ("1795421000", Some(200)),
            ("1795420800", None),
            ("11/23/2026 08:01:00 +00:00", Some(60)),
            ("1/2/2027 08:00:00", Some(40 * 86_400)),
            ("11/23/2026 07:59:59 +00:00", None),
            ("11/23/2026 08:01:00 +02:00", None),
            ("11/23/2026 8:01", None),
            ("soon", None),
        ] {
            let found = time_left(&Value::from(value), now).map(|left| left.as_secs());
            assert_eq!(found, left, "{value}");
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
        for odd in [
            &br#"{"error":"invalid_client","error_codes":["7000215",-1,{"canary":1}]}"#[..],
            br#"{"error":"invalid_client","error_description":"AADSTS7000215: canary AADSTS2"}"#,
        ] {
            let error = refuse(StatusCode::BAD_REQUEST, odd).to_string();
            assert!(error.ends_with(": invalid_client AADSTS7000215"), "{error}");
        }
        let error = refuse(StatusCode::BAD_REQUEST, br#"{"error":"canary"}"#);
        assert_eq!(error.to_string(), "the authority refused this client: another error");
    }

    #[test]
    fn ids_are_told_if_they_are_ids() {
        let body = br#"{"error":"invalid_client","correlation_id":"canary","trace_id":
            "6F4A3B1C-0d2e-4f5a-8b6c-7d8e9f0a1b2c"}"#;
        let error = refuse(StatusCode::UNAUTHORIZED, body);
        let said = error.said().expect("an answer");
        assert_eq!(said.correlation_id, None);
        let trace = said.trace_id.map(|id| id.to_string());
        assert_eq!(trace.as_deref(), Some("6f4a3b1c-0d2e-4f5a-8b6c-7d8e9f0a1b2c"));

        let id = "00000000-1111-2222-3333-444444444444";
        let headers = [("client-request-id", id), ("x-ms-request-id", "canary")]
            .map(|(n, v)| (http::HeaderName::from_static(n), HeaderValue::from_static(v)));
        let headers = HeaderMap::from_iter(headers);
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let error =
            read(status, &headers, b"<html>", &asked(Instant::now())).expect_err("no token");
        let said = error.said().expect("an answer");
        assert_eq!(said.correlation_id.map(|id| id.to_string()).as_deref(), Some(id));
        assert_eq!(said.trace_id, None);
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
        read(status, &HeaderMap::new(), body, &asked(Instant::now())).expect_err("no token")
    }

    fn asked(at: Instant) -> Asked<'static> {
        Asked { grant: &Grant::ClientCredentials, refresh_percent: 20, at }
    }

    fn answer(field: &str) -> String {
        format!(r#"{{"access_token":"abc","token_type":"Bearer",{field}}}"#)
    }
}
