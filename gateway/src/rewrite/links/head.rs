//! The origin server's URLs in the head of an answer, or of a part of one.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use url::{ParseError, Url};

use super::forms::Links;

impl Links {
    /// Puts ours in the place of the origin server's URLs in an answer's head. `below` is the path
    /// that was asked for, without the route's prefix.
    pub(crate) fn rewrite_head(&self, headers: &mut HeaderMap, below: &str) {
        self.rewrite(headers, header::LOCATION, |value| self.reference(value, Some(below)));
        self.rewrite(headers, header::CONTENT_LOCATION, |value| self.reference(value, Some(below)));
        self.rewrite(headers, header::LINK, |value| link(self, value, below));
        self.rewrite(headers, header::WARNING, |value| warning(self, value));
    }

    fn rewrite(
        &self,
        headers: &mut HeaderMap,
        name: HeaderName,
        anew: impl Fn(&str) -> Option<String>,
    ) {
        if !headers.contains_key(&name) {
            return;
        }
        let values = headers.get_all(&name).iter().map(|value| {
            let text = std::str::from_utf8(value.as_bytes()).ok().and_then(&anew);
            text.and_then(|text| HeaderValue::try_from(text).ok()).unwrap_or_else(|| value.clone())
        });
        let values = values.collect::<Vec<_>>();
        headers.remove(&name);
        for value in values {
            headers.append(&name, value);
        }
    }

    /// Our form of a reference to something of the origin server's, unless it leads there as it is.
    /// References relative to what was asked for can be told where `below` is known.
    fn reference(&self, reference: &str, below: Option<&str>) -> Option<String> {
        let reference = reference.trim();
        if let Some((length, becomes)) = self.whole(reference) {
            return Some(text(becomes).into_owned() + &reference[length..]);
        }
        let is_path = reference.starts_with('/') && !reference.starts_with("//");
        let is_relative = || Url::parse(reference) == Err(ParseError::RelativeUrlWithoutBase);
        let is_known = is_path || below.is_some() && !reference.starts_with('/') && is_relative();
        if !is_known {
            return None;
        }
        let (origin, public) = &self.bases;
        let from = |base: &str| {
            let asked = Url::parse(&format!("{base}{}", below.unwrap_or_default())).ok()?;
            asked.join(reference).ok()
        };
        let meant = from(origin)?;
        let (length, becomes) = self.whole(meant.as_str())?;
        let ours = text(becomes).into_owned() + &meant.as_str()[length..];
        (from(public)?.as_str() != ours).then_some(ours)
    }

    fn is_authority(&self, word: &str) -> bool {
        self.authorities.0.iter().any(|authority| authority.eq_ignore_ascii_case(word))
    }
}

/// The value of a field in the head of a part.
pub(super) fn value<'h>(head: &'h [u8], name: &str) -> Option<&'h [u8]> {
    lines(head).find_map(|line| named(line, name)).map(<[u8]>::trim_ascii)
}

/// The head of a part with ours in the place of the origin server's URLs, and without the field
/// `but`. Every other byte stays: some callers' parsers want names in the case that they know.
pub(super) fn part(links: &Links, head: &[u8], but: Option<&str>) -> Bytes {
    let mut out = Vec::with_capacity(head.len() + 64);
    for line in lines(head) {
        if but.is_some_and(|name| named(line, name).is_some()) {
            continue;
        }
        let location = named(line, "content-location").and_then(|value| {
            let reference = std::str::from_utf8(value).ok()?;
            let ours = links.reference(reference, None)?;
            let name = &line[..line.len() - value.len()];
            Some([name, b" ", ours.as_bytes(), b"\r\n"].concat())
        });
        out.extend_from_slice(location.as_deref().unwrap_or(line));
    }
    out.into()
}

/// Lines with their ends.
fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    head.split_inclusive(|byte| *byte == b'\n')
}

/// What follows the colon, if the field is called `name`.
fn named<'l>(line: &'l [u8], name: &str) -> Option<&'l [u8]> {
    let (field, value) = line.split_at(line.iter().position(|byte| *byte == b':')?);
    field.eq_ignore_ascii_case(name.as_bytes()).then_some(&value[1..])
}

/// RFC 8288: every target, which stands between `<` and `>`.
fn link(links: &Links, value: &str, below: &str) -> Option<String> {
    let mut out = String::new();
    let (mut rest, mut is_changed) = (value, false);
    while let Some(start) = rest.find(['<', '"']) {
        let close = if rest[start..].starts_with('<') { '>' } else { '"' };
        let (before, from) = rest.split_at(start + 1);
        let (inside, after) = from.split_at(from.find(close)?);
        let ours = (close == '>').then(|| links.reference(inside, Some(below))).flatten();
        is_changed |= ours.is_some();
        out += before;
        out += ours.as_deref().unwrap_or(inside);
        out.push(close);
        rest = &after[1..];
    }
    is_changed.then(|| out + rest)
}

/// RFC 7234, section 5.5: a code, who warns, and a text in quotes. Azure writes a colon behind who
/// warns.
fn warning(links: &Links, value: &str) -> Option<String> {
    let mut out = String::new();
    let mut is_quoted = false;
    for word in value.split_inclusive(EDGES) {
        let (bare, edge) = word.split_at(word.trim_end_matches(EDGES).len());
        let agent = bare.strip_suffix(':').unwrap_or(bare);
        if let Some((length, becomes)) = links.whole(bare) {
            out += &text(becomes);
            out += &bare[length..];
        } else if !is_quoted && links.is_authority(agent) {
            out += &links.authorities.1;
            out += &bare[agent.len()..];
        } else {
            out += bare;
        }
        out += edge;
        is_quoted ^= edge.contains('"');
    }
    (out != value).then_some(out)
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// What ends a word of a warning.
const EDGES: [char; 6] = [' ', ',', '"', '\'', '(', '<'];

#[cfg(test)]
mod tests;
