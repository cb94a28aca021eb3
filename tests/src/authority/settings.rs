//! Whom the authority knows and what its tokens are like.

use std::time::Duration;

use uuid::Uuid;

/// The registration of one client in one tenant.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) tenant: String,
    pub(crate) client_id: String,
    pub(crate) secrets: Vec<String>,
    pub(crate) scope: String,
    pub(crate) lifetime: Duration,
    pub(crate) refresh_in: Option<Duration>,
}

impl Settings {
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
            scope: DEFAULT_SCOPE.to_owned(),
            lifetime: Duration::from_secs(3600),
            refresh_in: None,
        }
    }
}

// Every character in it is one that some client forgot to encode.
const DEFAULT_SECRET: &str = "s3cr3t~+/ &ü€";
const DEFAULT_SCOPE: &str = "https://dicom.healthcareapis.azure.com/.default";
