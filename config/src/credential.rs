//! Where a client gets its tokens, and how it proves itself there.

use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

use secrecy::SecretString;
use url::Url;

use crate::model::IdentityFiles;
use crate::private::PrivateFile;

/// Where tokens are requested.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TokenEndpoint {
    /// This is it.
    At(Url),
    /// It stands in the metadata of this issuer (OpenID Connect Discovery 1.0, RFC 8414).
    Of(Url),
    /// Each of the client's credentials knows its own, and needs no client id.
    OfCredential,
}

/// How a client proves itself.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A secret that the authority gave out (RFC 6749, section 2.3.1).
    Secret(Secret),
    /// A signature with a key whose certificate the authority knows (RFC 7523, section 2.2).
    Certificate(Certificate),
    /// A token of another authority, from a file (RFC 7523, section 2.2).
    FederatedToken(PathBuf),
    /// No proof and no authority: the platform gives tokens to what runs on it.
    ManagedIdentity(ManagedIdentity),
    /// The platform's token for this audience stands for the client (RFC 7523, section 2.2).
    FederatedIdentity {
        /// Who gives it.
        identity: ManagedIdentity,
        /// What the authority wants to see in it.
        audience: String,
    },
    /// The key file of a Google service account, as JSON (RFC 7523, section 2.1). It names the
    /// account and the token endpoint.
    ServiceAccount(PrivateFile),
    /// A certificate that is shown in the TLS handshake (RFC 8705, section 2).
    TlsCertificate(KeyFiles),
}

/// A client secret, and how it is sent.
#[derive(Clone, Debug)]
pub struct Secret {
    /// Where it is.
    pub source: SecretSource,
    /// How it is sent.
    pub method: SecretMethod,
    /// When the authority will accept it no more, if the operator says so.
    pub ends: Option<SystemTime>,
}

/// Where a client secret is.
#[derive(Clone)]
pub enum SecretSource {
    /// In this file, read anew for every token request.
    File(PrivateFile),
    /// Here, from the environment: the sidecar's way only.
    Value(SecretString),
}

/// How a client secret is sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SecretMethod {
    /// In the form: `client_secret_post`.
    Post,
    /// In the header: `client_secret_basic`.
    Basic,
}

/// A certificate that client assertions are signed with.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// Where it is.
    pub keys: KeyFiles,
    /// The signature; by the key where it is not given.
    pub algorithm: Option<SigningAlgorithm>,
    /// Whether the assertion holds the chain (`x5c`).
    pub x5c: bool,
    /// Whom the assertion is for: the issuer where it is known, else the token endpoint.
    pub audience: Option<String>,
}

/// A private key with its certificate.
#[derive(Clone, Debug)]
pub enum KeyFiles {
    /// Two PEM files, or one that holds both.
    Pem(IdentityFiles),
    /// A PKCS#12 file (RFC 7292).
    Pkcs12 {
        /// The file.
        store: PrivateFile,
        /// The file with its password; without one that is empty.
        password: Option<PrivateFile>,
    },
}

/// A signature algorithm of JWS (RFC 7518, section 3.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SigningAlgorithm {
    /// RSA-PSS with SHA-256.
    Ps256,
    /// RSA PKCS#1 v1.5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
}

/// An identity that Azure gives to what runs on it.
#[derive(Clone, Debug)]
pub struct ManagedIdentity {
    /// Who gives its tokens here.
    pub source: IdentitySource,
    /// Which one is meant.
    pub which: WhichIdentity,
}

/// Who gives the tokens of managed identities.
#[derive(Clone)]
pub enum IdentitySource {
    /// The Instance Metadata Service of a virtual machine, at this base URL.
    Imds(Url),
    /// App Service, Functions or Container Apps.
    AppService {
        /// `IDENTITY_ENDPOINT`
        endpoint: Url,
        /// `IDENTITY_HEADER`
        header: SecretString,
    },
    /// Azure Arc, which wants to see the content of a file that it names.
    Arc {
        /// `IDENTITY_ENDPOINT`, or the agent's usual one.
        endpoint: Url,
        /// The only folder whose files are shown.
        folder: PathBuf,
    },
}

/// Which managed identity is meant.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum WhichIdentity {
    /// The system-assigned one, or the only one.
    Only,
    /// The user-assigned one with this client id.
    ClientId(String),
    /// The user-assigned one with this object (principal) id.
    ObjectId(String),
    /// The user-assigned one with this Azure resource id.
    ResourceId(String),
}

impl SecretMethod {
    /// All methods, the default first.
    pub const ALL: [Self; 2] = [Self::Post, Self::Basic];

    /// Its name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Post => "post",
            Self::Basic => "basic",
        }
    }
}

impl SigningAlgorithm {
    /// All algorithms.
    pub const ALL: [Self; 4] = [Self::Ps256, Self::Rs256, Self::Es256, Self::Es384];

    /// Its name in JWS, and in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ps256 => "PS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
        }
    }
}

impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Value(_) => f.write_str("Value"),
        }
    }
}

impl fmt::Debug for IdentitySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Imds(url) => f.debug_tuple("Imds").field(&url.as_str()).finish(),
            Self::AppService { endpoint, .. } => {
                f.debug_tuple("AppService").field(&endpoint.as_str()).finish()
            }
            Self::Arc { endpoint, folder } => {
                f.debug_tuple("Arc").field(&endpoint.as_str()).field(folder).finish()
            }
        }
    }
}
