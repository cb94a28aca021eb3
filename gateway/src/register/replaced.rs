//! The credential that was replaced and is still to be removed, noted beside the file of the new one.
//!
//! From when the new one is in its place, nothing else says which one was there before; so this is
//! written first, and a run that ends in the grace time leaves it to the next one.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::credential::Credential;
use super::error::Error;
use super::slot::Slot;

/// The place of the note.
pub(super) struct Replaced {
    path: PathBuf,
}

impl Replaced {
    /// Beside this file, or what it leads to.
    pub(super) fn of(file: &Path) -> Self {
        let file = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        Self { path: file.with_file_name(format!(".{name}.old")) }
    }

    /// The one that an earlier run noted and did not remove.
    pub(super) fn read(&self) -> Result<Option<Credential>, Error> {
        match fs::read_to_string(&self.path) {
            Ok(id) => Ok(Some(Credential { id: id.trim().to_owned(), ends: None })),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(self.failed(source)),
        }
    }

    /// Notes it, on the disk when this returns; an older note has been seen to by then.
    pub(super) fn note(&self, old: Option<&Credential>) -> Result<(), Error> {
        let Some(old) = old else { return self.forget() };
        let mut slot = Slot::open(&self.path)?;
        slot.write(old.id.as_bytes())?;
        slot.place()
    }

    /// There is none to be removed any more.
    pub(super) fn forget(&self) -> Result<(), Error> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(self.failed(error)),
            _ => Ok(()),
        }
    }

    fn failed(&self, source: std::io::Error) -> Error {
        Error::File { path: self.path.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn what_was_replaced_is_known_until_it_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("client-secret");
        let replaced = Replaced::of(&file);
        assert!(replaced.read().unwrap().is_none());
        for id in ["a", "b"] {
            replaced.note(Some(&Credential { id: id.to_owned(), ends: None })).unwrap();
            assert_eq!(Replaced::of(&file).read().unwrap().unwrap().id, id);
        }
        let mode = fs::metadata(folder.path().join(".client-secret.old")).unwrap().mode();
        assert_eq!(mode & 0o7777, 0o600);
        replaced.forget().unwrap();
        replaced.forget().unwrap();
        assert!(replaced.read().unwrap().is_none());
    }
}
