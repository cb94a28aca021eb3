//! A token and its successors: acquired once however many callers want it.
//!
//! Who is asked, and with what, is the business of an [`Acquire`]: an application asks for itself, or
//! on behalf of a user. What becomes of the answer is the same.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::{AccessToken, AcquireError, Claims};
use crate::metrics::AcquisitionMetrics;

/// Where one token lives, and after it its successors.
///
/// A *fresh* token is served as it is: one atomic load, no lock. A *stale* one is served too, while
/// one task brings its successor. Where there is none, or a *dead* one, all who want it wait for one
/// acquisition that they share, its failure included. Acquisitions run on a runtime of their own: a
/// caller who hangs up takes nothing from the others. A failure is kept for as long as asking again
/// would be useless or rude; a failed refresh leaves the old token in use until its end.
pub(super) struct Succession {
    current: ArcSwapOption<AccessToken>,
    /// Milliseconds since `epoch` before which a stale token starts no refresh; spares the lock.
    quiet_until: AtomicU64,
    epoch: Instant,
    flight: Mutex<Flight>,
}

/// Who asks the authority, and hears what came of it.
pub(super) trait Acquire: Send + Sync + 'static {
    /// Where acquisitions run.
    fn runtime(&self) -> &Handle;

    /// Asks the authority once, for a token with the claims that are demanded.
    fn ask(
        &self,
        demanded: Option<&Claims>,
    ) -> impl Future<Output = Result<AccessToken, Failure>> + Send;

    /// Told of each acquisition that has ended, before those who wait for it are.
    fn ended(&self, ending: &Ending);
}

/// Why an acquisition brought no token.
#[derive(Debug)]
pub(super) enum Failure {
    /// The authority, or the way there, failed this one.
    Own(Arc<AcquireError>),
    /// The authority was not asked, since it fails others as well.
    Shared(Held),
}

/// What came of an acquisition.
#[derive(Debug)]
pub(super) enum Ending {
    /// A token.
    Acquired,
    /// A token, after failures.
    Recovered,
    /// No token.
    Failed {
        /// Why.
        error: Arc<AcquireError>,
        /// Whether there is one that is still good.
        in_hand: bool,
    },
    /// Nothing was asked.
    Spared,
}

impl Ending {
    /// Counts it.
    pub(super) fn count(&self, metrics: &AcquisitionMetrics) {
        match self {
            Self::Acquired | Self::Recovered => metrics.acquired(),
            Self::Failed { error, in_hand, .. } => {
                metrics.failed(error);
                if *in_hand {
                    metrics.refresh_failed();
                }
            }
            Self::Spared => {}
        }
    }
}

/// Why there is no token now, and when to ask again.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// What happened.
    pub error: Arc<AcquireError>,
    /// How long the answer stays the same.
    pub retry_after: Duration,
}

impl std::fmt::Display for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Held {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

type Outcome = Result<Arc<AccessToken>, Held>;

#[derive(Default)]
struct Flight {
    acquisition: Option<watch::Receiver<Option<Outcome>>>,
    failure: Option<(Arc<AcquireError>, Instant)>,
    failures: u32,
    rejected_at: Option<Instant>,
    /// What the next token must carry.
    demanded: Option<Claims>,
}

impl Default for Succession {
    fn default() -> Self {
        Self {
            current: ArcSwapOption::empty(),
            quiet_until: AtomicU64::new(0),
            epoch: Instant::now(),
            flight: Mutex::default(),
        }
    }
}

impl Succession {
    /// A token that may be sent now; where one has to be acquired, `who` says by whom.
    pub(super) async fn token<A: Acquire>(self: &Arc<Self>, who: impl FnOnce() -> A) -> Outcome {
        let now = Instant::now();
        if let Some(token) = self.usable(now) {
            if token.is_stale(now) {
                self.refresh(now, who);
            }
            return Ok(token);
        }
        let mut acquisition = {
            let mut flight = self.lock();
            // It may have come while the lock was waited for, and a failure with it: what is left of
            // that one's time is counted from now.
            let now = Instant::now();
            if let Some(token) = self.usable(now) {
                return Ok(token);
            }
            self.join(&mut flight, now, who)?
        };
        let outcome = acquisition.wait_for(Option::is_some).await;
        outcome.ok().and_then(|outcome| outcome.clone()).unwrap_or_else(|| {
            Err(Held { error: Arc::new(AcquireError::Broken), retry_after: Duration::ZERO })
        })
    }

