//! All workers, as the rest of the process reaches them.

use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::{Notify, mpsc};

use super::worker::{Command, Done};
use crate::build::Generation;

/// Where generations are published: to all workers, and one after another.
pub(crate) struct Workers {
    current: Arc<ArcSwap<Generation>>,
    /// Also the lock under which a generation becomes the current one.
    commands: Mutex<Vec<mpsc::UnboundedSender<Command>>>,
    published: Notify,
}

impl Workers {
    pub(super) fn new(
        current: Arc<ArcSwap<Generation>>,
        commands: Vec<mpsc::UnboundedSender<Command>>,
    ) -> Self {
        Self { current, commands: Mutex::new(commands), published: Notify::new() }
    }

    /// The generation that new requests are served with.
    pub(crate) fn current(&self) -> Arc<Generation> {
        self.current.load_full()
    }

    /// Done once a generation was published that [`Self::replace`] did not publish.
    pub(crate) async fn published(&self) {
        self.published.notified().await;
    }

    /// Publishes a generation if `before` is still the current one.
    pub(crate) fn replace(&self, before: &Arc<Generation>, next: Arc<Generation>) -> bool {
        let commands = self.lock();
        let is_current = Arc::ptr_eq(&self.current.load(), before);
        if is_current {
            self.put(&commands, next);
        }
        is_current
    }

    /// Publishes a generation; each end tells that a worker has it.
    pub(super) fn publish(&self, next: Arc<Generation>) -> Vec<Receiver<usize>> {
        let ends = self.put(&self.lock(), next);
        self.published.notify_one();
        ends
    }

    /// Sends every worker a command; each end tells that it is done.
    pub(super) fn ask(&self, command: impl Fn(Done) -> Command) -> Vec<Receiver<usize>> {
        ask(&self.lock(), command)
    }

    /// Lets them end.
    pub(super) fn dismiss(&self) {
        self.lock().clear();
    }

    fn put(
        &self,
        commands: &[mpsc::UnboundedSender<Command>],
        next: Arc<Generation>,
    ) -> Vec<Receiver<usize>> {
        self.current.store(next.clone());
        ask(commands, |done| Command::Publish(next.clone(), done))
    }

    /// Nothing that can panic happens under this lock, so a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, Vec<mpsc::UnboundedSender<Command>>> {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ask(
    commands: &[mpsc::UnboundedSender<Command>],
    command: impl Fn(Done) -> Command,
) -> Vec<Receiver<usize>> {
    let ask = |worker: &mpsc::UnboundedSender<Command>| {
        let (done, end) = sync_channel(1);
        worker.send(command(done)).ok().map(|()| end)
    };
    commands.iter().filter_map(ask).collect()
}
