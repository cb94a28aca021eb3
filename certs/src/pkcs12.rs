//! PKCS#12 files (RFC 7292): key, certificate and chain under one password.

use std::path::Path;

use p12_keystore::{Certificate, Pkcs12Archive};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use super::{Error, Identity, read};

/// The one key of a file and its certificates, leaf first.
///
/// Not every tool says which certificate is the key's, so that is found by trying.
pub(super) fn open(store: &Path, password: Option<&Path>) -> Result<Identity, Error> {
    let broken = || Error::Pkcs12 { path: store.to_owned() };
    let password = Zeroizing::new(password.map(read).transpose()?.unwrap_or_default());
    let password = std::str::from_utf8(&password).map_err(|_| broken())?;
    let password = password.strip_suffix('\n').unwrap_or(password);
    let password = password.strip_suffix('\r').unwrap_or(password);
    let content = Zeroizing::new(read(store)?);
    let archive = Pkcs12Archive::from_pkcs12(&content, password).map_err(|_| broken())?;
    let [key] = &archive.keys[..] else { return Err(broken()) };
    let key = PrivatePkcs8KeyDer::from(key.key.as_der().to_vec());
    let key = Zeroizing::new(PrivateKeyDer::from(key));
    let mut rest = archive.certs.iter().map(|bag| &bag.cert).collect::<Vec<_>>();
    let der = |one: &Certificate| CertificateDer::from(one.as_der().to_vec());
    let is_leaf = |one: &&Certificate| Identity::pair(vec![der(one)], &key).is_ok();
    let leaf = rest.iter().position(is_leaf).ok_or_else(broken)?;
    let mut last = rest.swap_remove(leaf);
    let mut chain = vec![der(last)];
    while let Some(issuer) = rest.iter().position(|one| one.subject() == last.issuer()) {
        last = rest.swap_remove(issuer);
        chain.push(der(last));
    }
    Identity::pair(chain, &key).map_err(|_| broken())
}
