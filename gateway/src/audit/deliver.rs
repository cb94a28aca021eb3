//! From the queue on disk to the sinks that are reached by the network: one task a sink.
//!
//! A sink that takes nothing keeps nobody waiting: records stay in the queue, the task tries again, and
//! the log has two lines, however long that goes on. No line tells anything of a record.

use std::collections::VecDeque;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::atna::Source;
use super::entry::Entry;
use super::fhir::{Fhir, Tokens};
use super::reader::Reader;
use super::syslog::Syslog;
use super::{Audit, Position};

/// Where records go by the network.
pub(crate) enum Sink {
    /// An audit record repository.
    Syslog(Syslog),
    /// A FHIR server.
    Fhir(Fhir),
    #[cfg(test)]
    Scripted(tests::Scripted),
}

/// What became of records that were sent.
#[derive(Default)]
pub(crate) struct Sent {
    /// How many of them are done with, from the first on.
    pub acknowledged: usize,
    /// Which of those the sink will never take, in ascending order.
    pub refused: Vec<usize>,
    /// Why the others are not; without it they were not sent yet.
    pub failure: Option<Failure>,
}

/// Why a sink took nothing. Tells nothing of a record.
pub(crate) struct Failure {
    /// What happened.
    pub error: Box<dyn Error + Send + Sync>,
    /// How long the sink wants to be left alone.
    pub retry_after: Option<Duration>,
}

/// All deliveries of a process. Dropped, they end at once; what was not acknowledged is sent at the
/// next start.
pub(crate) struct Deliveries {
    tasks: JoinSet<()>,
    ending: watch::Sender<bool>,
}

impl Deliveries {
    /// Starts one for each sink, on this runtime. `tokens` are those for the FHIR server of this place in
    /// the configuration.
    pub(crate) fn start(
        audit: &Arc<Audit>,
        config: &config::Audit,
        tokens: impl Fn(usize) -> Tokens,
    ) -> Self {
        let source = Source { id: config.source.clone(), site: config.site.clone() };
        let syslog = config.syslog.iter().cloned().enumerate().map(|(index, sink)| {
            ("syslog", index, Sink::Syslog(Syslog::new(sink, source.clone())))
        });
        let fhir = config.fhir.iter().cloned().enumerate().map(|(index, sink)| {
            ("fhir", index, Sink::Fhir(Fhir::new(sink, source.clone(), tokens(index))))
        });
        let (ending, _) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for ((kind, index, sink), reader) in syslog.chain(fhir).zip(audit.readers()) {
            let delivery = Delivery {
                name: Name { kind, index },
                sink,
                reader,
                unnoted: VecDeque::new(),
                ending: ending.subscribe(),
                failures: 0,
            };
            tasks.spawn(delivery.run());
        }
        Self { tasks, ending }
    }

    /// Once the gateway is closed to records: tries for some seconds to deliver what waits, and gives
    /// up on a sink that fails now.
    pub(crate) async fn finish(mut self) {
        self.ending.send_replace(true);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        // What is left is delivered at the next start.
        let _ = tokio::time::timeout(FINISH_MOST, all).await;
    }
}

/// A sink as logs name it: as a table in the configuration.
#[derive(Clone, Copy)]
struct Name {
    kind: &'static str,
    index: usize,
}

struct Delivery {
    name: Name,
    sink: Sink,
    reader: Reader,
    unnoted: VecDeque<Fate>,
    ending: watch::Receiver<bool>,
    failures: u32,
}

/// A sink's answer that is still to be noted on disk.
struct Fate {
    /// Up to here it needs no record any more.
    upto: Position,
    /// The last of those, if the sink will never take that one.
    refused: Option<Entry>,
}

impl Delivery {
    async fn run(mut self) {
        loop {
            let Some(outcome) = self.hand_over().await.transpose() else { return };
            let pause = self.settle(outcome);
            if *self.ending.borrow() {
                if self.failures > 0 {
                    return;
                }
                continue;
            }
            tokio::select! {
                () = sleep(pause) => {}
                // One more attempt, then.
                _ = self.ending.changed() => {}
            }
        }
    }

