//! The thread that brings records to the disk.
//!
//! It takes all that waits, appends it to the file and to the queue with one write each, and tells those
//! who wait. What the disk does not take stays in memory and is tried again each second.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError};
use std::time::{Duration, Instant};

use super::file::RecordFile;
use super::ledger::{Chunk, Message, Settles};
use super::queue::Queue;
use super::room::Room;

/// What the thread works with.
pub(super) struct Writer {
    room: Arc<Room>,
    messages: Receiver<Message>,
    file: Option<RecordFile>,
    queue: Option<Queue>,
    /// Not yet begun to be written, oldest first.
    chunks: VecDeque<Chunk>,
    batch: Batch,
    retry_at: Option<Instant>,
}

/// Chunks that are written together.
#[derive(Default)]
struct Batch {
    chunks: Vec<Chunk>,
    /// What failed for the queue is not written to the file again.
    is_in_file: bool,
    is_in_queue: bool,
    /// The queue was full, and it never will be there.
    is_lost: bool,
}

/// What is to be done after all that was collected is written.
enum Order {
    Reopen,
    End(Option<SyncSender<()>>),
}

impl Writer {
    pub(super) fn new(
        room: Arc<Room>,
        messages: Receiver<Message>,
        (file, queue): (Option<RecordFile>, Option<Queue>),
    ) -> Self {
        let (chunks, batch) = (VecDeque::new(), Batch::default());
        Self { room, messages, file, queue, chunks, batch, retry_at: None }
    }

    /// Writes until it is told to end, or nobody is left to tell.
    pub(super) fn run(mut self) {
        loop {
            let order = self.collect();
            if self.retry_at.is_none_or(|at| at <= Instant::now()) {
                self.write();
            }
            match order {
                None => {}
                Some(Order::Reopen) => self.reopen(),
                Some(Order::End(told)) => {
                    self.end();
                    drop(self);
                    let _ = told.map(|told| told.send(()));
                    return;
                }
            }
        }
    }

