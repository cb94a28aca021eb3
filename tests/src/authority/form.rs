//! A token request as it arrived.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, header};
use url::form_urlencoded;

use crate::server::Shown;

/// One request to the token endpoint: what was sent, and what it decodes to.
#[derive(Clone, Debug)]
pub struct Form {
    /// The tenant of the path, as written there.
    pub tenant: String,
    /// The method of the request.
    pub method: Method,
    /// All header fields of the request.
    pub headers: HeaderMap,
    /// The body as it came.
    pub raw: Bytes,
    /// The certificate that was shown in the handshake, DER.
    pub shown: Option<Arc<[u8]>>,
    /// The decoded pairs in their order; empty unless the body claims to be a form.
    pub pairs: Vec<(String, String)>,
}

impl Form {
    /// The value of the first pair called `name`.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The value of the header field `name`, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(super) fn read(tenant: &str, parts: http::request::Parts, raw: Bytes) -> Self {
        let is_form = parts
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case(FORM));
        let pairs =
            if is_form { form_urlencoded::parse(&raw).into_owned().collect() } else { Vec::new() };
        let shown = parts.extensions.get::<Shown>().map(|shown| shown.0.clone());
        let (tenant, method, headers) = (tenant.to_owned(), parts.method, parts.headers);
        Self { tenant, method, headers, raw, shown, pairs }
    }
}

const FORM: &str = "application/x-www-form-urlencoded";
