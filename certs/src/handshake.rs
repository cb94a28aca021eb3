//! Callers' certificates in the TLS handshake.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, SignatureScheme};

use super::{CallerTrust, Distrust, provider};

/// Asks for certificates that one of these trusts; asks for none if there is no trust.
pub(super) fn verifier(trusts: &[Arc<CallerTrust>]) -> Arc<dyn ClientCertVerifier> {
    if trusts.is_empty() {
        return WebPkiClientVerifier::no_client_auth();
    }
    let hints = trusts.iter().flat_map(|trust| trust.anchors().roots().subjects());
    let mut hints = hints.collect::<Vec<_>>();
    hints.sort_by(|one, other| one.as_ref().cmp(other.as_ref()));
    hints.dedup_by(|one, other| one.as_ref() == other.as_ref());
    Arc::new(Verifier { trusts: trusts.to_vec(), hints })
}

/// Each trust judges alone: one's lists say nothing of another's issuers, of the same name or not.
#[derive(Debug)]
struct Verifier {
    trusts: Vec<Arc<CallerTrust>>,
    hints: Vec<DistinguishedName>,
}

impl ClientCertVerifier for Verifier {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let chain = [std::slice::from_ref(leaf), intermediates].concat();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now.as_secs());
        let mut worst = Distrust::Unreadable;
        for trust in &self.trusts {
            match trust.judge(&chain, now) {
                Ok(_) => return Ok(ClientCertVerified::assertion()),
                Err(distrust) => worst = worst.max(distrust),
            }
        }
        Err(certificate_error(worst).into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &provider().signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &provider().signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

/// What rustls makes the right alert of (RFC 8446, section 6.2).
fn certificate_error(distrust: Distrust) -> CertificateError {
    match distrust {
        Distrust::Unreadable => CertificateError::BadEncoding,
        Distrust::UnknownIssuer => CertificateError::UnknownIssuer,
        Distrust::Signature => CertificateError::BadSignature,
        Distrust::Purpose => CertificateError::InvalidPurpose,
        Distrust::NotYetValid => CertificateError::NotValidYet,
        Distrust::Expired => CertificateError::Expired,
        Distrust::Unlisted => CertificateError::UnknownRevocationStatus,
        Distrust::StaleList => CertificateError::ExpiredRevocationList,
        Distrust::Revoked => CertificateError::Revoked,
    }
}
