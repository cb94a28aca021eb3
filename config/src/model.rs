//! The configuration as the rest of the program sees it: only what is true.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::audit::{Audit, Emergency};
use crate::caller::{Callers, ForwardAuth, Grant, PermitRule};
use crate::credential::{Credential, TokenEndpoint};
use crate::fix::Fixes;
use crate::private::PrivateFile;

/// Everything the gateway needs to start.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where callers connect, and how long they may take.
    pub listener: Listener,
    /// Where operators and orchestrators look.
    pub admin: Admin,
    /// Where other proxies ask, if they may.
    pub forward_auth: Option<ForwardAuth>,
    /// The confidential clients; at least one, their names unique.
    pub clients: Vec<Client>,
    /// The published routes; at least one, in the order of the file, no prefix twice.
    pub routes: Vec<Route>,
    /// Where records of accesses go, if they are kept.
    pub audit: Option<Audit>,
    /// How the gateway speaks of itself.
    pub log: Log,
    /// How the process uses the machine.
    pub runtime: Runtime,
    /// How the process ends.
    pub drain: Drain,
}

/// Where callers connect (`[listener]`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listener {
    /// Where to listen.
    pub address: Address,
    /// The TLS identity; without one the listener speaks plain HTTP.
    pub identity: Option<IdentityFiles>,
    /// The host names, without ports and in lower case, that callers may address; empty for any.
    pub hosts: Vec<String>,
    /// How many connections are held at once; more are closed as they arrive.
    pub max_connections: usize,
    /// How large a request's head may be, in bytes.
    pub max_head_bytes: usize,
    /// How many transactions one HTTP/2 connection may have under way.
    pub max_streams: u32,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// How long a new connection may say nothing.
    pub first_byte_timeout: Duration,
    /// How long a request's head may take from its first byte.
    pub head_timeout: Duration,
    /// How long a connection may stay open with nothing to do.
    pub idle_timeout: Duration,
    /// How long a caller may neither send nor read the body that it is to send or read.
    pub body_timeout: Duration,
    /// How often a minute an address may fail to prove who it is before it has to wait.
    pub max_failed_attempts: u32,
}

/// A listening address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Address {
    /// `127.0.0.1:8080`, `[::1]:8080`
    Tcp(SocketAddr),
    /// `unix:/run/dicom-gateway.sock`
    Unix(PathBuf),
}

/// A certificate chain and its key, both PEM.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IdentityFiles {
    /// The chain, leaf first.
    pub chain: PathBuf,
    /// The leaf's private key.
    pub key: PrivateFile,
}

/// Where operators look (`[admin]`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Admin {
    /// Where to listen; plain HTTP.
    pub address: Address,
}

/// The gateway as an authority knows it (`[client]`, or `[client.NAME]`).
#[derive(Clone, Debug)]
pub struct Client {
    /// `NAME` of `[client.NAME]`; `default` for a plain `[client]`.
    pub name: String,
    /// Where tokens are requested.
    pub endpoint: TokenEndpoint,
    /// `client_id`, RFC 6749 section 2.2; empty where no credential needs one.
    pub id: String,
    /// Whom to believe instead of the system's roots: a PEM file.
    pub anchors: Option<PathBuf>,
    /// How the client proves itself, in the order in which to try; at least one.
    pub credentials: Vec<Credential>,
    /// Further fields of token requests, each name once and none that a grant or a credential uses.
    pub parameters: Vec<(String, String)>,
    /// What the client says that it can do, each once.
    pub capabilities: Vec<Capability>,
    /// How long one token request may take, all in all; also how long a caller waits for a token.
    pub timeout: Duration,
    /// When a token is renewed, in percent of its life, where the authority gives no `refresh_in`.
    pub refresh_percent: u8,
}

/// What a client tells Entra that it can do, which may earn it other tokens.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Capability {
    /// It answers a claims challenge: tokens may live for a day, and are revoked by a challenge.
    Cp1,
}

/// One published path prefix and the origin server behind it (`[[route]]`).
#[derive(Clone, Debug)]
pub struct Route {
    /// What callers' paths start with: `/dicom-web`; never ends in a slash, empty for all paths.
    pub prefix: String,
    /// The origin server.
    pub origin: Origin,
    /// The origin server's manners.
    pub profile: Profile,
    /// Index of this route's client in [`Config::clients`].
    pub client: usize,
    /// The scope to ask the authority for.
    pub scope: String,
    /// How its tokens are got.
    pub grant: Grant,
    /// Who may call.
    pub callers: Callers,
    /// What every caller may do, each once; empty only beside permits.
    pub allow: Vec<Transaction>,
    /// What some callers may do beside that.
    pub permits: Vec<PermitRule>,
    /// Who may assert an emergency, if anyone may.
    pub emergency: Option<Emergency>,
    /// Whether the origin server's audit log is told who the principal is
    /// (`X-MS-AZUREDICOM-AUDIT-*`).
    pub stamp_principal: bool,
    /// The data partitions that callers may name, each once; empty for all.
    pub partitions: Vec<String>,
    /// Whether a search that names nothing to match is refused.
    pub search_needs_key: bool,
    /// How callers reach this route; never ends in a slash but for a path that is empty. As written,
    /// or derived from a listener on a loopback address; with [`Urls::Ask`] and [`Urls::Rewrite`] it is there.
    pub public_url: Option<Url>,
    /// What becomes of the origin server's URLs in its answers.
    pub urls: Urls,
    /// Other base URLs that the origin server writes for its own.
    pub origin_aliases: Vec<Url>,
    /// Which of the origin server's and callers' manners are put right on the way.
    pub fixes: Fixes,
    /// Which web pages may call; without it, those of the gateway's own host only.
    pub cors: Option<Cors>,
    /// A ceiling for request bodies, in bytes; none by default.
    pub max_body_bytes: Option<u64>,
    /// How long a connection to the origin server may take, TLS included.
    pub connect_timeout: Duration,
    /// How long the origin server may take to answer once it has the request.
    pub response_timeout: Duration,
    /// How long the origin server may stand still in a body.
    pub body_timeout: Duration,
    /// How long a connection to the origin server is kept for the next request.
    pub idle_timeout: Duration,
    /// How many idle connections to the origin server each worker keeps.
    pub max_idle_connections: usize,
    /// How long a WebSocket may stand still both ways.
    pub websocket_idle_timeout: Duration,
    /// Whether HTTP/2 is offered to the origin server (ALPN).
    pub http2: bool,
}

