//! Files that hold whole lines and nothing else, whatever the disk does meanwhile.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::iter;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;

/// A file that lines are appended to.
#[derive(Debug)]
pub(super) struct Appender {
    file: File,
    /// Bytes at its end that are of no whole line, or were taken back.
    excess: u64,
    /// Bytes of what was appended last.
    last: u64,
}

/// What was found in a file that was there before.
#[derive(Debug)]
pub(super) struct Found {
    /// Bytes of whole lines.
    pub(super) length: u64,
    /// Bytes of a torn last line, which are cut off.
    pub(super) torn: u64,
}

impl Appender {
    /// Opens a file, or makes it, for its owner alone; cuts off what a killed process left of a line.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Found)> {
        let file = open_private(path, OpenOptions::new().append(true))?;
        let length = file.metadata()?.len();
        let whole = line_end_before(&file, length)?.unwrap_or(0);
        if whole < length {
            file.set_len(whole)?;
        }
        let found = Found { length: whole, torn: length - whole };
        Ok((Self { file, excess: 0, last: 0 }, found))
    }

    /// Appends all of `lines` or nothing.
    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        self.cut()?;
        self.last = 0;
        let mut rest = lines;
        while !rest.is_empty() {
            match self.file.write(rest) {
                Ok(0) => return Err(self.failed(io::ErrorKind::WriteZero.into())),
                Ok(written) => {
                    self.excess += written as u64;
                    rest = &rest[written..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
        self.last = std::mem::take(&mut self.excess);
        Ok(())
    }

    /// Waits until all of it is on the disk.
    ///
    /// After an error nothing that was appended since the last time is sure, and waiting again does not
    /// help: the kernel tells of a failed write once, and forgets what it was to write.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.cut()?;
        disk(|| self.file.sync_data())
    }

    /// Cuts off what was appended last, now or before the next line.
    pub(super) fn take_back(&mut self) {
        self.excess += std::mem::take(&mut self.last);
        let _ = self.cut();
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    fn failed(&mut self, error: io::Error) -> io::Error {
        // If even that fails, it is done before the next line.
        let _ = self.cut();
        error
    }

    fn cut(&mut self) -> io::Result<()> {
        if self.excess > 0 {
            let length = self.file.metadata()?.len();
            self.file.set_len(length.saturating_sub(self.excess))?;
            self.excess = 0;
        }
        Ok(())
    }
}

/// Opens a regular file to read and to write, or makes it, for its owner alone. Its name lasts, whoever
/// made it: a killed process may have had no time to see to that.
pub(super) fn open_private(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(io::Error::other("it is not a regular file"));
    }
    let file = options.read(true).create(true).mode(0o600).open(path)?;
    sync_name(path)?;
    Ok(file)
}

/// Sees to it that a folder is there, and those that it is in, for its
/// owner alone if they are new; their names last.
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    let above = path.ancestors().skip(1).take_while(|folder| !folder.exists());
    let names = iter::once(path).chain(above).collect::<Vec<_>>();
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    for name in names.into_iter().filter(|name| name.file_name().is_some()) {
        match sync_name(name) {
            // The folder that it is in is another one's, who made it for us.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            result => result?,
        }
    }
    Ok(())
}

/// Makes a name last.
fn sync_name(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let folder = File::open(folder)?;
    disk_folder(|| folder.sync_all())
}

/// The last line of the whole ones that end at `end`, without its line end.
pub(super) fn last_line(file: &File, end: u64) -> io::Result<Vec<u8>> {
    let Some(last) = end.checked_sub(1) else { return Ok(Vec::new()) };
    let begin = line_end_before(file, last)?.unwrap_or(0);
    let length = usize::try_from(last - begin).map_err(io::Error::other)?;
    let mut line = vec![0; length];
    file.read_exact_at(&mut line, begin)?;
    Ok(line)
}

/// Just after the last line end before `end`.
fn line_end_before(file: &File, mut end: u64) -> io::Result<Option<u64>> {
    let mut block = vec![0; BLOCK];
    while end > 0 {
        let begin = end.saturating_sub(BLOCK as u64);
        let part = &mut block[..(end - begin) as usize];
        file.read_exact_at(part, begin)?;
        if let Some(at) = memchr::memrchr(b'\n', part) {
            return Ok(Some(begin + at as u64 + 1));
        }
        end = begin;
    }
    Ok(None)
}

/// Asks the disk for what a test can make fail.
#[cfg(not(test))]
fn disk(ask: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    ask()
}

#[cfg(not(test))]
use disk as disk_folder;

#[cfg(test)]
use super::tests::sync::{disk, disk_folder};

/// How much is looked through at once.
const BLOCK: usize = 64 << 10;
