//! Which web pages may call a route, and what their browsers are told of it (Fetch, section 3.3).
//!
//! A viewer that is served from elsewhere may read an answer only if the answer says so, an error
//! too: without these headers a page cannot tell a 403 from a cable that is out. Before anything
//! but a plain search the browser asks for leave (a preflight); that is answered here, since an
//! origin server must not learn of it with our token, and no caller could show who they are by it.
//! `OPTIONS` without `Access-Control-Request-Method` is no preflight but a question of PS3.18,
//! section 8.9.
//!
//! What an origin server says of pages never goes on: it speaks of its own host, not of ours.

use bytes::Bytes;
use config::Transaction;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response};

use crate::emergency;
use crate::error::Error;
use crate::problem;
use crate::route::Route;
use crate::transaction::Resource;

mod change;

/// The web pages that may call a route. All that does not depend on the request is rendered.
#[derive(Clone, Debug)]
pub(crate) struct Pages {
    /// The origin of our own URL, if that is known.
    own: Option<HeaderValue>,
    /// Pages of other origins.
    listed: Option<Listed>,
}

#[derive(Clone, Debug)]
struct Listed {
    origins: Vec<HeaderValue>,
    /// Request headers beyond [`REQUEST_HEADERS`].
    headers: Vec<String>,
    credentials: bool,
    max_age: HeaderValue,
    exposed: HeaderValue,
    resource_policy: HeaderValue,
}

/// A page of a listed origin: its index.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Page(usize);

impl Pages {
    /// What this route was configured with. Origins are ASCII, as browsers write them.
    pub(crate) fn new(route: &config::Route) -> Self {
        let value = |text: &str| HeaderValue::from_str(text).ok();
        let own = route.public_url.as_ref();
        let emergency = route.emergency.is_some().then_some(emergency::NAME);
        let listed = route.cors.as_ref().map(|cors| Listed {
            origins: cors.origins.iter().filter_map(|origin| value(origin)).collect(),
            headers: cors
                .headers
                .iter()
                .map(String::as_str)
                .chain(emergency)
                .map(str::to_owned)
                .collect(),
            credentials: cors.credentials,
            max_age: HeaderValue::from(cors.max_age.as_secs()),
            exposed: HeaderValue::from_static(ANSWER_HEADERS),
            resource_policy: HeaderValue::from_static(cors.resource_policy.name()),
        });
        Self { own: own.and_then(|url| value(&url.origin().ascii_serialization())), listed }
    }

    /// The listed page that sends a request with these headers, if one does.
    pub(crate) fn page(&self, headers: &HeaderMap) -> Option<Page> {
        let origins = &self.listed.as_ref()?.origins;
        let origin = origin(headers)?;
        origins.iter().position(|listed| listed == origin).map(Page)
    }

    /// Adds to an answer what browsers have to know, whoever asked: a cache may have the answer
    /// too.
    pub(crate) fn tell(&self, page: Option<Page>, headers: &mut HeaderMap) {
        let Some(listed) = &self.listed else { return };
        if let Some(origin) = page.and_then(|Page(index)| listed.origins.get(index)) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, listed.exposed.clone());
            if listed.credentials {
                let credentials = header::ACCESS_CONTROL_ALLOW_CREDENTIALS;
                headers.insert(credentials, HeaderValue::from_static("true"));
            }
        }
        if !varies_by_origin(headers) {
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
        }
        headers.insert(RESOURCE_POLICY, listed.resource_policy.clone());
    }
}

