//! Private keys, from files that nobody else can read or change.

use certs::Identity;
use config::{IdentityFiles, KeyFiles, PrivateFile};

/// Reads a chain and its key; refuses a key that others could have read or put there.
pub(crate) fn load(files: &IdentityFiles) -> Result<Identity, certs::Error> {
    check(&files.key)?;
    Identity::load(&files.chain, files.key.path())
}

/// The same of either form.
pub(crate) fn load_either(files: &KeyFiles) -> Result<Identity, certs::Error> {
    match files {
        KeyFiles::Pem(files) => load(files),
        KeyFiles::Pkcs12 { store, password } => {
            [Some(store), password.as_ref()].into_iter().flatten().try_for_each(check)?;
            Identity::load_pkcs12(store.path(), password.as_ref().map(PrivateFile::path))
        }
    }
}

fn check(file: &PrivateFile) -> Result<(), certs::Error> {
    file.check().map_err(|exposed| certs::Error::Unreadable {
        path: file.path().to_owned(),
        source: exposed.into(),
    })
}
