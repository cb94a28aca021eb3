//! What the process is told from outside: SIGHUP, SIGTERM, SIGINT.

use std::io;

use tokio::signal::unix::{self, SignalKind};

/// The signals that the process obeys, from the moment this exists.
pub(crate) struct Signals {
    hang_up: unix::Signal,
    terminate: unix::Signal,
    interrupt: unix::Signal,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Order {
    /// Read the configuration again.
    Reload,
    /// End.
    End,
}

impl Signals {
    /// Takes them from their default, which is to end the process. Needs a runtime, and is never
    /// undone: a signal that nobody waits for is lost.
    pub(crate) fn take() -> io::Result<Self> {
        Ok(Self {
            hang_up: unix::signal(SignalKind::hangup())?,
            terminate: unix::signal(SignalKind::terminate())?,
            interrupt: unix::signal(SignalKind::interrupt())?,
        })
    }

    /// The next order.
    pub(crate) async fn next(&mut self) -> Order {
        tokio::select! {
            _ = self.hang_up.recv() => Order::Reload,
            _ = self.terminate.recv() => Order::End,
            _ = self.interrupt.recv() => Order::End,
        }
    }
}
