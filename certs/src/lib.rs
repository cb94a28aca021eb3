//! Key material, from disk to rustls.
//!
//! An [`Identity`] is what this process shows, [`TrustAnchors`] are whom it believes; with
//! [`RevocationLists`] they become [`CallerTrust`], which judges what callers show. All of it is read
//! once, checked whole, and gives rustls configurations with one crypto provider: aws-lc-rs. Whether
//! the files hold something else by now is what [`Contents`] tell.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use rustls::crypto::CryptoProvider;

mod anchors;
mod callers;
mod contents;
mod handshake;
mod identity;
mod life;
mod link;
mod names;
mod pkcs12;
mod presented;
mod revocation;
mod signature;
mod witness;

pub use self::anchors::TrustAnchors;
pub use self::callers::{CallerTrust, Distrust};
pub use self::contents::Contents;
pub use self::identity::Identity;
pub use self::life::not_after;
pub use self::link::Link;
pub use self::names::Names;
pub use self::presented::Presented;
pub use self::revocation::{ListLife, RevocationLists};
pub use self::signature::{Algorithm, SigningKey};
pub use self::witness::{Witness, is_for};

/// The one crypto provider of this program: aws-lc-rs.
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: std::sync::LazyLock<Arc<CryptoProvider>> =
        std::sync::LazyLock::new(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    PROVIDER.clone()
}

/// The same for whoever serves callers, with the cipher suite first whose handshakes cost least.
pub(crate) fn serving_provider() -> Arc<CryptoProvider> {
    static PROVIDER: std::sync::LazyLock<Arc<CryptoProvider>> = std::sync::LazyLock::new(|| {
        let mut provider = CryptoProvider::clone(&provider());
        provider.cipher_suites.sort_by_key(|suite| suite.suite() != FIRST_SUITE);
        Arc::new(provider)
    });
    PROVIDER.clone()
}

/// Its keys are drawn by SHA-256, for which most processors have instructions, as they do not for SHA-384.
/// BoringSSL and Go choose it first as well.
const FIRST_SUITE: rustls::CipherSuite = rustls::CipherSuite::TLS13_AES_128_GCM_SHA256;

/// ALPN of HTTP/2 over TLS (RFC 9113, section 3.2).
pub const H2: &[u8] = b"h2";

/// ALPN of HTTP/1.1.
pub const HTTP_11: &[u8] = b"http/1.1";

/// Why key material cannot be used. Names files, never their content.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be read.
    #[error("{} cannot be read", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file holds nothing of the kind that is wanted.
    #[error("{} holds no {wanted} in PEM form", .path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// `certificate`, `certificate revocation list`, `private key`
        wanted: &'static str,
    },
    /// A file is not PEM, or what it encodes is broken.
    #[error("{} holds something that is no {wanted}", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// `certificate`, `certificate revocation list`, `private key`
        wanted: &'static str,
    },
    /// Chain and key are each sound, but not of one pair, or of a kind that rustls does not know.
    #[error("{} and {} do not belong together", .chain.display(), .key.display())]
    Mismatch {
        /// The chain's file.
        chain: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What rustls says.
        source: rustls::Error,
    },
    /// A PKCS#12 file is broken, or its password is another.
    #[error("{} is no PKCS#12 file of this password with one key and its certificate", .path.display())]
    Pkcs12 {
        /// The file.
        path: PathBuf,
    },
    /// A revocation list is sound, and of a kind that nobody here can check certificates by.
    #[error("{} holds a revocation list that no certificate can be checked by", .path.display())]
    RevocationList {
        /// The file.
        path: PathBuf,
        /// What is odd about it: a delta, an indirect one, one without an end.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The system has no roots to trust.
    #[error("the system has no trust anchors; name a PEM file with `anchors`")]
    NoSystemAnchors,
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| Error::Unreadable { path: path.to_owned(), source })
}
