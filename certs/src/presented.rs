//! What a TLS client shows of itself to a server that asks.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;

use super::Identity;

/// The identity that the next handshake shows; it may be another than the last one's.
#[derive(Debug)]
pub struct Presented(Mutex<Arc<CertifiedKey>>);

impl Presented {
    /// Shows this one.
    pub fn new(identity: &Identity) -> Self {
        Self(Mutex::new(identity.certified()))
    }

    /// Shows this one from now on.
    pub fn replace(&self, identity: &Identity) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = identity.certified();
    }
}

impl ResolvesClientCert for Presented {
    fn resolve(
        &self,
        _root_hint_subjects: &[&[u8]],
        schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        let certified = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        certified.key.choose_scheme(schemes).is_some().then_some(certified)
    }

    fn has_certs(&self) -> bool {
        true
    }
}
