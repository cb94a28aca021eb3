//! Who did what to whose data: records that a hospital's repository accepts.
//!
//! Metrics and log say how the gateway fares, and hold nothing of a patient. What is kept here says who
//! saw or changed which study, and is for those who have to answer for that: it goes by its own way,
//! whole, to a file, to repositories and to FHIR servers, and to no log.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use config::{Durability, PrivateFile};

mod alerts;
mod append;
pub(crate) mod atna;
mod chain;
pub(crate) mod coded;
pub(crate) mod deliver;
pub(crate) mod entry;
pub(crate) mod fhir;
mod file;
mod ledger;
pub(crate) mod material;
#[cfg(test)]
mod page;
mod queue;
mod reader;
mod room;
#[cfg(test)]
mod samples;
pub(crate) mod syslog;
mod transaction;
mod verify;
mod writer;

use self::chain::Hasher;
use self::entry::Entry;
use self::file::RecordFile;
use self::ledger::{Chunk, Message};
use self::queue::{Queue, Shelf};
use self::reader::SinkCounts;
use self::room::Room;
use self::writer::Writer;

pub(crate) use self::alerts::{Alert, Alerts};
pub(crate) use self::ledger::{Ledger, Ticket};
pub(crate) use self::queue::Position;
pub(crate) use self::reader::Reader;
pub(crate) use self::room::{NoRoom, Place};
pub(crate) use self::transaction::{Line, Pieces};
pub use self::verify::{Damage, Damaged, Verified, verify};

/// Everything about audit that outlives a configuration. Ends with [`Self::close`]; dropped with all its
/// ledgers, it writes what it has and ends by itself.
pub(crate) struct Audit {
    room: Arc<Room>,
    messages: Sender<Message>,
    durability: Durability,
    shelf: Option<Arc<Shelf>>,
    /// Those of `[[audit.syslog]]` in their order, then those of `[[audit.fhir]]`.
    sinks: Vec<Arc<SinkCounts>>,
    readers: Mutex<Vec<Reader>>,
}

/// Why records cannot be kept, and the gateway does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// A file cannot be used.
    #[error("{}: {error}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Another process keeps its records there.
    #[error("{}: another gateway keeps its records there", .0.display())]
    Held(PathBuf),
    /// A key that could be guessed.
    #[error("{}: a key of a chain has at least {KEY_LEAST} bytes", .0.display())]
    ShortKey(PathBuf),
    /// The thread that writes cannot be had.
    #[error("a thread cannot be started: {0}")]
    Thread(io::Error),
}

/// What a moment's figures are.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Figures {
    /// Records that were written, since the start.
    pub(crate) kept: u64,
    /// Records that some sink will never have, since the start.
    pub(crate) lost: u64,
    /// Records in memory, those of open transactions among them.
    pub(crate) waiting: usize,
    /// Bytes of the queue on disk.
    pub(crate) queue_bytes: u64,
    /// Whether the disk takes no records.
    pub(crate) is_broken: bool,
    /// In the order of [`Audit::readers`].
    pub(crate) sinks: Vec<SinkFigures>,
}

/// What one sink's figures are, since the start.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct SinkFigures {
    /// Its kind and host, and what tells it from others.
    pub(crate) name: String,
    /// Records that it acknowledged.
    pub(crate) delivered: u64,
    /// Records that it will never take.
    pub(crate) set_aside: u64,
    /// Attempts that failed.
    pub(crate) failed: u64,
    /// Bytes of records that it has yet to acknowledge.
    pub(crate) behind: u64,
}

impl Audit {
    /// Opens file and queue, puts right what a killed process left of them, and starts the thread that
    /// writes.
    pub(crate) fn start(config: &config::Audit) -> Result<Arc<Self>, AuditError> {
        let room = Arc::new(Room::new(config));
        let file = match &config.file {
            Some(path) => Some(RecordFile::open(path, hasher(config.chain_key.as_ref())?)?),
            None => None,
        };
        let sinks = sink_names(config).into_iter().map(SinkCounts::new).map(Arc::new);
        let sinks = sinks.collect::<Vec<_>>();
        let queue = match &config.queue {
            Some(folder) => {
                Some(Queue::open(folder, &sinks, (room.clone(), config.max_queue_bytes))?)
            }
            None => None,
        };
        let shelf = queue.as_ref().map(Queue::shelf).cloned();
        let readers = shelf.iter().flat_map(|shelf| {
            let sinks = sinks.iter().enumerate();
            sinks.map(|(index, sink)| Reader::open(shelf, index, sink.clone()))
        });
        let readers = Mutex::new(readers.collect::<Result<_, _>>()?);
        let (messages, received) = channel();
        let writer = Writer::new(room.clone(), received, (file, queue));
        std::thread::Builder::new()
            .name("audit".into())
            .spawn(move || writer.run())
            .map_err(AuditError::Thread)?;
        let durability = config.durability;
        Ok(Arc::new(Self { room, messages, durability, shelf, sinks, readers }))
    }

