//! An emulated Microsoft Graph, and of Azure Resource Manager what assigns roles.
//!
//! It knows the parts of v1.0 that an application registration needs, by their documented shapes,
//! and refuses what Graph refuses. What is registered here is known to the emulated authority at
//! once, or as late as it is told to. It can be told to be what directories are: late, throttled,
//! paged, governed by policies, and gone in the middle.

mod applications;
mod arm;
mod credentials;
mod directory;
mod dispatch;
mod federated;
mod principals;
mod query;
mod refusal;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

pub use self::directory::{DICOM_API, Fault, Seen};

use self::directory::Directory;
use crate::authority::Authority;
use crate::ca::Ca;
use crate::server::{Port, Server};

/// A running Graph on a port of 127.0.0.1, with the directory of one tenant. It ends when dropped.
pub struct Graph {
    directory: Arc<Mutex<Directory>>,
    port: Port,
    _server: Server,
}

impl Graph {
    /// Starts the directory of this authority's tenant, with a certificate of `ca`. Its DICOM
    /// service is deployed. Who signs in there with a device code may ask for this Graph's tokens.
    pub async fn start(ca: &Ca, authority: &Authority) -> Self {
        let port = Port::take();
        let directory = Directory::new(authority.registry(), port.address().port());
        authority.add_first_party(&directory.graph_url());
        authority.add_first_party(&directory.arm_url());
        let directory = Arc::new(Mutex::new(directory));
        let tls = ca.issue(&["localhost", "127.0.0.1"]).server_config(&[b"h2", b"http/1.1"]);
        let shared = directory.clone();
        let server = Server::https(port.listen(), tls, move |request| {
            dispatch::answer(shared.clone(), request)
        });
        Self { directory, port, _server: server }
    }

    /// What stands for `https://graph.microsoft.com`.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.port.address().port())
    }

    /// What stands for `https://management.azure.com`.
    pub fn arm_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port.address().port())
    }

    /// A token for Graph that an administrator has.
    pub fn token(&self) -> String {
        self.lock().administrator(&self.url())
    }

    /// The same for Resource Manager.
    pub fn arm_token(&self) -> String {
        self.lock().administrator(&self.arm_url())
    }

    /// The tenant.
    pub fn tenant(&self) -> String {
        self.lock().registry.tenant()
    }

    /// Has no principal for the DICOM service from now on, as before one is deployed.
    pub fn undeploy_service(&self) {
        self.lock().principals.retain(|principal| principal["appId"] != DICOM_API);
    }

    /// Has an application with an API: its id, name, URI, and the scope that it publishes.
    pub fn add_api(&self, app_id: &str, name: &str, uri: &str, scope: &str) {
        self.lock().add_api((app_id, name, uri), scope);
    }

    /// Has an application's API publish one more scope.
    pub fn publish_scope(&self, app_id: &str, scope: &str) {
        for principal in &mut self.lock().principals {
            if principal["appId"] == app_id
                && let Some(scopes) = principal["oauth2PermissionScopes"].as_array_mut()
            {
                let id = Uuid::new_v4().to_string();
                scopes.push(json!({ "id": id, "value": scope, "type": "User", "isEnabled": true }));
            }
        }
    }

    /// New objects are not found by the next `requests` that look for them, changed applications are
    /// seen by the next `requests` as they were, and new credentials are
    /// not known to the authority at the next `requests` for a token.
    pub fn set_lag(&self, requests: usize) {
        self.lock().lag = requests;
    }

    /// Whatever was registered is known everywhere from now on.
    pub fn forget_lag(&self) {
        let mut directory = self.lock();
        directory.unseen.clear();
        directory.outdated.clear();
        directory.registry.settle();
    }

    /// Lists this many objects a page.
    pub fn set_page_size(&self, size: usize) {
        self.lock().page_size = size;
    }

    /// Refuses secrets and certificates that live longer, as an application management policy does.
    pub fn set_longest_credential(&self, longest: Duration) {
        self.lock().longest_credential = Some(longest);
    }

    /// Lets all secrets end long ago, as the directory shows them.
    pub fn expire_secrets(&self) {
        for application in &mut self.lock().applications {
            for secret in application["passwordCredentials"].as_array_mut().into_iter().flatten() {
                secret["endDateTime"] = "2020-01-01T00:00:00Z".into();
            }
        }
    }

    /// Answers the `nth` request from now on, counted from 1, in this way.
    pub fn fail(&self, nth: usize, fault: Fault) {
        let mut directory = self.lock();
        let at = directory.seen.len() + nth;
        directory.faults.push((at, fault));
    }

    /// Answers all requests again as it should.
    pub fn heal(&self) {
        self.lock().faults.clear();
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.lock().seen.clone()
    }

    /// The requests that were to change something, so far, as `METHOD path`.
    pub fn writes(&self) -> Vec<String> {
        let seen = self.seen();
        let writes = seen.iter().filter(|seen| seen.method != "GET");
        writes.map(|seen| format!("{} {}", seen.method, seen.path)).collect()
    }

    /// The applications that were registered, as they are.
    pub fn applications(&self) -> Vec<Value> {
        self.lock().applications.clone()
    }

    /// The principals in the tenant, those of services among them.
    pub fn principals(&self) -> Vec<Value> {
        self.lock().principals.clone()
    }

    /// The consent that was given.
    pub fn grants(&self) -> Vec<Value> {
        self.lock().grants.clone()
    }

    /// The federated credentials of all applications.
    pub fn federated(&self) -> Vec<Value> {
        self.lock().federated.values().flatten().cloned().collect()
    }

    /// The role assignments.
    pub fn assignments(&self) -> Vec<Value> {
        self.lock().assignments.values().cloned().collect()
    }

    /// Gives somebody a role at this scope, as others do in the portal.
    pub fn assign(&self, scope: &str, definition: &str, principal: &str) {
        let name = Uuid::new_v4();
        let path = format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}");
        let definition = format!("/providers/Microsoft.Authorization/roleDefinitions/{definition}");
        let assignment = json!({
            "id": path,
            "name": name.to_string(),
            "properties": {
                "scope": scope,
                "roleDefinitionId": definition,
                "principalId": principal,
                "principalType": "ServicePrincipal",
            },
        });
        self.lock().assignments.insert(path, assignment);
    }

    /// The values of all secrets that it ever gave out.
    pub fn secrets(&self) -> Vec<String> {
        self.lock().given_out.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Directory> {
        lock(&self.directory)
    }
}

fn lock(directory: &Mutex<Directory>) -> MutexGuard<'_, Directory> {
    directory.lock().unwrap_or_else(PoisonError::into_inner)
}
