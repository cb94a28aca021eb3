//! Every option of the file: its kind, its default, and what it is for.
//!
//! The reasons for the defaults stand in `gateway.toml`, which a test compares with this table.

use crate::keys::{Key, Kind, Later, Section};
use crate::model::{Callers, LogFormat, LogLevel, Profile, Transaction, Urls};

/// The whole file.
pub(crate) static ROOT: Section = Section {
    keys: &[
        Key::optional("listener", Kind::Table(&LISTENER), "{}", "where callers connect"),
        Key::optional("admin", Kind::Table(&ADMIN), "{}", "where operators and probes look"),
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
        Key::optional("log", Kind::Table(&LOG), "{}", "how the gateway speaks of itself"),
        Key::optional("runtime", Kind::Table(&RUNTIME), "{}", "how the process uses the machine"),
        Key::optional("drain", Kind::Table(&DRAIN), "{}", "how the process ends"),
    ],
    later: &[Later {
        name: "audit",
        instead: "leave it out; `log.transactions` gives one line per transaction",
    }],
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

static CLIENT: Section = Section {
    keys: &[
        Key::optional(
            "authority",
            Kind::Url,
            r#""https://login.microsoftonline.com/<tenant>""#,
            "who issues tokens: the Entra authority of a tenant, or another authority's issuer",
        ),
        Key::optional(
            "token_endpoint",
            Kind::Url,
            r#""https://auth.example/token""#,
            "where tokens are requested, if it is not to be derived from the authority",
        ),
        Key::required(
            "id",
            Kind::Text,
            r#""<application id>""#,
            "the client_id: how the authority knows the gateway",
        ),
        Key::optional(
            "anchors",
            Kind::File,
            r#""authority-ca.crt""#,
            "whom to believe at the authority instead of the system's roots, PEM",
        ),
        Key::required(
            "credential",
            Kind::Table(&CREDENTIAL),
            r#"{ secret_file = "client-secret" }"#,
            "how the gateway proves itself to the authority",
        ),
        Key::default(
            "timeout_secs",
            ABOVE_ZERO,
            "10",
            "how long a token request may take, and so how long a caller waits for a token",
        ),
        Key::default(
            "refresh_percent",
            Kind::Count(1, 90),
            "20",
            "after how much of its life a token is renewed if the authority gives no refresh_in",
        ),
        Key::default(
            "danger_plain_http",
            Kind::Flag,
            "false",
            "allows http:// to an authority that is not on loopback: the credential can be read",
        ),
    ],
    later: &[],
};

static CREDENTIAL: Section = Section {
    keys: &[Key::required(
        "secret_file",
        Kind::SecretFile,
        r#""client-secret""#,
        "the path of the file that holds the client secret; read anew for every token request",
    )],
    later: &[
        Later { name: "certificate", instead: USE_SECRET_FILE },
        Later { name: "federated_token_file", instead: USE_SECRET_FILE },
        Later { name: "workload_identity", instead: USE_SECRET_FILE },
        Later { name: "managed_identity", instead: USE_SECRET_FILE },
    ],
};

static ROUTE: Section = Section {
    keys: &[
        Key::required(
            "prefix",
            Kind::Prefix,
            r#""/dicom-web""#,
            "what callers' paths start with; \"/\" for all paths",
        ),
        Key::required(
            "origin",
            Kind::Url,
            r#""https://pacs.example/dicom-web""#,
            "the base URL of the origin server's DICOMweb service",
        ),
        Key::default(
            "profile",
            Kind::OneOf("profile", || Profile::ALL.map(Profile::name).to_vec()),
            r#""generic""#,
            "the origin server's manners",
        ),
        Key::optional(
            "anchors",
            Kind::File,
            r#""origin-ca.crt""#,
            "whom to believe at the origin server instead of the system's roots, PEM",
        ),
        Key::optional(
            "scope",
            Kind::Text,
            r#""https://dicom.healthcareapis.azure.com/.default""#,
            "the scope to ask the authority for; the default for profile azure is its example",
        ),
        Key::default(
            "grant",
            Kind::OneOf("grant", || vec![CLIENT_CREDENTIALS]),
            r#""client_credentials""#,
            "how tokens are got (RFC 6749)",
        )
        .later(&[
            Later { name: "on_behalf_of", instead: USE_CLIENT_CREDENTIALS },
            Later { name: "sign_in", instead: USE_CLIENT_CREDENTIALS },
        ]),
        Key::required(
            "callers",
            Kind::OneOf("kind of callers", || Callers::ALL.map(Callers::name).to_vec()),
            r#""anyone""#,
            "who may call; \"anyone\" is anyone who can connect, and has to be said",
        ),
        Key::default(
            "allow",
            Kind::ManyOf("transaction", || Transaction::ALL.map(Transaction::name).to_vec()),
            r#"["search", "retrieve"]"#,
            "what callers may do",
        ),
        Key::optional(
            "public_url",
            Kind::Url,
            r#""https://imaging.example/dicom-web""#,
            "how callers reach this route",
        ),
        Key::optional(
            "urls",
            Kind::OneOf("treatment of URLs", || Urls::ALL.map(Urls::name).to_vec()),
            r#""ask""#,
            "what becomes of the origin server's URLs in its answers",
        )
        .later(&[Later { name: "rewrite", instead: r#"use "ask" or "keep""# }]),
        Key::optional(
            "client",
            Kind::Text,
            r#""default""#,
            "the NAME of the [client.NAME] that gets the tokens; needed if there are several",
        ),
        Key::optional(
            "max_body_bytes",
            Kind::Count(1, i64::MAX.unsigned_abs()),
            "10737418240",
            "a ceiling for request bodies; none without it",
        ),
        Key::default(
            "connect_timeout_secs",
            ABOVE_ZERO,
            "5",
            "how long connecting to the origin server may take, TLS included",
        ),
        Key::default(
            "response_timeout_secs",
            ABOVE_ZERO,
            "60",
            "how long the origin server may take to answer once it has the request",
        ),
        Key::default(
            "body_timeout_secs",
            ABOVE_ZERO,
            "60",
            "how long the origin server may stand still in a body",
        ),
        Key::default(
            "idle_timeout_secs",
            ABOVE_ZERO,
            "60",
            "how long a connection to the origin server is kept for the next request",
        ),
        Key::default(
            "max_idle_connections",
            Kind::Count(0, 10_000),
            "64",
            "how many idle connections to the origin server each worker keeps",
        ),
        Key::default("http2", Kind::Flag, "true", "whether HTTP/2 is offered to the origin server"),
        Key::default(
            "danger_plain_http",
            Kind::Flag,
            "false",
            "allows http:// to an origin server that is not on loopback: the token can be read",
        ),
        Key::default(
            "danger_anyone_on_public_address",
            Kind::Flag,
            "false",
            "allows callers = \"anyone\" on an address that other machines can reach",
        ),
    ],
    later: &[Later {
        name: "cors",
        instead: "leave it out, and serve the viewer from the gateway's own host and port, or \
                  answer CORS in a proxy before the gateway",
    }],
};

/// `[route.callers]`, of which nothing is here yet.
pub(crate) static CALLERS: Section = Section {
    keys: &[],
    later: &[
        Later { name: "bearer", instead: USE_ANYONE },
        Later { name: "api_keys", instead: USE_ANYONE },
        Later { name: "certificates", instead: USE_ANYONE },
    ],
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
    keys: &[Key::default(
        "workers",
        Kind::Count(0, 1024),
        "0",
        "how many workers serve callers; 0 for one per available core",
    )],
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
/// The one grant so far: it needs no type, since there is no choice.
pub(crate) const CLIENT_CREDENTIALS: &str = "client_credentials";
const USE_SECRET_FILE: &str = "use credential.secret_file";
const USE_CLIENT_CREDENTIALS: &str = r#"use "client_credentials""#;
const USE_ANYONE: &str = "write callers = \"anyone\", and let only trusted callers connect: by \
                          loopback, a Unix socket, or a proxy that knows them";
