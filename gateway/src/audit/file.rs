//! The file that records are appended to, chained, and what is known of the chain beside it.
//!
//! `.chain` is written in place after each batch, so it needs no room on a full disk. It lives on when
//! the file is rotated, while the gateway runs or not, and shows when lines were cut off the file's end.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::AuditError;
use super::append::{Appender, Found, last_line, open_private};
use super::chain::{Hasher, Head, Link, Seal};

/// The file sink.
pub(super) struct RecordFile {
    path: PathBuf,
    appender: Appender,
    hasher: Hasher,
    seal: Seal,
    /// `.chain`; locked, so that no second process appends to the same file.
    seal_file: File,
    is_empty: bool,
    /// Where the chain stood, and whether the file was empty, before what was appended last.
    before: Option<(Head, bool)>,
    /// The lines of one batch.
    lines: Vec<u8>,
}

impl RecordFile {
    /// Opens the file and goes on with its chain.
    pub(super) fn open(path: &Path, hasher: Hasher) -> Result<Self, AuditError> {
        let seal_path = seal_path(path);
        let failed = |error| AuditError::file(path, error);
        let seal_failed = |error| AuditError::file(&seal_path, error);
        let seal_file =
            open_private(&seal_path, OpenOptions::new().write(true)).map_err(seal_failed)?;
        if seal_file.try_lock().is_err() {
            return Err(AuditError::Held(seal_path));
        }
        let sealed = read_seal(&seal_file, &hasher).map_err(seal_failed)?;
        let (appender, found) = Appender::open(path).map_err(failed)?;
        warn_of_torn(&found);
        let last = last_line(appender.file(), found.length).map_err(failed)?;
        // After a damaged seal no file says that its first lines are there.
        let is_empty = found.length == 0 && !matches!(sealed, Sealed::Garbage);
        let seal = resume(&hasher, sealed, (found.length > 0).then_some(&*last));
        let path = path.to_owned();
        let (before, lines) = (None, Vec::new());
        let file = Self { path, appender, hasher, seal, seal_file, is_empty, before, lines };
        file.write_seal();
        Ok(file)
    }

    /// Appends chunks of records, one JSON object a line: all of them or none.
    pub(super) fn append<'c>(&mut self, chunks: impl Iterator<Item = &'c [u8]>) -> io::Result<()> {
        let mut head = self.seal.head.clone();
        let mut is_first = self.is_empty;
        self.lines.clear();
        for chunk in chunks {
            let mut begin = 0;
            for end in memchr::memchr_iter(b'\n', chunk) {
                self.hasher.link(&mut head, is_first, (&chunk[begin..end], &mut self.lines));
                (begin, is_first) = (end + 1, false);
            }
        }
        self.appender.append(&self.lines)?;
        self.before = Some((std::mem::replace(&mut self.seal.head, head), self.is_empty));
        self.is_empty = is_first;
        self.write_seal();
        Ok(())
    }

    /// Takes back what was appended last, and tells whether it could: not if another file came since.
    pub(super) fn take_back(&mut self) -> bool {
        let Some((head, is_empty)) = self.before.take() else { return false };
        self.appender.take_back();
        (self.seal.head, self.is_empty) = (head, is_empty);
        self.write_seal();
        true
    }

    /// Waits until all of it is on the disk. If that fails, nobody knows of what was appended last.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.appender.sync()
    }

    /// Goes on in the file that has the name by now, if that is another one; else in the old one.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        let (appender, found) = Appender::open(&self.path)?;
        if is_same(appender.file(), self.appender.file())? {
            return Ok(());
        }
        warn_of_torn(&found);
        self.sync()?;
        self.appender = appender;
        self.before = None;
        self.is_empty = found.length == 0;
        self.seal.begins = self.seal.head.seq.saturating_add(1);
        self.write_seal();
        self.seal_file.sync_data()
    }

    /// All is written: makes it last.
    pub(super) fn close(&mut self) -> io::Result<()> {
        self.sync()?;
        self.seal_file.sync_data()
    }

    fn write_seal(&self) {
        // Without it a rotation or a cut goes unseen, but no record is lost; the next batch tries again.
        let _ = self.seal_file.write_all_at(&self.hasher.seal(&self.seal), 0);
    }
}

/// Where what is known of a file's chain is kept.
pub(super) fn seal_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".chain");
    name.into()
}

/// What a seal's file says.
enum Sealed {
    Nothing,
    Garbage,
    Good(Seal),
}

fn read_seal(file: &File, hasher: &Hasher) -> io::Result<Sealed> {
    let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
    if length == 0 {
        return Ok(Sealed::Nothing);
    }
    let mut text = vec![0; length.min(SEAL_MOST)];
    file.read_exact_at(&mut text, 0)?;
    file.set_len(length.min(SEAL_MOST) as u64)?;
    Ok(hasher.unseal(&text).map_or(Sealed::Garbage, Sealed::Good))
}

/// Where the chain goes on, from what is beside the file and from its last line, if it has one.
///
/// Where the seal is lost nothing tells whether the file's end is there: the next number is left out,
/// so that everyone who verifies the file learns of it for ever.
fn resume(hasher: &Hasher, sealed: Sealed, last: Option<&[u8]>) -> Seal {
    let link = last.and_then(Link::parse);
    let seal = match sealed {
        Sealed::Good(seal) => seal,
        Sealed::Nothing if last.is_none() => Seal::default(),
        Sealed::Nothing | Sealed::Garbage => {
            tracing::warn!(
                "what is known of the audit file's chain is lost, or was made by another key"
            );
            let Head { seq, hash } = match link {
                Some(link) if hasher.fits(&link) => link.head,
                Some(link) => Head { seq: link.head.seq, ..Head::default() },
                None => Head::default(),
            };
            let seq = seq.saturating_add(1);
            return Seal { head: Head { seq, hash }, begins: seq.saturating_add(1) };
        }
    };
    if last.is_none() {
        return Seal { begins: seal.head.seq.saturating_add(1), ..seal };
    }
    match link {
        Some(link) if !hasher.fits(&link) => {
            tracing::error!("the last record of the audit file was changed");
            seal
        }
        Some(link) if link.head == seal.head => seal,
        // It was the last thing that a killed process did.
        Some(link) if link.head.seq > seal.head.seq => Seal { head: link.head, ..seal },
        Some(link) if link.head.seq == seal.head.seq => {
            tracing::error!("the last record of the audit file is another one than it was");
            seal
        }
        Some(link) => {
            let (last, known) = (link.head.seq, seal.head.seq);
            tracing::error!(last, known, "records are missing at the end of the audit file");
            seal
        }
        None => {
            tracing::error!("the last line of the audit file is no record");
            seal
        }
    }
}

fn warn_of_torn(found: &Found) {
    if found.torn > 0 {
        tracing::warn!(bytes = found.torn, "half a record was cut off the audit file");
    }
}

fn is_same(one: &File, other: &File) -> io::Result<bool> {
    let (one, other) = (one.metadata()?, other.metadata()?);
    Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
}

/// Longer than any seal.
const SEAL_MOST: usize = 4096;
