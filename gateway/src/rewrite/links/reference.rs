//! What the streaming rewriter has to come to, said slowly: with whole texts, parsed.

use config::{Origin, Profile};
use serde_json::Value;
use url::Url;

use super::forms::{Links, Service};

/// One route.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) origin: Origin,
    pub(super) aliases: Vec<Url>,
    pub(super) profile: Profile,
    pub(super) public: Url,
}

/// Routes of several kinds: with a telling path, with a version, without a path, and with the path
/// that callers use as well.
pub(super) fn routes() -> Vec<Route> {
    vec![
        route(
            "http://orthanc:8042/dicom-web",
            &["http://10.0.0.7/dicom-web", "https://pacs.internal/a/b"],
            Profile::Orthanc,
            "https://imaging.example/pacs",
        ),
        route(
            "https://ws-svc.dicom.azurehealthcareapis.com/v2",
            &[],
            Profile::Azure,
            "http://127.0.0.1:8080/dicom-web",
        ),
        route("http://pacs.example", &[], Profile::Generic, "https://imaging.example/x"),
        route(
            "https://pacs.example:8443/dicom-web",
            &["https://pacs.example:8443/dicom-web/deeper"],
            Profile::Generic,
            "http://localhost/dicom-web",
        ),
        route("https://h/rs", &["http://h2"], Profile::Dcm4chee, "https://imaging.example/"),
    ]
}

pub(super) fn route(origin: &str, aliases: &[&str], profile: Profile, public: &str) -> Route {
    let url = |text: &str| Url::parse(text).unwrap();
    let parsed = url(origin);
    Route {
        origin: Origin {
            tls: parsed.scheme() == "https",
            host: parsed.host_str().unwrap().trim_matches(['[', ']']).to_owned(),
            port: parsed.port_or_known_default().unwrap(),
            authority: String::new(),
            base: parsed.path().trim_end_matches('/').to_owned(),
            anchors: None,
        },
        aliases: aliases.iter().map(|alias| url(alias)).collect(),
        profile,
        public: url(public),
    }
}

impl Route {
    pub(super) fn links(&self) -> Links {
        Links::new(Service {
            origin: &self.origin,
            aliases: &self.aliases,
            profile: self.profile,
            public: &self.public,
        })
    }

    fn ours(&self) -> &str {
        self.public.as_str().trim_end_matches('/')
    }

    fn bases(&self) -> Vec<String> {
        let base = self.origin.base.clone();
        if self.profile != Profile::Azure {
            return vec![base];
        }
        vec!["/v1".into(), "/v2".into(), "/v1.0-prerelease".into()]
    }

