//! In which forms the origin server writes its own URLs, and what stands for them.

use bytes::Bytes;
use config::{Origin, Profile};
use memchr::memmem::Finder;
use url::{Position, Url};

use super::base::{Base, segment};
use super::syntax::{Next, Syntax};

/// How one origin server writes its own URLs, and our URL in their place.
#[derive(Debug)]
pub(crate) struct Links {
    /// Beginnings of absolute URLs, longest first.
    urls: Vec<Form>,
    /// Beginnings of references without a host, longest first.
    paths: Vec<Form>,
    /// All of which the first are held by each of the second.
    needles: [Vec<Finder<'static>>; 2],
    /// The most bytes that it can take to know a form.
    longest: usize,
    /// Host and port as the origin server may name itself, and as callers know it.
    pub(super) authorities: (Vec<String>, String),
    /// The origin server's base URL, and how callers reach it; without a slash at the end.
    pub(super) bases: (String, String),
}

/// What of a route's configuration says which URLs are the origin server's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Service<'c> {
    /// Its base URL.
    pub(crate) origin: &'c Origin,
    /// Other base URLs that it writes for itself.
    pub(crate) aliases: &'c [Url],
    /// Its manners.
    pub(crate) profile: Profile,
    /// How callers reach it.
    pub(crate) public: &'c Url,
}

/// A beginning, with neither slash at its end nor escapes.
#[derive(Debug)]
struct Form {
    text: Vec<u8>,
    /// How much of it may be in capitals: the scheme, and the host unless that is searched for.
    folded: usize,
    becomes: Bytes,
    /// Of no other form it is the beginning.
    is_unrivalled: bool,
}

/// What stands at a string's beginning.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Found<'l> {
    /// Nothing of the origin server's.
    Nothing,
    /// It takes more bytes to tell.
    Unclear,
    /// The base of a URL of the origin server, in so many bytes, and what stands for it.
    Base(usize, &'l Bytes),
}

impl Links {
    /// Everything that can be known before the first answer.
    pub(crate) fn new(service: Service<'_>) -> Self {
        let public = plain(service.public);
        let origin = Base::of_origin(service.origin);
        let base = format!("{}{}", origin.authority(), origin.path);
        let scheme = if origin.tls { "https" } else { "http" };
        let bases = origin.siblings(service.profile);
        let aliases = service.aliases.iter().map(Base::of_url);
        let bases = bases.into_iter().chain(aliases).collect::<Vec<_>>();
        let mut urls = bases.iter().flat_map(|base| urls(base, &public)).collect::<Vec<_>>();
        let mut paths = paths(&origin, service, &public);
        finish(&mut urls);
        finish(&mut paths);
        let longest = |form: &Form| -> usize {
            form.text.iter().map(|byte| Syntax::Json.longest(*byte)).sum()
        };
        let longest = urls.iter().chain(&paths).map(longest).max().unwrap_or_default() + LOOKAHEAD;
        let needles = [Syntax::Json, Syntax::Xml].map(|syntax| needles(&bases, &paths, syntax));
        let authorities = bases.iter().flat_map(Base::authorities).collect();
        let authority = &service.public[Position::BeforeHost..Position::AfterPort];
        Self {
            urls,
            paths,
            needles,
            longest,
            authorities: (authorities, authority.to_owned()),
            bases: (format!("{scheme}://{base}"), public),
        }
    }

    /// What stands at the beginning of `raw`, where a string begins. `is_reference` says whether a
    /// path in this place would be the origin server's.
    pub(super) fn at(
        &self,
        raw: &[u8],
        syntax: Syntax,
        is_reference: impl FnOnce() -> bool,
    ) -> Found<'_> {
        match first(&self.urls, raw, syntax) {
            Found::Nothing => match first(&self.paths, raw, syntax) {
                Found::Nothing => Found::Nothing,
                found if is_reference() => found,
                _ => Found::Nothing,
            },
            found => found,
        }
    }

    /// As [`Self::at`], for a URL without any escapes that ends where `url` does. Its host may be in
    /// capitals.
    pub(super) fn whole(&self, url: &str) -> Option<(usize, &Bytes)> {
        let host = url.find("//").map_or(0, |scheme| scheme + 2);
        let path = url[host..].find(['/', '?', '#']).map_or(url.len(), |path| host + path);
        let mut raw = [url.as_bytes(), b"\""].concat();
        raw[host..path].make_ascii_lowercase();
        match self.at(&raw, Syntax::Xml, || url.starts_with("..")) {
            Found::Base(length, becomes) => Some((length, becomes)),
            Found::Nothing | Found::Unclear => None,
        }
    }

    pub(super) fn needles(&self, syntax: Syntax) -> &[Finder<'static>] {
        &self.needles[syntax as usize]
    }

    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// Whether what precedes a string matters.
    pub(super) fn has_paths(&self) -> bool {
        !self.paths.is_empty()
    }

    /// The absolute form that `raw` begins with in plain letters, if nothing longer could be meant.
    pub(super) fn plainly(&self, raw: &[u8], guess: &mut usize) -> Option<(usize, &Bytes)> {
        let is = |form: &Form| {
            form.is_unrivalled
                && raw.starts_with(&form.text)
                && matches!(raw.get(form.text.len()), Some(b'/' | b'"'))
        };
        if !self.urls.get(*guess).is_some_and(is) {
            *guess = self.urls.iter().position(is)?;
        }
        let form = &self.urls[*guess];
        Some((form.text.len(), &form.becomes))
    }
}

