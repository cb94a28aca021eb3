//! One token and its successors: acquired once however many callers want it.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

use super::{AccessToken, AcquireError, Claims, ConfidentialClient, TokenRequest};
use crate::metrics::AcquisitionMetrics;

/// Where the token of one [`TokenRequest`] lives.
///
/// A *fresh* token is served as it is: one atomic load, no lock. A *stale* one is served too, while
/// one task brings its successor. Where there is none, or a *dead* one, all who want it wait for one
/// acquisition that they share, its failure included. Acquisitions run on a runtime of their own: a
/// caller who hangs up takes nothing from the others. A failure is kept for as long as asking again
/// would be useless or rude; a failed refresh leaves the old token in use until its end.
pub(crate) struct Slot {
    client: ArcSwap<ConfidentialClient>,
    request: TokenRequest,
    runtime: Handle,
    metrics: Arc<AcquisitionMetrics>,
    current: ArcSwapOption<AccessToken>,
    /// Milliseconds since `epoch` before which a stale token starts no refresh; spares the lock.
    quiet_until: AtomicU64,
    epoch: Instant,
    flight: Mutex<Flight>,
    /// Wakes the keeper after each acquisition.
    endings: Arc<Notify>,
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

/// How a slot is doing, for `/ready` and metrics.
#[derive(Clone, Debug)]
pub(crate) struct SlotStatus {
    /// The token in hand, if it may be sent.
    pub token: Option<Arc<AccessToken>>,
    /// The last acquisition's failure, if it failed.
    pub failure: Option<Arc<AcquireError>>,
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

impl Slot {
    /// An empty slot, whose acquisitions run on `runtime`.
    pub(crate) fn new(
        client: Arc<ConfidentialClient>,
        request: TokenRequest,
        runtime: Handle,
        metrics: Arc<AcquisitionMetrics>,
    ) -> Self {
        Self {
            client: ArcSwap::from(client),
            request,
            runtime,
            metrics,
            current: ArcSwapOption::empty(),
            quiet_until: AtomicU64::new(0),
            epoch: Instant::now(),
            flight: Mutex::default(),
            endings: Arc::default(),
        }
    }

