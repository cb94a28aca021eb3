//! Whether a file of records is as it was written.
//!
//! Reads as much of each file as is there, says of every place that does not fit what is wrong with it,
//! and goes on behind it: one changed record makes one finding, not thousands.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

use config::PrivateFile;

use super::chain::{Hash, Hasher, Head, Link, Seal};
use super::{AuditError, file::seal_path, hasher};

/// What was looked at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verified {
    /// How many records.
    pub records: u64,
    /// Number of the first and of the last one.
    pub range: Option<(u64, u64)>,
    /// Whether `.chain` lies beside the last file, without which nothing tells that its end is there.
    pub is_end_known: bool,
}

/// Something that is not as it was written, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Damaged {
    /// In which file.
    pub path: PathBuf,
    /// In which of its lines, from 1.
    pub line: u64,
    /// The number that the record there gives itself, if it is one.
    pub record: Option<u64>,
    /// What is wrong.
    pub damage: Damage,
}

/// What is wrong at one place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Damage {
    /// The line is no record of a chain.
    NoRecord,
    /// The line has no end.
    Torn,
    /// Its hash does not fit.
    Edited,
    /// Records before it are missing: the first and the last of them.
    Missing(u64, u64),
    /// It stands behind the record of this number, which is later or the same.
    OutOfOrder(u64),
    /// It was written behind another record than the one before it.
    OtherPast,
    /// The first file begins in the middle of what was once one.
    NoBegin,
    /// Records are missing at the end: up to this number there were some.
    CutOff(u64),
    /// It is another record than the gateway remembers under its number.
    Replaced,
    /// `.chain` is damaged, or made with another key.
    Seal,
}

/// Looks at files of records, the oldest first, as they were rotated; `key` is the file that
/// `audit.chain_key_file` named. Tells what it finds in the order of the lines.
pub fn verify(
    files: &[PathBuf],
    key: Option<&Path>,
    tell: &mut dyn FnMut(Damaged),
) -> Result<Verified, AuditError> {
    let hasher = hasher(key.map(PrivateFile::new).as_ref())?;
    let Some(last) = files.last() else {
        return Ok(Verified { records: 0, range: None, is_end_known: false });
    };
    // First: what is written meanwhile may be more than it says, and never less.
    let seal = read_seal(last, &hasher)?;
    let known = match &seal {
        Known::Seal(seal) => Some(&seal.head),
        Known::Nothing | Known::Garbage => None,
    };
    let mut walk = Walk { hasher: &hasher, known, head: None, first: None, records: 0, end: None };
    let mut line = 0;
    for path in files {
        line = walk.through(path, tell)?;
    }
    let mut at_end = |damage| {
        let record = walk.head.as_ref().map(|head| head.seq);
        tell(Damaged { path: last.clone(), line, record, damage });
    };
    match &seal {
        Known::Nothing => {}
        Known::Garbage => at_end(Damage::Seal),
        Known::Seal(seal) => {
            let has_yet_to_begin = line == 0 && seal.begins > seal.head.seq;
            match walk.end {
                Some(hash) if hash != seal.head.hash => at_end(Damage::Replaced),
                None if seal.head.seq > 0 && !has_yet_to_begin => {
                    at_end(Damage::CutOff(seal.head.seq));
                }
                _ => {}
            }
        }
    }
    let range = walk.first.zip(walk.head.as_ref().map(|head| head.seq));
    let is_end_known = matches!(seal, Known::Seal(_));
    Ok(Verified { records: walk.records, range, is_end_known })
}

/// What lies beside a file.
enum Known {
    Nothing,
    Garbage,
    Seal(Seal),
}

fn read_seal(path: &Path, hasher: &Hasher) -> Result<Known, AuditError> {
    let path = seal_path(path);
    for _ in 0..PATIENCE {
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Known::Nothing),
            Err(error) => return Err(AuditError::file(&path, error)),
            Ok(text) => {
                if let Some(seal) = hasher.unseal(&text) {
                    return Ok(Known::Seal(seal));
                }
            }
        }
        // It may have been written just then.
        std::thread::sleep(MOMENT);
    }
    Ok(Known::Garbage)
}

