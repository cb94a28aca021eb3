//! Records on disk that wait for sinks reached by the network.
//!
//! The queue is a folder of segments, numbered files of whole lines, and of one cursor for each sink: up
//! to where it has acknowledged. A segment that all sinks have passed is removed. Cursors are written in
//! place: a full disk must not keep the queue from getting shorter.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::AuditError;
use super::append::{Appender, make_folder, open_private};
use super::reader::SinkCounts;
use super::room::Room;

/// The queue as the thread that writes has it.
pub(super) struct Queue {
    shelf: Arc<Shelf>,
    number: u64,
    length: u64,
    appender: Appender,
    segment_most: u64,
    /// The lines of one batch.
    lines: Vec<u8>,
}

/// A place in the queue: between two records.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Position {
    pub(super) segment: u64,
    pub(super) offset: u64,
}

/// What writer and readers share of a queue.
pub(super) struct Shelf {
    folder: PathBuf,
    room: Arc<Room>,
    state: Mutex<State>,
    /// Where the queue ends, and whether it will grow no more.
    end: watch::Sender<(Position, bool)>,
    /// Keeps a second process out.
    _lock: File,
}

struct State {
    /// Bytes of each segment, by its number.
    segments: BTreeMap<u64, u64>,
    /// How far each sink has come.
    cursors: Vec<Position>,
    /// Bytes of what was set aside.
    aside: u64,
}

/// Records that are there to be read: a part of one segment.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) path: PathBuf,
    pub(super) from: Position,
    /// Where the segment ends.
    pub(super) end: u64,
}

impl Queue {
    /// Opens the folder, or makes it, with the sinks of these names.
    pub(super) fn open(
        folder: &Path,
        sinks: &[Arc<SinkCounts>],
        (room, most): (Arc<Room>, u64),
    ) -> Result<Self, AuditError> {
        let failed = |error| AuditError::file(folder, error);
        make_folder(folder).map_err(failed)?;
        let lock = open_private(&folder.join("lock"), OpenOptions::new().write(true));
        let lock = lock.map_err(failed)?;
        if lock.try_lock().is_err() {
            return Err(AuditError::Held(folder.to_owned()));
        }
        let mut segments = segments(folder).map_err(failed)?;
        let number = segments.last_key_value().map_or(1, |(number, _)| *number);
        let (appender, found) = Appender::open(&segment(folder, number)).map_err(failed)?;
        if found.torn > 0 {
            tracing::warn!(bytes = found.torn, "half a record was cut off the audit queue");
        }
        segments.insert(number, found.length);
        let end = Position { segment: number, offset: found.length };
        let state = Mutex::new(State { segments, cursors: Vec::new(), aside: 0 });
        let (folder, end) = (folder.to_owned(), watch::Sender::new((end, false)));
        let shelf = Shelf { folder, room, state, end, _lock: lock };
        for sink in sinks {
            let cursor = shelf.cursor(&sink.name).map_err(failed)?;
            shelf.state().cursors.push(cursor);
        }
        shelf.weigh_aside().map_err(failed)?;
        shelf.tidy();
        Ok(Self {
            shelf: Arc::new(shelf),
            number,
            length: found.length,
            appender,
            // So that some can be removed while others are in use.
            segment_most: (most / 8).clamp(1, SEGMENT),
            lines: Vec::new(),
        })
    }

    pub(super) fn shelf(&self) -> &Arc<Shelf> {
        &self.shelf
    }

    /// Appends chunks of whole lines: all of them or none.
    pub(super) fn append<'c>(&mut self, chunks: impl Iterator<Item = &'c [u8]>) -> io::Result<()> {
        self.lines.clear();
        chunks.for_each(|chunk| self.lines.extend_from_slice(chunk));
        let length = self.lines.len() as u64;
        if self.length > 0 && self.length + length > self.segment_most {
            self.next_segment()?;
        }
        self.appender.append(&self.lines)?;
        self.length += length;
        Ok(())
    }

    /// Takes back what was appended last, of which the sinks were not told.
    pub(super) fn take_back(&mut self) {
        self.appender.take_back();
        self.length = self.length.saturating_sub(self.lines.len() as u64);
        self.lines.clear();
    }

    /// Waits until all of it is on the disk. If that fails, nobody knows of what was appended last.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.appender.sync()
    }

    /// Tells the sinks of what was appended.
    pub(super) fn tell(&self) {
        self.shelf.grown(Position { segment: self.number, offset: self.length });
    }

    fn next_segment(&mut self) -> io::Result<()> {
        let number = self.number + 1;
        let (appender, _) = Appender::open(&segment(&self.shelf.folder, number))?;
        self.sync()?;
        (self.number, self.length, self.appender) = (number, 0, appender);
        self.tell();
        Ok(())
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.shelf.end.send_modify(|(_, is_over)| *is_over = true);
    }
}

impl State {
    fn bytes(&self) -> u64 {
        self.segments.values().sum::<u64>() + self.aside
    }
}

impl Shelf {
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn end(&self) -> watch::Receiver<(Position, bool)> {
        self.end.subscribe()
    }

    /// How far a sink has come.
    pub(super) fn passed(&self, sink: usize) -> Position {
        self.state().cursors[sink]
    }