    /// Sends what follows, and notes what that came to; tells how many records were sent, or that there
    /// will be none.
    async fn hand_over(&mut self) -> Result<Option<usize>, Failure> {
        self.note().await?;
        let Some(batch) = self.reader.next().await.map_err(Failure::of)? else { return Ok(None) };
        let (mut entries, positions): (Vec<_>, Vec<_>) = batch.entries.into_iter().unzip();
        let count = entries.len();
        let Sent { acknowledged, refused, failure } = self.sink.send(&entries).await;
        let mut noted = 0;
        for index in refused {
            if index > noted {
                self.unnoted.push_back(Fate { upto: positions[index - 1], refused: None });
            }
            let refused = Some(std::mem::take(&mut entries[index]));
            self.unnoted.push_back(Fate { upto: positions[index], refused });
            noted = index + 1;
        }
        if acknowledged > noted {
            self.unnoted.push_back(Fate { upto: positions[acknowledged - 1], refused: None });
        }
        self.note().await?;
        // What a sink has left for its next request need not wait.
        let is_all = acknowledged == count;
        failure.map_or(Ok(Some(if is_all { count } else { FULL })), Err)
    }

    /// Notes what the sink has answered. What a full disk has no room for is noted later: a sink that has
    /// answered for a record never gets it again for that.
    async fn note(&mut self) -> Result<(), Failure> {
        while let Some(Fate { upto, refused }) = self.unnoted.front() {
            if let Some(entry) = refused {
                self.reader.set_aside(entry).await.map_err(Failure::of)?;
            }
            let upto = *upto;
            // The reader goes on from there, even if it fails to write that down.
            self.unnoted.pop_front();
            self.reader.acknowledge(upto).await.map_err(Failure::of)?;
        }
        Ok(())
    }

    /// Notes and tells how it went; the pause before the next attempt.
    fn settle(&mut self, outcome: Result<usize, Failure>) -> Duration {
        let Name { kind, index } = self.name;
        match outcome {
            Ok(sent) => {
                if std::mem::take(&mut self.failures) > 0 {
                    tracing::info!(sink = kind, index, "the audit sink takes records again");
                }
                if sent < FULL { GATHER } else { Duration::ZERO }
            }
            Err(Failure { error, retry_after }) => {
                self.reader.failed();
                if self.failures == 0 {
                    let cause = &*error as &dyn Error;
                    let message = "an audit sink takes no records: they wait in the queue";
                    tracing::warn!(sink = kind, index, error = cause, "{message}");
                }
                let pause = PAUSE_FIRST * 2u32.saturating_pow(self.failures.min(8));
                self.failures = self.failures.saturating_add(1);
                let pause = pause.min(PAUSE_MOST).mul_f64(0.5 + fastrand::f64() / 2.0);
                pause.max(retry_after.unwrap_or_default().min(RETRY_AFTER_MOST))
            }
        }
    }
}

impl Sink {
    async fn send(&mut self, entries: &[Entry]) -> Sent {
        match self {
            Self::Syslog(sink) => match sink.send(entries).await {
                Ok(acknowledged) => Sent { acknowledged, ..Sent::default() },
                Err(error) => Sent { failure: Some(Failure::of(error)), ..Sent::default() },
            },
            Self::Fhir(sink) => sink.send(entries).await,
            #[cfg(test)]
            Self::Scripted(sink) => sink.send(entries),
        }
    }
}

impl Failure {
    fn of(error: impl Error + Send + Sync + 'static) -> Self {
        Self { error: Box::new(error), retry_after: None }
    }
}

/// How long a sink that had all is left alone, so that records come to it together.
const GATHER: Duration = Duration::from_millis(500);

/// Records in a batch that is followed by the next one at once.
const FULL: usize = 100;

const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_MOST: Duration = Duration::from_secs(30);
const RETRY_AFTER_MOST: Duration = Duration::from_secs(300);
const FINISH_MOST: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
