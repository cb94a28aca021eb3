//! An answer on its way back, put right by what was asked: the fixes that a caller sees, and their
//! names, since it is when something fails that one looks what was done.

use bytes::Bytes;
use config::{Fix, Fixes};
use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};

use super::accept::{self, range::Range};
use super::manners::Content;
use crate::local::Local;
use crate::permit::Permit;

/// Puts an answer right; `done` is what was done to its request, `caller` as it came. What is given
/// back stands in for the answer's body, which is empty.
pub(crate) fn put_right<B>(
    response: &mut Response<B>,
    (caller, done): (&Parts, Fixes),
    permit: &Permit<'_>,
    local: &Local,
) -> Option<Bytes> {
    let fixes = permit.route().config.fixes;
    let mut done = done;
    let mut instead = None;
    if fixes.contains(Fix::EmptySearch)
        && response.status() == StatusCode::NO_CONTENT
        && Content::of(permit.resource(), &caller.method) == Some(Content::Found)
    {
        instead = Some(empty_list(response, &caller.method));
        done = done.with(Fix::EmptySearch, true);
    }
    if fixes.contains(Fix::MultipartType)
        && let Some(kind) = response.headers().get(CONTENT_TYPE).and_then(untyped)
        && let Some(content) = Content::of(permit.resource(), &caller.method)
    {
        let by_query = accept::asked_by_query(caller, fixes).map(|(value, _)| value);
        let lines = caller.headers.get_all(ACCEPT).iter().chain(&by_query);
        let parts = accept::parts_asked(lines).unwrap_or_else(|| content.parts().as_bytes());
        if let Some(typed) = typed(kind, parts, local) {
            response.headers_mut().insert(CONTENT_TYPE, typed);
            done = done.with(Fix::MultipartType, true);
        }
    }
    if done != Fixes::default() {
        name(done, response.headers_mut(), local);
    }
    instead
}

fn empty_list<B>(response: &mut Response<B>, method: &Method) -> Bytes {
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.remove(CONTENT_ENCODING);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/dicom+json"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(EMPTY_LIST.len()));
    if method == Method::HEAD { Bytes::new() } else { Bytes::from_static(EMPTY_LIST) }
}

/// The value, if it is `multipart/related` without `type`.
fn untyped(value: &HeaderValue) -> Option<&HeaderValue> {
    let start = value.as_bytes().get(..RELATED.len())?;
    if !start.eq_ignore_ascii_case(RELATED) {
        return None;
    }
    let (kind, _) = Range::first(value.as_bytes());
    let is_untyped = kind.name.len() == RELATED.len() && kind.parts.is_none() && !kind.is_broken;
    is_untyped.then_some(value)
}

/// The value with a `type` behind its name, and the rest byte for byte.
fn typed(value: &HeaderValue, parts: &[u8], local: &Local) -> Option<HeaderValue> {
    let (name, rest) = value.as_bytes().split_at_checked(RELATED.len())?;
    let typed = local.bytes(|buffer| {
        for piece in [name, b"; type=\"", parts, b"\"", rest] {
            buffer.extend_from_slice(piece);
        }
    });
    HeaderValue::from_maybe_shared(typed).ok()
}

/// Another gateway on the way may have named its own.
fn name(done: Fixes, headers: &mut HeaderMap, local: &Local) {
    let names = local.bytes(|buffer| {
        for (index, fix) in done.iter().enumerate() {
            buffer.extend_from_slice(if index > 0 { b", " } else { b"" });
            buffer.extend_from_slice(fix.name().as_bytes());
        }
    });
    if let Ok(names) = HeaderValue::from_maybe_shared(names) {
        headers.append(HeaderName::from_static(FIXES), names);
    }
}

/// The header that names what was put right.
pub(crate) const FIXES: &str = "dicom-gateway-fixes";

const RELATED: &[u8] = b"multipart/related";
const EMPTY_LIST: &[u8] = b"[]";
