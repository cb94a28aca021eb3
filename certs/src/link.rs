//! A certificate of a chain, as people have to be told of it.

use std::net::IpAddr;
use std::time::SystemTime;

use x509_cert::Certificate;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{AuthorityInfoAccessSyntax, SubjectAltName};

use super::TrustAnchors;

/// What a certificate says of itself and of its issuer. Nobody has looked at its signature.
#[derive(Clone, Debug)]
pub struct Link {
    /// Whose it is, as RFC 4514 writes it.
    pub subject: String,
    /// Who issued it, written so.
    pub issuer: String,
    /// When it begins.
    pub not_before: SystemTime,
    /// When it ends.
    pub not_after: SystemTime,
    /// The hosts that it is for: names, patterns, addresses.
    pub hosts: Vec<String>,
    /// Where its issuer's certificate is to be had (RFC 5280, section 4.2.2.1).
    pub issuer_at: Option<String>,
}

impl Link {
    /// Of this certificate; `None` for what cannot be read.
    pub fn of(der: &[u8]) -> Option<Self> {
        let certificate = Certificate::from_der(der).ok()?;
        let certificate = certificate.tbs_certificate();
        let validity = certificate.validity();
        let names = certificate.get_extension::<SubjectAltName>().ok().flatten();
        let names = names.map_or_else(Vec::new, |(_, names)| names.0);
        let places = certificate.get_extension::<AuthorityInfoAccessSyntax>().ok().flatten();
        let places = places.map_or_else(Vec::new, |(_, places)| places.0);
        let issuer_at = places.into_iter().find_map(|place| match place.access_location {
            GeneralName::UniformResourceIdentifier(url) if place.access_method == CA_ISSUERS => {
                Some(url.to_string())
            }
            _ => None,
        });
        Some(Self {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            not_before: validity.not_before.to_system_time(),
            not_after: validity.not_after.to_system_time(),
            hosts: names.iter().filter_map(host).collect(),
            issuer_at,
        })
    }

    /// Whether it names itself as its issuer, as roots do.
    pub fn is_own_issuer(&self) -> bool {
        self.subject == self.issuer
    }
}

impl TrustAnchors {
    /// Whether one of them has the name of this certificate's issuer, with whatever key.
    pub fn name_issuer_of(&self, der: &[u8]) -> bool {
        let issuer = Certificate::from_der(der)
            .ok()
            .and_then(|certificate| certificate.tbs_certificate().issuer().to_der().ok());
        issuer.is_some_and(|issuer| {
            self.roots().subjects().iter().any(|subject| subject.as_ref() == issuer)
        })
    }
}

fn host(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        GeneralName::IpAddress(bytes) => {
            let bytes = bytes.as_bytes();
            let short = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
            let address = short.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from));
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

/// `id-ad-caIssuers`.
const CA_ISSUERS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.2");
