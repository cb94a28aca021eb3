//! What `dicom-gateway key` does to a file of keys.
//!
//! The file is replaced whole, by a rename within its folder, so a gateway that watches it never reads
//! half of it; mode and owner stay. Its folder is locked meanwhile, so two at once lose nothing.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use secrecy::zeroize::Zeroizing;

use super::file::{self, Entry, Hash, KeyFileError, KeyName, LastDay};
use super::{generated, password};

/// A file of callers' keys, to be changed. Several processes may change it at once.
#[derive(Clone, Debug)]
pub struct KeyFile {
    path: PathBuf,
}

/// A key that a file has, without its hash.
#[derive(Clone, Debug)]
pub struct ListedKey {
    /// What it is called.
    pub name: KeyName,
    /// Whether the gateway made it, or somebody chose it.
    pub is_generated: bool,
    /// The last day on which it is good, in UTC; for ever without one.
    pub last_day: Option<LastDay>,
}

impl KeyFile {
    /// This file, or the one that a symbolic link here leads to; it need not be there yet.
    ///
    /// # Errors
    /// If its folder is not there, or a link leads nowhere.
    pub fn at(path: &Path) -> Result<Self, KeyFileError> {
        let resolved = match fs::canonicalize(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => absent(path),
            resolved => resolved,
        };
        let unwritable = |error| KeyFileError::Unwritable { path: path.to_owned(), error };
        resolved.map(|path| Self { path }).map_err(unwritable)
    }

    /// Where it is, links followed.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a key, and adds its hash. Nothing but what is returned can ever tell the key itself.
    ///
    /// # Errors
    /// If there is a key of this name, or the file is malformed or cannot be changed.
    pub fn generate(
        &self,
        name: KeyName,
        last_day: Option<LastDay>,
    ) -> Result<Zeroizing<String>, KeyFileError> {
        let key = generated::generate();
        let hash = generated::hash(&key).expect("what was generated has its form");
        self.add(Entry { line: 0, name, hash: Hash::Sha256(hash), last_day })?;
        Ok(key)
    }

    /// Adds the hash of a password that [may be one](Self::may_be_password).
    ///
    /// # Errors
    /// If there is a key of this name, or the file is malformed or cannot be changed.
    pub fn add_password(
        &self,
        name: KeyName,
        password: &str,
        last_day: Option<LastDay>,
    ) -> Result<(), KeyFileError> {
        let hash = Hash::Argon2(password::hash(password));
        self.add(Entry { line: 0, name, hash, last_day })
    }

    /// Whether a password may be added; else what would be right.
    ///
    /// # Errors
    /// If it is short, or holds what not all programs can send.
    pub fn may_be_password(password: &str) -> Result<(), &'static str> {
        password::may_be(password)
    }

    /// Takes the key of this name away.
    ///
    /// # Errors
    /// If there is none, or the file is malformed or cannot be changed.
    pub fn remove(&self, name: &KeyName) -> Result<(), KeyFileError> {
        let _alone = self.lock()?;
        let text = file::text(&self.path)?;
        let entries = file::entries(&self.path, &text)?;
        let entry = entries.iter().find(|entry| entry.name == *name);
        let line = entry.ok_or_else(|| KeyFileError::NoSuchKey(name.clone()))?.line;
        let lines = text.split_inclusive('\n').enumerate();
        let rest = lines.filter(|(index, _)| index + 1 != line).map(|(_, line)| line);
        let rest = rest.collect::<String>();
        // An empty file is refused as a mistake when a gateway starts.
        let rest = if rest.trim().is_empty() { HEADING.to_owned() } else { rest };
        self.replace(&rest)
    }

    /// Its keys, in the order of their lines.
    ///
    /// # Errors
    /// If it cannot be read, or is malformed.
    pub fn list(&self) -> Result<Vec<ListedKey>, KeyFileError> {
        let entries = file::entries(&self.path, &file::text(&self.path)?)?;
        let listed = entries.into_iter().map(|entry| ListedKey {
            name: entry.name,
            is_generated: matches!(entry.hash, Hash::Sha256(_)),
            last_day: entry.last_day,
        });
        Ok(listed.collect())
    }

    fn add(&self, entry: Entry) -> Result<(), KeyFileError> {
        let _alone = self.lock()?;
        let mut text = match file::text(&self.path) {
            Err(KeyFileError::Unreadable { error, .. })
                if error.kind() == io::ErrorKind::NotFound =>
            {
                HEADING.to_owned()
            }
            text => text?,
        };
        let entries = file::entries(&self.path, &text)?;
        if entries.iter().any(|other| other.name == entry.name) {
            return Err(KeyFileError::Taken(entry.name));
        }
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&format!("{entry}\n"));
        // What a gateway would refuse must not be written: that is one password too many.
        file::entries(&self.path, &text)?;
        self.replace(&text)
    }

    /// Keeps other processes out until it is dropped. The folder is locked and not the file, which is
    /// another one after each change.
    fn lock(&self) -> Result<File, KeyFileError> {
        let folder = File::open(self.folder()).map_err(|error| self.unwritable(error))?;
        folder.lock().map_err(|error| self.unwritable(error))?;
        Ok(folder)
    }

    fn replace(&self, text: &str) -> Result<(), KeyFileError> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let new = self.folder().join(format!(".{name}.new"));
        let replaced = self.write(&new, text).and_then(|()| fs::rename(&new, &self.path));
        replaced.map_err(|error| {
            let _ = fs::remove_file(&new);
            self.unwritable(error)
        })?;
        // The rename shall outlive a power failure; where a file system cannot say so, it is made.
        let _ = File::open(self.folder()).and_then(|folder| folder.sync_all());
        Ok(())
    }

    fn write(&self, new: &Path, text: &str) -> io::Result<()> {
        // Whoever left one behind does not live any more: we have the lock.
        match fs::remove_file(new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(new)?;
        match fs::metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            before => like(&file, &before?)?,
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or_else(|| Path::new("/"))
    }

    fn unwritable(&self, error: io::Error) -> KeyFileError {
        KeyFileError::Unwritable { path: self.path.clone(), error }
    }
}

