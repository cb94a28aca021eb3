//! What the gateway will prove itself with, once the directory knows it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::{Value, json};

use super::expiry::{self, day};

/// A credential that the directory knows, and where its private half is.
pub(super) enum Held {
    Secret { file: PathBuf, of: Credential },
    Certificate { file: PathBuf, of: Credential },
    Token { file: PathBuf },
    ManagedIdentity { object_id: String },
}

/// What the directory says of one.
#[derive(Clone)]
pub(super) struct Credential {
    pub(super) id: String,
    pub(super) ends: Option<SystemTime>,
}

impl Credential {
    /// As Graph writes it.
    pub(super) fn read(value: &Value) -> Self {
        // It is written into a comment of a configuration.
        let id = value["keyId"].as_str().unwrap_or_default();
        let id = id.chars().filter(|c| !c.is_control()).collect();
        Self { id, ends: value["endDateTime"].as_str().and_then(expiry::read) }
    }

    pub(super) fn is_over(&self, now: SystemTime) -> bool {
        self.ends.is_some_and(|ends| ends <= now)
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        match self.ends {
            Some(ends) => format!("{}, good until {}", self.id, day(ends)),
            None => self.id.clone(),
        }
    }
}

impl Held {
    /// For scripts. Nothing of it is secret.
    pub(super) fn told(&self) -> Value {
        match self {
            Self::Secret { file, of } => {
                json!({ "kind": "secret", "file": file, "id": of.id, "ends": of.ends.map(day) })
            }
            Self::Certificate { file, of } => {
                json!({ "kind": "certificate", "file": file, "id": of.id, "ends": of.ends.map(day) })
            }
            Self::Token { file } => json!({ "kind": "federated_token", "file": file }),
            Self::ManagedIdentity { object_id } => {
                json!({ "kind": "managed_identity", "object_id": object_id })
            }
        }
    }
}

/// Whether there is a file, or a link that leads nowhere.
pub(super) fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}
