//! The base URLs that an origin server may write for itself.

use config::{Origin, Profile};
use url::Url;

/// One base URL of the origin server.
pub(super) struct Base {
    pub(super) tls: bool,
    /// With brackets where it is an address that has them in URLs.
    pub(super) host: String,
    pub(super) port: u16,
    /// Without a slash at its end.
    pub(super) path: String,
}

impl Base {
    pub(super) fn of_origin(origin: &Origin) -> Self {
        let bare = !origin.host.contains(':');
        let host = if bare { origin.host.clone() } else { format!("[{}]", origin.host) };
        Self { tls: origin.tls, host, port: origin.port, path: origin.base.clone() }
    }

    pub(super) fn of_url(url: &Url) -> Self {
        Self {
            tls: url.scheme() == "https",
            host: url.host_str().unwrap_or_default().to_owned(),
            port: url.port_or_known_default().unwrap_or_default(),
            path: url.path().trim_end_matches('/').to_owned(),
        }
    }

    /// Itself, and the versions of the service that stand beside it: Azure names an operation under
    /// another version than the one that was asked.
    pub(super) fn siblings(&self, profile: Profile) -> Vec<Self> {
        let mut paths = vec![self.path.clone()];
        if profile == Profile::Azure
            && let Some((version, rest)) = version(&self.path)
        {
            let others = VERSIONS.iter().filter(|other| **other != version);
            paths.extend(others.map(|other| format!("/{other}{rest}")));
        }
        let with = |path| Self { tls: self.tls, host: self.host.clone(), port: self.port, path };
        paths.into_iter().map(with).collect()
    }

    pub(super) fn is_default_port(&self) -> bool {
        self.port == if self.tls { 443 } else { 80 }
    }

    pub(super) fn authority(&self) -> String {
        if self.is_default_port() {
            self.host.clone()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// All ways to name host and port.
    pub(super) fn authorities(&self) -> Vec<String> {
        let with_port = format!("{}:{}", self.host, self.port);
        if self.is_default_port() { vec![self.host.clone(), with_port] } else { vec![with_port] }
    }

    /// What to search for: the longest segment of the path is in all forms, absolute or not.
    pub(super) fn needle(&self) -> &str {
        let segment = segment(&self.path);
        if segment.len() >= TELLING { segment } else { &self.host }
    }
}

/// The longest segment of a path.
pub(super) fn segment(path: &str) -> &str {
    path.split('/').max_by_key(|segment| segment.len()).unwrap_or_default()
}

/// Azure's version at the beginning of a path, and the rest.
fn version(path: &str) -> Option<(&str, &str)> {
    let path = path.strip_prefix('/')?;
    let (version, rest) = path.split_at(path.find('/').unwrap_or(path.len()));
    let is_version =
        version.strip_prefix('v').is_some_and(|v| v.starts_with(|c: char| c.is_ascii_digit()));
    is_version.then_some((version, rest))
}

/// Versions that Azure's service has had.
const VERSIONS: [&str; 3] = ["v1", "v2", "v1.0-prerelease"];

/// From this length on a path's segment is rare enough to be searched for.
const TELLING: usize = 6;