    /// What an absolute URL becomes.
    pub(super) fn url(&self, text: &str) -> Option<String> {
        let (scheme, rest) = match text.strip_prefix("//") {
            Some(rest) => (String::new(), rest),
            None => {
                let (scheme, rest) = text.split_once("://")?;
                (scheme.to_ascii_lowercase(), rest)
            }
        };
        let default = match scheme.as_str() {
            "https" | "wss" => Some(443),
            "http" | "ws" => Some(80),
            "" => None,
            _ => return None,
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let host = if self.origin.host.contains(':') {
            format!("[{}]", self.origin.host)
        } else {
            self.origin.host.clone()
        };
        let mut known: Vec<_> = self
            .bases()
            .into_iter()
            .map(|base| (self.origin.tls, host.clone(), self.origin.port, base))
            .collect();
        known.extend(self.aliases.iter().map(|alias| {
            let base = alias.path().trim_end_matches('/').to_owned();
            let host = alias.host_str().unwrap().to_owned();
            (alias.scheme() == "https", host, alias.port_or_known_default().unwrap(), base)
        }));
        known.sort_by_key(|(.., base)| std::cmp::Reverse(base.len()));
        let rest = known.iter().find_map(|(tls, host, port, base)| {
            // A host that is searched for is searched for in lower case.
            let is_telling = base.split('/').any(|segment| segment.len() >= 6);
            let authority =
                if is_telling { authority.to_ascii_lowercase() } else { authority.into() };
            let port_of = authority.strip_prefix(host.as_str())?;
            let is_default = *port == if *tls { 443 } else { 80 };
            let is_ours = match port_of.strip_prefix(':') {
                Some(given) => {
                    given == port.to_string()
                        || is_default && default.is_some_and(|port| given == port.to_string())
                }
                None => port_of.is_empty() && (is_default || default == Some(*port)),
            };
            let rest = path.strip_prefix(base.as_str())?;
            (is_ours && (rest.is_empty() || rest.starts_with(['/', '?', '#']))).then_some(rest)
        })?;
        let ours = if scheme.starts_with("ws") {
            self.ours().replacen("http", "ws", 1)
        } else {
            self.ours().to_owned()
        };
        Some(ours + rest)
    }

    /// What a path becomes where it is a reference.
    pub(super) fn path(&self, text: &str) -> Option<String> {
        let climbs = self.profile == Profile::Azure && text.starts_with("../");
        let path = if climbs { &text[2..] } else { text };
        self.bases().iter().find_map(|base| {
            let rest = path.strip_prefix(base.as_str())?;
            let ends = rest.is_empty() || rest.starts_with(['/', '?', '#']);
            let is_base = if base.is_empty() {
                rest.starts_with('/') && !rest.starts_with("//")
            } else {
                ends
            };
            let is_same = !climbs && base == self.public.path().trim_end_matches('/');
            (is_base && !is_same).then(|| format!("{}{rest}", self.ours()))
        })
    }

    /// What a JSON value becomes.
    pub(super) fn json(&self, value: &Value, is_reference: bool) -> Value {
        match value {
            Value::String(text) => {
                let path = || is_reference.then(|| self.path(text)).flatten();
                Value::String(self.url(text).or_else(path).unwrap_or_else(|| text.clone()))
            }
            Value::Array(values) => {
                Value::Array(values.iter().map(|value| self.json(value, false)).collect())
            }
            Value::Object(entries) => {
                let entries = entries.iter().map(|(key, value)| {
                    let is_reference = matches!(key.as_str(), "BulkDataURI" | "href");
                    let value = match value.as_object() {
                        Some(element) if key == "00081190" => self.retrieve_url(element),
                        _ => self.json(value, is_reference),
                    };
                    (self.url(key).unwrap_or_else(|| key.clone()), value)
                });
                Value::Object(entries.collect())
            }
            other => other.clone(),
        }
    }

    fn retrieve_url(&self, element: &serde_json::Map<String, Value>) -> Value {
        // Nothing but the representation may precede its value; entries are written in order.
        let is_url = element.keys().next().is_some_and(|key| key == "Value");
        let mut element = self.json(&Value::Object(element.clone()), false);
        if let Some(Value::String(first)) = element.pointer_mut("/Value/0")
            && is_url
            && let Some(ours) = self.path(first)
        {
            *first = ours;
        }
        element
    }

    /// What an XML text becomes; it ends with a line.
    pub(super) fn xml(&self, text: &str) -> String {
        let is_edge = |c: char| matches!(c, '"' | '\'' | '>' | ' ' | '\t' | '\r' | '\n');
        let mut out = String::new();
        let mut rest = text;
        let mut begins = false;
        while !rest.is_empty() {
            let end = rest.find(|c| is_edge(c) || c == '<').unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            let place = &text[..text.len() - rest.len()];
            let is_reference = ["\"", "'"].iter().any(|quote| {
                let place = place.strip_suffix(quote).unwrap_or_default();
                ["<BulkData uri=", "<BulkData URI="].iter().any(|tag| place.ends_with(tag))
            });
            let path = || is_reference.then(|| self.path(word)).flatten();
            let ours = begins.then(|| self.url(word).or_else(path)).flatten();
            out += ours.as_deref().unwrap_or(word);
            begins = after.starts_with(is_edge);
            let edge = after.chars().next().map_or(0, char::len_utf8);
            out += &after[..edge];
            rest = &after[edge..];
        }
        out
    }
}
