//! Which header fields go on, and which end here.

use http::header::{self, HeaderMap, HeaderName};

use super::stamp;
use crate::emergency;
use crate::permit::Permit;

/// Copies what of a caller's head is for the origin server. Lines of one name keep their order.
pub(super) fn copy_outbound(caller: &HeaderMap, permit: &Permit<'_>, to: &mut HeaderMap) {
    let named = named_by_connection(caller);
    for (name, value) in caller {
        let goes_on = match fate(name.as_str()) {
            Fate::GoesOn => !named.contains(name),
            Fate::IfMayDelete => permit.may_delete() && !named.contains(name),
            Fate::IfMayAudit => permit.may_audit() && !named.contains(name),
            Fate::EndsHere | Fate::SaysOtherwise | Fate::SaysWho => false,
        };
        if goes_on {
            to.append(name, value.clone());
        }
    }
}

/// Whether an origin server would take a field of this name for more than `permit` is leave for.
pub(crate) fn exceeds(name: &str, permit: &Permit<'_>) -> bool {
    match fate(name) {
        Fate::SaysOtherwise | Fate::SaysWho => true,
        Fate::IfMayDelete => !permit.may_delete(),
        Fate::IfMayAudit => !permit.may_audit(),
        Fate::GoesOn | Fate::EndsHere => false,
    }
}

/// Takes from an origin server's head what was for this hop alone, or what it may not tell callers.
pub(super) fn end_hop_inbound(headers: &mut HeaderMap) {
    for name in named_by_connection(headers) {
        headers.remove(name);
    }
    // What is removed leaves its place to one behind it: what stands before needs no second look.
    let mut seen = 0;
    while let Some((place, name)) =
        headers.keys().enumerate().skip(seen).find(|(_, name)| !leaves(name.as_str()))
    {
        let name = name.clone();
        headers.remove(name);
        seen = place;
    }
    debug_assert!(headers.keys().all(|name| leaves(name.as_str())));
}

/// Whether a browser that is led to such an answer may run what is in it: pages, XML with pages in it
/// (SVG among it), and what has no type, which browsers guess.
pub(super) fn may_act(kind: Option<&[u8]>) -> bool {
    let Some(kind) = kind else { return true };
    let begins = |rest: &[u8], word: &[u8]| {
        rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    let acts = |(place, byte): (usize, &u8)| match byte {
        b'h' | b'H' => begins(&kind[place..], b"html"),
        b'x' | b'X' => begins(&kind[place..], b"xml"),
        b'u' | b'U' => begins(&kind[place..], b"unknown/"),
        b'*' => begins(&kind[place..], b"*/*"),
        _ => false,
    };
    !kind.contains(&b'/') || kind.iter().enumerate().any(acts)
}

enum Fate {
    GoesOn,
    EndsHere,
    /// Some servers act on it instead of the method and path that the permit was granted for.
    SaysOtherwise,
    /// Some servers believe what it says of who the caller is.
    SaysWho,
    /// Azure deletes a study at the time that such a header says: leave to store is not enough.
    IfMayDelete,
    /// Azure copies such a header into its audit log, as if the gateway had said it.
    IfMayAudit,
}

fn fate(name: &str) -> Fate {
    match name {
        // For this hop (RFC 9110, section 7.6.1; RFC 9113, section 8.2.2), framing included: hyper
        // frames anew.
        "connection" | "content-length" | "expect" | "http2-settings" | "keep-alive" | "te"
        | "trailer" | "transfer-encoding" | "upgrade" => Fate::EndsHere,
        // The gateway speaks for itself; what a caller shows is for the gateway.
        "authorization" | "cookie" | "cookie2" | "dpop" | "host" | "x-api-key" => Fate::EndsHere,
        // Why somebody may: for the gateway alone, and its records.
        emergency::NAME => Fate::EndsHere,
        // Where the caller comes from is not for the caller to say, nor is it the origin's business.
        "cf-connecting-ip"
        | "forwarded"
        | "origin"
        | "referer"
        | "true-client-ip"
        | "x-client-ip"
        | "x-cluster-client-ip"
        | "x-forwarded"
        | "x-host"
        | "x-http-host-override"
        | "x-real-ip" => Fate::EndsHere,
        // Nor who it is: what proxies and load balancers tell servers of whom they let in (RFC 9440).
        "client-cert" | "client-cert-chain" | "remote-user" | "x-arr-clientcert"
        | "x-remote-user" | "x-webauth-user" => Fate::SaysWho,
        "x-http-method"
        | "x-http-method-override"
        | "x-method-override"
        | "x-original-url"
        | "x-rewrite-url" => Fate::SaysOtherwise,
        name if name.starts_with("x-auth-request-")
            || name.starts_with("x-goog-authenticated-user-")
            || name.starts_with("x-ms-client-principal") =>
        {
            Fate::SaysWho
        }
        name if name.starts_with("proxy-")
            || name.starts_with("ssl-client-")
            || name.starts_with("x-amzn-mtls-")
            || name.starts_with("x-client-cert")
            || name.starts_with("x-forwarded-")
            || name.starts_with("x-original-")
            || name.starts_with("x-envoy-")
            || name.starts_with("x-ssl-")
            || name.starts_with("x-tls-client-")
            || name.starts_with("access-control-request-")
            || name.starts_with("sec-fetch-") =>
        {
            Fate::EndsHere
        }
        // Nor has anybody leave to say what the gateway says there itself.
        name if stamp::is_ours(name) => Fate::SaysWho,
        name if name.starts_with("x-ms-azuredicom-audit-") => Fate::IfMayAudit,
        name if name.starts_with("msdicom-expiry-") => Fate::IfMayDelete,
        _ => Fate::GoesOn,
    }
}

/// Whether a header of the origin server goes on to the caller.
fn leaves(name: &str) -> bool {
    match name {
        "connection" | "keep-alive" | "proxy-connection" | "te" | "trailer"
        | "transfer-encoding" | "upgrade" => false,
        // Would have browsers tell others whom a user looks at: reports name URLs in full.
        "content-security-policy-report-only" | "nel" | "report-to" | "reporting-endpoints" => {
            false
        }
        // Would speak of the gateway's own credential, set the gateway's state, or lead around it.
        "alt-svc"
        | "authentication-info"
        | "clear-site-data"
        | "proxy-authenticate"
        | "proxy-authentication-info"
        | "refresh"
        | "set-cookie"
        | "set-cookie2"
        | "strict-transport-security"
        | "www-authenticate" => false,
        // Speaks of its own host to browsers: which pages may call and embed is for the gateway to say.
        "cross-origin-resource-policy" | "timing-allow-origin" => false,
        // Who runs the origin server, and how, is not for callers.
        "server" | "x-aspnet-version" | "x-powered-by" => false,
        name => !name.starts_with("access-control-"),
    }
}

/// The fields that `Connection` lines name. Those that carry meaning end to end cannot be named away.
/// Most callers name none, which costs no allocation.
fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    let mut named = Vec::new();
    for line in headers.get_all(header::CONNECTION) {
        for token in line.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if !is_option(token)
                && let Ok(name) = HeaderName::from_bytes(token)
                && name != header::CONNECTION
                && !is_end_to_end(name.as_str())
            {
                named.push(name);
            }
        }
    }
    named
}

