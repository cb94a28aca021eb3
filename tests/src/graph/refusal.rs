//! Graph's way to say no, and Resource Manager's.

use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    code: &'static str,
    message: String,
    detail: Option<&'static str>,
}

impl Refusal {
    pub(super) fn body(&self) -> Value {
        let mut error = json!({
            "code": self.code,
            "message": self.message,
            "innerError": {
                "date": "2026-11-22T10:00:00",
                "request-id": Uuid::new_v4().to_string(),
                "client-request-id": Uuid::new_v4().to_string(),
            },
        });
        if let Some(detail) = self.detail {
            error["details"] = json!([{ "code": detail, "message": self.message }]);
        }
        json!({ "error": error })
    }

    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(status).expect("a status");
        Self { status, code, message: message.into(), detail: None }
    }

    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(400, "Request_BadRequest", message)
    }

    pub(super) fn with_detail(self, detail: &'static str) -> Self {
        Self { detail: Some(detail), ..self }
    }

    pub(super) fn not_found(what: &str) -> Self {
        let message = format!("Resource '{what}' does not exist, or something that it refers to.");
        Self::new(404, "Request_ResourceNotFound", message)
    }

    pub(super) fn taken(what: &str) -> Self {
        Self::new(409, "Request_MultipleObjectsWithSameKeyValue", what)
    }

    pub(super) fn denied() -> Self {
        Self::new(403, "Authorization_RequestDenied", "Insufficient privileges for this operation.")
    }

    pub(super) fn token() -> Self {
        Self::new(401, "InvalidAuthenticationToken", "Access token validation failure.")
    }

    pub(super) fn no_such_method() -> Self {
        Self::bad("This HTTP method is not allowed for this target.")
    }
}
