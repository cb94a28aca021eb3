//! What the gateway shows of itself.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, ServerConfig};
use zeroize::Zeroizing;

use super::life::first_end;
use super::{CallerTrust, Error, SigningKey, handshake, pkcs12, read, serving_provider};

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
        let text = Zeroizing::new(read(key)?);
        let private = PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
            pem::Error::NoItemsFound => Error::Empty { path: key.to_owned(), wanted: KEY },
            _ => Error::Malformed { path: key.to_owned(), wanted: KEY },
        })?;
        Self::pair(certificates, &Zeroizing::new(private)).map_err(|source| Error::Mismatch {
            chain: chain.to_owned(),
            key: key.to_owned(),
            source,
        })
    }

    /// Reads a PKCS#12 file (RFC 7292), whose password is the text of another file but for one line
    /// end, or empty without one, and checks that its key and certificate belong together.
    pub fn load_pkcs12(store: &Path, password: Option<&Path>) -> Result<Self, Error> {
        pkcs12::open(store, password)
    }

    /// Puts a key and the certificates of its chain together, if they belong together or nobody can
    /// tell.
    pub(super) fn pair(
        certificates: Vec<CertificateDer<'static>>,
        key: &PrivateKeyDer<'static>,
    ) -> Result<Self, rustls::Error> {
        // By reference: nothing of the key stays behind where it cannot be wiped.
        let certified = CertifiedKey::new(certificates, any_supported_type(key)?);
        match certified.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => {
                Ok(Self(Arc::new(certified)))
            }
            Err(error) => Err(error),
        }
    }

    /// The certificates, leaf first; at least one.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.0.cert
    }

    /// The leaf's private key.
    pub fn signing_key(&self) -> SigningKey {
        SigningKey(self.0.key.clone())
    }

    pub(super) fn certified(&self) -> Arc<CertifiedKey> {
        self.0.clone()
    }

    /// When the first certificate of the chain ends; `None` if no end can be read.
    pub fn not_after(&self) -> Option<SystemTime> {
        first_end(self.0.cert.iter().map(AsRef::as_ref))
    }

    /// A TLS server (1.2 and 1.3) that shows this identity, and prefers `alpn` in this order. It asks
    /// callers for a certificate if there is any trust to judge one by, and does without; what is shown
    /// has to be good for one of them, or the handshake fails. Of the cipher suites that a caller offers
    /// it takes `TLS_AES_128_GCM_SHA256` first, whichever the caller prefers.
    ///
    /// Its sessions are its own: none is resumed by another configuration, however similar.
    pub fn server_config(&self, alpn: &[&[u8]], callers: &[Arc<CallerTrust>]) -> ServerConfig {
        let mut config = ServerConfig::builder_with_provider(serving_provider())
            .with_safe_default_protocol_versions()
            .expect("aws-lc-rs has TLS 1.2 and 1.3")
            .with_client_cert_verifier(handshake::verifier(callers))
            .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(self.0.clone())));
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        config.ignore_client_order = true;
        config
    }
}

#[cfg(test)]
mod tests;