    /// Takes `rejected` out of use, since the origin server refused it; its successor is asked for
    /// with the claims that it demanded. True where another attempt makes sense: a newer token is
    /// there, or may be acquired. An origin server that refuses every token costs the authority one
    /// acquisition in half a minute.
    pub(super) fn reject<A: Acquire>(
        self: &Arc<Self>,
        rejected: &Arc<AccessToken>,
        demanded: Option<Claims>,
        who: impl FnOnce() -> A,
    ) -> bool {
        let now = Instant::now();
        let mut flight = self.lock();
        let current = self.current.load();
        if !current.as_ref().is_some_and(|token| Arc::ptr_eq(token, rejected)) {
            return true;
        }
        if flight.rejected_at.is_some_and(|at| now < at + BETWEEN_REJECTIONS) {
            return false;
        }
        flight.rejected_at = Some(now);
        flight.demanded = demanded;
        self.current.store(None);
        // Whoever reports it may not come back, and without a token the gateway is not ready.
        let _ = self.join(&mut flight, now, who);
        true
    }

    /// Waits for the acquisition under way, if there is one.
    pub(super) async fn settled(&self) {
        let acquisition = self.lock().acquisition.clone();
        if let Some(mut acquisition) = acquisition {
            let _ = acquisition.wait_for(Option::is_some).await;
        }
    }

    /// The token in hand, if it may be sent.
    pub(super) fn usable(&self, now: Instant) -> Option<Arc<AccessToken>> {
        self.current.load().as_ref().filter(|token| token.is_usable(now)).cloned()
    }

    /// The last acquisition's failure, if it failed.
    pub(super) fn failure(&self) -> Option<Arc<AcquireError>> {
        self.lock().failure.as_ref().map(|(error, _)| error.clone())
    }

    /// When something should next be done, if nobody asks before; `at_most` where it would be too far.
    pub(super) fn due_at(&self, now: Instant, at_most: Duration) -> Instant {
        match self.usable(now) {
            Some(token) => {
                let quiet = Duration::from_millis(self.quiet_until.load(Ordering::Relaxed));
                let quiet_until = self.epoch.checked_add(quiet).unwrap_or(now + at_most);
                token.refresh_at().max(quiet_until)
            }
            None => self.lock().failure.as_ref().map_or(now, |(_, until)| *until),
        }
    }

    /// What it holds on the heap, in bytes.
    pub(super) fn size(&self) -> usize {
        let token = self.current.load().as_ref().map_or(0, |token| token.size());
        token + self.lock().failure.as_ref().map_or(0, |(error, _)| error.size())
    }

    /// The acquisition that brings a token where there is none: the one under way, or a new one, or
    /// none if the last one's failure still holds.
    fn join<A: Acquire>(
        self: &Arc<Self>,
        flight: &mut Flight,
        now: Instant,
        who: impl FnOnce() -> A,
    ) -> Result<watch::Receiver<Option<Outcome>>, Held> {
        match (&flight.acquisition, &flight.failure) {
            (Some(acquisition), _) => Ok(acquisition.clone()),
            (None, Some((error, until))) if now < *until => {
                Err(Held { error: error.clone(), retry_after: *until - now })
            }
            _ => Ok(self.launch(flight, who())),
        }
    }

    /// Starts an acquisition beside a token that is still good, unless one is under way or just
    /// failed: it is quiet then.
    fn refresh<A: Acquire>(self: &Arc<Self>, now: Instant, who: impl FnOnce() -> A) {
        if self.is_quiet(now) {
            return;
        }
        let mut flight = self.lock();
        // Another's may have begun, come or failed while the lock was waited for.
        let is_stale = self.usable(now).is_some_and(|token| token.is_stale(now));
        if is_stale && !self.is_quiet(now) {
            self.launch(&mut flight, who());
        }
    }

