//! Access tokens with Entra's claims, signed with a key that lives as long as the process.

use std::sync::LazyLock;
use std::time::Duration;

use jsonwebtoken::jwk::{Jwk, JwkSet, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, encode};
use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::settings::Settings;
use super::user::{self, Subject};

/// The one RSA key that all authorities of this process sign with: making one takes a while.
pub(crate) struct SigningKey {
    private: EncodingKey,
    pub(crate) public: DecodingKey,
    jwk: Jwk,
}

pub(crate) static SIGNING_KEY: LazyLock<SigningKey> = LazyLock::new(|| {
    let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).expect("an RSA key");
    let private = EncodingKey::from_rsa_pem(pair.serialize_pem().as_bytes()).expect("our own PEM");
    let mut jwk = Jwk::from_encoding_key(&private, Algorithm::RS256).expect("an RSA key");
    jwk.common.key_id = Some(jwk.thumbprint(ThumbprintHash::SHA256).expect("a thumbprint"));
    let public = DecodingKey::from_jwk(&jwk).expect("our own JWK");
    SigningKey { private, public, jwk }
});

/// What the `discovery/v2.0/keys` endpoint serves.
pub(super) fn jwks() -> JwkSet {
    JwkSet { keys: vec![SIGNING_KEY.jwk.clone()] }
}

/// Signs a new token for `audience`, which an authority at `origin` gave to the client that the
/// settings name. No two tokens are alike.
///
/// It lives at least `settings.lifetime` from now, and less than a second longer.
pub(super) fn mint(origin: &str, audience: &str, subject: &Subject, settings: &Settings) -> String {
    sign(&claims(origin, audience, subject, settings))
}

/// What such a token says.
pub(super) fn claims(
    origin: &str,
    audience: &str,
    subject: &Subject,
    settings: &Settings,
) -> Value {
    let now = user::now();
    // Entra dates tokens back five minutes, for resources whose clocks are late.
    let issued_at = (now - Duration::from_secs(300)).as_secs();
    let expires_at = (now + settings.lifetime).as_secs_f64().ceil() as u64;
    let tenant = match subject {
        Subject::Application => &settings.tenant,
        Subject::User { tenant, .. } => tenant,
    };
    let issuer = format!("{origin}/{tenant}/v2.0");
    let mut claims = json!({
        "aud": audience,
        "iss": issuer,
        "iat": issued_at,
        "nbf": issued_at,
        "exp": expires_at,
        "aio": opaque(2),
        "appid": settings.client_id,
        "azp": settings.client_id,
        "azpacr": "1",
        "idp": issuer,
        "rh": opaque(1),
        "tid": tenant,
        "uti": Uuid::new_v4().simple().to_string(),
        "ver": "2.0",
        "xms_ftd": opaque(2),
        "xms_idrel": "7 4",
        "xms_rd": opaque(2),
    });
    match subject {
        Subject::Application => {
            let principal = principal(&settings.client_id);
            claims["idtyp"] = "app".into();
            claims["oid"] = principal.as_str().into();
            claims["sub"] = principal.into();
        }
        Subject::User { oid, name, .. } => {
            claims["idtyp"] = "user".into();
            claims["name"] = name.as_str().into();
            claims["oid"] = oid.as_str().into();
            claims["scp"] = "Dicom.ReadWrite".into();
            claims["sub"] = user::pairwise(oid, audience).into();
        }
    }
    claims
}

/// Signs these claims.
pub(super) fn sign(claims: &Value) -> String {
    let mut header = Header::new(Algorithm::RS256);
    header.kid.clone_from(&SIGNING_KEY.jwk.common.key_id);
    encode(&header, claims, &SIGNING_KEY.private).expect("a signed token")
}

/// The object id of the principal that an application is in the tenant.
pub(super) fn principal(client_id: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, client_id.as_bytes()).to_string()
}

/// A text without meaning, such as Entra fills some claims with, of `words` times 32 characters.
fn opaque(words: usize) -> String {
    (0..words).map(|_| Uuid::new_v4().simple().to_string()).collect()
}
