//! What a token says, in the shapes that issuers write: Entra's versions 1 and 2, and RFC 9068.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::flaw::{self, Flaw};

/// The claims that count.
pub(super) struct Claims {
    /// `iss`.
    pub issuer: String,
    /// `aud`, one or several.
    pub audiences: Vec<String>,
    /// `exp`, in seconds since 1970.
    pub ends: u64,
    /// The later of `nbf` and `iat`.
    pub starts: Option<u64>,
    /// `tid`.
    pub tenant: Option<String>,
    /// `oid`, else `sub`: Entra's `sub` is another one for each application.
    pub subject: String,
    /// `azp`, else `appid`, else `client_id`; empty without any.
    pub application: String,
    /// `scp` and `scope`.
    pub scopes: Vec<String>,
    /// `roles`.
    pub roles: Vec<String>,
    /// `groups`. Entra leaves them out of tokens of users who have some hundred.
    pub groups: Vec<String>,
    /// Whether it is certain that there is no user.
    pub app_only: bool,
    /// What the claims tell of the token's kind.
    pub purpose: Purpose,
    /// The certificate that it is bound to: `x5t#S256` of `cnf` (RFC 8705, section 3.1).
    pub certificate: Option<[u8; 32]>,
}

/// What a token is for, going by its claims.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Purpose {
    /// To be let in.
    Access,
    /// To tell an application who signed in to it.
    Identity,
    /// Nothing tells.
    Unsaid,
}

impl Claims {
    /// Reads them; what is there has to be of the right type.
    pub(super) fn read(members: &Map<String, Value>) -> Result<Self, Flaw> {
        // Whoever compares names without their case might take another one.
        if members.keys().filter(|name| name.eq_ignore_ascii_case("tid")).count() > 1 {
            return Err(flaw::MALFORMED);
        }
        let text = |name| text(members, name);
        let (oid, sub) = (text("oid")?, text("sub")?);
        let subject = oid.or(sub).filter(|subject| !subject.is_empty()).ok_or(flaw::NOBODY)?;
        let application = match (text("azp")?, text("appid")?) {
            (None, None) => text("client_id")?,
            (azp, appid) => azp.or(appid),
        };
        let application = application.unwrap_or_default();
        let scopes = [words(members, "scp"), words(members, "scope")].concat();
        let roles = list(members, "roles");
        let is = |name, value| members.get(name).and_then(Value::as_str) == Some(value);
        let app_only = match members.get("idtyp").and_then(Value::as_str) {
            Some(kind) => kind == "app",
            None => {
                is("gty", "client-credentials")
                    || (scopes.is_empty()
                        && (sub == Some(application).filter(|it| !it.is_empty())
                            // Entra's, which has a tenant; others may map what they like to `oid`.
                            || (members.contains_key("tid") && oid.is_some() && oid == sub)))
            }
        };
        Ok(Self {
            issuer: text("iss")?.ok_or(flaw::ISSUER)?.to_owned(),
            audiences: audiences(members.get("aud"))?,
            ends: seconds(members, "exp")?.ok_or(flaw::ENDLESS)?,
            starts: seconds(members, "nbf")?.max(seconds(members, "iat")?),
            tenant: text("tid")?.map(str::to_owned),
            subject: subject.to_owned(),
            application: application.to_owned(),
            purpose: purpose(members, (&scopes, &roles), application),
            groups: list(members, "groups"),
            scopes,
            roles,
            app_only,
            certificate: certificate(members.get("cnf"))?,
        })
    }
}

/// ID tokens have signs of their own (OpenID Connect Core 1.0, sections 2 and 3.3.2.11), and of the
/// products that write none of those, one each. Roles alone prove nothing: Entra writes them into both,
/// but into ID tokens no application that asked.
fn purpose(
    members: &Map<String, Value>,
    (scopes, roles): (&[String], &[String]),
    application: &str,
) -> Purpose {
    let is = |name, value: &str| {
        let found = members.get(name).and_then(Value::as_str);
        found.is_some_and(|found| found.eq_ignore_ascii_case(value))
    };
    let has = |name: &str| members.contains_key(name);
    let of_identity = ["at_hash", "c_hash", "s_hash"].into_iter().any(has)
        || (has("nonce") && scopes.is_empty())
        || ["id", "refresh", "offline", "logout"].iter().any(|kind| is("typ", kind))
        || is("token_use", "id");
    let of_access = !scopes.is_empty()
        || (!roles.is_empty() && !application.is_empty())
        || is("typ", "bearer")
        || is("token_use", "access");
    match (of_identity, of_access) {
        (true, _) => Purpose::Identity,
        (false, true) => Purpose::Access,
        (false, false) => Purpose::Unsaid,
    }
}

fn text<'m>(members: &'m Map<String, Value>, name: &str) -> Result<Option<&'m str>, Flaw> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(flaw::MALFORMED),
    }
}

/// A number of seconds, which may have a fraction (RFC 7519, section 2), in the years that there are.
fn seconds(members: &Map<String, Value>, name: &str) -> Result<Option<u64>, Flaw> {
    let Some(value) = members.get(name) else { return Ok(None) };
    let seconds = value.as_f64().filter(|seconds| (0.0..YEAR_10_000).contains(seconds));
    seconds.map(|seconds| Some(seconds as u64)).ok_or(flaw::MALFORMED)
}

fn audiences(value: Option<&Value>) -> Result<Vec<String>, Flaw> {
    let text = |value: &Value| value.as_str().map(str::to_owned).ok_or(flaw::MALFORMED);
    match value {
        None => Ok(Vec::new()),
        Some(Value::Array(several)) => several.iter().map(text).collect(),
        Some(one) => Ok(vec![text(one)?]),
    }
}

/// The texts of a list, or one. What is no text gives no right, and is no reason to refuse the others.
fn list(members: &Map<String, Value>, name: &str) -> Vec<String> {
    match members.get(name) {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(several)) => {
            several.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

/// The same, where one text may hold several with spaces between (RFC 9068, section 2.2.3).
fn words(members: &Map<String, Value>, name: &str) -> Vec<String> {
    let texts = list(members, name);
    texts.iter().flat_map(|text| text.split_ascii_whitespace()).map(str::to_owned).collect()
}

/// A token that is bound to something that nobody checks is as good as stolen.
fn certificate(confirmation: Option<&Value>) -> Result<Option<[u8; 32]>, Flaw> {
    let Some(confirmation) = confirmation else { return Ok(None) };
    let members = confirmation.as_object().ok_or(flaw::MALFORMED)?;
    let thumbprint = members.get("x5t#S256").filter(|_| members.len() == 1);
    let thumbprint = thumbprint.and_then(Value::as_str).ok_or(flaw::BINDING)?;
    let digest = URL_SAFE_NO_PAD.decode(thumbprint).map_err(|_| flaw::MALFORMED)?;
    digest.try_into().map(Some).map_err(|_| flaw::MALFORMED)
}

/// Beyond it are mistakes, and numbers that overflow.
const YEAR_10_000: f64 = 253_402_300_800.0;

#[cfg(test)]
mod tests;