    fn is_quiet(&self, now: Instant) -> bool {
        self.since_epoch(now) < self.quiet_until.load(Ordering::Relaxed)
    }

    fn launch<A: Acquire>(
        self: &Arc<Self>,
        flight: &mut Flight,
        who: A,
    ) -> watch::Receiver<Option<Outcome>> {
        let (announce, acquisition) = watch::channel(None);
        flight.acquisition = Some(acquisition.clone());
        self.quiet_until.store(u64::MAX, Ordering::Relaxed);
        let (this, runtime) = (self.clone(), who.runtime().clone());
        runtime.spawn(async move {
            let acquired = AssertUnwindSafe(this.acquire(&who)).catch_unwind();
            let acquired = acquired
                .await
                .unwrap_or_else(|_| Err(Failure::Own(Arc::new(AcquireError::Broken))));
            let (outcome, ending) = this.settle(acquired);
            who.ended(&ending);
            announce.send_replace(Some(outcome));
        });
        acquisition
    }

    async fn acquire(&self, who: &impl Acquire) -> Result<AccessToken, Failure> {
        loop {
            let demanded = self.lock().demanded.take();
            let acquired = who.ask(demanded.as_ref()).await;
            let mut flight = self.lock();
            match &acquired {
                // The demand came meanwhile: this token was not asked for with it.
                Ok(_) if flight.demanded.is_some() => {}
                Ok(_) => return acquired,
                // It may be the demand's fault, and the next attempt goes without.
                Err(Failure::Own(error)) if error.is_refusal() => return acquired,
                Err(_) => {
                    flight.demanded = flight.demanded.take().or(demanded);
                    return acquired;
                }
            }
        }
    }

    fn settle(&self, acquired: Result<AccessToken, Failure>) -> (Outcome, Ending) {
        let now = Instant::now();
        let mut flight = self.lock();
        flight.acquisition = None;
        let failure = match acquired {
            Ok(token) => {
                let recovered = flight.failure.take().is_some();
                flight.failures = 0;
                let token = Arc::new(token);
                self.current.store(Some(token.clone()));
                self.quiet_until.store(0, Ordering::Relaxed);
                let ending = if recovered { Ending::Recovered } else { Ending::Acquired };
                return (Ok(token), ending);
            }
            Err(failure) => failure,
        };
        let in_hand = self.usable(now).is_some();
        let (held, ending) = match failure {
            Failure::Shared(held) => (held, Ending::Spared),
            Failure::Own(error) => {
                let retry_after = error.holds_for(flight.failures);
                flight.failures = flight.failures.saturating_add(1);
                let held = Held { error, retry_after };
                (held.clone(), Ending::Failed { error: held.error, in_hand })
            }
        };
        let quiet = self.quiet_after(&held, now);
        flight.failure = Some((held.error.clone(), now + held.retry_after));
        self.quiet_until.store(self.since_epoch(now + quiet), Ordering::Relaxed);
        (Err(held), ending)
    }

    /// How long to wait before the next refresh: with a good token in hand there is time, unless its
    /// end is near.
    fn quiet_after(&self, held: &Held, now: Instant) -> Duration {
        match (self.usable(now), &*held.error) {
            (None, _) | (_, AcquireError::Throttled { .. }) => held.retry_after,
            (Some(token), _) => {
                held.retry_after.max(BETWEEN_REFRESHES.min(token.life_left(now) / 4))
            }
        }
    }

    fn since_epoch(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.epoch).as_millis()).unwrap_or(u64::MAX - 1)
    }

    /// Nothing that can panic happens under this lock, so a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, Flight> {
        self.flight.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How often an origin server's rejections may cost an acquisition.
const BETWEEN_REJECTIONS: Duration = Duration::from_secs(30);

/// How long a failed refresh rests while the old token is good for long.
const BETWEEN_REFRESHES: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