    /// A token that may be sent now.
    pub(crate) async fn token(self: &Arc<Self>) -> Result<Arc<AccessToken>, Held> {
        let now = Instant::now();
        if let Some(token) = self.usable(now) {
            if token.is_stale(now) {
                self.refresh(now);
            }
            return Ok(token);
        }
        let mut acquisition = {
            let mut flight = self.lock();
            // It may have come while the lock was waited for.
            if let Some(token) = self.usable(now) {
                return Ok(token);
            }
            self.join(&mut flight, now)?
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
    pub(crate) fn reject(
        self: &Arc<Self>,
        rejected: &Arc<AccessToken>,
        demanded: Option<Claims>,
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
        let _ = self.join(&mut flight, now);
        true
    }

    /// Told of each acquisition that has ended.
    pub(super) fn endings(&self) -> Arc<Notify> {
        self.endings.clone()
    }

    /// Waits for the acquisition under way, if there is one.
    pub(super) async fn settled(&self) {
        let acquisition = self.lock().acquisition.clone();
        if let Some(mut acquisition) = acquisition {
            let _ = acquisition.wait_for(Option::is_some).await;
        }
    }

    /// How it is doing.
    pub(crate) fn status(&self, now: Instant) -> SlotStatus {
        let failure = self.lock().failure.as_ref().map(|(error, _)| error.clone());
        SlotStatus { token: self.usable(now), failure }
    }

    /// The client whose tokens these are.
    pub(crate) fn client(&self) -> Arc<ConfidentialClient> {
        self.client.load_full()
    }

    /// Asks as `client` from now on, the same one to the authority, if its key material is new. The
    /// token in hand stays: the authority may be down, and it is as good as before.
    pub(super) fn adopt(&self, client: &Arc<ConfidentialClient>) {
        if !client.speaks_as(&self.client.load()) {
            self.client.store(client.clone());
        }
    }

    /// The scopes that its tokens are for.
    pub(crate) fn scope(&self) -> &str {
        &self.request.scope
    }

    /// Counts of acquisitions.
    pub(crate) fn metrics(&self) -> &AcquisitionMetrics {
        &self.metrics
    }

    /// When something should next be done, if nobody asks before.
    pub(super) fn due_at(&self, now: Instant) -> Instant {
        match self.usable(now) {
            Some(token) => {
                let quiet = Duration::from_millis(self.quiet_until.load(Ordering::Relaxed));
                let quiet_until = self.epoch.checked_add(quiet).unwrap_or(now + HEARTBEAT);
                token.refresh_at().max(quiet_until)
            }
            None => self.lock().failure.as_ref().map_or(now, |(_, until)| *until),
        }
    }

    fn usable(&self, now: Instant) -> Option<Arc<AccessToken>> {
        self.current.load().as_ref().filter(|token| token.is_usable(now)).cloned()
    }

    /// The acquisition that brings a token where there is none: the one under way, or a new one, or
    /// none if the last one's failure still holds.
    fn join(
        self: &Arc<Self>,
        flight: &mut Flight,
        now: Instant,
    ) -> Result<watch::Receiver<Option<Outcome>>, Held> {
        match (&flight.acquisition, &flight.failure) {
            (Some(acquisition), _) => Ok(acquisition.clone()),
            (None, Some((error, until))) if now < *until => {
                Err(Held { error: error.clone(), retry_after: *until - now })
            }
            _ => Ok(self.launch(flight)),
        }
    }

    /// Starts an acquisition beside a token that is still good, unless one is under way or just
    /// failed: it is quiet then.
    fn refresh(self: &Arc<Self>, now: Instant) {
        if self.is_quiet(now) {
            return;
        }
        let mut flight = self.lock();
        // Another's may have begun, come or failed while the lock was waited for.
        let is_stale = self.usable(now).is_some_and(|token| token.is_stale(now));
        if is_stale && !self.is_quiet(now) {
            self.launch(&mut flight);
        }
    }

    fn is_quiet(&self, now: Instant) -> bool {
        self.since_epoch(now) < self.quiet_until.load(Ordering::Relaxed)
    }

    fn launch(self: &Arc<Self>, flight: &mut Flight) -> watch::Receiver<Option<Outcome>> {
        let (announce, acquisition) = watch::channel(None);
        flight.acquisition = Some(acquisition.clone());
        self.quiet_until.store(u64::MAX, Ordering::Relaxed);
        let slot = self.clone();
        self.runtime.spawn(async move {
            let acquired = AssertUnwindSafe(slot.acquire()).catch_unwind();
            let acquired = acquired.await.unwrap_or(Err(AcquireError::Broken));
            let outcome = slot.settle(acquired);
            announce.send_replace(Some(outcome));
            slot.endings.notify_one();
        });
        acquisition
    }

    async fn acquire(&self) -> Result<AccessToken, AcquireError> {
        loop {
            let demanded = self.lock().demanded.take();
            let acquired = self.client().acquire(&self.request, demanded.as_ref()).await;
            let mut flight = self.lock();
            match &acquired {
                // The demand came meanwhile: this token was not asked for with it.
                Ok(_) if flight.demanded.is_some() => {}
                // A refusal may be the demand's fault, and the next attempt goes without.
                Ok(_) | Err(AcquireError::Refused { .. }) => return acquired,
                Err(_) => {
                    flight.demanded = flight.demanded.take().or(demanded);
                    return acquired;
                }
            }
        }
    }

    fn settle(&self, acquired: Result<AccessToken, AcquireError>) -> Outcome {
        let now = Instant::now();
        let client = self.client();
        let client = client.config().name.as_str();
        let mut flight = self.lock();
        flight.acquisition = None;
        match acquired {
            Ok(token) => {
                self.metrics.acquired();
                if flight.failure.take().is_some() {
                    tracing::info!(client, "the authority gives tokens again");
                }
                flight.failures = 0;
                let token = Arc::new(token);
                self.current.store(Some(token.clone()));
                self.quiet_until.store(0, Ordering::Relaxed);
                Ok(token)
            }
            Err(error) => {
                self.metrics.failed(&error);
                if self.usable(now).is_some() {
                    self.metrics.refresh_failed();
                }
                let retry_after = error.holds_for(flight.failures);
                let quiet = self.quiet_after(&error, retry_after, now);
                let error = Arc::new(error);
                self.tell(&error, self.usable(now).is_some());
                flight.failures = flight.failures.saturating_add(1);
                flight.failure = Some((error.clone(), now + retry_after));
                self.quiet_until.store(self.since_epoch(now + quiet), Ordering::Relaxed);
                Err(Held { error, retry_after })
            }
        }
    }

    /// Tells the operator why no token came, and what to do about it.
    fn tell(&self, error: &AcquireError, in_hand: bool) {
        let client = self.client();
        let said = error.said();
        let advice = said.and_then(|said| said.advice);
        tracing::warn!(
            client = client.config().name.as_str(),
            error = error as &dyn std::error::Error,
            in_hand,
            class = advice.map(|advice| advice.class.name()),
            remedy = advice.map(|advice| advice.remedy),
            correlation_id = said.and_then(|said| said.correlation_id).map(display),
            trace_id = said.and_then(|said| said.trace_id).map(display),
            "no token acquired"
        );
    }

    /// How long to wait before the next refresh: with a good token in hand there is time, unless its
    /// end is near.
    fn quiet_after(&self, error: &AcquireError, retry_after: Duration, now: Instant) -> Duration {
        match (self.usable(now), error) {
            (None, _) | (_, AcquireError::Throttled { .. }) => retry_after,
            (Some(token), _) => retry_after.max(BETWEEN_REFRESHES.min(token.life_left(now) / 4)),
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

/// Clocks stand still while a machine sleeps: look again at least this often.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
