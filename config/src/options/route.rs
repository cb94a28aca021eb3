//! What may be said of a route.

use super::ABOVE_ZERO;
use crate::keys::{Key, Kind, Later, Section};
use crate::model::{Callers, Profile, Transaction, Urls};

/// `[[route]]`.
pub(super) static ROUTE: Section = Section {
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

/// The one grant so far: it needs no type, since there is no choice.
pub(crate) const CLIENT_CREDENTIALS: &str = "client_credentials";
const USE_CLIENT_CREDENTIALS: &str = r#"use "client_credentials""#;
const USE_ANYONE: &str = "write callers = \"anyone\", and let only trusted callers connect: by \
                          loopback, a Unix socket, or a proxy that knows them";
