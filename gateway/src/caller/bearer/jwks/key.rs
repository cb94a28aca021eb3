//! One public key (RFC 7517, RFC 7518 section 6, RFC 8037), and what it may have signed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use config::JwsAlgorithm;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use crate::caller::bearer::issuer::TENANT;
use crate::caller::bearer::jws::Jws;

/// A key that verifies signatures.
pub(super) struct Key {
    jwk: Jwk,
    kind: Kind,
    decoding: DecodingKey,
}

/// A key as it is written.
#[derive(Clone, Debug, Deserialize, PartialEq)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    /// Whose tokens it signs: Entra's, whose tenants share an address for keys.
    issuer: Option<String>,
    /// In which of Entra's clouds.
    cloud_instance_name: Option<String>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl Key {
    /// Reads a key of this cloud; `None` for what is no public key for signatures that we know, as
    /// issuers may have others beside (RFC 7517, section 5).
    pub(super) fn read(value: &Value, cloud: Option<&str>) -> Option<Self> {
        let jwk = Jwk::deserialize(value).ok()?;
        let is_for_signatures = jwk.purpose.as_deref().is_none_or(|purpose| purpose == "sig")
            && jwk.key_ops.as_ref().is_none_or(|all| all.iter().any(|one| one == "verify"));
        let is_here = match (jwk.cloud_instance_name.as_deref(), cloud) {
            (Some(its), Some(ours)) => its == ours,
            _ => true,
        };
        if !is_for_signatures || !is_here {
            return None;
        }
        let (kind, decoding) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => {
                let (n, e) = (bytes(&jwk.n)?, bytes(&jwk.e)?);
                // 2048 bits at least (RFC 7518, section 3.3), and 8192 at most: more is only work.
                let decoding = DecodingKey::from_rsa_raw_components(&n, &e);
                (256..=1024).contains(&n.len()).then_some((Kind::Rsa, decoding))?
            }
            ("EC", Some("P-256")) => (Kind::P256, point(&jwk, 32)?),
            ("EC", Some("P-384")) => (Kind::P384, point(&jwk, 48)?),
            ("OKP", Some("Ed25519")) => {
                let x = bytes(&jwk.x).filter(|x| x.len() == 32)?;
                (Kind::Ed25519, DecodingKey::from_ed_der(&x))
            }
            _ => return None,
        };
        Some(Self { jwk, kind, decoding })
    }

    /// Its name.
    pub(super) fn kid(&self) -> Option<&str> {
        self.jwk.kid.as_deref()
    }

    /// Whether it may have signed this token: a key is for algorithms of its kind, for one of them if
    /// it says so, and for tokens of its tenant.
    pub(super) fn fits(&self, token: &Jws<'_>) -> bool {
        use JwsAlgorithm::{EdDsa, Es256, Es384, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
        let kind = match token.algorithm {
            Rs256 | Rs384 | Rs512 | Ps256 | Ps384 | Ps512 => Kind::Rsa,
            Es256 => Kind::P256,
            Es384 => Kind::P384,
            EdDsa => Kind::Ed25519,
        };
        kind == self.kind
            && self.jwk.alg.as_deref().is_none_or(|its| its == token.algorithm.name())
            && self.jwk.issuer.as_deref().is_none_or(|issuer| is_of(issuer, token))
    }

    /// Whether it signed this token.
    pub(super) fn signed(&self, token: &Jws<'_>) -> bool {
        let algorithm = match token.algorithm {
            JwsAlgorithm::Rs256 => Algorithm::RS256,
            JwsAlgorithm::Rs384 => Algorithm::RS384,
            JwsAlgorithm::Rs512 => Algorithm::RS512,
            JwsAlgorithm::Ps256 => Algorithm::PS256,
            JwsAlgorithm::Ps384 => Algorithm::PS384,
            JwsAlgorithm::Ps512 => Algorithm::PS512,
            JwsAlgorithm::Es256 => Algorithm::ES256,
            JwsAlgorithm::Es384 => Algorithm::ES384,
            JwsAlgorithm::EdDsa => Algorithm::EdDSA,
        };
        let signed = token.signed.as_bytes();
        jsonwebtoken::crypto::verify(token.signature, signed, &self.decoding, algorithm)
            .unwrap_or(false)
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.jwk == other.jwk
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.jwk.fmt(f)
    }
}

/// Whether a key with this `issuer` is for tokens of this token's issuer. Entra writes version 2's
/// issuer into its keys, and version 1's into some tokens that they sign; what these have in common is
/// the tenant.
fn is_of(issuer: &str, token: &Jws<'_>) -> bool {
    let (iss, tenant) = (&token.claims.issuer, token.claims.tenant.as_deref());
    let issuer = match tenant {
        Some(tenant) => issuer.replace(TENANT, tenant),
        None => issuer.to_owned(),
    };
    if issuer == *iss {
        return true;
    }
    let is_version_1 = VERSION_1
        .iter()
        .any(|before| iss.strip_prefix(before).and_then(|rest| rest.strip_suffix('/')) == tenant);
    let path = issuer.strip_prefix("https://login.").and_then(|rest| rest.split_once('/'));
    let of_tenant = path.and_then(|(_, path)| path.strip_suffix("/v2.0"));
    is_version_1 && tenant.is_some() && of_tenant == tenant
}

fn bytes(text: &Option<String>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.as_ref()?).ok()
}

fn point(jwk: &Jwk, length: usize) -> Option<DecodingKey> {
    let is_coordinate = |text| bytes(text).is_some_and(|bytes| bytes.len() == length);
    let (Some(x), Some(y)) = (&jwk.x, &jwk.y) else { return None };
    (is_coordinate(&jwk.x) && is_coordinate(&jwk.y))
        .then(|| DecodingKey::from_ec_components(x, y).ok())
        .flatten()
}

/// What issuers of Entra's version 1 begin with; their tenant follows, and a slash.
pub(super) const VERSION_1: [&str; 2] =
    ["https://sts.windows.net/", "https://sts.chinacloudapi.cn/"];

#[cfg(test)]
mod tests;
