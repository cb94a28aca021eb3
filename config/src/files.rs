//! The files that a configuration names: there, readable, not empty, not for everyone.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use secrecy::zeroize::Zeroizing;

use crate::keys::Kind;
use crate::private::{PrivateFile, exposure, open};
use crate::table::Table;

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

impl Table<'_> {
    /// The path of a file that is there; if it holds a secret, nobody else can read it.
    pub(crate) fn file(&self, name: &str) -> Option<PathBuf> {
        let path = self.parsed(name, |text| Ok(self.folder().join(text)))?;
        if self.report().files == Files::Unchecked {
            return Some(path);
        }
        let kind = self.kind(name);
        let content = if matches!(kind, Kind::KeyStore) { Content::Bytes } else { Content::Text };
        if let Err(message) = check(&path, content) {
            // What stands where the path of a secret should may be the secret.
            let shown = matches!(kind, Kind::File);
            let place = if shown { format!(" ({})", path.display()) } else { String::new() };
            let advice = "write a path here, relative to this file's folder";
            self.problem(name, format!("the file it names{place} {message}; {advice}"));
        } else if matches!(kind, Kind::SecretFile | Kind::KeyStore) {
            match check_privacy(&path) {
                Err(message) if self.report().files_may_be_open() => self.warning(name, message),
                Err(message) => self.problem(name, message),
                Ok(()) => {}
            }
        }
        Some(path)
    }

    /// The same of a file that holds a secret.
    pub(crate) fn private_file(&self, name: &str) -> Option<PrivateFile> {
        let file = PrivateFile::new(self.file(name)?);
        Some(if self.report().files_may_be_open() { file.may_be_open() } else { file })
    }

    /// The path of a file that the gateway will make, or has made: there is a folder for it.
    pub(crate) fn own_file(&self, name: &str) -> Option<PathBuf> {
        self.own(name, |path| match path.metadata() {
            Ok(there) if !there.is_file() => Err("is no regular file"),
            _ => Ok(()),
        })
    }

    /// The path of a folder that the gateway will make, or has made: there is a folder for it.
    pub(crate) fn own_folder(&self, name: &str) -> Option<PathBuf> {
        self.own(name, |path| match path.metadata() {
            Ok(there) if !there.is_dir() => Err("is no folder"),
            _ => Ok(()),
        })
    }

    fn own(
        &self,
        name: &str,
        check: impl Fn(&Path) -> Result<(), &'static str>,
    ) -> Option<PathBuf> {
        self.parsed(name, |text| {
            let path = self.folder().join(text);
            if self.report().files == Files::Unchecked {
                return Ok(path);
            }
            // Of a path of one name, relative to the folder that we are in, the parent is empty.
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            if !parent.unwrap_or_else(|| Path::new(".")).is_dir() || path.file_name().is_none() {
                let advice = "make the folder that it is in, or write another path";
                return Err(format!("cannot be made at {}; {advice}", path.display()));
            }
            let there = path.display();
            check(&path).map_err(|what| format!("{there} {what}; write another path"))?;
            Ok(path)
        })
    }
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

/// Says why nothing secret can be in this file: others can read or change it.
pub(crate) fn check_privacy(path: &Path) -> Result<(), String> {
    match exposure(path) {
        Ok(Some(exposed)) => Err(format!(
            "the file it names {exposed}; allow its owner only (chmod 600), or a group of the \
             gateway's to read it (chmod 640; in Kubernetes defaultMode 0440 and fsGroup)"
        )),
        _ => Ok(()),
    }
}

fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut content = Zeroizing::new(Vec::new());
    open(path)?.take(MOST_BYTES as u64 + 1).read_to_end(&mut content)?;
    Ok(content)
}

/// Every bundle of roots in use fits; a disk image given by mistake does not.
const MOST_BYTES: usize = 4 << 20;
