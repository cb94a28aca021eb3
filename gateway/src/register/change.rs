//! A request that changes something, and the Azure CLI's way to do the same.

use http::Method;
use serde_json::{Map, Value, json};

/// A request that changes something.
pub(super) struct Change {
    pub(super) method: Method,
    /// Below the service's base URL.
    pub(super) path: String,
    pub(super) body: Option<Value>,
    /// The same for the Azure CLI: a line, or several.
    pub(super) az: String,
    /// Whether to do it twice does no more than to do it once.
    pub(super) is_repeatable: bool,
    /// What stands for the answer's values where nothing is really done.
    stand_ins: &'static [(&'static str, &'static str)],
}

impl Change {
    pub(super) fn new(method: Method, path: impl Into<String>, body: Option<Value>) -> Self {
        let is_repeatable = method != Method::POST;
        Self { method, path: path.into(), body, az: String::new(), is_repeatable, stand_ins: &[] }
    }

    /// The same, where the service refuses a second one ([`Error::is_taken`](super::error::Error)): by
    /// its own keys it knows better than a look at one of its copies.
    pub(super) fn only_once(self) -> Self {
        Self { is_repeatable: true, ..self }
    }

    pub(super) fn az(self, az: impl Into<String>) -> Self {
        Self { az: az.into(), ..self }
    }

    /// What the answer would hold, where a later step needs it.
    pub(super) fn giving(self, stand_ins: &'static [(&'static str, &'static str)]) -> Self {
        Self { stand_ins, ..self }
    }

    /// As people read it in a list.
    pub(super) fn title(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// An answer, as if it had been done.
    pub(super) fn imagined(&self) -> Value {
        let values = self.stand_ins.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
        Value::Object(values.collect::<Map<_, _>>())
    }
}

/// Stands for the application's object id before there is one.
pub(super) const OBJECT_ID: &str = "{object-id}";

/// For its client id.
pub(super) const CLIENT_ID: &str = "{client-id}";

/// For the role assignment, whose name follows from the principal.
pub(super) const ASSIGNMENT_ID: &str = "{assignment-id}";

/// And for its principal.
pub(super) const PRINCIPAL_ID: &str = "{principal-id}";
