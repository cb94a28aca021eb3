//! What a server showed in a TLS handshake, for those who have to explain why it was not believed.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};

use super::{TrustAnchors, provider};

/// Keeps the chain that a server showed, whether it was found good or not.
///
/// It believes nothing that its anchors would not: the verdict is that of the verifier that rustls
/// uses by itself.
#[derive(Debug)]
pub struct Witness {
    verifier: Arc<WebPkiServerVerifier>,
    chain: Mutex<Vec<CertificateDer<'static>>>,
}

impl TrustAnchors {
    /// As [`TrustAnchors::client_config`], with one who sees the chain of the latest handshake.
    pub fn witnessed_config(&self, alpn: &[&[u8]]) -> (ClientConfig, Arc<Witness>) {
        let builder = WebPkiServerVerifier::builder_with_provider(self.shared_roots(), provider());
        let verifier = builder.build().expect("anchors have at least one root, and no lists");
        let witness = Arc::new(Witness { verifier, chain: Mutex::default() });
        let mut config = self.client_config(alpn);
        config.dangerous().set_certificate_verifier(witness.clone());
        (config, witness)
    }
}

impl Witness {
    /// The certificates as they were shown, leaf first; empty if none were.
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.chain.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Whether a certificate is for this host, a name or an address.
pub fn is_for(leaf: &CertificateDer<'_>, host: &str) -> bool {
    let name = ServerName::try_from(host).ok();
    let certificate = webpki::EndEntityCert::try_from(leaf).ok();
    let both = certificate.zip(name);
    both.is_some_and(|(leaf, name)| leaf.verify_is_valid_for_subject_name(&name).is_ok())
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let shown = [leaf].into_iter().chain(intermediates);
        let shown = shown.map(|one| one.clone().into_owned()).collect();
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = shown;
        self.verifier.verify_server_cert(leaf, intermediates, name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
