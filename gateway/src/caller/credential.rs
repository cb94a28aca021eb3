//! What a request shows of its caller: at most one credential.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderName};
use http::request::Parts;
use secrecy::zeroize::Zeroizing;

use super::Why;
use crate::transaction::decoded;
use crate::wire::query;

/// A request's credential, as it was sent. Has no `Debug`.
pub(super) enum Credential<'h> {
    /// None.
    None,
    /// `Authorization: Bearer`: an access token or a key.
    Bearer(&'h str),
    /// `X-Api-Key`.
    Key(&'h str),
    /// The password of `Authorization: Basic`, which is a key.
    Password(Zeroizing<String>),
}

impl<'h> Credential<'h> {
    /// The credential of this request, if it is sound (RFC 6750, section 2: one method, once).
    pub(super) fn of(head: &'h Parts) -> Result<Self, Why> {
        let mut authorizations = head.headers.get_all(header::AUTHORIZATION).iter();
        let mut keys = head.headers.get_all(&API_KEY).iter();
        let (authorization, key) = (authorizations.next(), keys.next());
        let too_many = authorizations.next().is_some() || keys.next().is_some();
        if too_many || (authorization.is_some() && key.is_some()) {
            return Err(Why::Ambiguous);
        }
        if let Some(key) = key {
            let key = key.to_str().map_err(|_| Why::Key)?;
            return Ok(Self::Key(key.trim()));
        }
        let Some(authorization) = authorization else { return Ok(Self::None) };
        let text = authorization.to_str().map_err(|_| Why::Ambiguous)?;
        let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
        let rest = rest.trim_matches(' ');
        if scheme.eq_ignore_ascii_case("bearer") {
            Ok(Self::Bearer(rest))
        } else if scheme.eq_ignore_ascii_case("basic") {
            password(rest).map(Self::Password).ok_or(Why::Key)
        } else {
            // It proves nothing that any route takes.
            Err(Why::Nothing)
        }
    }
}

/// The password of Basic credentials (RFC 7617, section 2). The user's name is nothing to us: clients
/// that know no keys ask for one all the same.
fn password(encoded: &str) -> Option<Zeroizing<String>> {
    let decoded = Zeroizing::new(STANDARD.decode(encoded).ok()?);
    let (_, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some(Zeroizing::new(password.to_owned()))
}

/// A token in a URL stands in logs and histories (RFC 6750, section 2.3), so none is taken there, and
/// none goes on to the origin server.
pub(super) fn has_token_in_query(head: &Parts) -> bool {
    let mut names = query::names(head.uri.query().unwrap_or_default());
    names.any(|name| {
        let name = decoded(name);
        TOKENS.iter().any(|token| name.eq_ignore_ascii_case(token))
    })
}

/// What a token in a query is called.
const TOKENS: [&str; 2] = ["access_token", "oauth_token"];

/// The header of keys.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
