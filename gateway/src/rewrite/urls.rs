//! Which answers hold the origin server's URLs, and how a head tells of a body that becomes another.

use std::sync::Arc;

use config::{Profile, Urls};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use http_body::Body;

use super::links::{Coding, Kind, Links, Rewriter, Service};
use crate::permit::Permit;
use crate::transaction::Resource;

/// What becomes of the origin server's URLs on a route, where anything does.
pub(crate) fn links(route: &config::Route) -> Option<Arc<Links>> {
    let public = route.public_url.as_ref().filter(|_| route.urls == Urls::Rewrite)?;
    let (origin, aliases, profile) = (&route.origin, &route.origin_aliases[..], route.profile);
    Some(Arc::new(Links::new(Service { origin, aliases, profile, public })))
}

/// Puts ours in the place of the origin server's URLs in the answer's head, and gives what does it in
/// the body, where that may hold any. `asked` is the caller's request.
pub(crate) fn rewritten<B: Body>(
    permit: &Permit<'_>,
    asked: &Parts,
    response: &mut Response<B>,
) -> Option<Box<Rewriter>> {
    let route = permit.route();
    let links = route.links.as_ref()?;
    let below = asked.uri.path().strip_prefix(&*route.label).unwrap_or_default();
    links.rewrite_head(response.headers_mut(), below);
    if response.status() == StatusCode::NOT_MODIFIED && would_be_rewritten(permit, asked, response)
    {
        forget_the_body(response.headers_mut());
    }
    let (kind, coding) = body(permit, asked, response)?;
    let has_body = !response.body().is_end_stream();
    if has_body || asked.method == Method::HEAD {
        forget_the_body(response.headers_mut());
    }
    has_body.then(|| Box::new(Rewriter::new(links.clone(), &kind, coding)))
}

/// Asks for what can be rewritten: plain, and whole where it is a text.
pub(super) fn ask_for_plain(permit: &Permit<'_>, asked: &Parts, headers: &mut HeaderMap) {
    let route = permit.route();
    if route.links.is_none() || !holds_urls(route.config.profile, permit.resource(), &asked.method)
    {
        return;
    }
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    if is_text(permit.resource()) {
        headers.remove(header::RANGE);
        headers.remove(header::IF_RANGE);
    }
}

/// How to read the body, if it is to be rewritten.
fn body<B>(permit: &Permit<'_>, asked: &Parts, response: &Response<B>) -> Option<(Kind, Coding)> {
    let (status, headers) = (response.status(), response.headers());
    let is_range = status == StatusCode::PARTIAL_CONTENT
        && (headers.contains_key(header::CONTENT_RANGE) || has_ranges(headers));
    let is_failure = status.is_client_error() || status.is_server_error();
    let profile = permit.route().config.profile;
    if is_range
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        || !(is_failure || holds_urls(profile, permit.resource(), &asked.method))
    {
        return None;
    }
    let kind = Kind::of(headers.get(header::CONTENT_TYPE)?.as_bytes())?;
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
    let coding =
        codings.next().map_or(Some(Coding::Identity), |coding| Coding::of(coding.as_bytes()));
    coding.filter(|_| codings.next().is_none()).map(|coding| (kind, coding))
}

/// Whether the body is several ranges (RFC 9110, section 14.6).
fn has_ranges(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    kind.get(..BYTE_RANGES.len()).is_some_and(|kind| kind.eq_ignore_ascii_case(BYTE_RANGES))
}

/// Whether the body that a 304 stands for came out as another than the origin server's. Few 304s say
/// what it is made of.
fn would_be_rewritten<B>(permit: &Permit<'_>, asked: &Parts, response: &Response<B>) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    holds_urls(permit.route().config.profile, permit.resource(), &asked.method)
        && kind
            .map_or_else(|| is_text(permit.resource()), |kind| Kind::of(kind.as_bytes()).is_some())
}

/// What was true of the origin server's bytes alone. Its strong validator becomes a weak one: ours
/// means the same, but is not the same bytes (RFC 9110, section 8.8.1).
fn forget_the_body(headers: &mut HeaderMap) {
    for name in [header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::ACCEPT_RANGES] {
        headers.remove(name);
    }
    for name in ["content-md5", "digest", "content-digest", "repr-digest"] {
        headers.remove(HeaderName::from_static(name));
    }
    if let Some(tag) = headers.get(header::ETAG)
        && tag.as_bytes().starts_with(b"\"")
        && let Ok(weak) = HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat())
    {
        headers.insert(header::ETAG, weak);
    }
}

/// Whether a successful answer may hold URLs of the origin server. Azure's searches, metadata and
/// images hold none, and pass untouched, however large they are.
fn holds_urls(profile: Profile, resource: Resource, method: &Method) -> bool {
    let is_read = matches!(*method, Method::GET | Method::HEAD);
    match resource {
        Resource::Searched
        | Resource::Studies
        | Resource::Study
        | Resource::Part
        | Resource::Metadata
        | Resource::Frames
        | Resource::Rendered
        | Resource::BulkData
        | Resource::ByQuery => profile != Profile::Azure || !is_read,
        Resource::Service
        | Resource::Description
        | Resource::WorkItems
        | Resource::WorkItem
        | Resource::WorkItemState
        | Resource::WorkItemRequest
        | Resource::Subscription
        | Resource::Notifications
        | Resource::BulkUpdate
        | Resource::Export
        | Resource::Administered
        | Resource::Operation
        | Resource::Tags
        | Resource::Tag => true,
    }
}

/// Whether it answers with nothing but texts, of which a range would start anywhere.
fn is_text(resource: Resource) -> bool {
    match resource {
        Resource::Study
        | Resource::Part
        | Resource::Frames
        | Resource::Rendered
        | Resource::BulkData
        | Resource::ByQuery => false,
        Resource::Searched
        | Resource::Studies
        | Resource::Metadata
        | Resource::Service
        | Resource::Description
        | Resource::WorkItems
        | Resource::WorkItem
        | Resource::WorkItemState
        | Resource::WorkItemRequest
        | Resource::Subscription
        | Resource::Notifications
        | Resource::BulkUpdate
        | Resource::Export
        | Resource::Administered
        | Resource::Operation
        | Resource::Tags
        | Resource::Tag => true,
    }
}

const BYTE_RANGES: &[u8] = b"multipart/byteranges";
