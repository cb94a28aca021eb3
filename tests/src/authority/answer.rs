//! What the token endpoint answers: a token, or one of the ways in which authorities fail.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use time::OffsetDateTime;

use crate::server::{Body, BoxError};

/// An answer of the token endpoint.
#[derive(Clone, Debug)]
pub enum Answer {
    /// What a well authority answers: a token, or the refusal that the request deserves.
    Token(Overrides),
    /// Exactly this, whatever the request was.
    Fixed {
        /// The status.
        status: StatusCode,
        /// All header fields but the framing.
        headers: HeaderMap,
        /// The body.
        body: Bytes,
    },
    /// What [`Answer::Token`] answers, one byte of the body at a time with this pause after each.
    Drip(Duration),
    /// What [`Answer::Token`] answers, cut off in the middle of the body by closing the connection.
    Reset,
    /// Nothing, on a connection that stays open.
    Never,
}

/// Fields of the token response that are not what they should be, as raw JSON.
#[derive(Clone, Debug, Default)]
pub struct Overrides(Vec<(String, Option<String>)>);

/// When to come back.
#[derive(Clone, Copy, Debug)]
pub enum RetryAfter {
    /// After this many seconds.
    Seconds(u64),
    /// At this time, sent as an HTTP date.
    At(SystemTime),
}

impl Answer {
    /// A token in a response whose field `name` has this raw JSON text as its value, so that
    /// `Answer::with("expires_in", "\"3599\"")` is a string and `"1e18"` a number without sense.
    ///
    /// The token itself stays as it was.
    pub fn with(name: &str, raw_json: &str) -> Self {
        Self::Token(Overrides::default()).and(name, raw_json)
    }

    /// A token in a response that lacks the field `name`.
    pub fn without(name: &str) -> Self {
        Self::Token(Overrides(vec![(name.to_owned(), None)]))
    }

    /// The same answer with one more field as in [`Answer::with`].
    ///
    /// # Panics
    /// If the answer has no fields.
    #[must_use]
    pub fn and(self, name: &str, raw_json: &str) -> Self {
        let Self::Token(Overrides(mut fields)) = self else { panic!("{self:?} has no fields") };
        fields.push((name.to_owned(), Some(raw_json.to_owned())));
        Self::Token(Overrides(fields))
    }

    /// `status` with a body of this type.
    pub fn status(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        let status = StatusCode::from_u16(status).expect("a status code");
        Self::Fixed { status, headers, body: body.into() }
    }

    /// The same answer with one more header field.
    ///
    /// # Panics
    /// If the answer is not [`Answer::Fixed`].
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        let Self::Fixed { headers, .. } = &mut self else { panic!("{self:?} is not fixed") };
        headers.insert(name, HeaderValue::from_str(value).expect("a header value"));
        self
    }

    /// 429 as Entra sends it: `Retry-After`, and a body that is not JSON.
    pub fn throttled(retry_after: RetryAfter) -> Self {
        Self::status(429, "text/plain", "Too many requests")
            .header(header::RETRY_AFTER, &retry_after.to_string())
    }

    /// 503 with the HTML of some box on the way.
    pub fn unavailable() -> Self {
        Self::status(503, HTML, "<html><body><h1>Service Unavailable</h1></body></html>")
    }

    /// 200 and JSON by its headers, but not in its body.
    pub fn garbage() -> Self {
        Self::status(200, JSON, &b"\x00\xff<not json>\xfe"[..])
    }

    /// 200 with JSON that ends in the middle, in a message that is complete.
    pub fn truncated_json() -> Self {
        Self::status(200, JSON, r#"{"token_type":"Bearer","expires_in":3599,"access_token":"eyJ0"#)
    }

    /// 200 with good JSON that is more than `bytes` long.
    pub fn huge(bytes: usize) -> Self {
        let padding = "x".repeat(bytes);
        Self::status(
            200,
            JSON,
            format!(
                r#"{{"padding":"{padding}","token_type":"Bearer","expires_in":3599,"access_token":"e30.e30.e30"}}"#
            ),
        )
    }

    /// A redirection that asks for the same POST, with the secret in it, to go to `location`.
    pub fn redirect(location: &str) -> Self {
        Self::status(307, HTML, "").header(header::LOCATION, location)
    }
}

impl Default for Answer {
    fn default() -> Self {
        Self::Token(Overrides::default())
    }
}

impl Overrides {
    /// The JSON object of `fields` and these, which win.
    pub(super) fn apply(&self, mut fields: Vec<(String, String)>) -> String {
        for (name, raw) in &self.0 {
            fields.retain(|(key, _)| key != name);
            fields.extend(raw.clone().map(|raw| (name.clone(), raw)));
        }
        let members: Vec<String> =
            fields.iter().map(|(name, raw)| format!("\"{name}\":{raw}")).collect();
        format!("{{{}}}", members.join(","))
    }
}

impl std::fmt::Display for RetryAfter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Seconds(seconds) => write!(f, "{seconds}"),
            Self::At(time) => {
                let time = OffsetDateTime::from(*time);
                let (hour, minute, second) = time.to_hms();
                let (weekday, month) = (time.weekday().to_string(), time.month().to_string());
                let (day, year) = (time.day(), time.year());
                write!(
                    f,
                    "{}, {day:02} {} {year} {hour:02}:{minute:02}:{second:02} GMT",
                    &weekday[..3],
                    &month[..3]
                )
            }
        }
    }
}

/// Sends `body` a byte at a time.
pub(super) fn dripping(response: Response<Bytes>, pause: Duration) -> Response<Body> {
    response.map(|body| {
        let length = body.len();
        let bytes = futures_util::stream::unfold((body, 0), move |(body, at)| async move {
            if at == length {
                return None;
            }
            if at > 0 {
                tokio::time::sleep(pause).await;
            }
            let frame = Frame::data(body.slice(at..at + 1));
            Some((Ok::<_, BoxError>(frame), (body, at + 1)))
        });
        StreamBody::new(bytes).boxed_unsync()
    })
}

/// Promises the whole body, sends half of it and fails.
pub(super) fn cut_off(mut response: Response<Bytes>) -> Response<Body> {
    let length = response.body().len();
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response.map(|body| {
        let half = body.slice(..length / 2);
        let halves = futures_util::stream::unfold(Some(half), |half| async move {
            let Some(half) = half else {
                // hyper sends what it has when the body makes it wait, and drops it on an error.
                tokio::task::yield_now().await;
                return Some((Err(BoxError::from("cut off")), None));
            };
            Some((Ok(Frame::data(half)), None))
        });
        StreamBody::new(halves).boxed_unsync()
    })
}

/// Sends the response as it is.
pub(super) fn whole(response: Response<Bytes>) -> Response<Body> {
    response.map(|body| Full::new(body).map_err(|never| match never {}).boxed_unsync())
}

pub(super) const JSON: &str = "application/json; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
