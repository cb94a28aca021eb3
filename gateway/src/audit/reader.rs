//! One sink's way through the queue.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task::spawn_blocking;

use super::AuditError;
use super::append::{Appender, open_private};
use super::entry::Entry;
use super::queue::{Position, Shelf, Span, aside_path, cursor_path};

/// What one sink reads of the queue. It stands behind the last record that was acknowledged, also after
/// a restart; `next` gives what follows, and gives it again until it is acknowledged.
///
/// Its methods do their work on the runtime's threads for what blocks, and want a tokio runtime.
pub(crate) struct Reader {
    shelf: Arc<Shelf>,
    index: usize,
    at: Position,
    cursor: Arc<File>,
    /// The positions that were given and not yet acknowledged.
    given: Vec<Position>,
    /// How many of them were set aside.
    aside: u64,
    counts: Arc<SinkCounts>,
}

/// Records, in the order in which they were kept; at least one.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Each with the position just after it.
    pub(crate) entries: Vec<(Entry, Position)>,
}

/// What became of the records for one sink, since the start.
#[derive(Debug)]
pub(crate) struct SinkCounts {
    /// Its kind and host, in words that fit a file's name.
    pub(crate) name: String,
    /// Records that it acknowledged.
    pub(crate) delivered: AtomicU64,
    /// Records that it will never take, and lines that were none; they are in `refused-….jsonl`.
    pub(crate) set_aside: AtomicU64,
    /// Attempts that failed.
    pub(crate) failed: AtomicU64,
}

impl Reader {
    pub(super) fn open(
        shelf: &Arc<Shelf>,
        index: usize,
        counts: Arc<SinkCounts>,
    ) -> Result<Self, AuditError> {
        let path = cursor_path(shelf.folder(), &counts.name);
        let cursor = open_private(&path, OpenOptions::new().write(true))
            .map_err(|error| AuditError::file(&path, error))?;
        let at = shelf.passed(index);
        let failed = |error| AuditError::file(&path, error);
        // Garbage may be longer.
        if cursor.metadata().map_err(failed)?.len() > CURSOR {
            cursor.set_len(CURSOR).map_err(failed)?;
        }
        shelf.pass((index, &cursor), at).map_err(failed)?;
        let (shelf, cursor) = (shelf.clone(), Arc::new(cursor));
        Ok(Self { shelf, index, at, cursor, given: Vec::new(), aside: 0, counts })
    }

    /// Waits for records: at most 500, of 256 KiB. `None` once the gateway is closed and all records are
    /// acknowledged. What is no record is set aside on the way.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Batch>> {
        let mut end = self.shelf.end();
        loop {
            let is_over = end.borrow_and_update().1;
            let Some(span) = self.shelf.after(self.at) else {
                if is_over || end.changed().await.is_err() {
                    return Ok(None);
                }
                continue;
            };
            match blocking(move || read(&span)).await? {
                Part::Records(batch) => {
                    self.given = batch.entries.iter().map(|(_, after)| *after).collect();
                    self.aside = 0;
                    return Ok(Some(batch));
                }
                Part::Garbage(line, upto) => {
                    self.put_aside(line).await?;
                    let sink = &*self.counts.name;
                    tracing::warn!(sink, "a line of the audit queue is no record: it is set aside");
                    self.pass(upto).await?;
                }
            }
        }
    }

    /// Notes that the sink needs no record up to `upto` any more: it never gets them again. On an error
    /// it may, after a restart.
    pub(crate) async fn acknowledge(&mut self, upto: Position) -> io::Result<()> {
        let done = self.given.iter().take_while(|given| **given <= upto).count();
        self.given.drain(..done);
        let delivered = (done as u64).saturating_sub(std::mem::take(&mut self.aside));
        self.counts.delivered.fetch_add(delivered, Ordering::Relaxed);
        self.pass(upto).await
    }

    /// Keeps a record that the sink refuses for ever in `refused-….jsonl`; to be acknowledged after that.
    pub(crate) async fn set_aside(&mut self, entry: &Entry) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        self.put_aside(line).await?;
        self.aside += 1;
        Ok(())
    }

    /// Counts an attempt that failed.
    pub(crate) fn failed(&self) {
        self.counts.failed.fetch_add(1, Ordering::Relaxed);
    }

    async fn put_aside(&self, line: Vec<u8>) -> io::Result<()> {
        let shelf = self.shelf.clone();
        let path = aside_path(shelf.folder(), &self.counts.name);
        blocking(move || {
            let (mut refused, _) = Appender::open(&path)?;
            refused.append(&line)?;
            // If it cannot be counted now, it is the next time.
            let _ = shelf.weigh_aside();
            Ok(())
        })
        .await?;
        self.counts.set_aside.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn pass(&mut self, at: Position) -> io::Result<()> {
        self.at = at;
        let (shelf, index, cursor) = (self.shelf.clone(), self.index, self.cursor.clone());
        blocking(move || shelf.pass((index, &cursor), at)).await
    }
}

impl SinkCounts {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            delivered: AtomicU64::new(0),
            set_aside: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }
    }
}

enum Part {
    Records(Batch),
    /// A line that is no record, and the position after it.
    Garbage(Vec<u8>, Position),
}

/// Reads records up to the first line that is none.
fn read(span: &Span) -> io::Result<Part> {
    let Position { segment, offset } = span.from;
    let length = usize::try_from(span.end - offset).map_err(io::Error::other)?;
    let file = File::open(&span.path)?;
    let mut bytes = vec![0; length.min(BATCH_BYTES)];
    file.read_exact_at(&mut bytes, offset)?;
    if !bytes.contains(&b'\n') {
        // No record is as long.
        bytes.resize(length, 0);
        file.read_exact_at(&mut bytes, offset)?;
    }
    let (mut entries, mut after) = (Vec::new(), span.from);
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if entries.len() == BATCH_RECORDS || !line.ends_with(b"\n") && !entries.is_empty() {
            break;
        }
        after = Position { segment, offset: after.offset + line.len() as u64 };
        match serde_json::from_slice(line) {
            Ok(entry) if line.ends_with(b"\n") => entries.push((entry, after)),
            _ if entries.is_empty() => return Ok(Part::Garbage(line.to_owned(), after)),
            _ => break,
        }
    }
    Ok(Part::Records(Batch { entries }))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}

const BATCH_RECORDS: usize = 500;
const BATCH_BYTES: usize = 256 << 10;

/// Bytes of a cursor's file.
const CURSOR: u64 = 42;
