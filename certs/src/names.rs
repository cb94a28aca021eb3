//! What a certificate calls its holder.

use std::str::FromStr;
use std::time::SystemTime;

use aws_lc_rs::digest;
use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;
use x509_cert::Certificate;
use x509_cert::der::asn1::{Any, ObjectIdentifier};
use x509_cert::der::{Decode, Tag, Tagged};
use x509_cert::name::Name;

/// The names in a certificate. What is written oddly (other kinds of strings, control characters,
/// nothing at all) is left out: it names nobody.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Names {
    /// Hosts among the alternative names, in lower case, without patterns.
    pub dns: Vec<String>,
    /// URIs among them.
    pub uris: Vec<String>,
    /// The subject's common name, if it has just one.
    pub common_name: Option<String>,
    /// The whole subject, as [`Names::subject`] writes it.
    pub subject: Option<String>,
    /// SHA-256 of the certificate (`x5t#S256`).
    pub thumbprint: [u8; 32],
    /// When the certificate ends.
    pub not_after: SystemTime,
}

impl Names {
    /// The names in this certificate; `None` if it cannot be read.
    pub fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let parsed = Certificate::from_der(certificate).ok()?;
        let alternative = EndEntityCert::try_from(certificate).ok()?;
        let (validity, subject) =
            (parsed.tbs_certificate().validity(), parsed.tbs_certificate().subject());
        let dns = alternative.valid_dns_names().filter(|name| !name.contains('*'));
        let uris = alternative.valid_uri_names().filter(|uri| is_plain(uri) && uri.is_ascii());
        let mut common = subject.iter().filter(|part| part.oid == COMMON_NAME);
        let common_name = match (common.next(), common.next()) {
            (Some(only), None) => text(&only.value).map(str::to_owned),
            _ => None,
        };
        let is_plain =
            !subject.is_empty() && subject.iter().all(|part| text(&part.value).is_some());
        let mut thumbprint = [0; 32];
        let digest = digest::digest(&digest::SHA256, certificate);
        thumbprint.copy_from_slice(digest.as_ref());
        Some(Self {
            dns: dns.map(str::to_ascii_lowercase).collect(),
            uris: uris.map(str::to_owned).collect(),
            common_name,
            subject: is_plain.then(|| subject.to_string()),
            thumbprint,
            not_after: validity.not_after.to_system_time(),
        })
    }

    /// A subject as certificates' are compared: RFC 4514, with the last attribute first. Names of
    /// attributes may be in any case, characters escaped or not. `None` if that is not what it is.
    pub fn subject(text: &str) -> Option<String> {
        Name::from_str(text).ok().map(|name| name.to_string())
    }
}

/// The text of an attribute, in the only forms that new certificates may have (RFC 5280, section
/// 4.1.2.4; appendix A for components of domains and addresses).
fn text(value: &Any) -> Option<&str> {
    let is_text = matches!(value.tag(), Tag::Utf8String | Tag::PrintableString | Tag::Ia5String);
    let text = std::str::from_utf8(value.value()).ok()?;
    (is_text && is_plain(text)).then_some(text)
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_control)
}

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

#[cfg(test)]
mod tests;
