//! A file that is replaced whole: written beside its place, and put there by a rename.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use super::error::Error;

/// The place of a file: of one that only its owner may read, if nothing else is said.
pub(super) struct Slot {
    path: PathBuf,
    new: PathBuf,
    /// The mode where there was none before, and what may be kept of one that was there.
    modes: (u32, u32),
    is_written: bool,
}

impl Slot {
    /// Makes sure that something can be put there, before there is something: a secret is shown
    /// once.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        Self::with(path, PRIVATE)
    }

    /// The same for a file that holds no secret: whoever may read it now may read it then.
    pub(super) fn of_configuration(path: &Path) -> Result<Self, Error> {
        Self::with(path, (0o640, 0o777))
    }

    fn with(path: &Path, modes: (u32, u32)) -> Result<Self, Error> {
        let failed = |source| Error::File { path: path.to_owned(), source };
        // A link stays, and what it leads to is replaced.
        let path = match fs::canonicalize(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
            resolved => resolved.map_err(failed)?,
        };
        let new = Self::beside(&path);
        let slot = Self { path, new, modes, is_written: false };
        slot.create().map_err(failed)?;
        Ok(slot)
    }

    /// For a run that writes nothing.
    pub(super) fn imagined(path: &Path) -> Self {
        let (path, new) = (path.to_owned(), Self::beside(path));
        Self { path, new, modes: PRIVATE, is_written: true }
    }

    /// Where what is to be put there lies meanwhile.
    pub(super) fn new_path(&self) -> &Path {
        &self.new
    }

    /// What an earlier run left there, to be gone on with.
    pub(super) fn left_behind(path: &Path) -> Option<Self> {
        let path = fs::canonicalize(path).ok()?;
        let new = Self::beside(&path);
        let is_written = fs::metadata(&new).is_ok_and(|it| it.len() > 0);
        is_written.then_some(Self { path, new, modes: PRIVATE, is_written })
    }

    /// Writes it, on the disk when this returns. It stays there until it is put in its place.
    pub(super) fn write(&mut self, content: &[u8]) -> Result<(), Error> {
        let written = self.create().and_then(|mut file| {
            self.is_written = true;
            file.write_all(content)?;
            file.sync_all()
        });
        written.map_err(|source| Error::File { path: self.new.clone(), source })
    }

    /// Puts it in its place, in one step.
    pub(super) fn place(self) -> Result<(), Error> {
        let failed = |source| Error::File { path: self.path.clone(), source };
        fs::rename(&self.new, &self.path).map_err(failed)?;
        // The rename shall outlive a power failure; where a file system cannot say so, it is made.
        let folder = self.path.parent().filter(|it| !it.as_os_str().is_empty());
        let _ = File::open(folder.unwrap_or_else(|| Path::new("."))).and_then(|it| it.sync_all());
        Ok(())
    }

    fn create(&self) -> io::Result<File> {
        match fs::remove_file(&self.new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let (mode, kept) = self.modes;
        let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&self.new)?;
        // Whoever reads it now shall be able to read the next one.
        if let Ok(before) = fs::metadata(&self.path) {
            let now = file.metadata()?;
            if (now.uid(), now.gid()) != (before.uid(), before.gid()) {
                fchown(&file, Some(before.uid()), Some(before.gid()))?;
            }
            file.set_permissions(Permissions::from_mode(before.mode() & kept))?;
        }
        Ok(file)
    }

    fn beside(path: &Path) -> PathBuf {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.with_file_name(format!(".{name}.new"))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if !self.is_written {
            let _ = fs::remove_file(&self.new);
        }
    }
}

/// Of a mode that was there, no more than a group's leave to read it, as Kubernetes gives it.
const PRIVATE: (u32, u32) = (0o600, 0o640);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_its_place_is_its_owner_s_alone_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("client-secret");
        let mut slot = Slot::open(&path).unwrap();
        slot.write(b"one").unwrap();
        slot.place().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        drop(Slot::open(&path).unwrap());
        assert!(Slot::left_behind(&path).is_none());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_was_written_is_found_again_until_it_is_in_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("client-secret");
        fs::write(&path, "old").unwrap();
        let mut slot = Slot::open(&path).unwrap();
        slot.write(b"new").unwrap();
        drop(slot);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        let slot = Slot::left_behind(&path).unwrap();
        assert_eq!(fs::read(slot.new_path()).unwrap(), b"new");
        slot.place().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_told_before_anything_is_made() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Slot::open(&folder.path().join("no/such/folder/client-secret")).is_err());
    }
}