/// A way through files.
struct Walk<'v> {
    hasher: &'v Hasher,
    /// The record that the gateway remembers as its last one.
    known: Option<&'v Head>,
    /// The record before.
    head: Option<Head>,
    first: Option<u64>,
    records: u64,
    /// The hash of the record that has the number of the one that is remembered.
    end: Option<Hash>,
}

impl Walk<'_> {
    /// Gives the number of lines.
    fn through(&mut self, path: &Path, tell: &mut dyn FnMut(Damaged)) -> Result<u64, AuditError> {
        let failed = |error| AuditError::file(path, error);
        let mut file = BufReader::with_capacity(64 << 10, File::open(path).map_err(failed)?);
        let (mut number, mut line) = (0, Vec::new());
        loop {
            line.clear();
            if !read_line(&mut file, &mut line).map_err(failed)? {
                return Ok(number);
            }
            number += 1;
            let (record, damage) = self.look(&line);
            if let Some(damage) = damage {
                tell(Damaged { path: path.to_owned(), line: number, record, damage });
            }
        }
    }

    fn look(&mut self, line: &[u8]) -> (Option<u64>, Option<Damage>) {
        let Some(line) = line.strip_suffix(b"\n") else { return (None, Some(Damage::Torn)) };
        let Some(link) = Link::parse(line) else { return (None, Some(Damage::NoRecord)) };
        let seq = link.head.seq;
        self.records += 1;
        if self.known.is_some_and(|known| known.seq == seq) {
            self.end = Some(link.head.hash);
        }
        let damage =
            if self.hasher.fits(&link) { self.misplaced(&link) } else { Some(Damage::Edited) };
        match (&mut self.head, damage) {
            // Its number may be what was changed.
            (Some(head), Some(Damage::Edited)) => {
                *head = Head { seq: head.seq.saturating_add(1), hash: link.head.hash };
            }
            (Some(_), Some(Damage::OutOfOrder(_))) => {}
            (head, _) => *head = Some(link.head),
        }
        self.first = self.first.or(Some(seq));
        (Some(seq), damage)
    }

    fn misplaced(&self, link: &Link<'_>) -> Option<Damage> {
        let seq = link.head.seq;
        match &self.head {
            None if link.is_first || link.follows(&Head::default()) => None,
            None => Some(Damage::NoBegin),
            Some(head) if link.follows(head) => None,
            Some(head) if seq <= head.seq => Some(Damage::OutOfOrder(head.seq)),
            Some(head) if seq == head.seq + 1 => Some(Damage::OtherPast),
            Some(head) => Some(Damage::Missing(head.seq + 1, seq - 1)),
        }
    }
}

/// Reads a line, and its rest too if it is being written just now. False at the file's end.
fn read_line(file: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    file.read_until(b'\n', line)?;
    for _ in 0..PATIENCE {
        if line.is_empty() || line.ends_with(b"\n") {
            break;
        }
        std::thread::sleep(MOMENT);
        file.read_until(b'\n', line)?;
    }
    Ok(!line.is_empty())
}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.path.display(), self.line)?;
        if let Some(record) = self.record {
            write!(f, "record {record}: ")?;
        }
        self.damage.fmt(f)
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRecord => f.write_str("this is no record of a chain"),
            Self::Torn => f.write_str("this line has no end"),
            Self::Edited => f.write_str("it was changed, or made with another key"),
            Self::Missing(from, to) if from == to => {
                write!(f, "record {from} is missing before it")
            }
            Self::Missing(from, to) => write!(f, "records {from} to {to} are missing before it"),
            Self::OutOfOrder(before) => {
                write!(f, "it stands behind record {before}: it was moved, or put in")
            }
            Self::OtherPast => f.write_str("the record before it is another one than it was"),
            Self::NoBegin => f.write_str("records are missing before it: no file began with it"),
            Self::CutOff(last) => {
                write!(f, "records are missing behind it: there were some up to {last}")
            }
            Self::Replaced => f.write_str("the gateway remembers another record at its end"),
            Self::Seal => f.write_str("what .chain says was changed, or made with another key"),
        }
    }
}

/// How often something is looked at again that may be written just now.
const PATIENCE: u32 = 3;

const MOMENT: Duration = Duration::from_millis(50);
