//! What the gateway itself answers: problems (RFC 9457) and a few words about itself.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde::Serialize;

use crate::error::Error;
use crate::websocket;

/// The answer to a request that failed. Made of constants and the request id.
pub(crate) fn answer(error: &Error, request_id: HeaderValue) -> Response<Bytes> {
    let answer = error.answer();
    let problem = Problem {
        kind: "about:blank",
        title: answer.title,
        status: answer.status.as_u16(),
        code: answer.code,
        request_id: request_id.to_str().unwrap_or_default(),
    };
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let mut response = of_our_own(answer.status, Bytes::from(body), request_id.clone());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    let status = format!("dicom-gateway; error={}", answer.proxy_error);
    if let Ok(status) = HeaderValue::try_from(status) {
        headers.insert(HeaderName::from_static("proxy-status"), status);
    }
    match error {
        Error::Stranger(stranger) => {
            for challenge in stranger.challenges() {
                headers.append(header::WWW_AUTHENTICATE, challenge);
            }
        }
        Error::UserNeeded(_, challenge) | Error::StepUp(challenge) => {
            headers.insert(header::WWW_AUTHENTICATE, challenge.clone());
        }
        _ => {}
    }
    if let Some(wait) = answer.retry_after {
        // Rounded up, and never none at all: whoever comes back at once comes too early.
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    if let Some(allowed) = answer.allow {
        headers.insert(header::ALLOW, HeaderValue::from_static(allowed.0));
    }
    if answer.status == StatusCode::UPGRADE_REQUIRED {
        websocket::agree(headers);
        let version = HeaderValue::from_static(websocket::VERSION);
        headers.insert(header::SEC_WEBSOCKET_VERSION, version);
    }
    response
}

/// Takes the body off, as an answer to `HEAD` has none (RFC 9110, section 9.3.2): hyper does so in
/// HTTP/1.1 only.
pub(crate) fn head_only(response: &mut Response<Bytes>) {
    let length = HeaderValue::from(std::mem::take(response.body_mut()).len());
    response.headers_mut().insert(header::CONTENT_LENGTH, length);
}

/// The answer to a request about the gateway itself: the methods that it knows.
pub(crate) fn options(allow: &'static str, request_id: HeaderValue) -> Response<Bytes> {
    let mut response = empty(request_id);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
    response
}

/// The answer to a proxy whose request may go on with this `Authorization`.
pub(crate) fn vouched(authorization: HeaderValue, request_id: HeaderValue) -> Response<Bytes> {
    let mut response = of_our_own(StatusCode::OK, Bytes::new(), request_id);
    response.headers_mut().insert(header::AUTHORIZATION, authorization);
    response
}

/// An answer that all is well, without a word.
pub(crate) fn empty(request_id: HeaderValue) -> Response<Bytes> {
    of_our_own(StatusCode::NO_CONTENT, Bytes::new(), request_id)
}

fn of_our_own(status: StatusCode, body: Bytes, request_id: HeaderValue) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(crate::rewrite::REQUEST_ID, request_id);
    response
}

#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    code: &'static str,
    request_id: &'a str,
}
