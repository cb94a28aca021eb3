//! A text that proves us, as long as nobody else can read its file.

use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use config::PrivateFile;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

/// A file that is read anew each time, and what it held when that was last its owner's alone.
///
/// Somebody who opens it to others while the gateway runs has done the harm; to end the service on
/// top would undo none of it. But what others may have written is not taken up.
#[derive(Debug)]
pub(in crate::token) struct Kept {
    file: PrivateFile,
    last: Mutex<Option<SecretString>>,
}

impl Kept {
    /// Nothing of this file was read yet.
    pub(super) fn new(file: PrivateFile) -> Self {
        Self { file, last: Mutex::default() }
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        self.file.path()
    }

    /// What the file holds; if others can read or change it by now, what it held before.
    pub(super) fn text(&self) -> io::Result<SecretString> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Err(exposed), Some(last)) = (self.file.check(), &*last) {
            let path = self.path().display();
            tracing::warn!(
                "{path} {exposed}: what it held before is used on, and the next start will fail"
            );
            return Ok(last.clone());
        }
        let text = text(self.file.read()?)?;
        *last = Some(text.clone());
        Ok(text)
    }
}

/// The text of a file as an editor or a kubelet leaves it: one line end at its end is not part of it.
pub(super) fn text(content: Zeroizing<Vec<u8>>) -> io::Result<SecretString> {
    let text = std::str::from_utf8(&content)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(SecretString::from(text.strip_suffix('\r').unwrap_or(text)))
}
