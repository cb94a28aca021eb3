//! A folder for the files that a test needs on a disk.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Writes a file that nobody else can read at any time.
pub fn write_private(path: &Path, contents: impl AsRef<[u8]>) -> io::Result<()> {
    let mut options = File::options();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(path);
    file?.write_all(contents.as_ref())
}

/// A fresh, empty folder that is removed, with all in it, when this value is dropped.
#[derive(Debug)]
pub struct Scratch(TempDir);

impl Scratch {
    /// Creates the folder.
    ///
    /// # Panics
    /// If the machine has no place for temporary files.
    #[expect(clippy::new_without_default, reason = "creating a folder is not a default")]
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes `contents` to the file `name` in the folder, in place of what it held before; nobody
    /// else may read it.
    ///
    /// # Panics
    /// If the file cannot be written.
    pub fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        write_private(&path, contents).expect("a file in the scratch folder");
        path
    }
}