/// Servers behind something that ends TLS often write the wrong scheme, and some its port.
fn urls(base: &Base, public: &str) -> Vec<Form> {
    let web_socket = public.replacen("http", "ws", 1);
    let mut forms = Vec::new();
    for (scheme, default, becomes) in [
        ("https:", 443, public),
        ("http:", 80, public),
        ("wss:", 443, &web_socket),
        ("ws:", 80, &web_socket),
        ("", base.port, public),
    ] {
        let mut authorities = base.authorities();
        if base.is_default_port() && default != base.port {
            authorities.push(format!("{}:{default}", base.host));
        } else if !base.is_default_port() && default == base.port && !scheme.is_empty() {
            authorities.push(base.host.clone());
        }
        forms.extend(authorities.iter().map(|authority| {
            let text = format!("{scheme}//{authority}");
            let folded = if base.needle() == base.host { scheme.len() } else { text.len() };
            Form { folded, ..Form::new(text + &base.path, becomes) }
        }));
    }
    forms
}

/// References without a host. A path that is the same for callers leads them right as it is.
fn paths(origin: &Base, service: Service<'_>, public: &str) -> Vec<Form> {
    let bases = origin.siblings(service.profile);
    let same = service.public.path().trim_end_matches('/');
    let absolute = bases.iter().filter(|base| base.path != same).map(|base| base.path.clone());
    let climbing = bases.iter().filter(|_| bases.len() > 1).map(|base| format!("..{}", base.path));
    absolute.chain(climbing).map(|text| Form::new(text, public)).collect()
}

impl Form {
    fn new(text: String, becomes: &str) -> Self {
        let becomes = Bytes::copy_from_slice(becomes.as_bytes());
        Self { text: text.into_bytes(), folded: 0, becomes, is_unrivalled: true }
    }

    fn compare(&self, raw: &[u8], syntax: Syntax) -> Found<'_> {
        let mut at = 0;
        if raw.starts_with(&self.text) {
            at = self.text.len();
        } else {
            for (index, byte) in self.text.iter().enumerate() {
                match syntax.next(&raw[at..]) {
                    Next::Char(next, length)
                        if next == *byte
                            || index < self.folded && next.eq_ignore_ascii_case(byte) =>
                    {
                        at += length;
                    }
                    Next::Unclear => return Found::Unclear,
                    _ => return Found::Nothing,
                }
            }
        }
        let ends = match syntax.next(&raw[at..]) {
            Next::Unclear => return Found::Unclear,
            // An empty path is all of an origin server's paths, but none of another host's.
            Next::Char(b'/', length) if at == 0 => match syntax.next(&raw[length..]) {
                Next::Unclear => return Found::Unclear,
                next => !matches!(next, Next::Char(b'/', _)),
            },
            _ if at == 0 => false,
            Next::Char(b'/' | b'?' | b'#', _) => true,
            Next::Char(next, _) => syntax.ends_string(next),
            Next::Other => false,
        };
        if ends { Found::Base(at, &self.becomes) } else { Found::Nothing }
    }
}

/// The longest form decides; one that is not yet clear keeps the shorter ones waiting.
fn first<'l>(forms: &'l [Form], raw: &[u8], syntax: Syntax) -> Found<'l> {
    let mut found = forms.iter().map(|form| form.compare(raw, syntax));
    found.find(|found| *found != Found::Nothing).unwrap_or(Found::Nothing)
}

/// Longest first, each once.
fn finish(forms: &mut Vec<Form>) {
    forms.sort_by(|a, b| b.text.len().cmp(&a.text.len()).then_with(|| a.text.cmp(&b.text)));
    forms.dedup_by(|a, b| a.text == b.text);
    for index in 0..forms.len() {
        let (longer, rest) = forms.split_at_mut(index);
        let form = &mut rest[0];
        form.is_unrivalled = !longer.iter().any(|longer| longer.text.starts_with(&form.text));
    }
}

fn needles(bases: &[Base], paths: &[Form], syntax: Syntax) -> Vec<Finder<'static>> {
    let quoted: &[&str] = match syntax {
        Syntax::Json => &["\"/", "\"\\/", "\"\\u002f", "\"\\u002F"],
        Syntax::Xml => &["\"/", "'/"],
    };
    let mut texts = bases.iter().map(Base::needle).collect::<Vec<_>>();
    for form in paths {
        let path = std::str::from_utf8(&form.text).unwrap_or_default().trim_start_matches("..");
        if path.is_empty() { texts.extend(quoted) } else { texts.push(segment(path)) }
    }
    texts.sort_by_key(|text| text.len());
    // What holds another needle is found by that one.
    let mut needles = Vec::<&str>::new();
    for text in texts {
        if !needles.iter().any(|needle| text.contains(needle)) {
            needles.push(text);
        }
    }
    needles.into_iter().map(|needle| Finder::new(needle.as_bytes()).into_owned()).collect()
}

/// As a text for JSON, XML and header fields alike: a URL that is parsed holds nothing else that they
/// would have to escape.
fn plain(url: &Url) -> String {
    url.as_str().trim_end_matches('/').replace('&', "%26").replace('\'', "%27")
}

/// What has to be seen behind a form: two characters at most.
const LOOKAHEAD: usize = 12;

#[cfg(test)]
mod tests;
