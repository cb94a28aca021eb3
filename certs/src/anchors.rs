//! Whom the gateway believes.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::{Arc, LazyLock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::{Error, provider, read};

/// Certificates that others' certificates must lead to.
#[derive(Clone, Debug)]
pub struct TrustAnchors(Arc<RootCertStore>);

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
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("aws-lc-rs has TLS 1.2 and 1.3")
            .with_root_certificates(self.0.clone())
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        config
    }

    /// Differs for different anchors, within this process.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for anchor in &self.0.roots {
            anchor.subject.as_ref().hash(&mut hasher);
            anchor.subject_public_key_info.as_ref().hash(&mut hasher);
        }
        hasher.finish()
    }

    fn from_file(path: &Path) -> Result<Self, Error> {
        const WANTED: &str = "certificate";
        let mut store = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&read(path)?) {
            certificate
                .ok()
                .and_then(|certificate| store.add(certificate).ok())
                .ok_or_else(|| Error::Malformed { path: path.to_owned(), wanted: WANTED })?;
        }
        if store.is_empty() {
            return Err(Error::Empty { path: path.to_owned(), wanted: WANTED });
        }
        Ok(Self(Arc::new(store)))
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
        Ok(Self(ROOTS.clone()))
    }
}
