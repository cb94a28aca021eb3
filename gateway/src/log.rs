//! Where lines go: from the threads that make them to the one that writes them.
//!
//! A request must not wait for a disk or a terminal. Each worker collects the lines of its
//! transactions in a buffer of its own and hands it over ten times a second; one thread writes. If that
//! thread falls behind by megabytes, lines are dropped and counted, and transactions go on.

use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use config::{LogFormat, LogLevel};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Takes chunks of whole lines to the writing thread.
#[derive(Clone)]
pub struct Log {
    chunks: SyncSender<Chunk>,
    dropped: Arc<AtomicU64>,
}

enum Chunk {
    Lines(Vec<u8>),
    /// Everything before it is written when this is answered.
    Flush(SyncSender<()>),
}

impl Log {
    /// Starts a thread that writes to `output`, until all senders are gone.
    pub fn start(output: impl Write + Send + 'static) -> io::Result<(Self, JoinHandle<()>)> {
        let (chunks, received) = sync_channel(CHUNKS_MOST);
        let thread = std::thread::Builder::new()
            .name("log".into())
            .spawn(move || write(&received, output))?;
        Ok((Self { chunks, dropped: Arc::default() }, thread))
    }

    /// Makes what the program says through `tracing` go here too, for the whole process. Dependencies
    /// have no say: their words may hold what callers sent. Gives what changes the level later.
    pub fn install(&self, config: &config::Log) -> SetLevel {
        let builder = tracing_subscriber::fmt()
            .with_env_filter(ours(config.level))
            .with_writer(self.clone())
            .with_ansi(false)
            .with_target(false);
        // A second gateway in one process, as tests have, shares the first one's.
        match config.format {
            LogFormat::Json => {
                let builder = builder.json().flatten_event(true).with_filter_reloading();
                let handle = builder.reload_handle();
                let _ = builder.try_init();
                Box::new(move |level| drop(handle.reload(ours(level))))
            }
            LogFormat::Text => {
                let builder = builder.with_filter_reloading();
                let handle = builder.reload_handle();
                let _ = builder.try_init();
                Box::new(move |level| drop(handle.reload(ours(level))))
            }
        }
    }

    /// Waits until all that was handed over is written.
    pub fn flush(&self) {
        let (done, wait) = sync_channel(1);
        if self.chunks.send(Chunk::Flush(done)).is_ok() {
            let _ = wait.recv_timeout(FLUSH_MOST);
        }
    }

    fn send(&self, lines: Vec<u8>) {
        if let Err(TrySendError::Full(chunk) | TrySendError::Disconnected(chunk)) =
            self.chunks.try_send(Chunk::Lines(lines))
            && let Chunk::Lines(lines) = chunk
        {
            let count = lines.iter().filter(|byte| **byte == b'\n').count() as u64;
            self.dropped.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// Lines that were dropped since the start.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// Changes the level of what goes through `tracing`.
pub type SetLevel = Box<dyn Fn(LogLevel)>;

/// What the library and the program say, by their names as crates.
fn ours(level: LogLevel) -> EnvFilter {
    let level = match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    };
    EnvFilter::new(format!("off,gateway={level},dicom_gateway={level}"))
}

/// One thread's lines on their way to a [`Log`].
pub(crate) struct Lines {
    log: Log,
    buffer: RefCell<Vec<u8>>,
}

impl Lines {
    pub(crate) fn new(log: Log) -> Self {
        Self { log, buffer: RefCell::new(Vec::with_capacity(CHUNK)) }
    }

    /// Adds a line; `write` ends it.
    pub(crate) fn add(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut buffer = self.buffer.borrow_mut();
        write(&mut buffer);
        if buffer.len() > CHUNK * 3 / 4 {
            self.log.send(std::mem::replace(&mut buffer, Vec::with_capacity(CHUNK)));
        }
    }

    /// Hands over what has been collected.
    pub(crate) fn hand_over(&self) {
        let mut buffer = self.buffer.borrow_mut();
        if !buffer.is_empty() {
            self.log.send(std::mem::replace(&mut buffer, Vec::with_capacity(CHUNK)));
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.hand_over();
    }
}

/// One event of `tracing`, collected into one chunk.
pub struct Event(Log, Vec<u8>);

impl Write for Event {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.1.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        self.0.send(std::mem::take(&mut self.1));
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Event;

    fn make_writer(&'a self) -> Event {
        Event(self.clone(), Vec::new())
    }
}

fn write(chunks: &Receiver<Chunk>, mut output: impl Write) {
    for chunk in chunks {
        match chunk {
            // A log that cannot be written must not end the gateway.
            Chunk::Lines(lines) => {
                let _ = output.write_all(&lines);
            }
            Chunk::Flush(done) => {
                let _ = output.flush();
                let _ = done.try_send(());
            }
        }
    }
    let _ = output.flush();
}

/// How often workers hand over their lines.
pub(crate) const HAND_OVER: Duration = Duration::from_millis(100);

/// The size at which a chunk is handed over early, about a hundred lines.
const CHUNK: usize = 32 << 10;

/// Chunks that may wait for a slow disk: 8 MiB.
const CHUNKS_MOST: usize = 256;

/// How long the end of the process waits for a disk.
const FLUSH_MOST: Duration = Duration::from_secs(5);
