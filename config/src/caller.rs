//! Who may call, what they may do, and on whose behalf.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::model::{Address, Transaction};
use crate::private::PrivateFile;

/// Who may call a route.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Callers {
    /// Anyone who can connect.
    Anyone,
    /// Those who prove who they are, in any of these ways (`[route.callers]`).
    Known(Known),
}

/// The ways in which callers prove who they are; at least one.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Known {
    /// Access tokens, of any of these issuers; no issuer twice.
    pub bearer: Vec<Bearer>,
    /// Keys, whose hashes stand in this file.
    pub api_keys: Option<PrivateFile>,
    /// Certificates, shown in the TLS handshake; only with a listener that has an identity.
    pub certificates: Option<CallerCertificates>,
}

/// Access tokens of one issuer: JSON Web Tokens (RFC 7519), profiled by RFC 9068 or as Entra writes them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Bearer {
    /// `iss`, compared exactly; `{tenantid}` in it stands for the token's `tid`.
    pub issuer: String,
    /// `aud` has to be, or hold, one of these; at least one.
    pub audiences: Vec<String>,
    /// `tid` has to be one of these, in lower case; empty for any, never with `{tenantid}` in the issuer.
    pub tenants: Vec<String>,
    /// The signatures that count; at least one.
    pub algorithms: Vec<JwsAlgorithm>,
    /// Where the issuer's keys are (RFC 7517); discovered without it.
    pub jwks_uri: Option<Url>,
    /// One of these scopes, or one of the roles, has to be in the token; both empty for any.
    pub scopes: Vec<String>,
    /// One of these roles, or one of the scopes, has to be in the token; both empty for any.
    pub roles: Vec<String>,
    /// Which `typ` tokens have.
    pub token_type: TokenType,
    /// Whom to believe at the issuer instead of the system's roots: a PEM file.
    pub anchors: Option<PathBuf>,
    /// How far clocks may differ.
    pub leeway: Duration,
    /// How long keys are used before they are asked for again.
    pub keys_max_age: Duration,
    /// How long keys are used beyond that while the issuer gives none.
    pub keys_stale: Duration,
    /// How often keys are asked for because of a token whose key is unknown.
    pub keys_refetch: Duration,
    /// How long asking for keys may take.
    pub keys_timeout: Duration,
}

/// A signature of JSON Web Tokens (RFC 7518, section 3.1; RFC 8037).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum JwsAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// The same with SHA-384.
    Rs384,
    /// The same with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// The same with SHA-384.
    Ps384,
    /// The same with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

/// Which `typ` a token's header has to have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TokenType {
    /// Any that an access token may have.
    Any,
    /// `at+jwt` (RFC 9068, section 4).
    AtJwt,
}

/// Certificates that callers show (RFC 8446, section 4.4.2).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CallerCertificates {
    /// Who issues them: a PEM file.
    pub anchors: PathBuf,
    /// Which of them were revoked: PEM files of CRLs (RFC 5280, section 5).
    pub revocation_lists: Vec<PathBuf>,
    /// What one of their names has to be; empty for any.
    pub names: Vec<NamePattern>,
}

/// What a certificate's name has to be, as it is written in the file: `dns:*.ct.example`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct NamePattern {
    /// Which of its names.
    pub kind: NameKind,
    /// What it has to be: names of hosts in lower case, with `*.` for exactly one label in front.
    pub value: String,
}

/// Which of a certificate's names.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum NameKind {
    /// A `dNSName` among the alternative names.
    Dns,
    /// A `uniformResourceIdentifier` among them.
    Uri,
    /// The subject's common name, where it has one and no more.
    CommonName,
    /// The whole subject, as RFC 4514 writes it: the last attribute first.
    Subject,
}

