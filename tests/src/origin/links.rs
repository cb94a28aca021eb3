//! The absolute URLs in what the service says: built from the Host it was asked under, unless a
//! proxy told it a better one in `X-Forwarded-Host` and `X-Forwarded-Prefix`.

use http::header::HOST;
use http::request::Parts;

use super::instance::Sop;

/// Where callers reach this service, as far as it can tell.
#[derive(Debug)]
pub(super) struct Links {
    host: String,
    base: String,
}

impl Links {
    /// The links for one request that came by `scheme`.
    pub(super) fn of(request: &Parts, scheme: &str) -> Self {
        let field = |name: &str| request.headers.get(name)?.to_str().ok();
        let host = request.uri.authority().map(|it| it.as_str()).or_else(|| field(HOST.as_str()));
        let host = host.unwrap_or_default().to_owned();
        let prefix = field("x-forwarded-prefix").unwrap_or(super::BASE).trim_end_matches('/');
        let base = format!("{scheme}://{}{prefix}", field("x-forwarded-host").unwrap_or(&host));
        Self { host, base }
    }

    /// The host of a `Warning`, which no forwarding header changes.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn study(&self, uid: &str) -> String {
        format!("{}/studies/{uid}", self.base)
    }

    pub(super) fn instance(&self, sop: &Sop) -> String {
        let Sop { study, series, instance } = sop;
        format!("{}/series/{series}/instances/{instance}", self.study(study))
    }
}
