//! Whom the authority knows and what its tokens are like.

use std::collections::HashSet;
use std::time::Duration;

use uuid::Uuid;

use super::assertion::Federation;
use super::registry::Registrations;
use super::service_account::ServiceAccount;

/// The registration of one client in one tenant.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) tenant: String,
    pub(crate) client_id: String,
    pub(crate) secrets: Vec<String>,
    /// DER.
    pub(crate) certificates: Vec<Vec<u8>>,
    /// DER; for the handshake.
    pub(crate) tls_certificates: Vec<Vec<u8>>,
    pub(crate) federations: Vec<Federation>,
    pub(crate) service_accounts: Vec<ServiceAccount>,
    /// Whom assertions have to be for; the token endpoint without it.
    pub(crate) assertion_audience: Option<String>,
    /// Other tenants that the application is welcome in.
    pub(crate) tenants: Vec<String>,
    /// The object ids of users who have to show a second factor.
    pub(crate) second_factor: HashSet<String>,
    /// And of those who did not consent.
    pub(crate) without_consent: HashSet<String>,
    /// Other applications, which a directory knows.
    pub(crate) registrations: Registrations,
    pub(crate) scope: String,
    pub(crate) lifetime: Duration,
    pub(crate) refresh_in: Option<Duration>,
}

impl Settings {
    pub(crate) fn knows(&self, tenant: &str) -> bool {
        tenant == self.tenant || self.tenants.iter().any(|known| known == tenant)
    }

    pub(crate) fn audience(&self) -> &str {
        self.scope.strip_suffix("/.default").unwrap_or(&self.scope)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tenant: Uuid::new_v4().to_string(),
            client_id: Uuid::new_v4().to_string(),
            secrets: vec![DEFAULT_SECRET.to_owned()],
            certificates: Vec::new(),
            tls_certificates: Vec::new(),
            federations: Vec::new(),
            service_accounts: Vec::new(),
            assertion_audience: None,
            tenants: Vec::new(),
            second_factor: HashSet::new(),
            without_consent: HashSet::new(),
            registrations: Registrations::default(),
            scope: DEFAULT_SCOPE.to_owned(),
            lifetime: Duration::from_secs(3600),
            refresh_in: None,
        }
    }
}

// Every character in it is one that some client forgot to encode.
const DEFAULT_SECRET: &str = "s3cr3t~+/ &ü€";
const DEFAULT_SCOPE: &str = "https://dicom.healthcareapis.azure.com/.default";
