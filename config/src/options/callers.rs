//! What may be said of callers, their permits, and the tokens got on their behalf.

use super::ABOVE_ZERO;
use crate::caller::{AppOnly, Exchange, JwsAlgorithm, TokenType};
use crate::keys::{Key, Kind, Section};
use crate::model::Transaction;

/// `[route.callers]`.
pub(crate) static CALLERS: Section = Section {
    keys: &[
        Key::optional(
            "bearer",
            Kind::OneOrMore(&BEARER),
            r#"{ issuer = "https://auth.example", audience = "api://dicom" }"#,
            "who has an access token of this issuer for this audience; several in a list",
        ),
        Key::optional(
            "api_keys",
            Kind::SecretFile,
            r#""api-keys""#,
            "who has one of the keys whose hashes stand in this file",
        ),
        Key::optional(
            "certificates",
            Kind::Table(&CERTIFICATES),
            r#"{ anchors = "callers-ca.crt" }"#,
            "who shows a certificate of this issuer in the TLS handshake",
        ),
    ],
    later: &[],
};

static BEARER: Section = Section {
    keys: &[
        Key::required(
            "issuer",
            Kind::Text,
            r#""https://login.microsoftonline.com/<tenant>/v2.0""#,
            "what `iss` is, exactly; {tenantid} in it stands for the tenant that issued the token",
        ),
        Key::required(
            "audience",
            Kind::TextOrTexts,
            r#""00000000-0000-0000-0000-000000000000""#,
            "what `aud` has to be, one of them if several",
        ),
        Key::optional(
            "tenants",
            Kind::Texts,
            r#"["00000000-0000-0000-0000-000000000000"]"#,
            "the tenants that may issue tokens (`tid`); needed where the issuer holds {tenantid}",
        ),
        Key::default(
            "algorithms",
            Kind::ManyOf("algorithm", || JwsAlgorithm::ALL.map(JwsAlgorithm::name).to_vec()),
            r#"["RS256", "PS256", "ES256"]"#,
            "the signatures that count",
        ),
        Key::optional(
            "jwks_uri",
            Kind::Url,
            r#""https://auth.example/keys""#,
            "where the issuer's keys are, if they are not to be discovered",
        ),
        Key::optional(
            "scopes",
            Kind::Texts,
            r#"["Dicom.Read"]"#,
            "one of these scopes, or one of the roles, has to be in the token",
        ),
        Key::optional(
            "roles",
            Kind::Texts,
            r#"["Dicom.Reader"]"#,
            "one of these roles, or one of the scopes, has to be in the token",
        ),
        Key::default(
            "token_type",
            Kind::OneOf("token type", || TokenType::ALL.map(TokenType::name).to_vec()),
            r#""any""#,
            "what `typ` has to be; at+jwt for issuers that follow RFC 9068",
        ),
        Key::optional(
            "anchors",
            Kind::File,
            r#""issuer-ca.crt""#,
            "whom to believe at the issuer instead of the system's roots, PEM",
        ),
        Key::default(
            "leeway_secs",
            Kind::Seconds(0.0),
            "60",
            "how far the issuer's clock may be from ours",
        ),
        Key::default(
            "keys_max_age_secs",
            ABOVE_ZERO,
            "600",
            "how long the issuer's keys are used before they are asked for again",
        ),
        Key::default(
            "keys_stale_secs",
            Kind::Seconds(0.0),
            "86400",
            "how long they are used beyond that while the issuer cannot be asked",
        ),
        Key::default(
            "keys_refetch_secs",
            ABOVE_ZERO,
            "30",
            "how often a token whose key is unknown may have them asked for",
        ),
        Key::default("keys_timeout_secs", ABOVE_ZERO, "5", "how long asking for them may take"),
        Key::default(
            "danger_plain_http",
            Kind::Flag,
            "false",
            "allows http:// to an issuer that is not on loopback: its keys can be replaced",
        ),
    ],
    later: &[],
};

static CERTIFICATES: Section = Section {
    keys: &[
        Key::required(
            "anchors",
            Kind::File,
            r#""callers-ca.crt""#,
            "who issues callers' certificates, PEM; never the system's roots",
        ),
        Key::optional(
            "revocation_lists",
            Kind::Files,
            r#"["callers-ca.crl"]"#,
            "which of them were revoked: lists of their issuers, PEM",
        ),
        Key::optional(
            "names",
            Kind::Texts,
            r#"["dns:*.ct.example"]"#,
            "what one of a certificate's names has to be: dns:, uri:, cn: or subject: and the name",
        ),
    ],
    later: &[],
};

/// `[[route.permits]]`.
pub(super) static PERMIT: Section = Section {
    keys: &[
        Key::required(
            "to",
            Kind::Texts,
            r#"["role:Dicom.Writer"]"#,
            "whom it is for: kind:, role:, scope:, group:, subject:, application:, api_key: or \
             certificate: and the value",
        ),
        Key::required(
            "allow",
            Kind::ManyOf("transaction", || Transaction::ALL.map(Transaction::name).to_vec()),
            r#"["store"]"#,
            "what they may do",
        ),
        Key::optional(
            "partitions",
            Kind::Texts,
            r#"["radiology"]"#,
            "in which data partitions; in all of the route's without it",
        ),
        Key::default(
            "audit_fields",
            Kind::Flag,
            "false",
            "whether they may write into the origin server's audit log (X-MS-AZUREDICOM-AUDIT-*)",
        ),
    ],
    later: &[],
};

/// `[route.on_behalf_of]`.
pub(super) static ON_BEHALF_OF: Section = Section {
    keys: &[
        Key::default(
            "exchange",
            Kind::OneOf("exchange", || Exchange::ALL.map(Exchange::name).to_vec()),
            r#""jwt_bearer""#,
            "the form of the request: Entra's, or that of RFC 8693",
        ),
        Key::default(
            "app_only",
            Kind::OneOf("treatment", || AppOnly::ALL.map(AppOnly::name).to_vec()),
            r#""refuse""#,
            "what becomes of a token behind which there is no user",
        ),
    ],
    later: &[],
};

/// The word for callers that need no proof.
pub(crate) const ANYONE: &str = "anyone";

/// The grants, in words.
pub(crate) const GRANTS: [&str; 2] = ["client_credentials", "on_behalf_of"];