/// An origin server's base URL, taken apart.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Origin {
    /// Whether it is `https`.
    pub tls: bool,
    /// Host without brackets: a name in lower case or an address.
    pub host: String,
    /// Port, given or by scheme.
    pub port: u16,
    /// Host and port as in a URL, the port only where it is not the scheme's.
    pub authority: String,
    /// Path of the base URL; never ends in a slash, empty for `/`.
    pub base: String,
    /// Whom to believe instead of the system's roots: a PEM file.
    pub anchors: Option<PathBuf>,
}

/// A DICOMweb transaction class: what `allow` grants.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Transaction {
    /// QIDO-RS (PS3.18, section 10.6).
    Search,
    /// WADO-RS and its kin (PS3.18, section 10.4), capabilities (section 8.9) among them.
    Retrieve,
    /// STOW-RS (PS3.18, section 10.5).
    Store,
    /// Deletion of studies, series and instances (a common extension).
    Delete,
    /// UPS-RS (PS3.18, section 11).
    Worklist,
    /// What an administrator does: change feed, extended query tags, operations, bulk update, export, partitions.
    Manage,
}

/// An origin server's manners.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Profile {
    /// PS3.18 and nothing else.
    Generic,
    /// Azure Health Data Services DICOM service.
    Azure,
    /// Orthanc with its DICOMweb plug-in.
    Orthanc,
    /// Google Cloud Healthcare API.
    Google,
    /// dcm4chee-arc.
    Dcm4chee,
    /// AWS HealthImaging.
    HealthImaging,
}

/// Web pages that may call a route (`[route.cors]`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cors {
    /// Their origins as browsers write them (RFC 6454, section 6.2), each once; at least one.
    pub origins: Vec<String>,
    /// Request headers that they may send besides those that viewers use, in lower case, each once.
    pub headers: Vec<String>,
    /// Whether they may send cookies and client certificates.
    pub credentials: bool,
    /// How long browsers may keep the answer to a preflight.
    pub max_age: Duration,
    /// Which pages may embed answers without asking.
    pub resource_policy: ResourcePolicy,
}

/// The `Cross-Origin-Resource-Policy` of answers (Fetch, section 3.7).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ResourcePolicy {
    /// Pages of the same scheme, host and port.
    SameOrigin,
    /// Pages of the same registrable domain.
    SameSite,
    /// Any page.
    CrossOrigin,
}

/// What becomes of the origin server's URLs in its answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Urls {
    /// The origin server is told `public_url` by forwarding headers, as its profile understands them.
    Ask,
    /// Those below its base URL are replaced by ours, in heads and in texts.
    Rewrite,
    /// They stay as they are, and no forwarding header is sent.
    Keep,
}

/// How the gateway speaks of itself (`[log]`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Log {
    /// The form of a line.
    pub format: LogFormat,
    /// The least severe level that is written.
    pub level: LogLevel,
    /// Whether each transaction gets its line.
    pub transactions: bool,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Severity, most severe first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum LogLevel {
    /// Something failed and stays failed.
    Error,
    /// Something will fail if nobody acts.
    Warn,
    /// What an operator wants to see on a good day.
    Info,
    /// What a developer wants to see on a bad day.
    Debug,
    /// Everything.
    Trace,
}

/// How the process uses the machine (`[runtime]`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Runtime {
    /// How many workers serve callers, each on a thread of its own; at least one.
    pub workers: usize,
    /// How often the files of key material are looked at.
    pub watch_interval: Duration,
    /// How much memory the tokens of users may take, in bytes.
    pub max_user_tokens_bytes: u64,
    /// Whether the process may be dumped and traced.
    pub danger_core_dumps: bool,
}

/// How the process ends (`[drain]`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Drain {
    /// How long `/ready` says no before the listener closes, so that load balancers can notice.
    pub delay: Duration,
    /// How long transfers in flight may take to finish.
    pub timeout: Duration,
}

impl Transaction {
    /// All classes, in the order of their declaration.
    pub const ALL: [Self; 6] =
        [Self::Search, Self::Retrieve, Self::Store, Self::Delete, Self::Worklist, Self::Manage];

    /// Its name in configuration, logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Retrieve => "retrieve",
            Self::Store => "store",
            Self::Delete => "delete",
            Self::Worklist => "worklist",
            Self::Manage => "manage",
        }
    }
}

impl Address {
    /// Whether only this machine can connect: a loopback address or a Unix socket.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
