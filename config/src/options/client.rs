//! What may be said of a client.

use super::ABOVE_ZERO;
use super::credential::CREDENTIAL;
use crate::keys::{Key, Kind, Section};
use crate::model::Capability;

/// `[client]` and `[client.NAME]`.
pub(super) static CLIENT: Section = Section {
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
        Key::optional(
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
            Kind::OneOrMore(&CREDENTIAL),
            r#"{ secret_file = "client-secret" }"#,
            "how the gateway proves itself; of several, the next is tried when one is refused",
        ),
        Key::optional(
            "parameters",
            Kind::Parameters,
            r#"{ resource = "https://pacs.example", audience = "pacs" }"#,
            "further fields of token requests, where an authority wants them",
        ),
        Key::optional(
            "capabilities",
            Kind::ManyOf("capability", || Capability::ALL.map(Capability::name).to_vec()),
            r#"["cp1"]"#,
            "what to tell Entra that the client can do: cp1 is to answer a claims challenge",
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
