//! What files hold, told from what they held before.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The content of some files at one time, and who besides their owners may use them, as a digest.
///
/// Names and times of files say little: an editor writes in place, and a kubelet swaps a symbolic link
/// two folders above (`..data`). So what is compared is what a reader would read. Keeps none of it.
#[derive(Clone, Debug)]
pub struct Contents {
    paths: Vec<PathBuf>,
    digest: u64,
}

impl Contents {
    /// Reads these files. One that cannot be read is no error here: that is its content.
    pub fn of(paths: Vec<PathBuf>) -> Self {
        let mut hasher = DefaultHasher::new();
        for path in &paths {
            match digest(path) {
                Ok(digest) => (true, digest).hash(&mut hasher),
                Err(error) => (false, error.kind()).hash(&mut hasher),
            }
        }
        Self { paths, digest: hasher.finish() }
    }

    /// What the same files hold now.
    pub fn now(&self) -> Self {
        Self::of(self.paths.clone())
    }

    /// Whether these files held the same.
    pub fn is_same(&self, other: &Self) -> bool {
        self.digest == other.digest && self.paths == other.paths
    }
}

fn digest(path: &Path) -> io::Result<u64> {
    // A pipe would keep us waiting for ever.
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut file = File::open(path)?;
    let mut hasher = DefaultHasher::new();
    // A key that others may read by now is another matter, though its bytes are the same.
    hasher.write_u32(metadata.mode() & FOR_OTHERS);
    let mut buffer = [0; 4096];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finish()),
            length => hasher.write(&buffer[..length]),
        }
    }
}

/// Of a file's mode, what is not its owner's.
const FOR_OTHERS: u32 = 0o077;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn what_was_written_in_place_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tls.key");
        fs::write(&path, "one").unwrap();
        let before = Contents::of(vec![path.clone()]);
        assert!(before.now().is_same(&before));

        fs::write(&path, "two").unwrap();
        assert!(!before.now().is_same(&before));
        fs::write(&path, "one").unwrap();
        assert!(before.now().is_same(&before), "what was never published needs no publication");

        fs::remove_file(&path).unwrap();
        let gone = before.now();
        assert!(!gone.is_same(&before) && gone.now().is_same(&gone));
    }

    #[test]
    fn who_may_use_it_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tls.key");
        fs::write(&path, "one").unwrap();
        let permit = |mode| fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        permit(0o600);
        let before = Contents::of(vec![path.clone()]);
        permit(0o400);
        assert!(before.now().is_same(&before), "what its owner may do is nobody's concern");
        permit(0o644);
        assert!(!before.now().is_same(&before));
    }

    #[test]
    fn a_swap_of_the_folder_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("..1", "one"), ("..2", "two")] {
            fs::create_dir(folder.path().join(name)).unwrap();
            fs::write(folder.path().join(name).join("ca.crt"), text).unwrap();
        }
        symlink("..1", folder.path().join("..data")).unwrap();
        symlink("..data/ca.crt", folder.path().join("ca.crt")).unwrap();
        let before = Contents::of(vec![folder.path().join("ca.crt")]);

        symlink("..2", folder.path().join("..data_tmp")).unwrap();
        fs::rename(folder.path().join("..data_tmp"), folder.path().join("..data")).unwrap();

        assert!(!before.now().is_same(&before));
    }

    #[test]
    fn a_pipe_keeps_nobody_waiting() {
        let pipe = Contents::of(vec!["/dev/zero".into(), "/dev/tty".into()]);
        assert!(pipe.now().is_same(&pipe));
    }
}