/// Connection options that are no fields, or fields that end here anyway.
fn is_option(token: &[u8]) -> bool {
    [&b"close"[..], b"keep-alive", b"te", b"upgrade"]
        .iter()
        .any(|option| token.eq_ignore_ascii_case(option))
}

fn is_end_to_end(name: &str) -> bool {
    name.starts_with("content-") || matches!(name, "accept" | "authorization" | "host" | "range")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn every_connection_line_counts() {
        let mut headers = map(&[
            ("connection", "close"),
            ("connection", "x-secret, content-type"),
            ("x-secret", "1"),
            ("content-type", "a/b"),
        ]);
        assert_eq!(named_by_connection(&headers), ["x-secret"]);
        end_hop_inbound(&mut headers);
        assert_eq!(names(&headers), ["content-type"]);
    }

    #[test]
    fn what_browsers_run_is_known_by_its_type() {
        for acts in
            ["text/html", "TEXT/HTML; charset=utf-8", "image/svg+xml", "text/xml", "*/*", ""]
        {
            assert!(may_act(Some(acts.as_bytes())), "{acts}");
        }
        for rests in ["application/dicom+json", "image/jpeg", "application/pdf", "text/plain"] {
            assert!(!may_act(Some(rests.as_bytes())), "{rests}");
        }
        assert!(may_act(None));
    }

    #[test]
    fn an_answer_keeps_what_is_the_caller_s_and_no_more() {
        let mut headers = map(&[
            ("server", "Microsoft"),
            ("www-authenticate", "Bearer"),
            ("set-cookie", "a=b"),
            ("access-control-allow-origin", "*"),
            ("nel", "{\"report_to\":\"them\"}"),
            ("report-to", "{\"group\":\"them\"}"),
            ("reporting-endpoints", "them=\"https://them.example\""),
            ("refresh", "0; url=https://origin.example/"),
            ("etag", "12-3"),
            ("warning", "299 - \"x\""),
            ("content-length", "3"),
        ]);
        end_hop_inbound(&mut headers);
        assert_eq!(names(&headers), ["content-length", "etag", "warning"]);
    }

    fn map(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    fn names(headers: &HeaderMap) -> Vec<&str> {
        let mut names = headers.keys().map(HeaderName::as_str).collect::<Vec<_>>();
        names.sort_unstable();
        names
    }
}
