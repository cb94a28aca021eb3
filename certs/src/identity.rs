//! What the gateway shows of itself.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::life::first_end;
use super::{Error, provider, read};

/// A certificate chain and the private key of its leaf.
#[derive(Clone, Debug)]
pub struct Identity(Arc<CertifiedKey>);

impl Identity {
    /// Reads a PEM chain (leaf first) and its PEM key (PKCS#8, PKCS#1 or SEC1), and checks that they
    /// belong together.
    pub fn load(chain: &Path, key: &Path) -> Result<Self, Error> {
        const CERTIFICATE: &str = "certificate";
        const KEY: &str = "private key";
        let certificates = CertificateDer::pem_slice_iter(&read(chain)?)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| Error::Malformed { path: chain.to_owned(), wanted: CERTIFICATE })?;
        if certificates.is_empty() {
            return Err(Error::Empty { path: chain.to_owned(), wanted: CERTIFICATE });
        }
        let private = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|error| match error {
            pem::Error::NoItemsFound => Error::Empty { path: key.to_owned(), wanted: KEY },
            _ => Error::Malformed { path: key.to_owned(), wanted: KEY },
        })?;
        CertifiedKey::from_der(certificates, private, &provider())
            .map(|certified| Self(Arc::new(certified)))
            .map_err(|source| Error::Mismatch {
                chain: chain.to_owned(),
                key: key.to_owned(),
                source,
            })
    }

    /// When the first certificate of the chain ends; `None` if no end can be read.
    pub fn not_after(&self) -> Option<SystemTime> {
        first_end(self.0.cert.iter().map(AsRef::as_ref))
    }

    /// A TLS server (1.2 and 1.3) that shows this identity, and prefers `alpn` in this order.
    pub fn server_config(&self, alpn: &[&[u8]]) -> ServerConfig {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("aws-lc-rs has TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(self.0.clone())));
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        config
    }
}