    /// What a start would find wrong with the configuration, but opens nothing that is to be written.
    pub(crate) fn check(config: &config::Audit) -> Result<(), AuditError> {
        hasher(config.chain_key.as_ref()).map(drop)
    }

    /// Takes room for a record that is to come: a few atomics. With `continue` it always succeeds, and
    /// the record may be lost, and counted, later.
    pub(crate) fn reserve(&self) -> Result<Place, NoRoom> {
        self.room.reserve()
    }

    /// A ledger for one worker.
    pub(crate) fn ledger(&self) -> Ledger {
        let writer = (self.messages.clone(), self.room.clone());
        Ledger::new(writer, self.durability)
    }

    /// Enters what is rare, from any thread, whether there is room or not.
    pub(crate) fn enter(&self, entry: &Entry) {
        let Ok(mut lines) = serde_json::to_vec(entry) else { return };
        lines.push(b'\n');
        self.room.insist();
        Chunk { lines, count: 1, settles: None }.send(&self.messages, &self.room);
    }

    /// Goes on in a new file if the old one was renamed.
    pub(crate) fn reopen(&self) {
        let _ = self.messages.send(Message::Reopen);
    }

    /// What the sinks read of the queue, those of `[[audit.syslog]]` in their order, then those of
    /// `[[audit.fhir]]`. Given once; empty after that.
    pub(crate) fn readers(&self) -> Vec<Reader> {
        std::mem::take(&mut self.readers.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether transactions are refused, since their records could not be kept.
    pub(crate) fn is_refusing(&self) -> bool {
        self.room.is_refusing()
    }

    /// The figures of this moment.
    pub(crate) fn figures(&self) -> Figures {
        let sinks = self.sinks.iter().enumerate().map(|(index, sink)| SinkFigures {
            name: sink.name.clone(),
            delivered: sink.delivered.load(Ordering::Relaxed),
            set_aside: sink.set_aside.load(Ordering::Relaxed),
            failed: sink.failed.load(Ordering::Relaxed),
            behind: self.shelf.as_ref().map_or(0, |shelf| shelf.behind(index)),
        });
        Figures {
            kept: self.room.kept_so_far(),
            lost: self.room.lost_so_far(),
            waiting: self.room.waiting(),
            queue_bytes: self.room.queue_bytes(),
            is_broken: self.room.is_broken(),
            sinks: sinks.collect(),
        }
    }

    /// Writes all that was handed over, waits until it is on the disk, and ends: readers come to an end
    /// too. For when the workers have ended; what is entered later is lost. Waits some seconds at most.
    pub(crate) fn close(&self) {
        let (told, closed) = sync_channel(1);
        if self.messages.send(Message::Close(told)).is_ok() {
            let _ = closed.recv_timeout(CLOSE_MOST);
        }
    }
}

impl AuditError {
    fn file(path: &Path, error: io::Error) -> Self {
        Self::File { path: path.to_owned(), error }
    }
}

fn hasher(key: Option<&PrivateFile>) -> Result<Hasher, AuditError> {
    let Some(file) = key else { return Ok(Hasher::new(None)) };
    let key = file.read().map_err(|error| AuditError::file(file.path(), error))?;
    let key = key.trim_ascii_end();
    if key.len() < KEY_LEAST {
        return Err(AuditError::ShortKey(file.path().to_owned()));
    }
    Ok(Hasher::new(Some(key)))
}

/// A name for each sink, by where it is: the order in the configuration may change.
fn sink_names(config: &config::Audit) -> Vec<String> {
    let syslog = config.syslog.iter().map(|sink| {
        let whole = format!("{}:{}", sink.host, sink.port);
        ("syslog", sink.host.as_str(), whole)
    });
    let fhir = config.fhir.iter().map(|sink| {
        let host = sink.url.host_str().unwrap_or_default();
        ("fhir", host, sink.url.to_string())
    });
    let mut names = Vec::<String>::new();
    for (kind, host, whole) in syslog.chain(fhir) {
        let host = host.chars().filter(|c| c.is_ascii_alphanumeric() || "-.".contains(*c));
        let host = host.take(HOST_MOST).collect::<String>();
        let mut name = format!("{kind}-{host}-{}", chain::short(whole.as_bytes()));
        while names.contains(&name) {
            name.push('x');
        }
        names.push(name);
    }
    names
}

/// Of a key, without the line's end.
const KEY_LEAST: usize = 16;

/// So that a name fits a file's.
const HOST_MOST: usize = 100;

/// Longer than the thread that writes waits for a disk.
const CLOSE_MOST: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