/// Whether a browser asks for leave before it sends what a page wants.
pub(crate) fn is_preflight<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    request.method() == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to a preflight of this page, for [`Pages::tell`] to complete: the methods that the
/// resource has and the route allows, and of the headers asked for those that may be sent. A
/// browser tells its user which one is missing, so that is no error.
pub(crate) fn preflight<B>(
    route: &Route,
    page: Option<Page>,
    request: &Request<B>,
    request_id: HeaderValue,
) -> Result<Response<Bytes>, Error> {
    let (Some(listed), Some(_)) = (&route.pages.listed, page) else {
        return Err(Error::ForeignPage);
    };
    let leave = route.rights.of_anybody();
    let methods = granted(route.resource(request)?, |transaction| leave.allows(transaction));
    let asked = request.headers();
    let mut response = problem::empty(request_id);
    let headers = response.headers_mut();
    for (name, list) in [
        (header::ACCESS_CONTROL_ALLOW_METHODS, methods),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, listed.may_send(asked)),
    ] {
        if let Some(list) = HeaderValue::try_from(list).ok().filter(|list| !list.is_empty()) {
            headers.insert(name, list);
        }
    }
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, listed.max_age.clone());
    // A viewer on the web may call a gateway on its user's own machine: the page is listed.
    if asked.get(ASKS_FOR_PRIVATE_NETWORK).is_some_and(|value| value == "true") {
        headers.insert(ALLOWS_PRIVATE_NETWORK, HeaderValue::from_static("true"));
    }
    headers.insert(header::VARY, HeaderValue::from_static(PREFLIGHT_VARIES_BY));
    Ok(response)
}

impl Listed {
    /// Those of the headers asked for that pages may send, on however many lines they stand.
    fn may_send(&self, asked: &HeaderMap) -> String {
        let lines = asked.get_all(header::ACCESS_CONTROL_REQUEST_HEADERS).iter();
        let names = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
        names
            .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
            .filter(|name| self.knows(name.as_str()))
            .fold(String::new(), |list, name| joined(list, name.as_str()))
    }

    fn knows(&self, name: &str) -> bool {
        REQUEST_HEADERS.contains(&name)
            || name.starts_with("msdicom-")
            || self.headers.iter().any(|more| more == name)
    }
}

/// The one origin that a request names. Several would be no browser's, and `null` is on no list.
fn origin(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut lines = headers.get_all(header::ORIGIN).iter();
    lines.next().filter(|_| lines.next().is_none())
}

/// The methods of a resource by which something allowed to one caller or another can be asked of it: who
/// this one is, a preflight does not say.
fn granted(resource: Resource, is_allowed: impl Fn(Transaction) -> bool) -> String {
    let is_granted = |method: &&str| {
        let method = Method::from_bytes(method.as_bytes()).ok();
        let transaction = method.and_then(|method| resource.transaction(&method).ok());
        transaction.is_some_and(&is_allowed)
    };
    resource.methods().split(", ").filter(is_granted).fold(String::new(), joined)
}

fn joined(mut list: String, word: &str) -> String {
    if !list.is_empty() {
        list.push_str(", ");
    }
    list.push_str(word);
    list
}

fn varies_by_origin(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::VARY).iter();
    lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).any(|name| {
        let name = name.trim_ascii();
        name == b"*" || name.eq_ignore_ascii_case(b"origin")
    })
}

/// What pages may send. `Authorization` has to be named, a star would not cover it; so has
/// `Accept`, whose quoted parameters make it one that browsers ask for. Some end at the gateway, as
/// the first does: a viewer that shows its key to every server must not fail because of it.
const REQUEST_HEADERS: &[&str] = &[
    "accept",
    "accept-language",
    "authorization",
    "cache-control",
    "content-encoding",
    "content-language",
    "content-location",
    "content-type",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "pragma",
    "prefer",
    "range",
    "traceparent",
    "tracestate",
    "x-api-key",
    "x-request-id",
    "x-requested-with",
];

/// What pages may read besides the few that browsers always show.
const ANSWER_HEADERS: &str = "accept-ranges, allow, api-deprecated-versions, \
    api-supported-versions, content-disposition, content-encoding, content-length, \
    content-location, content-range, dicom-gateway-fixes, erroneous-dicom-attributes, etag, link, \
    location, preference-applied, proxy-status, retry-after, warning, www-authenticate, \
    x-request-id";

const PREFLIGHT_VARIES_BY: &str =
    "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Private Network Access, as Chromium asks for it.
const ASKS_FOR_PRIVATE_NETWORK: &str = "access-control-request-private-network";
const ALLOWS_PRIVATE_NETWORK: HeaderName =
    HeaderName::from_static("access-control-allow-private-network");

#[cfg(test)]
mod tests;
