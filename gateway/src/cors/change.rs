//! Changes that a stranger's page would have a user's browser make.
//!
//! Browsers ask before they let a page *read* from elsewhere. A form, or a `fetch` that does not
//! want to read, is sent without asking, and a store or a work item by it would have the gateway's
//! rights: whoever can connect may call. So a change asked for by a page has to come from one of
//! ours.
//!
//! - `Sec-Fetch-Site` is the browser's word, which no page can set. `same-origin` and `none` (the
//!   user alone) pass, also where a proxy on the way gave the request another host. Where it is
//!   anything else, the page's origin has to be listed, or that of the `public_url`; that it
//!   resembles `Host` is no excuse, since the browser knew both.
//! - Browsers leave it out over plain HTTP to other machines. Then an `Origin` has to be listed,
//!   that of the `public_url`, or of the host that the request is for. Its port counts only where
//!   `Host` has one, as some proxies drop it; its scheme does not, as TLS may end before the
//!   gateway. A name that a stranger points at us is no host of ours: `listener.hosts` keeps it out,
//!   on loopback by itself, elsewhere if it is written.
//! - With neither it is no browser: each sends `Origin` with such methods.
//!
//! Reading passes: a page cannot see the answer unless it is told that it may. One way of reading
//! is not guarded so, and counts as a change: a WebSocket, which any page may open to anywhere.

use http::header::{self, HeaderValue};
use http::{Method, Request};

use super::{Pages, origin};
use crate::error::Error;

impl Pages {
    /// Refuses a change that a page of a stranger asks for.
    pub(crate) fn admit<B>(&self, request: &Request<B>) -> Result<(), Error> {
        let headers = request.headers();
        let has_origin = headers.contains_key(header::ORIGIN);
        let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        if reads && !(has_origin && headers.contains_key(header::UPGRADE)) {
            return Ok(());
        }
        let mut sites = headers.get_all(SITE).iter();
        let site = match (sites.next(), sites.next()) {
            (Some(site), None) => Some(site.as_bytes()),
            (None, _) => None,
            (Some(_), Some(_)) => Some(&b""[..]),
        };
        let is_ours = match site {
            Some(b"same-origin" | b"none") => true,
            Some(_) => self.is_known(request),
            None => !has_origin || self.is_known(request) || is_of_its_host(request),
        };
        is_ours.then_some(()).ok_or(Error::ForeignPage)
    }

    /// Whether the page is listed, or of our own URL.
    fn is_known<B>(&self, request: &Request<B>) -> bool {
        let headers = request.headers();
        self.page(headers).is_some() || (self.own.is_some() && origin(headers) == self.own.as_ref())
    }
}

/// Whether the page is of the host that the request is for.
fn is_of_its_host<B>(request: &Request<B>) -> bool {
    let text = |value: &HeaderValue| value.to_str().map(str::to_owned).ok();
    let named = request.headers().get(header::HOST).and_then(text);
    let host = request.uri().authority().map(|authority| authority.as_str().to_owned()).or(named);
    let page = origin(request.headers()).and_then(text);
    host.zip(page).is_some_and(|(host, page)| is_of_host(&page, &host))
}

fn is_of_host(page: &str, host: &str) -> bool {
    let Some((scheme, authority)) = page.split_once("://") else { return false };
    let default = match scheme {
        "http" => "80",
        "https" => "443",
        _ => return false,
    };
    let ((name, port), (our_name, our_port)) = (parts(authority), parts(host));
    let port = port.unwrap_or(default);
    name.eq_ignore_ascii_case(our_name) && our_port.is_none_or(|our_port| our_port == port)
}

/// Name and port of `host[:port]`, an IPv6 address in its brackets.
fn parts(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (name, Some(port)),
        _ => (authority, None),
    }
}

/// Fetch Metadata, section 2.3.
const SITE: &str = "sec-fetch-site";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_of_a_host_by_name_and_by_the_port_that_it_names() {
        for (page, host) in [
            ("http://pacs.lan", "pacs.lan"),
            ("http://pacs.lan", "PACS.lan:80"),
            ("https://pacs.lan", "pacs.lan:443"),
            ("https://pacs.lan", "pacs.lan"),
            ("http://pacs.lan:8080", "pacs.lan:8080"),
            ("http://pacs.lan:8080", "pacs.lan"),
            ("http://[::1]:8080", "[::1]:8080"),
            ("http://[::1]", "[::1]"),
        ] {
            assert!(is_of_host(page, host), "{page} {host}");
        }
        for (page, host) in [
            ("http://evil.example", "pacs.lan"),
            ("http://pacs.lan.evil.example", "pacs.lan"),
            ("http://evil.example/pacs.lan", "pacs.lan"),
            ("http://pacs.lan@evil.example", "pacs.lan"),
            ("http://pacs.lan:3000", "pacs.lan:8080"),
            ("https://pacs.lan", "pacs.lan:80"),
            ("http://pacs.lan http://evil.example", "pacs.lan"),
            ("chrome-extension://pacs.lan", "pacs.lan"),
            ("http://[::2]", "[::1]"),
            ("pacs.lan", "pacs.lan"),
            ("null", "null"),
            ("", ""),
        ] {
            assert!(!is_of_host(page, host), "{page} {host}");
        }
    }
}
