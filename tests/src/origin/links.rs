//! The absolute URLs in what the service says: built from the Host it was asked under, unless a
//! proxy told it a better one in `X-Forwarded-Host` and `X-Forwarded-Prefix`.

use http::HeaderValue;
use http::header::HOST;
use http::request::Parts;

use super::instance::Sop;

/// Where callers reach this service, as far as it can tell.
#[derive(Debug)]
pub(super) struct Links {
    host: String,
    base: String,
    /// The base of what lies in the partition that the request named.
    data: String,
}

impl Links {
    /// The links for one request that came by `scheme` and named `partition`.
    pub(super) fn of(request: &Parts, scheme: &str, partition: Option<&str>) -> Self {
        let field = |name: &str| request.headers.get(name)?.to_str().ok();
        let host = request.uri.authority().map(|it| it.as_str()).or_else(|| field(HOST.as_str()));
        let host = host.unwrap_or_default().to_owned();
        let origin = format!("{scheme}://{}", field("x-forwarded-host").unwrap_or(&host));
        // A prefix stands for all that precedes a DICOMweb path, a partition's name among it.
        let (base, data) = match (field("x-forwarded-prefix"), partition) {
            (Some(prefix), _) => (format!("{origin}{}", prefix.trim_end_matches('/')), None),
            (None, name) => (format!("{origin}{}", super::BASE), name),
        };
        let data = data.map_or_else(|| base.clone(), |name| format!("{base}/partitions/{name}"));
        Self { host, base, data }
    }

    /// A `Warning`; no forwarding header changes its host.
    pub(super) fn warning(&self, text: &str) -> Option<HeaderValue> {
        HeaderValue::try_from(format!("299 {}: \"{}\"", self.host, text.replace('"', "'"))).ok()
    }

    pub(super) fn study(&self, uid: &str) -> String {
        format!("{}/studies/{uid}", self.data)
    }

    pub(super) fn instance(&self, sop: &Sop) -> String {
        let Sop { study, series, instance } = sop;
        format!("{}/series/{series}/instances/{instance}", self.study(study))
    }

    pub(super) fn work_item(&self, uid: &str) -> String {
        format!("{}/workitems/{uid}", self.data)
    }

    pub(super) fn operation(&self, id: &str) -> String {
        format!("{}/operations/{id}", self.base)
    }

    pub(super) fn tag(&self, path: &str) -> String {
        format!("{}/extendedquerytags/{path}", self.base)
    }
}
