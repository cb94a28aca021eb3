//! Signatures as JSON Web Signatures want them, with the keys that TLS uses.

use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use zeroize::Zeroizing;

/// A private key that signs. It cannot be shown, and its memory is aws-lc's.
#[derive(Clone, Debug)]
pub struct SigningKey(pub(super) Arc<dyn rustls::sign::SigningKey>);

/// A signature algorithm (RFC 7518, section 3.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Algorithm {
    /// RSA-PSS with SHA-256.
    Ps256,
    /// RSA PKCS#1 v1.5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
}

impl SigningKey {
    /// The key of a PEM text (PKCS#8, PKCS#1 or SEC1); `None` if it holds none that rustls knows.
    pub fn from_pem(pem: &[u8]) -> Option<Self> {
        let key = Zeroizing::new(PrivateKeyDer::from_pem_slice(pem).ok()?);
        any_supported_type(&key).ok().map(Self)
    }

    /// The algorithm to sign with if nobody asks for another; `None` for keys that JWS has none for.
    pub fn algorithm(&self) -> Option<Algorithm> {
        Algorithm::ALL.into_iter().find(|algorithm| self.can(*algorithm))
    }

    /// Whether it can sign so.
    pub fn can(&self, algorithm: Algorithm) -> bool {
        self.0.choose_scheme(&[algorithm.scheme()]).is_some()
    }

    /// The signature of `message` (RFC 7518, sections 3.3 to 3.5); `None` if the key cannot sign so.
    pub fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Option<Vec<u8>> {
        let signature = self.0.choose_scheme(&[algorithm.scheme()])?.sign(message).ok()?;
        match algorithm {
            Algorithm::Ps256 | Algorithm::Rs256 => Some(signature),
            Algorithm::Es256 => fixed(&signature, 32),
            Algorithm::Es384 => fixed(&signature, 48),
        }
    }
}

impl Algorithm {
    /// All of them; of those that a key can, the first is the best.
    const ALL: [Self; 4] = [Self::Ps256, Self::Rs256, Self::Es256, Self::Es384];

    /// Its name in a JWS header.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ps256 => "PS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
        }
    }

    const fn scheme(self) -> SignatureScheme {
        match self {
            Self::Ps256 => SignatureScheme::RSA_PSS_SHA256,
            Self::Rs256 => SignatureScheme::RSA_PKCS1_SHA256,
            Self::Es256 => SignatureScheme::ECDSA_NISTP256_SHA256,
            Self::Es384 => SignatureScheme::ECDSA_NISTP384_SHA384,
        }
    }
}

/// TLS writes an ECDSA signature as a DER sequence of two integers, JWS as two numbers of `width`
/// bytes each.
fn fixed(der: &[u8], width: usize) -> Option<Vec<u8>> {
    // Two integers of at most 49 bytes: every length fits one byte.
    let [0x30, length, integers @ ..] = der else { return None };
    let (r, rest) = integer(integers)?;
    let (s, rest) = integer(rest)?;
    if usize::from(*length) != integers.len() || !rest.is_empty() {
        return None;
    }
    let mut fixed = Vec::with_capacity(2 * width);
    for number in [r, s] {
        fixed.resize(fixed.len() + width.checked_sub(number.len())?, 0);
        fixed.extend_from_slice(number);
    }
    Some(fixed)
}

/// An integer without the zero that says it is positive, and what follows it.
fn integer(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let [0x02, length, rest @ ..] = der else { return None };
    let (number, rest) = rest.split_at_checked((*length).into())?;
    Some((number.strip_prefix(&[0]).unwrap_or(number), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_padded_to_their_width_and_lose_their_sign() {
        let der = [0x30, 9, 0x02, 1, 7, 0x02, 4, 0, 0x80, 1, 2];
        assert_eq!(fixed(&der, 4).unwrap(), [0, 0, 0, 7, 0, 0x80, 1, 2]);
        assert_eq!(fixed(&der, 3).unwrap(), [0, 0, 7, 0x80, 1, 2]);
    }

    #[test]
    fn what_is_no_signature_is_none() {
        for der in [
            &[][..],
            &[0x30, 3, 0x02, 1, 7],
            &[0x30, 6, 0x02, 1, 7, 0x02, 9, 1],
            &[0x30, 8, 0x02, 1, 7, 0x02, 1, 7, 5, 0],
            &[0x31, 6, 0x02, 1, 7, 0x02, 1, 7],
            &[0x30, 8, 0x02, 3, 1, 1, 1, 0x02, 1, 7],
        ] {
            assert_eq!(fixed(der, 2), None, "{der:?}");
        }
    }
}
