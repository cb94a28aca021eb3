//! `[audit]` as the rest of the program sees it: where records of accesses go, and how surely.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::caller::Who;
use crate::model::{IdentityFiles, Transaction};
use crate::private::PrivateFile;

/// Where records of accesses go (`[audit]`); at least one sink.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Audit {
    /// The file that records are appended to, a JSON object a line, chained by hashes.
    pub file: Option<PathBuf>,
    /// A key for the chain's hashes: without it, who can write the file can also forge a chain.
    pub chain_key: Option<PrivateFile>,
    /// The folder where records wait for sinks that are reached by the network; there if any is.
    pub queue: Option<PathBuf>,
    /// How large the queue on disk may grow.
    pub max_queue_bytes: u64,
    /// How many records may wait in memory for the disk, those of open transactions among them.
    pub max_waiting: usize,
    /// How surely a record is kept before its transaction ends.
    pub durability: Durability,
    /// What becomes of transactions whose record cannot be kept.
    pub on_failure: OnFailure,
    /// What this gateway is called in records (PS3.15, section A.5.1: `AuditSourceID`).
    pub source: String,
    /// Where it stands (`AuditEnterpriseSiteID`).
    pub site: Option<String>,
    /// How many refusals of one address within a minute make a security alert.
    pub alert_after: u32,
    /// Audit record repositories that take RFC 5424 messages over TLS.
    pub syslog: Vec<AuditSyslog>,
    /// FHIR servers that take `AuditEvent`.
    pub fhir: Vec<AuditFhir>,
}

/// How surely a record is kept before its transaction ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Durability {
    /// It is on its way to the disk: a killed process may lose its last batch.
    Written,
    /// It is on the disk before the caller has the answer's last byte.
    Synced,
}

/// What becomes of transactions whose record cannot be kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OnFailure {
    /// They are refused before anything is asked of the origin server.
    Refuse,
    /// They go on, and the records that are lost are counted.
    Continue,
}

/// An audit record repository by syslog over TLS (IHE ITI-20, RFC 5425).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuditSyslog {
    /// Its host, without brackets, which its certificate has to name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whom to believe instead of the system's roots: a PEM file.
    pub anchors: Option<PathBuf>,
    /// The gateway's own certificate, where the repository wants one (IHE ITI-19).
    pub identity: Option<IdentityFiles>,
    /// How long connecting, or a write without progress, may take.
    pub timeout: Duration,
    /// Whether a connection that ends without `close_notify` has been received, too.
    pub danger_bare_end: bool,
}

/// A FHIR server that takes `AuditEvent` (IHE RESTful ATNA, BALP).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuditFhir {
    /// Its base URL; never ends in a slash.
    pub url: Url,
    /// Whom to believe instead of the system's roots: a PEM file.
    pub anchors: Option<PathBuf>,
    /// The gateway's own certificate, where the server wants one.
    pub identity: Option<IdentityFiles>,
    /// Index in [`Config::clients`](crate::Config::clients) of the client whose token it wants, and the scope to ask for.
    pub token: Option<(usize, String)>,
    /// How long one request may take.
    pub timeout: Duration,
}

/// Who may assert an emergency on a route, and what that is leave for (`[route.emergency]`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Emergency {
    /// Whose leave it is; at least one.
    pub to: Vec<Who>,
    /// What they may do meanwhile, each once; at least one.
    pub allow: Vec<Transaction>,
    /// The data partitions that they may name meanwhile, each once; empty for those of the route.
    pub partitions: Vec<String>,
    /// How long one reason is good for.
    pub max: Duration,
}

impl Durability {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Written, Self::Synced];

    /// Its name in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Synced => "synced",
        }
    }
}

impl OnFailure {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Refuse, Self::Continue];

    /// Its name in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Continue => "continue",
        }
    }
}
