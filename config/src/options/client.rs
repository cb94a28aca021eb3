//! What may be said of a client.

use super::ABOVE_ZERO;
use crate::keys::{Key, Kind, Later, Section};
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

static CREDENTIAL: Section = Section {
    keys: &[
        Key::required(
            "secret_file",
            Kind::SecretFile,
            r#""client-secret""#,
            "the path of the file that holds the client secret; read anew for every token request",
        ),
        Key::optional(
            "expires",
            Kind::Date,
            r#""2027-01-31""#,
            "the day on which the authority stops to accept it, to be warned before",
        ),
    ],
    later: &[
        Later { name: "certificate", instead: USE_SECRET_FILE },
        Later { name: "federated_token_file", instead: USE_SECRET_FILE },
        Later { name: "workload_identity", instead: USE_SECRET_FILE },
        Later { name: "managed_identity", instead: USE_SECRET_FILE },
    ],
};

const USE_SECRET_FILE: &str = "use credential.secret_file";
