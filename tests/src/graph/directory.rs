//! What a tenant's directory holds.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::refusal::Refusal;
use crate::authority::{Registered, Registry};

/// The application id of Azure API for DICOM, the same in all tenants.
pub const DICOM_API: &str = "75e725bf-66ce-4cea-9b9a-5c4caae57f33";

/// A request that was seen.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its method.
    pub method: String,
    /// Its path and query, decoded.
    pub path: String,
    /// Its body, if it was JSON.
    pub body: Value,
}

/// A way to fail.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// 403: the caller lacks a permission.
    Denied,
    /// 429, to come back after this many seconds.
    Throttled(u64),
    /// 503 without a word.
    Unavailable,
    /// 400, for a reason that is not told.
    Bad,
    /// 200 and an object without any property, and nothing is done.
    Bare,
    /// The connection ends before anything was done.
    Gone,
    /// It is done, and the connection ends before the answer.
    Lost,
    /// It is done, and the answer is this status, with leave to come back in a second.
    Done(u16),
}

pub(super) struct Directory {
    pub(super) registry: Registry,
    port: u16,
    pub(super) applications: Vec<Value>,
    /// By `keyId`.
    pub(super) secrets: HashMap<String, String>,
    pub(super) given_out: Vec<String>,
    /// By an application's object id.
    pub(super) federated: BTreeMap<String, Vec<Value>>,
    pub(super) principals: Vec<Value>,
    pub(super) grants: Vec<Value>,
    /// By path.
    pub(super) assignments: BTreeMap<String, Value>,
    /// How many more requests will not find an object.
    pub(super) unseen: HashMap<String, usize>,
    /// How many more requests will see an application as it was.
    pub(super) outdated: HashMap<String, (usize, Value)>,
    pub(super) lag: usize,
    pub(super) page_size: usize,
    pub(super) longest_credential: Option<Duration>,
    pub(super) faults: Vec<(usize, Fault)>,
    pub(super) seen: Vec<Seen>,
}

impl Directory {
    pub(super) fn new(registry: Registry, port: u16) -> Self {
        let mut directory = Self {
            registry,
            port,
            applications: Vec::new(),
            secrets: HashMap::new(),
            given_out: Vec::new(),
            federated: BTreeMap::new(),
            principals: Vec::new(),
            grants: Vec::new(),
            assignments: BTreeMap::new(),
            unseen: HashMap::new(),
            outdated: HashMap::new(),
            lag: 0,
            page_size: 100,
            longest_credential: None,
            faults: Vec::new(),
            seen: Vec::new(),
        };
        let uri = "https://dicom.healthcareapis.azure.com";
        directory.add_api((DICOM_API, "Azure API for DICOM", uri), "Dicom.ReadWrite");
        directory
    }

    pub(super) fn graph_url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    pub(super) fn arm_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    pub(super) fn administrator(&self, audience: &str) -> String {
        self.registry.administrator(audience)
    }

    pub(super) fn add_api(&mut self, (app_id, name, uri): (&str, &str, &str), scope: &str) {
        let scope_id = Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{app_id}{scope}").as_bytes());
        let scope_id = scope_id.to_string();
        self.principals.push(json!({
            "id": Registry::principal_of(app_id),
            "appId": app_id,
            "displayName": name,
            "servicePrincipalNames": [app_id, uri],
            "servicePrincipalType": "Application",
            "appRoles": [],
            "oauth2PermissionScopes": [{
                "id": scope_id,
                "value": scope,
                "type": "User",
                "isEnabled": true,
            }],
        }));
    }

    /// Whether an object can be found by now.
    pub(super) fn finds(&mut self, id: &str) -> bool {
        match self.unseen.get_mut(id) {
            None | Some(0) => true,
            Some(more) => {
                *more -= 1;
                false
            }
        }
    }

    /// Lets an application that is about to be changed be seen as it is for a while.
    pub(super) fn outdate(&mut self, index: usize) {
        let before = self.applications[index].clone();
        let id = before["id"].as_str().unwrap_or_default().to_owned();
        if self.lag > 0 {
            self.outdated.entry(id).or_insert((self.lag, before));
        }
    }

    /// An application as the copy of the directory has it that answers.
    pub(super) fn seen_as(&mut self, index: usize) -> Value {
        let now = self.applications[index].clone();
        let id = now["id"].as_str().unwrap_or_default().to_owned();
        match self.outdated.remove(&id) {
            Some((more @ 1.., before)) => {
                self.outdated.insert(id, (more - 1, before.clone()));
                before
            }
            _ => now,
        }
    }

    /// The index of the application that a path's segment means: `{id}` or `(appId='{id}')`.
    pub(super) fn application(&mut self, key: &Key) -> Result<usize, Refusal> {
        let found = self.applications.iter().position(|it| key.is_of(it));
        let index = found.ok_or_else(|| Refusal::not_found(key.text()))?;
        let id = self.applications[index]["id"].as_str().unwrap_or_default().to_owned();
        if self.finds(&id) { Ok(index) } else { Err(Refusal::not_found(key.text())) }
    }

    pub(super) fn principal(&mut self, key: &Key) -> Result<usize, Refusal> {
        let found = self.principals.iter().position(|it| key.is_of(it));
        let index = found.ok_or_else(|| Refusal::not_found(key.text()))?;
        let id = self.principals[index]["id"].as_str().unwrap_or_default().to_owned();
        if self.finds(&id) { Ok(index) } else { Err(Refusal::not_found(key.text())) }
    }

    /// Tells the authority what it has to know of an application.
    pub(super) fn publish(&self, application: &Value) {
        let app_id = application["appId"].as_str().unwrap_or_default();
        let credentials = |list: &str| application[list].as_array().cloned().unwrap_or_default();
        let secrets = credentials("passwordCredentials");
        let secrets = secrets.iter().filter_map(|it| self.secrets.get(it["keyId"].as_str()?));
        let keys = credentials("keyCredentials");
        let keys = keys.iter().filter_map(|it| super::credentials::decoded(it["key"].as_str()?));
        let trusted = self.federated.get(application["id"].as_str().unwrap_or_default());
        let text = |it: &Value, name: &str| it[name].as_str().unwrap_or_default().to_owned();
        let trusted = trusted.into_iter().flatten().map(|it| {
            let audience = it["audiences"][0].as_str().unwrap_or_default().to_owned();
            (text(it, "issuer"), text(it, "subject"), audience)
        });
        let registered = Registered {
            has_principal: self.principals.iter().any(|it| it["appId"] == app_id),
            secrets: secrets.cloned().collect(),
            certificates: keys.collect(),
            federated: trusted.collect(),
        };
        self.registry.publish(app_id, registered, self.lag);
    }
}

/// How a path names an object.
pub(super) enum Key {
    Id(String),
    AppId(String),
}

impl Key {
    pub(super) fn is_of(&self, object: &Value) -> bool {
        match self {
            Self::Id(id) => object["id"] == id.as_str(),
            Self::AppId(id) => object["appId"] == id.as_str(),
        }
    }

    fn text(&self) -> &str {
        let (Self::Id(text) | Self::AppId(text)) = self;
        text
    }
}
