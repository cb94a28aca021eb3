//! The files that a configuration names: there, readable, not empty, not for everyone.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use secrecy::zeroize::Zeroizing;

/// Whether the files that a configuration names have to be there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Files {
    /// They have to.
    Checked,
    /// They will be.
    Unchecked,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Content {
    /// UTF-8.
    Text,
    /// Anything.
    Bytes,
}

/// Says why this cannot be the content of an option: it cannot be read, or it is empty. The path is
/// not part of what is said.
pub(crate) fn check(path: &Path, wanted: Content) -> Result<(), String> {
    let content = read(path).map_err(|error| format!("cannot be read: {error}"))?;
    if content.len() > MOST_BYTES {
        return Err(format!("is larger than {MOST_BYTES} bytes"));
    }
    match std::str::from_utf8(&content) {
        Err(_) if wanted == Content::Text => Err("is not UTF-8 text".to_owned()),
        Ok(text) if text.trim().is_empty() => Err("is empty".to_owned()),
        _ => Ok(()),
    }
}

/// Whether others than its owner can read the file.
pub(crate) fn is_exposed(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o044 != 0)
}

fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    // A pipe or a device would keep us waiting, and cannot be read again.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut content = Zeroizing::new(Vec::new());
    File::open(path)?.take(MOST_BYTES as u64 + 1).read_to_end(&mut content)?;
    Ok(content)
}

/// Every bundle of roots in use fits; a disk image given by mistake does not.
const MOST_BYTES: usize = 4 << 20;
