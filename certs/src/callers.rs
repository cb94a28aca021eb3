//! Whether a certificate that a caller shows is good.

use std::time::{Duration, SystemTime};

use rustls::pki_types::{CertificateDer, UnixTime};
use webpki::{
    CertRevocationList, EndEntityCert, ExpirationPolicy, KeyUsage, RevocationCheckDepth,
    RevocationOptionsBuilder, UnknownStatusPolicy,
};

use super::{RevocationLists, TrustAnchors, not_after, provider};

/// Who issues callers' certificates, and which of them were revoked.
#[derive(Debug)]
pub struct CallerTrust {
    anchors: TrustAnchors,
    lists: RevocationLists,
}

/// What is wrong with a caller's certificate; what tells more is greater.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Distrust {
    /// It is no certificate, or too odd for us.
    Unreadable,
    /// It leads to nobody who is believed.
    UnknownIssuer,
    /// A signature on the way to whom we believe is wrong.
    Signature,
    /// It is for something else than TLS clients.
    Purpose,
    /// Its time, or that of an intermediate one, has not come.
    NotYetValid,
    /// Its time, or that of an intermediate one, is over.
    Expired,
    /// None of its issuer's lists is the one that would name it.
    Unlisted,
    /// Its issuer's list is over, and there is no new one.
    StaleList,
    /// It was revoked, or an intermediate one was.
    Revoked,
}

impl CallerTrust {
    /// Believes these anchors, but for what these lists name.
    pub fn new(anchors: TrustAnchors, lists: RevocationLists) -> Self {
        Self { anchors, lists }
    }

    /// Judges a chain, leaf first, as a TLS client's (RFC 5280, section 6), and says until when the
    /// judgement holds.
    ///
    /// All certificates of whose issuer there is a list are looked for in it, and refused once the list
    /// is over: somebody who can keep new lists away could use a revoked certificate for ever. Of other
    /// issuers nothing is known, and nothing held against their certificates.
    pub fn judge(
        &self,
        chain: &[CertificateDer<'_>],
        now: SystemTime,
    ) -> Result<SystemTime, Distrust> {
        let (leaf, intermediates) = chain.split_first().ok_or(Distrust::Unreadable)?;
        let ends = not_after(leaf).ok_or(Distrust::Unreadable)?;
        let leaf = EndEntityCert::try_from(leaf).map_err(distrust)?;
        let lists = self.lists.iter().map(|list| &list.list).collect::<Vec<_>>();
        let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let verify = |depth, unknown| {
            let options = RevocationOptionsBuilder::new(&lists).ok().map(|options| {
                options
                    .with_depth(depth)
                    .with_status_policy(unknown)
                    .with_expiration_policy(ExpirationPolicy::Enforce)
                    .build()
            });
            leaf.verify_for_usage(
                provider().signature_verification_algorithms.all,
                &self.anchors.roots().roots,
                intermediates,
                UnixTime::since_unix_epoch(since_epoch),
                KeyUsage::client_auth(),
                options,
                None,
            )
            .map_err(distrust)
        };
        let path = verify(RevocationCheckDepth::Chain, UnknownStatusPolicy::Allow)?;
        if has_parts_only(&lists, leaf.issuer()) {
            verify(RevocationCheckDepth::EndEntity, UnknownStatusPolicy::Deny)?;
        }
        let mut ends = ends;
        let mut issuers = vec![leaf.issuer()];
        for certificate in path.intermediate_certificates() {
            ends = ends.min(not_after(&certificate.der()).unwrap_or(now));
            issuers.push(certificate.issuer());
        }
        let lists = self.lists.iter().filter(|list| issuers.contains(&list.list.issuer()));
        Ok(lists.map(|list| list.life.ends).fold(ends, SystemTime::min))
    }

    pub(super) fn anchors(&self) -> &TrustAnchors {
        &self.anchors
    }
}

impl Distrust {
    /// What is wrong, in a sentence for whoever shows it.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Unreadable => "The certificate cannot be read",
            Self::UnknownIssuer => "The certificate leads to nobody who is believed",
            Self::Signature => "A signature in the certificate's chain is wrong",
            Self::Purpose => "The certificate is not for TLS clients",
            Self::NotYetValid => "The certificate's time has not come",
            Self::Expired => "The certificate's time is over",
            Self::Unlisted => "No revocation list tells of the certificate",
            Self::StaleList => "The revocation list of the certificate's issuer is over",
            Self::Revoked => "The certificate was revoked",
        }
    }
}

/// Whether there are lists of this issuer, and each tells of some certificates only.
fn has_parts_only(lists: &[&CertRevocationList<'_>], issuer: &[u8]) -> bool {
    let mut own = lists.iter().filter(|list| list.issuer() == issuer).peekable();
    own.peek().is_some() && own.all(|list| list.issuing_distribution_point().is_some())
}

fn distrust(error: webpki::Error) -> Distrust {
    use webpki::Error;
    match error {
        Error::CertExpired { .. } | Error::InvalidCertValidity => Distrust::Expired,
        Error::CertNotValidYet { .. } => Distrust::NotYetValid,
        Error::CertRevoked => Distrust::Revoked,
        Error::CrlExpired { .. } => Distrust::StaleList,
        Error::UnknownRevocationStatus => Distrust::Unlisted,
        Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => Distrust::Purpose,
        Error::InvalidSignatureForPublicKey
        | Error::InvalidCrlSignatureForPublicKey
        | Error::IssuerNotCrlSigner
        | Error::UnsupportedSignatureAlgorithmContext(_)
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_)
        | Error::UnsupportedCrlSignatureAlgorithmContext(_)
        | Error::UnsupportedCrlSignatureAlgorithmForPublicKeyContext(_) => Distrust::Signature,
        Error::UnknownIssuer
        | Error::CaUsedAsEndEntity
        | Error::EndEntityUsedAsCa
        | Error::NameConstraintViolation
        | Error::PathLenConstraintViolated => Distrust::UnknownIssuer,
        _ => Distrust::Unreadable,
    }
}

#[cfg(test)]
mod tests;
