//! What may come in at all, whatever the route.
//!
//! hyper frames messages well, but it is no gateway: it lets in targets, hosts, methods and fields
//! that mean one thing here and another at the origin server. All of that ends here, so that every
//! later step may believe what it sees.

use http::{HeaderMap, Request, Version, header};
use http_body::Body;

use crate::error::{Error, Refusal, is_known};

mod host;
pub(crate) mod query;
mod target;

/// What this gateway takes in.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// The hosts that it answers for, in lower case and without ports; empty for any.
    pub hosts: Vec<String>,
    /// The largest head, in bytes.
    pub max_head_bytes: usize,
    /// This process' name in `Via`.
    pub pseudonym: String,
}

/// Refuses what a gateway must not pass on.
pub(crate) fn admit<B: Body>(rules: &Rules, request: &Request<B>) -> Result<(), Error> {
    check(rules, request).map_err(Error::Refused)
}

fn check<B: Body>(rules: &Rules, request: &Request<B>) -> Result<(), Refusal> {
    let method = request.method().as_str();
    if matches!(method, "TRACE" | "CONNECT") {
        return Err(Refusal::Method);
    }
    if !is_known(request.method()) {
        return Err(Refusal::UnknownMethod);
    }
    let headers = request.headers();
    let target = request.uri().path().len() + request.uri().query().map_or(0, str::len);
    if target > rules.max_head_bytes {
        return Err(Refusal::TargetTooLong);
    }
    if target + fields_size(headers) > rules.max_head_bytes {
        return Err(Refusal::HeadTooLarge);
    }
    if headers.keys().any(|name| name.as_str().contains('_')) {
        return Err(Refusal::Field);
    }
    let host = host::of(request)?;
    if !rules.hosts.is_empty()
        && let Some(host) = host
        && !rules.hosts.iter().any(|ours| ours.eq_ignore_ascii_case(host))
    {
        return Err(Refusal::Misdirected);
    }
    target::check(request)?;
    request.uri().query().map_or(Ok(()), query::check)?;
    framing(request)?;
    if headers.get_all(header::VIA).iter().any(|via| names(via.as_bytes(), &rules.pseudonym)) {
        return Err(Refusal::Loop);
    }
    Ok(())
}

fn framing<B: Body>(request: &Request<B>) -> Result<(), Refusal> {
    let headers = request.headers();
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    if let Some(coding) = codings.next()
        && (codings.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked"))
    {
        return Err(Refusal::TransferCoding);
    }
    // A pattern for smuggling: the two hops might each take the other's word for it.
    let has_body = !request.body().is_end_stream();
    if has_body && matches!(request.method().as_str(), "GET" | "HEAD" | "DELETE" | "OPTIONS") {
        return Err(Refusal::Body);
    }
    let mut expectations = headers.get_all(header::EXPECT).iter();
    if request.version() != Version::HTTP_10
        && expectations.any(|value| !value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
    {
        return Err(Refusal::Expectation);
    }
    Ok(())
}

/// The fields' size as HTTP/1.1 would write them.
fn fields_size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len()).sum()
}

/// Whether one of a `Via` line's entries was made by `pseudonym`.
fn names(via: &[u8], pseudonym: &str) -> bool {
    via.split(|byte| *byte == b',').any(|entry| {
        let mut words = entry.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
        words.nth(1).is_some_and(|by| by == pseudonym.as_bytes())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_is_known_by_the_second_word_of_an_entry() {
        assert!(names(b"1.1 other, 1.1 me", "me"));
        assert!(names(b"2 me (comment)", "me"));
        assert!(!names(b"1.1 me-too, 1.0 you", "me"));
        assert!(!names(b"me", "me"));
    }
}
