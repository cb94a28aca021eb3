//! What may be said of a route.

use super::ABOVE_ZERO;
use super::audit::EMERGENCY;
use super::callers::{ANYONE, CALLERS, GRANTS, ON_BEHALF_OF, PERMIT};
use crate::keys::{Key, Kind, Later, Section};
use crate::model::{Profile, ResourcePolicy, Transaction, Urls};

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
            Kind::OneOf("grant", || GRANTS.to_vec()),
            r#""client_credentials""#,
            "how tokens are got: for the application itself, or on behalf of the caller's user",
        )
        .later(&[Later {
            name: "sign_in",
            instead: r#"use "on_behalf_of" or "client_credentials""#,
        }]),
        Key::optional(
            "on_behalf_of",
            Kind::Table(&ON_BEHALF_OF),
            "{}",
            "how the caller's token is exchanged for one of the user's",
        ),
        Key::required(
            "callers",
            Kind::WordOr(&[ANYONE], &CALLERS),
            r#""anyone""#,
            "who may call; \"anyone\" is anyone who can connect, and has to be said",
        ),
        Key::default(
            "allow",
            Kind::AnyOf("transaction", || Transaction::ALL.map(Transaction::name).to_vec()),
            r#"["search", "retrieve"]"#,
            "what every caller may do; [] is for routes with permits",
        ),
        Key::optional(
            "permits",
            Kind::Tables(&PERMIT),
            "[]",
            "what some callers may do beside that",
        ),
        Key::optional(
            "emergency",
            Kind::Table(&EMERGENCY),
            "{}",
            "who may assert an emergency (Emergency-Access: and a reason), and what that is leave for",
        ),
        Key::default(
            "stamp_principal",
            Kind::Flag,
            "false",
            "whether Azure's audit log is told who the principal is (X-MS-AZUREDICOM-AUDIT-*)",
        ),
        Key::optional(
            "partitions",
            Kind::Texts,
            r#"["radiology"]"#,
            "the data partitions of Azure's service that callers may name; all without it",
        ),
        Key::default(
            "search_needs_key",
            Kind::Flag,
            "false",
            "refuses searches that name nothing to match: they list everything",
        ),
        Key::optional(
            "public_url",
            Kind::Url,
            r#""https://imaging.example/dicom-web""#,
            "how callers reach this route; derived from the address of a listener on loopback",
        ),
        Key::optional(
            "urls",
            Kind::OneOf("treatment of URLs", || Urls::ALL.map(Urls::name).to_vec()),
            r#""rewrite""#,
            "what becomes of the origin server's URLs in its answers; the default follows the profile",
        ),
        Key::optional(
            "origin_aliases",
            Kind::Urls,
            r#"["http://pacs.internal:8080/dicom-web"]"#,
            "other base URLs that the origin server writes for its own, rewritten like it",
        ),
        Key::optional(
            "fixes",
            Kind::Table(&FIXES),
            "{}",
            "what is put right on the way; the defaults follow the profile",
        ),
        Key::optional("cors", Kind::Table(&CORS), "{}", "which web pages may call"),
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
        Key::default(
            "websocket_idle_timeout_secs",
            ABOVE_ZERO,
            "3600",
            "how long a WebSocket may stand still both ways",
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
    later: &[],
};

/// `[route.fixes]`, one key for each [`crate::Fix`].
static FIXES: Section = Section {
    keys: &[
        fix("accept_default", "gives a request without Accept its transaction's default"),
        fix("accept_quotes", "quotes media type parameters in Accept that need it"),
        fix("accept_narrow", "reduces Accept to what the transaction can answer with"),
        fix("accept_single", "makes Accept for a rendered form one media type"),
        fix("accept_query", "turns the accept query parameter into the header"),
        fix("stored_syntax", "asks for instances and frames as they are stored"),
        fix("multipart_type", "adds the type to multipart/related answers that lack it"),
        fix("empty_search", "answers a search that found nothing with an empty list, not with 204"),
    ],
    later: &[],
};

/// `[route.cors]`.
static CORS: Section = Section {
    keys: &[
        Key::required(
            "origins",
            Kind::WebOrigins,
            r#"["https://viewer.example"]"#,
            "the origins of the pages that may call: scheme, host, and port if it is another",
        ),
        Key::optional(
            "headers",
            Kind::FieldNames,
            r#"["x-site"]"#,
            "further request headers that these pages may send",
        ),
        Key::default(
            "credentials",
            Kind::Flag,
            "false",
            "whether these pages may send cookies and client certificates",
        ),
        Key::default(
            "max_age_secs",
            ABOVE_ZERO,
            "600",
            "how long browsers may keep the answer to a preflight",
        ),
        Key::default(
            "resource_policy",
            Kind::OneOf("resource policy", || {
                ResourcePolicy::ALL.map(ResourcePolicy::name).to_vec()
            }),
            r#""cross-origin""#,
            "which pages may embed answers (Cross-Origin-Resource-Policy)",
        ),
    ],
    later: &[],
};

const fn fix(name: &'static str, doc: &'static str) -> Key {
    Key::optional(name, Kind::Flag, "true", doc)
}
