//! How long key material lasts.

use std::time::SystemTime;

use x509_cert::Certificate;
use x509_cert::der::Decode;

/// When a certificate ends (`notAfter`, RFC 5280, section 4.1.2.5). `None` for what is no X.509
/// certificate, and for one that is too odd to be read: rustls is more lenient.
pub fn not_after(der: &[u8]) -> Option<SystemTime> {
    let certificate = Certificate::from_der(der).ok()?;
    Some(certificate.tbs_certificate().validity().not_after.to_system_time())
}

/// When the first of these certificates ends.
pub(crate) fn first_end<'c>(
    certificates: impl IntoIterator<Item = &'c [u8]>,
) -> Option<SystemTime> {
    certificates.into_iter().filter_map(not_after).min()
}
