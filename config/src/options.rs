//! Every option of the file: its kind, its default, and what it is for.
//!
//! The reasons for the defaults stand in `gateway.toml`, which a test compares with this table.

mod audit;
mod callers;
mod client;
mod credential;
mod route;

use self::audit::AUDIT;
use self::client::CLIENT;
use self::route::ROUTE;
use crate::caller::DescribedBy;
use crate::keys::{Key, Kind, Section};
use crate::model::{LogFormat, LogLevel};

pub(crate) use self::callers::{ANYONE, CALLERS, GRANTS};

/// The whole file.
pub(crate) static ROOT: Section = Section {
    keys: &[
        Key::optional("listener", Kind::Table(&LISTENER), "{}", "where callers connect"),
        Key::optional("admin", Kind::Table(&ADMIN), "{}", "where operators and probes look"),
        Key::optional(
            "forward_auth",
            Kind::Table(&FORWARD_AUTH),
            "{}",
            "where other proxies ask whether a request may pass, and with which token",
        ),
        Key::required(
            "client",
            Kind::Named(&CLIENT),
            "{}",
            "the confidential client; [client.NAME] tables when there are several",
        ),
        Key::required(
            "route",
            Kind::Tables(&ROUTE),
            "[]",
            "a published path prefix and the origin server behind it",
        ),
        Key::optional(
            "audit",
            Kind::Table(&AUDIT),
            "{}",
            "where records of accesses go, and how surely; none are kept without it",
        ),
        Key::optional("log", Kind::Table(&LOG), "{}", "how the gateway speaks of itself"),
        Key::optional("runtime", Kind::Table(&RUNTIME), "{}", "how the process uses the machine"),
        Key::optional("drain", Kind::Table(&DRAIN), "{}", "how the process ends"),
    ],
    later: &[],
};

static LISTENER: Section = Section {
    keys: &[
        Key::default(
            "address",
            Kind::Address,
            r#""127.0.0.1:8080""#,
            "where to listen: an IP address with port, or unix: and the path of a socket",
        ),
        Key::optional(
            "identity",
            Kind::Table(&IDENTITY),
            r#"{ chain = "tls.crt", key = "tls.key" }"#,
            "the TLS identity to serve with; without one the listener speaks plain HTTP",
        ),
        Key::optional(
            "hosts",
            Kind::Hosts,
            r#"["imaging.example"]"#,
            "the host names, without ports, that callers may address; [\"*\"] for any",
        ),
        Key::default(
            "max_connections",
            Kind::Count(1, 1_000_000),
            "10000",
            "how many connections are held at once",
        ),
        Key::default(
            "max_head_bytes",
            Kind::Count(8192, 1 << 20),
            "32768",
            "how large the head of a request may be",
        ),
        Key::default(
            "max_streams",
            Kind::Count(1, 10_000),
            "100",
            "how many transactions one HTTP/2 connection may have under way",
        ),
        Key::default(
            "handshake_timeout_secs",
            ABOVE_ZERO,
            "10",
            "how long a TLS handshake may take",
        ),
        Key::default(
            "first_byte_timeout_secs",
            ABOVE_ZERO,
            "10",
            "how long a new connection may say nothing",
        ),
        Key::default(
            "head_timeout_secs",
            ABOVE_ZERO,
            "10",
            "how long the head of a request may take from its first byte",
        ),
        Key::default(
            "idle_timeout_secs",
            ABOVE_ZERO,
            "120",
            "how long a connection may stay open with nothing to do",
        ),
        Key::default(
            "body_timeout_secs",
            ABOVE_ZERO,
            "60",
            "how long a caller may stand still in a body, sending or reading",
        ),
        Key::default(
            "max_failed_attempts",
            Kind::Count(1, 1_000_000),
            "30",
            "how often a minute an address may fail to prove who it is before it has to wait",
        ),
    ],
    later: &[],
};

static IDENTITY: Section = Section {
    keys: &[
        Key::required(
            "chain",
            Kind::File,
            r#""tls.crt""#,
            "the certificate chain, PEM, leaf first",
        ),
        Key::required("key", Kind::SecretFile, r#""tls.key""#, "the leaf's private key, PEM"),
    ],
    later: &[],
};

static ADMIN: Section = Section {
    keys: &[Key::default(
        "address",
        Kind::Address,
        r#""127.0.0.1:9090""#,
        "where /live, /ready and /metrics are served, in plain HTTP",
    )],
    later: &[],
};

static FORWARD_AUTH: Section = Section {
    keys: &[
        Key::required(
            "address",
            Kind::Address,
            r#""127.0.0.1:9191""#,
            "where other proxies ask, in plain HTTP",
        ),
        Key::required(
            "described_by",
            Kind::OneOf("description", || DescribedBy::ALL.map(DescribedBy::name).to_vec()),
            r#""x-original""#,
            "what describes the request that they ask about",
        ),
        Key::default(
            "danger_public_address",
            Kind::Flag,
            "false",
            "allows an address that other machines can reach: whoever asks sees tokens",
        ),
    ],
    later: &[],
};

static LOG: Section = Section {
    keys: &[
        Key::default(
            "format",
            Kind::OneOf("format", || LogFormat::ALL.map(LogFormat::name).to_vec()),
            r#""text""#,
            "the form of a line",
        ),
        Key::default(
            "level",
            Kind::OneOf("level", || LogLevel::ALL.map(LogLevel::name).to_vec()),
            r#""info""#,
            "the least severe level that is written",
        ),
        Key::default("transactions", Kind::Flag, "true", "whether each transaction gets a line"),
    ],
    later: &[],
};

static RUNTIME: Section = Section {
    keys: &[
        Key::default(
            "workers",
            Kind::Count(0, 1024),
            "0",
            "how many workers serve callers; 0 for one per available core",
        ),
        Key::default(
            "watch_interval_secs",
            Kind::Seconds(0.01),
            "10",
            "how often certificates, keys and trust anchors are looked at for a change",
        ),
        Key::default(
            "max_user_tokens_bytes",
            Kind::Count(1 << 20, 1 << 40),
            "67108864",
            "how much memory tokens that were got on behalf of users may take, and on each route what is \
             known of users' own",
        ),
        Key::default(
            "danger_loose_key_files",
            Kind::Flag,
            "false",
            "allows secrets and private keys in files that other users can read or write",
        ),
        Key::default(
            "danger_core_dumps",
            Kind::Flag,
            "false",
            "allows core dumps and debuggers: secrets and tokens can be read in them",
        ),
    ],
    later: &[],
};

static DRAIN: Section = Section {
    keys: &[
        Key::default(
            "delay_secs",
            Kind::Seconds(0.0),
            "0",
            "how long /ready says no before the listener closes",
        ),
        Key::default(
            "timeout_secs",
            ABOVE_ZERO,
            "120",
            "how long transfers in flight may take to finish",
        ),
    ],
    later: &[],
};

/// A timeout: a millisecond is the least that a timer can tell from nothing.
const ABOVE_ZERO: Kind = Kind::Seconds(0.001);
