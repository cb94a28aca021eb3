//! A request on its way out and an answer on its way back: what of their heads goes on.
//!
//! What was meant for one hop ends here, then comes what the gateway says itself: in this order, or a
//! caller's `Connection: authorization` would take our token off again.

use std::ops::Range;

use config::Fixes;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, Version, header};

use crate::error::{Error, Refusal};
use crate::local::Local;
use crate::origin::Outgoing;
use crate::permit::Permit;
use crate::record::{Trace, trace};
use crate::token::AccessToken;
use crate::transaction::Resource;
use crate::websocket;

mod accept;
pub(crate) mod answer;
#[cfg(test)]
mod cost;
mod fields;
mod links;
mod manners;
mod stamp;
mod urls;

pub(crate) use self::fields::exceeds;
pub(crate) use self::links::{Broken, Links, Rewriter};
pub(crate) use self::urls::{links, rewritten};

/// The gateway's own name in `Via`, once for each version that it may have received (RFC 9110,
/// section 7.6.3).
pub(crate) struct Via([HeaderValue; 3]);

impl Via {
    pub(crate) fn new(pseudonym: &str) -> Self {
        let value = |version: &str| {
            HeaderValue::try_from(format!("{version} {pseudonym}")).expect("a token is legal")
        };
        Self([value("1.0"), value("1.1"), value("2")])
    }

    fn received(&self, version: Version) -> HeaderValue {
        let index = match version {
            Version::HTTP_10 => 0,
            Version::HTTP_2 => 2,
            _ => 1,
        };
        self.0[index].clone()
    }
}

/// The caller's request as the gateway's own; path below the prefix, query and body stay as they are.
/// The caller's head is left whole, should the request have to go out once more. With it comes what
/// was put right.
pub(crate) fn outbound(
    permit: &Permit<'_>,
    token: &AccessToken,
    (caller, trace, request_id): (&Parts, &Trace, u64),
    body: Outgoing,
    local: &Local,
) -> Result<(Request<Outgoing>, Fixes), Error> {
    let route = permit.route();
    let mut request = Request::new(body);
    *request.method_mut() = caller.method.clone();
    let mut headers = local.header_map();
    fields::copy_outbound(&caller.headers, permit, &mut headers);
    urls::ask_for_plain(permit, caller, &mut headers);
    let manners = (route.config.profile, route.config.fixes);
    let done = accept::put_right(&mut headers, caller, permit.resource(), manners);
    *request.uri_mut() = target(permit, (&caller.uri, done.cut), local)?;
    if permit.resource() == Resource::Notifications {
        websocket::agree(&mut headers);
    }
    headers.insert(header::HOST, route.origin.host.clone());
    headers.insert(header::AUTHORIZATION, token.authorization().clone());
    headers.append(header::VIA, local.via.received(caller.version));
    if let Some(parent) = trace.parent(local) {
        headers.insert(trace::FIELD, parent);
    }
    if route.config.stamp_principal {
        stamp::stamp((permit.principal(), request_id), &mut headers, local);
    }
    for (name, value) in &route.forwarding {
        headers.insert(name, value.clone());
    }
    if caller.method == Method::OPTIONS {
        fewer_forwards(&mut headers);
    }
    *request.headers_mut() = headers;
    Ok((request, done.fixes))
}

/// The origin server's answer as the gateway's own.
pub(crate) fn inbound<B>(response: &mut Response<B>, request_id: HeaderValue) {
    *response.version_mut() = Version::HTTP_11;
    response.extensions_mut().clear();
    let status = response.status();
    let headers = response.headers_mut();
    fields::end_hop_inbound(headers);
    headers.insert(REQUEST_ID, request_id);
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    if fields::may_act(kind) && !matches!(status.as_u16(), 204 | 304) {
        // A report with a script in it must not be a page of ours, which may store and delete.
        headers.append(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    }
}

/// The head of an origin server's answer that makes a connection a WebSocket, as the gateway's own.
pub(crate) fn switching<B>(response: &mut Response<B>, request_id: HeaderValue) {
    inbound(response, request_id);
    websocket::agree(response.headers_mut());
}

/// How many hops an `OPTIONS` request may still make (RFC 9110, section 7.6.2); `None` without limit.
pub(crate) fn forwards_left(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::MAX_FORWARDS)?.to_str().ok()?.parse().ok()
}

/// The header that names a request in every answer.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

fn fewer_forwards(headers: &mut HeaderMap) {
    if let Some(left) = forwards_left(headers) {
        headers.insert(header::MAX_FORWARDS, HeaderValue::from(left.saturating_sub(1)));
    }
}

/// The origin server's base, what lies below our prefix, and the query but for `cut`: byte for byte.
fn target(
    permit: &Permit<'_>,
    (uri, cut): (&Uri, Range<usize>),
    local: &Local,
) -> Result<Uri, Error> {
    let route = permit.route();
    let not_ours = || Error::Refused(Refusal::Target);
    let below = uri.path().strip_prefix(&*route.label).ok_or_else(not_ours)?;
    let bytes = local.bytes(|buffer| {
        buffer.extend_from_slice(route.origin.origin.base.as_bytes());
        buffer.extend_from_slice(below.as_bytes());
        if buffer.is_empty() {
            buffer.extend_from_slice(b"/");
        }
        if let Some(query) = uri.query().filter(|query| cut.is_empty() || query.len() > cut.len()) {
            buffer.extend_from_slice(b"?");
            buffer.extend_from_slice(&query.as_bytes()[..cut.start]);
            buffer.extend_from_slice(&query.as_bytes()[cut.end..]);
        }
    });
    PathAndQuery::from_maybe_shared(bytes).map(Uri::from).map_err(|_| not_ours())
}
