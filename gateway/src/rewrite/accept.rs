//! `Accept` on its way to an origin server: what a caller meant, said as that server understands it.
//!
//! Nothing is asked for that the caller would not take. A list that holds nothing that the origin
//! server has goes on as it is and is answered 406, as it should be: whoever reads XML alone must
//! not get JSON.

use std::ops::Range as Span;

use config::{Fix, Fixes, Profile};
use http::header::ACCEPT;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method};

use super::manners::{Content, Manner};
use crate::transaction::Resource;

mod choice;
mod query;
pub(super) mod range;
mod wish;

use self::range::{Range, Ranges};
use self::wish::Wish;

/// What was done to a request.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Done {
    /// By the names of the fixes.
    pub(super) fixes: Fixes,
    /// What of the query has become the header and does not go on.
    pub(super) cut: Span<usize>,
}

/// Puts `Accept` right in `headers`, which are what of the caller's goes on. Where there is nothing
/// to do, nothing is allocated, and the value is read once at most.
pub(super) fn put_right(
    headers: &mut HeaderMap,
    caller: &Parts,
    resource: Resource,
    (profile, fixes): (Profile, Fixes),
) -> Done {
    let mut done = Done::default();
    let Some(content) = Content::of(resource, &caller.method) else { return done };
    let manner = Manner::of(profile, content);
    if let Some((value, cut)) = asked_by_query(caller, fixes) {
        done.cut = cut;
        // Who names media types in the header has chosen; a browser's list is nobody's choice.
        if says_nothing(headers) || takes_anything(headers) {
            headers.insert(ACCEPT, value);
        }
        done.fixes = done.fixes.with(Fix::AcceptQuery, true);
    }
    if only(headers).is_some_and(|line| *line == *manner.default && *line != *ANYTHING) {
        return done;
    }
    if says_nothing(headers) {
        if !fixes.contains(Fix::AcceptDefault) {
            return done;
        }
        headers.insert(ACCEPT, HeaderValue::from_static(manner.default));
        done.fixes = done.fixes.with(Fix::AcceptDefault, true);
    }
    let wish = Wish::new(fixes, content, manner);
    if let Some((lines, fixes)) = wish.fulfilled(headers) {
        headers.remove(ACCEPT);
        for line in lines {
            headers.append(ACCEPT, line);
        }
        done.fixes = fixes.iter().fold(done.fixes, |all, fix| all.with(fix, true));
    }
    done
}

/// The `type` that these lines ask parts to be of, if there is exactly one.
pub(super) fn parts_asked<'a>(lines: impl Iterator<Item = &'a HeaderValue>) -> Option<&'a [u8]> {
    let mut asked = lines
        .flat_map(|line| Ranges::of(line.as_bytes()))
        .filter(|range| range.name.eq_ignore_ascii_case(b"multipart/related"))
        .filter(|range| !range.is_refusal() && !range.is_wildcard())
        .filter_map(|range| range.parts);
    let first = asked.next().filter(|parts| range::is_media_type(parts))?;
    asked.all(|other| other.eq_ignore_ascii_case(first)).then_some(first)
}

/// What a request asks for by its query, and where that stands, where `fixes` would see to it.
pub(super) fn asked_by_query(caller: &Parts, fixes: Fixes) -> Option<(HeaderValue, Span<usize>)> {
    let reads = matches!(caller.method, Method::GET | Method::HEAD);
    let seen_to = reads && fixes.contains(Fix::AcceptQuery);
    caller.uri.query().filter(|_| seen_to).and_then(query::accept)
}

fn says_nothing(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(ACCEPT).iter();
    lines.flat_map(|line| line.as_bytes()).all(|byte| matches!(byte, b',' | b' ' | b'\t'))
}

fn takes_anything(headers: &HeaderMap) -> bool {
    ranges(headers).any(|range| range.name == ANYTHING.as_bytes() && !range.is_refusal())
}

fn ranges(headers: &HeaderMap) -> impl Iterator<Item = Range<'_>> {
    headers.get_all(ACCEPT).iter().flat_map(|line| Ranges::of(line.as_bytes()))
}

fn only(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut lines = headers.get_all(ACCEPT).iter();
    lines.next().filter(|_| lines.next().is_none())
}

const ANYTHING: &str = "*/*";

#[cfg(test)]
mod tests;