/// Gives a file the owner and the mode of the one that it is to replace.
fn like(file: &File, before: &Metadata) -> io::Result<()> {
    let now = file.metadata()?;
    if (now.uid(), now.gid()) != (before.uid(), before.gid()) {
        fchown(file, Some(before.uid()), Some(before.gid())).map_err(|error| {
            let (uid, gid) = (before.uid(), before.gid());
            let advice = "only that user, or root, can replace it";
            io::Error::new(error.kind(), format!("it belongs to {uid}:{gid}; {advice}"))
        })?;
    }
    file.set_permissions(Permissions::from_mode(before.mode() & 0o7777))
}

/// Where a file that is not there would be.
fn absent(path: &Path) -> io::Result<PathBuf> {
    if path.is_symlink() {
        return Err(io::Error::other("it is a symbolic link that leads nowhere"));
    }
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    Ok(fs::canonicalize(folder.unwrap_or_else(|| Path::new(".")))?.join(name))
}

/// The beginning of a new file.
const HEADING: &str = "# Hashes of callers' keys: NAME HASH [expires=DATE]. \
                       `dicom-gateway key` adds to it.\n";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_new_file_is_for_its_owner_alone_and_holds_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let keys = KeyFile::at(&folder.path().join("api-keys")).unwrap();
        let key = keys.generate(name("ward-7"), None).unwrap();
        keys.add_password(name("slicer"), "correct horse", Some("2027-01-31".parse().unwrap()))
            .unwrap();

        let text = fs::read_to_string(keys.path()).unwrap();
        assert_eq!(fs::metadata(keys.path()).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(text.lines().count(), 3);
        assert!(!text.contains(&key[..12]) && !text.contains("correct"), "{text}");
        let listed = keys.list().unwrap();
        assert_eq!(
            listed.iter().map(|key| key.name.to_string()).collect::<Vec<_>>(),
            ["ward-7", "slicer"]
        );
        assert_eq!((listed[0].is_generated, listed[1].is_generated), (true, false));
        assert_eq!(listed[1].last_day.unwrap().to_string(), "2027-01-31");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_change_keeps_mode_link_and_all_other_lines() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("api-keys"));
        let hash = "a".repeat(64);
        fs::write(&real, format!("# ours\n\n  a   sha256:{hash}   # first")).unwrap();
        fs::set_permissions(&real, Permissions::from_mode(0o440)).unwrap();
        symlink("real", &link).unwrap();

        let keys = KeyFile::at(&link).unwrap();
        keys.generate(name("b"), None).unwrap();
        let text = fs::read_to_string(&real).unwrap();
        assert!(text.starts_with(&format!("# ours\n\n  a   sha256:{hash}   # first\nb sha256:")));
        assert!(link.is_symlink());
        assert_eq!(fs::metadata(&real).unwrap().mode() & 0o7777, 0o440);

        keys.remove(&name("a")).unwrap();
        let text = fs::read_to_string(&real).unwrap();
        assert!(text.starts_with("# ours\n\nb sha256:"), "{text}");
    }

    #[test]
    fn the_last_key_can_be_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("api-keys");
        fs::write(&path, format!("a sha256:{}", "a".repeat(64))).unwrap();
        let keys = KeyFile::at(&path).unwrap();
        keys.remove(&name("a")).unwrap();
        assert!(keys.list().unwrap().is_empty());
        assert!(!fs::read_to_string(&path).unwrap().trim().is_empty());
        assert!(matches!(keys.remove(&name("a")), Err(KeyFileError::NoSuchKey(_))));
    }

    #[test]
    fn what_cannot_be_is_refused_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("api-keys");
        let keys = KeyFile::at(&path).unwrap();
        keys.generate(name("a"), None).unwrap();
        let before = fs::read_to_string(&path).unwrap();
        assert!(matches!(keys.generate(name("a"), None), Err(KeyFileError::Taken(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), before);

        fs::write(&path, "nonsense").unwrap();
        assert!(matches!(keys.generate(name("b"), None), Err(KeyFileError::Malformed { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "nonsense");

        symlink("nowhere", folder.path().join("link")).unwrap();
        assert!(KeyFile::at(&folder.path().join("link")).is_err());
        assert!(KeyFile::at(&folder.path().join("no/such/folder")).is_err());
    }

    fn name(text: &str) -> KeyName {
        text.parse().unwrap()
    }
}
