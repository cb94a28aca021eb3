//! What one worker puts on record, on its way to the thread that writes.

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, SyncSender};

use config::Durability;
use tokio::sync::Notify;

use super::room::{Place, Room};

/// One worker's records. Handed over ten times a second, when the buffer is nearly full, or when
/// somebody waits; dropped, it hands over what it has.
pub(crate) struct Ledger {
    messages: Sender<Message>,
    room: Arc<Room>,
    /// There if transactions wait for the disk.
    progress: Option<Arc<Progress>>,
    lines: RefCell<Lines>,
    /// Number of the chunk that is being filled; the first is 1.
    number: Cell<u64>,
}

/// A record that was added.
#[derive(Clone, Copy, Debug)]
#[must_use = "a transaction ends when its record is kept"]
pub(crate) struct Ticket {
    /// The chunk that it is in; none if there was no room for it.
    chunk: Option<u64>,
}

impl Ledger {
    pub(super) fn new(
        (messages, room): (Sender<Message>, Arc<Room>),
        durability: Durability,
    ) -> Self {
        Self {
            messages,
            room,
            progress: (durability == Durability::Synced).then(Arc::default),
            lines: RefCell::default(),
            number: Cell::new(1),
        }
    }

    /// Adds a record; `write` writes one JSON object and a line's end.
    pub(crate) fn add(&self, mut place: Place, write: impl FnOnce(&mut Vec<u8>)) -> Ticket {
        if !place.is_there() {
            return Ticket { chunk: None };
        }
        let mut lines = self.lines.borrow_mut();
        lines.add(write);
        place.spend();
        let ticket = Ticket { chunk: Some(self.number.get()) };
        if lines.bytes.len() > CHUNK * 3 / 4 {
            self.send(&mut lines);
        }
        ticket
    }

    /// Hands over what has been collected.
    pub(crate) fn hand_over(&self) {
        let mut lines = self.lines.borrow_mut();
        if lines.count > 0 {
            self.send(&mut lines);
        }
    }

    /// Waits, with durability `synced`, until the record is on the disk; tells whether it is. Does not
    /// wait for a disk that takes nothing if transactions go on without records.
    pub(crate) async fn kept(&self, ticket: Ticket) -> bool {
        let Some(chunk) = ticket.chunk else { return false };
        let Some(progress) = &self.progress else { return true };
        loop {
            let mut told = pin!(progress.told.notified());
            told.as_mut().enable();
            let settled = progress.settled.load(Ordering::Acquire);
            if settled >= chunk {
                return progress.lost.load(Ordering::Acquire) < chunk;
            }
            // Of those who wait while a chunk is under way, the first one hands over for all.
            if settled + 1 == self.number.get() {
                self.hand_over();
            }
            told.await;
        }
    }

    fn send(&self, lines: &mut Lines) {
        let number = self.number.get();
        self.number.set(number + 1);
        let settles = self.progress.clone().map(|progress| Settles { progress, number });
        let lines = std::mem::take(lines);
        let chunk = Chunk { lines: lines.bytes, count: lines.count, settles };
        chunk.send(&self.messages, &self.room);
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.hand_over();
    }
}

/// What the thread that writes is told.
pub(super) enum Message {
    Chunk(Chunk),
    /// The file may have another name by now: open it anew.
    Reopen,
    /// Write all, and answer; the last message.
    Close(SyncSender<()>),
}

/// Whole records.
pub(super) struct Chunk {
    pub(super) lines: Vec<u8>,
    pub(super) count: usize,
    /// Who waits for it to be on the disk.
    pub(super) settles: Option<Settles>,
}

impl Chunk {
    /// Sends it to the thread that writes; without one it is lost, and counted.
    pub(super) fn send(self, messages: &Sender<Message>, room: &Room) {
        let count = self.count;
        if messages.send(Message::Chunk(self)).is_err() {
            room.lost(count);
            room.leave(count);
        }
    }
}

/// Tells those who wait for a chunk: that it is kept, or, when dropped, that it is not.
pub(super) struct Settles {
    progress: Arc<Progress>,
    number: u64,
}

impl Settles {
    pub(super) fn kept(self) {
        self.progress.settled.fetch_max(self.number, Ordering::Release);
    }
}

impl Drop for Settles {
    fn drop(&mut self) {
        let progress = &self.progress;
        if progress.settled.load(Ordering::Relaxed) < self.number {
            progress.lost.fetch_max(self.number, Ordering::Release);
            progress.settled.fetch_max(self.number, Ordering::Release);
        }
        progress.told.notify_waiters();
    }
}

/// How far one ledger's chunks have come.
#[derive(Default)]
struct Progress {
    /// Up to which chunk it is known what became of them.
    settled: AtomicU64,
    /// The last one that was not kept.
    lost: AtomicU64,
    told: Notify,
}

/// Records that are being collected.
struct Lines {
    bytes: Vec<u8>,
    count: usize,
    /// Where the last whole one ends: a panic may leave half of one behind.
    whole: usize,
}

impl Lines {
    fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.bytes.truncate(self.whole);
        write(&mut self.bytes);
        self.whole = self.bytes.len();
        self.count += 1;
    }
}

impl Default for Lines {
    fn default() -> Self {
        Self { bytes: Vec::with_capacity(CHUNK), count: 0, whole: 0 }
    }
}

/// The size at which a chunk is handed over early, a hundred records or more: at a quarter of it, a busy
/// worker wakes the thread that writes over a thousand times a second.
const CHUNK: usize = 128 << 10;
