//! Entra's way to say no: a JSON object around an AADSTS code.

use http::StatusCode;
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::answer::{Answer, JSON};

/// Why the token endpoint refuses a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    error: &'static str,
    code: u32,
    text: String,
    /// What the user's next token must carry.
    claims: Option<String>,
}

impl Refusal {
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// The JSON that Entra would send, for the request with this `client-request-id`.
    pub(super) fn body(&self, correlation_id: &str) -> String {
        if self.code == NO_CODE {
            return json!({ "error": self.error, "error_description": self.text }).to_string();
        }
        let trace_id = Uuid::new_v4().to_string();
        let timestamp = timestamp();
        let mut body = json!({
            "error": self.error,
            "error_description": format!(
                "AADSTS{}: {} Trace ID: {trace_id} Correlation ID: {correlation_id} \
                 Timestamp: {timestamp}",
                self.code, self.text
            ),
            "error_codes": [self.code],
            "timestamp": timestamp,
            "trace_id": trace_id,
            "correlation_id": correlation_id,
            "error_uri": format!("https://login.microsoftonline.com/error?code={}", self.code),
        });
        if let Some(claims) = &self.claims {
            body["claims"] = claims.as_str().into();
            body["suberror"] = "basic_action".into();
        }
        body.to_string()
    }

    pub(super) fn only_post() -> Self {
        Self::request(900_561, "This endpoint takes POST requests only.")
    }

    pub(super) fn unknown_tenant(tenant: &str) -> Self {
        Self::request(90_002, &format!("There is no tenant '{tenant}'."))
    }

    pub(super) fn missing(parameter: &str) -> Self {
        Self::request(900_144, &format!("The body lacks the parameter '{parameter}'."))
    }

    pub(super) fn malformed(text: &str) -> Self {
        Self::request(9_002_313, text)
    }

    pub(super) fn unsupported_grant(grant: &str) -> Self {
        Self::bad(
            "unsupported_grant_type",
            70_003,
            format!("The grant type '{grant}' is not supported."),
        )
    }

    pub(super) fn unknown_client(client: &str, tenant: &str) -> Self {
        Self::bad(
            "unauthorized_client",
            700_016,
            format!("Tenant '{tenant}' has no application '{client}'."),
        )
    }

    pub(super) fn no_credential() -> Self {
        Self::client(
            7_000_216,
            "The grant 'client_credentials' needs 'client_assertion' or 'client_secret'.",
        )
    }

    pub(super) fn wrong_secret(client: &str) -> Self {
        Self::client(
            7_000_215,
            &format!("This is not a secret of application '{client}': send its value, not its id."),
        )
    }

    pub(super) fn unknown_key() -> Self {
        Self::client(700_027, "No registered certificate has signed this client assertion.")
    }

    pub(super) fn bad_assertion(text: &str) -> Self {
        Self::client(50_027, text)
    }

    pub(super) fn assertion_for_another(audience: &str) -> Self {
        Self::client(700_023, &format!("The client assertion is for '{audience}'."))
    }

    pub(super) fn untimely_assertion() -> Self {
        Self::client(700_024, "The client assertion is not within its valid time range.")
    }

    pub(super) fn no_federation(issuer: &str, subject: &str, audience: &str) -> Self {
        let text = format!(
            "No federated identity record for subject '{subject}' of issuer '{issuer}' with \
             audience '{audience}'."
        );
        Self::client(700_213, &text)
    }

    pub(super) fn unknown_tls_certificate() -> Self {
        Self::client(50_012, "The certificate of the connection is not registered.")
    }

    pub(super) fn bad_grant(text: &str) -> Self {
        Self::plain("invalid_grant", text)
    }

    /// As other authorities say it.
    pub(super) fn plain(error: &'static str, text: &str) -> Self {
        Self::bad(error, NO_CODE, text.to_owned())
    }

    /// The same, as other authorities say it.
    pub(super) fn without_number(self) -> Self {
        Self { code: NO_CODE, ..self }
    }

    pub(super) fn assertion(code: u32, text: &str) -> Self {
        Self::bad("invalid_grant", code, text.to_owned())
    }

    pub(super) fn second_factor(claims: &str) -> Self {
        let text = "The user has to show a second factor.".to_owned();
        let claims = Some(claims.to_owned());
        Self { claims, ..Self::bad("interaction_required", 50_076, text) }
    }

    pub(super) fn scope_without_default(scope: &str) -> Self {
        Self::bad("invalid_scope", 1_002_012, format!("The scope '{scope}' must end in /.default."))
    }

    pub(super) fn bad_scope(scope: &str) -> Self {
        Self::bad("invalid_scope", 70_011, format!("The scope '{scope}' is not valid."))
    }

    pub(super) fn unknown_resource(resource: &str, tenant: &str) -> Self {
        Self::bad(
            "invalid_resource",
            500_011,
            format!("Tenant '{tenant}' has no resource principal '{resource}'."),
        )
    }

    fn request(code: u32, text: &str) -> Self {
        Self::bad("invalid_request", code, text.to_owned())
    }

    fn client(code: u32, text: &str) -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            error: "invalid_client",
            code,
            text: text.to_owned(),
            claims: None,
        }
    }

    fn bad(error: &'static str, code: u32, text: String) -> Self {
        Self { status: StatusCode::BAD_REQUEST, error, code, text, claims: None }
    }
}

/// A refusal with this `error` and AADSTS code, as Entra would word it: `text` is a part of its prose.
pub fn refusal(error: &'static str, code: u32, text: &str) -> Answer {
    let status = match error {
        "invalid_client" => StatusCode::UNAUTHORIZED,
        _ => StatusCode::BAD_REQUEST,
    };
    let refusal = Refusal { status, error, code, text: text.to_owned(), claims: None };
    let body = refusal.body(&Uuid::new_v4().to_string());
    Answer::status(refusal.status.as_u16(), JSON, body)
}

fn timestamp() -> String {
    let now = OffsetDateTime::now_utc();
    let (hour, minute, second) = now.to_hms();
    format!("{} {hour:02}:{minute:02}:{second:02}Z", now.date())
}

/// Of an answer that is not in the words of Entra.
const NO_CODE: u32 = 0;