    /// Bytes of records that a sink has yet to acknowledge.
    pub(super) fn behind(&self, sink: usize) -> u64 {
        let state = self.state();
        let cursor = state.cursors[sink];
        let later = state.segments.range(cursor.segment..);
        later.map(|(_, length)| length).sum::<u64>().saturating_sub(cursor.offset)
    }

    /// What there is to read after a position.
    pub(super) fn after(&self, at: Position) -> Option<Span> {
        let state = self.state();
        let mut later = state.segments.range(at.segment..);
        later.find_map(|(&number, &end)| {
            let offset = if number == at.segment { at.offset } else { 0 };
            (offset < end).then(|| Span {
                path: segment(&self.folder, number),
                from: Position { segment: number, offset },
                end,
            })
        })
    }

    /// Notes how far a sink has come, and removes what all have passed. The note on disk may fail: then
    /// the sink gets the same again after a restart.
    pub(super) fn pass(&self, (sink, cursor): (usize, &File), at: Position) -> io::Result<()> {
        let noted = cursor.write_all_at(cursor_text(at).as_bytes(), 0);
        self.state().cursors[sink] = at;
        self.tidy();
        noted
    }

    /// Counts what was set aside: it is a part of what the queue may hold, and somebody may take it away.
    pub(super) fn weigh_aside(&self) -> io::Result<()> {
        let mut aside = 0;
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(|name| name.starts_with(ASIDE)) {
                aside += entry.metadata()?.len();
            }
        }
        let mut state = self.state();
        state.aside = aside;
        self.room.queued(state.bytes());
        Ok(())
    }

    /// Removes the segments that all sinks have passed, but never the one in use.
    fn tidy(&self) {
        let mut state = self.state();
        let State { segments, cursors, .. } = &mut *state;
        let mut passed = Vec::new();
        while let Some((&number, &length)) = segments.first_key_value() {
            let end = Position { segment: number, offset: length };
            if segments.len() == 1 || cursors.iter().any(|cursor| *cursor < end) {
                break;
            }
            segments.remove(&number);
            passed.push(number);
        }
        self.room.queued(state.bytes());
        drop(state);
        for number in passed {
            if let Err(error) = fs::remove_file(segment(&self.folder, number)) {
                tracing::warn!(%error, "a part of the audit queue that was sent cannot be removed");
            }
        }
    }

    fn grown(&self, end: Position) {
        let mut state = self.state();
        state.segments.insert(end.segment, end.offset);
        self.room.queued(state.bytes());
        drop(state);
        self.end.send_modify(|(known, _)| *known = end);
    }

    /// How far a sink came before this start; what is no place in the queue is taken for its begin.
    fn cursor(&self, sink: &str) -> io::Result<Position> {
        let state = self.state();
        let begin = state.segments.first_key_value().map_or(0, |(number, _)| *number);
        let begin = Position { segment: begin, offset: 0 };
        let text = match fs::read(cursor_path(&self.folder, sink)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(begin),
            Err(error) => return Err(error),
        };
        let known = read_cursor(&text).filter(|at| {
            let length = state.segments.get(&at.segment);
            let is_past = *at < begin;
            is_past || length.is_some_and(|length| at.offset <= *length && self.is_line(*at))
        });
        if known.is_none() {
            tracing::warn!(
                sink,
                "how far this audit sink had come is lost: it is sent all there is"
            );
        }
        Ok(known.unwrap_or(begin).max(begin))
    }

    /// Whether a line begins there.
    fn is_line(&self, at: Position) -> bool {
        let Some(before) = at.offset.checked_sub(1) else { return true };
        let mut byte = [0];
        let file = File::open(segment(&self.folder, at.segment));
        file.and_then(|file| file.read_exact_at(&mut byte, before)).is_ok() && byte == *b"\n"
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The file of what a sink refuses for ever.
pub(super) fn aside_path(folder: &Path, sink: &str) -> PathBuf {
    folder.join(format!("{ASIDE}{sink}.jsonl"))
}

/// The file that says how far a sink has come.
pub(super) fn cursor_path(folder: &Path, sink: &str) -> PathBuf {
    folder.join(format!("{sink}.cursor"))
}

/// Always of one length, so that it can be written in place.
fn cursor_text(at: Position) -> String {
    format!("{:020} {:020}\n", at.segment, at.offset)
}

fn read_cursor(text: &[u8]) -> Option<Position> {
    let (segment, offset) = std::str::from_utf8(text).ok()?.strip_suffix('\n')?.split_once(' ')?;
    let at = Position { segment: segment.parse().ok()?, offset: offset.parse().ok()? };
    (cursor_text(at).as_bytes() == text).then_some(at)
}

fn segment(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:020}.jsonl"))
}

/// The segments of a folder, and how long they are.
fn segments(folder: &Path) -> io::Result<BTreeMap<u64, u64>> {
    let mut segments = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let digits = name.to_str().and_then(|name| name.strip_suffix(".jsonl"));
        let number = digits.filter(|digits| digits.len() == 20).and_then(|d| d.parse().ok());
        if let Some(number) = number {
            segments.insert(number, entry.metadata()?.len());
        }
    }
    Ok(segments)
}

/// How large a segment may grow: what one sink has yet to send keeps as much on the disk.
const SEGMENT: u64 = 16 << 20;

/// How the names of files begin that hold what was set aside.
const ASIDE: &str = "refused-";