    /// Waits for records, and takes all there are, or as many as are written at once.
    fn collect(&mut self) -> Option<Order> {
        let mut next = match self.retry_at {
            None => self.messages.recv().map_err(|_| TryRecvError::Disconnected),
            Some(at) => {
                let left = at.saturating_duration_since(Instant::now());
                self.messages.recv_timeout(left).map_err(|error| match error {
                    RecvTimeoutError::Timeout => TryRecvError::Empty,
                    RecvTimeoutError::Disconnected => TryRecvError::Disconnected,
                })
            }
        };
        let mut bytes = 0;
        loop {
            match next {
                Ok(Message::Chunk(mut chunk)) => {
                    bytes += chunk.lines.len();
                    if self.retry_at.is_some() && !self.room.may_refuse() {
                        chunk.settles = None;
                    }
                    self.chunks.push_back(chunk);
                }
                Ok(Message::Reopen) => return Some(Order::Reopen),
                Ok(Message::Close(told)) => return Some(Order::End(Some(told))),
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Disconnected) => return Some(Order::End(None)),
            }
            if bytes >= BATCH {
                return None;
            }
            next = self.messages.try_recv();
        }
    }

    /// Writes all there is, and says so when the disk begins to fail or takes it again.
    fn write(&mut self) {
        while self.batch.fill(&mut self.chunks) {
            if let Err(error) = self.write_batch() {
                self.retry_at = Some(Instant::now() + RETRY);
                if self.room.breaks() {
                    tracing::error!(%error, "audit records cannot be written to the disk");
                }
                if !self.room.may_refuse() {
                    let all = self.batch.chunks.iter_mut().chain(&mut self.chunks);
                    all.for_each(|chunk| chunk.settles = None);
                }
                return;
            }
        }
        self.retry_at = None;
        if self.room.mends() {
            tracing::info!("audit records are written to the disk again");
        }
    }

    /// Writes what the file or the queue has not yet of the batch.
    fn write_batch(&mut self) -> io::Result<()> {
        let Self { room, file, queue, batch, .. } = self;
        let count = batch.chunks.iter().map(|chunk| chunk.count).sum();
        if let (Some(file), false) = (&mut *file, batch.is_in_file) {
            file.append(batch.chunks.iter().map(|chunk| &*chunk.lines))?;
            batch.is_in_file = true;
        }
        if let (Some(queue), false) = (&mut *queue, batch.is_in_queue || batch.is_lost) {
            // With `refuse` no transaction begins any more, and those under way lose nothing.
            if room.is_queue_full() && !room.may_refuse() {
                room.lost(count);
                batch.is_lost = true;
            } else {
                queue.append(batch.chunks.iter().map(|chunk| &*chunk.lines))?;
                batch.is_in_queue = true;
            }
        }
        if self.batch.chunks.iter().any(|chunk| chunk.settles.is_some()) {
            self.sync()?;
        }
        if let Some(queue) = &self.queue {
            queue.tell();
        }
        let Batch { chunks, is_lost, .. } = std::mem::take(&mut self.batch);
        if is_lost && self.file.is_none() {
            // They are nowhere, and who waits is told so.
            self.room.leave(count);
            return Ok(());
        }
        self.room.kept(count);
        chunks.into_iter().filter_map(|chunk| chunk.settles).for_each(Settles::kept);
        Ok(())
    }

    /// Waits until the batch is on the disk. Where that fails it is taken back, to be written anew.
    fn sync(&mut self) -> io::Result<()> {
        let Self { file, queue, batch, .. } = self;
        if let Some(file) = file
            && let Err(error) = file.sync()
        {
            batch.take_back(file);
            return Err(error);
        }
        if let Some(queue) = queue
            && let Err(error) = queue.sync()
        {
            if std::mem::take(&mut batch.is_in_queue) {
                queue.take_back();
            }
            return Err(error);
        }
        Ok(())
    }

    fn reopen(&mut self) {
        if let Some(queue) = &self.queue
            && let Err(error) = queue.shelf().weigh_aside()
        {
            tracing::warn!(%error, "what audit sinks refused cannot be counted anew");
        }
        if let Some(file) = &mut self.file {
            if let Err(error) = file.reopen() {
                // It may be that the old one could not be brought to the disk.
                self.batch.take_back(file);
                tracing::error!(%error, "the audit file cannot be opened anew; the old one stays in use");
                return;
            }
            // It may be on another disk.
            self.write();
        }
    }

    /// Writes what is left, for as long as the end of the process may wait for a disk.
    fn end(&mut self) {
        for message in self.messages.try_iter() {
            if let Message::Chunk(chunk) = message {
                self.chunks.push_back(chunk);
            }
        }
        self.write();
        let until = Instant::now() + END_MOST;
        while self.retry_at.is_some() && Instant::now() < until {
            std::thread::sleep(RETRY / 10);
            self.write();
        }
        let file = self.file.as_mut().map_or(Ok(()), RecordFile::close);
        let queue = self.queue.as_mut().map_or(Ok(()), Queue::sync);
        if let Err(error) = file.and(queue) {
            tracing::error!(%error, "audit records may be lost if the power fails now");
        }
    }

    /// Counts what it still has: nobody else does.
    fn give_up(&mut self) {
        let is_counted = self.batch.is_lost;
        let held = self.batch.chunks.drain(..).map(|chunk| chunk.count).sum::<usize>();
        let waiting = self.chunks.drain(..).map(|chunk| chunk.count).sum::<usize>();
        let came = self.messages.try_iter().filter_map(|message| match message {
            Message::Chunk(chunk) => Some(chunk.count),
            Message::Reopen | Message::Close(_) => None,
        });
        let later = waiting + came.sum::<usize>();
        let lost = later + if is_counted { 0 } else { held };
        self.room.leave(held + later);
        if lost > 0 {
            self.room.lost(lost);
            tracing::error!(records = lost, "audit records are lost: they could not be written");
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Nothing is written from now on, also if it was a bug that ended it.
        self.room.breaks();
        self.give_up();
    }
}

impl Batch {
    /// Takes chunks if it has none; tells whether it has any.
    fn fill(&mut self, waiting: &mut VecDeque<Chunk>) -> bool {
        if self.chunks.is_empty() {
            let mut bytes = 0;
            let fits = |chunk: &&Chunk| {
                let is_first = bytes == 0;
                bytes += chunk.lines.len();
                is_first || bytes <= BATCH
            };
            let count = waiting.iter().take_while(fits).count();
            self.chunks.extend(waiting.drain(..count));
        }
        !self.chunks.is_empty()
    }

    /// Has the file forget it.
    fn take_back(&mut self, file: &mut RecordFile) {
        if self.is_in_file {
            self.is_in_file = !file.take_back();
        }
    }
}

/// How long a disk that takes nothing is left alone.
const RETRY: Duration = Duration::from_secs(1);

/// How long the end of the process waits for it.
const END_MOST: Duration = Duration::from_secs(5);

/// Bytes that are written at once, about.
const BATCH: usize = 1 << 20;
