//! How many records may be on their way to the disk, and whether one more may.
//!
//! A transaction takes its record's room before anything else, so a record that is to be written later
//! always finds some. What a request touches here is a few atomics: the thread that writes may hang in
//! the kernel, and no request with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use config::{Audit, OnFailure};

/// What is known of the records on their way, to all who ask.
#[derive(Debug)]
pub(super) struct Room {
    on_failure: OnFailure,
    most: usize,
    most_queued: u64,
    /// Records of open transactions, and those in memory.
    waiting: AtomicUsize,
    is_broken: AtomicBool,
    queue_bytes: AtomicU64,
    kept: AtomicU64,
    lost: AtomicU64,
}

impl Room {
    pub(super) fn new(config: &Audit) -> Self {
        Self {
            on_failure: config.on_failure,
            most: config.max_waiting,
            most_queued: config.max_queue_bytes,
            waiting: AtomicUsize::new(0),
            is_broken: AtomicBool::new(false),
            queue_bytes: AtomicU64::new(0),
            kept: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        }
    }

    pub(super) fn reserve(self: &Arc<Self>) -> Result<Place, NoRoom> {
        let is_held = match self.on_failure {
            OnFailure::Refuse if self.is_refusing() => return Err(NoRoom),
            OnFailure::Refuse => self.take().then_some(true).ok_or(NoRoom)?,
            OnFailure::Continue => self.take(),
        };
        Ok(Place { room: self.clone(), is_held })
    }

    /// Takes a place whether there is one or not, for what is rare.
    pub(super) fn insist(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether all transactions are refused for now.
    pub(super) fn is_refusing(&self) -> bool {
        let cannot_keep = self.is_broken.load(Ordering::Relaxed) || self.is_queue_full();
        self.may_refuse() && cannot_keep
    }

    pub(super) fn may_refuse(&self) -> bool {
        self.on_failure == OnFailure::Refuse
    }

    /// Whether sinks are so far behind that no more may be queued.
    pub(super) fn is_queue_full(&self) -> bool {
        self.queue_bytes() >= self.most_queued
    }

    /// The disk takes no records; tells whether that is new.
    pub(super) fn breaks(&self) -> bool {
        !self.is_broken.swap(true, Ordering::Relaxed)
    }

    /// The disk takes records; tells whether that is new.
    pub(super) fn mends(&self) -> bool {
        self.is_broken.swap(false, Ordering::Relaxed)
    }

    pub(super) fn queued(&self, bytes: u64) {
        self.queue_bytes.store(bytes, Ordering::Relaxed);
    }

    pub(super) fn kept(&self, records: usize) {
        self.leave(records);
        self.kept.fetch_add(records as u64, Ordering::Relaxed);
    }

    /// Counts records that some sink will never have.
    pub(super) fn lost(&self, records: usize) {
        self.lost.fetch_add(records as u64, Ordering::Relaxed);
    }

    /// Gives places back.
    pub(super) fn leave(&self, records: usize) {
        self.waiting.fetch_sub(records, Ordering::Relaxed);
    }

    pub(super) fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::Relaxed)
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    pub(super) fn queue_bytes(&self) -> u64 {
        self.queue_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn kept_so_far(&self) -> u64 {
        self.kept.load(Ordering::Relaxed)
    }

    pub(super) fn lost_so_far(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    fn take(&self) -> bool {
        let is_free = self.waiting.fetch_add(1, Ordering::Relaxed) < self.most;
        if !is_free {
            self.leave(1);
        }
        is_free
    }
}

/// Room for one record; given back when it is dropped unused.
#[derive(Debug)]
pub(crate) struct Place {
    room: Arc<Room>,
    is_held: bool,
}

impl Place {
    /// Whether there is room, now if there was none before; if not, the record is lost, and counted.
    pub(super) fn is_there(&mut self) -> bool {
        self.is_held = self.is_held || self.room.take();
        if !self.is_held {
            self.room.lost(1);
        }
        self.is_held
    }

    /// The record takes it along.
    pub(super) fn spend(mut self) {
        self.is_held = false;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_held {
            self.room.leave(1);
        }
    }
}

/// That a record could not be kept now, and its transaction is refused for that.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no record of it could be kept")]
pub(crate) struct NoRoom;
