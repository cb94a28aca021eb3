//! Whom the gateway believes.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::SystemTime;

use rustls::client::WantsClientCert;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};

use super::life::first_end;
use super::{Error, Identity, provider, read};

/// Certificates that others' certificates must lead to.
#[derive(Clone, Debug)]
pub struct TrustAnchors {
    roots: Arc<RootCertStore>,
    not_after: Option<SystemTime>,
}

impl TrustAnchors {
    /// Those of a PEM file, or the system's without one. All certificates of the file must be sound.
    pub fn load(path: Option<&Path>) -> Result<Self, Error> {
        match path {
            Some(path) => Self::from_file(path),
            None => Self::of_system(),
        }
    }

    /// A TLS client (1.2 and 1.3) that believes these alone, and offers `alpn` in this order.
    pub fn client_config(&self, alpn: &[&[u8]]) -> ClientConfig {
        let mut config = self.client().with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        config
    }

    /// The same that shows `identity` to servers who ask for a certificate.
    pub fn client_config_as(&self, identity: &Identity, alpn: &[&[u8]]) -> ClientConfig {
        let shown = SingleCertAndKey::from(identity.certified());
        let mut config = self.client().with_client_cert_resolver(Arc::new(shown));
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        config
    }

    fn client(&self) -> ConfigBuilder<ClientConfig, WantsClientCert> {
        ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("aws-lc-rs has TLS 1.2 and 1.3")
            .with_root_certificates(self.roots.clone())
    }

    /// Differs for different anchors, within this process.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for anchor in &self.roots.roots {
            anchor.subject.as_ref().hash(&mut hasher);
            anchor.subject_public_key_info.as_ref().hash(&mut hasher);
            anchor.name_constraints.as_deref().hash(&mut hasher);
        }
        hasher.finish()
    }

    /// When the first of a file's certificates ends; `None` if no end can be read, and for the system's,
    /// which are somebody else's care.
    pub fn not_after(&self) -> Option<SystemTime> {
        self.not_after
    }

    pub(super) fn roots(&self) -> &RootCertStore {
        &self.roots
    }

    pub(super) fn shared_roots(&self) -> Arc<RootCertStore> {
        self.roots.clone()
    }

    fn from_file(path: &Path) -> Result<Self, Error> {
        const WANTED: &str = "certificate";
        let certificates = CertificateDer::pem_slice_iter(&read(path)?)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| Error::Malformed { path: path.to_owned(), wanted: WANTED })?;
        if certificates.is_empty() {
            return Err(Error::Empty { path: path.to_owned(), wanted: WANTED });
        }
        let not_after = first_end(certificates.iter().map(AsRef::as_ref));
        let mut roots = RootCertStore::empty();
        for certificate in certificates {
            roots
                .add(certificate)
                .map_err(|_| Error::Malformed { path: path.to_owned(), wanted: WANTED })?;
        }
        Ok(Self { roots: Arc::new(roots), not_after })
    }

    fn of_system() -> Result<Self, Error> {
        // Reading a few hundred files takes milliseconds: once a process is enough.
        static ROOTS: LazyLock<Arc<RootCertStore>> = LazyLock::new(|| {
            let mut store = RootCertStore::empty();
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            Arc::new(store)
        });
        if ROOTS.is_empty() {
            return Err(Error::NoSystemAnchors);
        }
        Ok(Self { roots: ROOTS.clone(), not_after: None })
    }
}