/// Leave for some callers, beside what all callers of the route may do (`[[route.permits]]`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PermitRule {
    /// Whom it is for: who is any of these; at least one.
    pub to: Vec<Who>,
    /// What they may do, each once; at least one.
    pub allow: Vec<Transaction>,
    /// In which data partitions, each once; empty for all that the route has.
    pub partitions: Vec<String>,
    /// Whether they may write into the origin server's audit log (`X-MS-AZUREDICOM-AUDIT-*`).
    pub audit_fields: bool,
}

/// Some callers: `role:Dicom.Writer`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Who {
    /// Who came in this way.
    Kind(CallerKind),
    /// Who has this role (`roles`).
    Role(String),
    /// Who has this scope (`scp` or `scope`).
    Scope(String),
    /// Who is in this group (`groups`).
    Group(String),
    /// Who is this user or application (`oid`, else `sub`).
    Subject(String),
    /// Who uses this application (`azp`, `appid` or `client_id`).
    Application(String),
    /// Who has the key of this name.
    ApiKey(String),
    /// Who shows a certificate with such a name.
    Certificate(NamePattern),
}

/// How a caller proves who it is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum CallerKind {
    /// By an access token.
    Bearer,
    /// By a key.
    ApiKey,
    /// By a certificate.
    Certificate,
}

/// How a route gets its tokens (`grant`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Grant {
    /// For the application itself (RFC 6749, section 4.4).
    ClientCredentials,
    /// For the user behind the caller's access token; only where `bearer` is among the callers.
    OnBehalfOf(OnBehalfOf),
}

/// How the caller's token is exchanged for one of the user's (`on_behalf_of`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OnBehalfOf {
    /// The form of the request.
    pub exchange: Exchange,
    /// What becomes of a caller's token behind which there is no user.
    pub app_only: AppOnly,
}

/// The form of a request for a user's token.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Exchange {
    /// The grant of RFC 7523, with `requested_token_use`, as Entra wants it.
    JwtBearer,
    /// OAuth 2.0 token exchange (RFC 8693).
    TokenExchange,
}

/// What becomes of a caller's token behind which there is no user.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AppOnly {
    /// It is refused.
    Refuse,
    /// The application's own token is used, as with [`Grant::ClientCredentials`].
    ClientCredentials,
}

/// Where other proxies ask whether a request may pass, and with which token (`[forward_auth]`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ForwardAuth {
    /// Where to listen; plain HTTP.
    pub address: Address,
    /// What describes the request.
    pub described_by: DescribedBy,
}

/// What describes the request that another proxy asks about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DescribedBy {
    /// `X-Original-Method` and `X-Original-URI`, as configurations of nginx set them.
    XOriginal,
    /// `X-Forwarded-Method` and `X-Forwarded-Uri`, as Traefik sends them.
    XForwarded,
    /// The asking request's own method and target, as Envoy sends them.
    Request,
}

impl JwsAlgorithm {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 9] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// Its name in configuration and in tokens.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }
}

impl TokenType {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Any, Self::AtJwt];

    /// Its name in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::AtJwt => "at+jwt",
        }
    }
}

impl NameKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Dns, Self::Uri, Self::CommonName, Self::Subject];

    /// Its name in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Uri => "uri",
            Self::CommonName => "cn",
            Self::Subject => "subject",
        }
    }
}

impl CallerKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Bearer, Self::ApiKey, Self::Certificate];

    /// Its name in configuration, logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::ApiKey => "api_key",
            Self::Certificate => "certificate",
        }
    }
}

impl Exchange {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::JwtBearer, Self::TokenExchange];

    /// Its name in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::JwtBearer => "jwt_bearer",
            Self::TokenExchange => "token_exchange",
        }
    }
}

impl AppOnly {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Refuse, Self::ClientCredentials];

    /// Its name in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::ClientCredentials => "client_credentials",
        }
    }
}

impl DescribedBy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::XOriginal, Self::XForwarded, Self::Request];

    /// Its name in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::XOriginal => "x-original",
            Self::XForwarded => "x-forwarded",
            Self::Request => "request",
        }
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.name(), self.value)
    }
}
