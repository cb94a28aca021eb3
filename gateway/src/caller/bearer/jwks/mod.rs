//! The keys of an issuer, asked for ahead of need.
//!
//! They are fetched when a configuration is built, and again before they are too old, by one task on
//! the control's runtime: a caller who hangs up aborts nothing, and none waits while keys are in hand.
//! A token whose key is unknown may be of a key that is new; so it may have them fetched, but no more
//! often than the configuration says, whoever asks and however many (RFC 8725 leaves that to us: forged
//! names of keys cost nothing). While the issuer cannot be asked, the old keys are used for a while.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::watch;

mod fetch;
mod key;
mod set;
mod sources;

pub(super) use self::set::{KeySet, Mismatch};
pub(crate) use self::sources::KeySources;

use self::fetch::{FetchError, Fetcher};
use self::key::Key;
use super::flaw;
use crate::caller::Why;
use crate::metrics::Counter;

/// The keys of one issuer.
pub(crate) struct IssuerKeys {
    fetcher: Fetcher,
    pace: Pace,
    runtime: Handle,
    current: ArcSwapOption<KeySet>,
    flight: Mutex<Flight>,
    /// Fetches that brought keys.
    pub(crate) fetched: Counter,
    /// Fetches that brought none.
    pub(crate) failed: Counter,
}

/// How often keys are asked for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Pace {
    max_age: Duration,
    stale: Duration,
    refetch: Duration,
}

#[derive(Default)]
struct Flight {
    /// The fetch under way: true once it has ended.
    fetch: Option<watch::Receiver<bool>>,
    /// How many failed in a row, and when the last one did.
    failures: u32,
    failed_at: Option<Instant>,
    /// When a token last had keys fetched.
    demanded_at: Option<Instant>,
}

impl IssuerKeys {
    /// Keys that begin to come at once, instead of those `before`.
    fn start(
        fetcher: Fetcher,
        pace: Pace,
        runtime: Handle,
        before: Option<Arc<KeySet>>,
    ) -> Arc<Self> {
        let keys = Arc::new(Self {
            fetcher,
            pace,
            runtime,
            current: ArcSwapOption::new(before),
            flight: Mutex::default(),
            fetched: Counter::default(),
            failed: Counter::default(),
        });
        keys.join(&mut keys.lock());
        keys.runtime.spawn(keep(Arc::downgrade(&keys)));
        keys
    }

    /// Asks the issuer now, and keeps nothing: how many keys it has that can be used.
    pub(crate) async fn ask(&self) -> Result<usize, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.fetcher.fetch().await.map(|keys| keys.len())?)
    }

    /// Whose they are, in the words of the configuration.
    pub(crate) fn issuer(&self) -> &str {
        self.fetcher.issuer()
    }

    /// The keys to be used now. Waits only if there are none, for those that are on their way; `None`
    /// if none come.
    pub(super) async fn set(&self) -> Option<Arc<KeySet>> {
        if let Some(set) = self.usable(Instant::now()) {
            return Some(set);
        }
        self.settled().await;
        self.usable(Instant::now())
    }

    /// Which set is used now, for who knows one already.
    pub(super) fn version(&self) -> Option<u64> {
        let current = self.current.load();
        current.as_ref().filter(|set| self.is_usable(set, Instant::now())).map(|set| set.version)
    }

    /// Newer keys than these, which lack one. Whoever asks waits for one fetch that they all share; when
    /// it was to no avail, the next one is some time off, and until then nobody waits.
    pub(super) async fn newer(self: &Arc<Self>, than: &KeySet) -> Result<Arc<KeySet>, Why> {
        let now = Instant::now();
        let mut fetch = {
            let mut flight = self.lock();
            // They may have come while the lock was waited for.
            if let Some(set) = self.usable(now).filter(|set| set.version != than.version) {
                return Ok(set);
            }
            match &flight.fetch {
                Some(fetch) => fetch.clone(),
                None if flight.demanded_at.is_some_and(|at| now < at + self.pace.refetch) => {
                    return Err(self.none_newer(&flight));
                }
                None => {
                    flight.demanded_at = Some(now);
                    self.join(&mut flight)
                }
            }
        };
        let _ = fetch.wait_for(|has_ended| *has_ended).await;
        let set = self.usable(Instant::now()).filter(|set| set.version != than.version);
        set.ok_or_else(|| self.none_newer(&self.lock()))
    }

    /// How old they are, if there are any.
    pub(crate) fn age(&self) -> Option<Duration> {
        self.current.load().as_ref().map(|set| set.fetched_at.elapsed())
    }

    /// Nobody knows, unless the issuer has just said that it has no other keys.
    fn none_newer(&self, flight: &Flight) -> Why {
        if flight.failed_at.is_some() { Why::Undecided } else { Why::Token(flaw::UNKNOWN_KEY) }
    }

    fn usable(&self, now: Instant) -> Option<Arc<KeySet>> {
        self.current.load().as_ref().filter(|set| self.is_usable(set, now)).cloned()
    }

    fn is_usable(&self, set: &KeySet, now: Instant) -> bool {
        now.saturating_duration_since(set.fetched_at) < self.pace.max_age + self.pace.stale
    }

    /// Waits for the fetch under way, if there is one.
    async fn settled(&self) {
        let fetch = self.lock().fetch.clone();
        if let Some(mut fetch) = fetch {
            let _ = fetch.wait_for(|has_ended| *has_ended).await;
        }
    }

    /// The fetch under way, or a new one.
    fn join(self: &Arc<Self>, flight: &mut Flight) -> watch::Receiver<bool> {
        if let Some(fetch) = &flight.fetch {
            return fetch.clone();
        }
        let (announce, fetch) = watch::channel(false);
        flight.fetch = Some(fetch.clone());
        let keys = self.clone();
        self.runtime.spawn(async move {
            let fetched = AssertUnwindSafe(keys.fetcher.fetch()).catch_unwind().await;
            keys.settle(fetched.unwrap_or(Err(FetchError::Broken)));
            announce.send_replace(true);
        });
        fetch
    }

    fn settle(&self, fetched: Result<Vec<Key>, FetchError>) {
        let mut flight = self.lock();
        flight.fetch = None;
        let issuer = self.fetcher.issuer();
        let fetched = fetched.and_then(|keys| {
            // By mistake, most likely: it would lock out everybody, where an outage would not.
            if keys.is_empty() {
                Err(FetchError::Malformed("no key could be used"))
            } else {
                Ok(keys)
            }
        });
        match fetched {
            Ok(keys) => {
                self.fetched.add(1);
                if flight.failed_at.take().is_some() {
                    tracing::info!(issuer, "the issuer gives keys again");
                }
                flight.failures = 0;
                let before = self.current.load();
                self.current.store(Some(Arc::new(KeySet::after(before.as_deref(), keys))));
            }
            Err(error) => {
                self.failed.add(1);
                let in_hand = self.usable(Instant::now()).is_some();
                let cause = &error as &dyn std::error::Error;
                tracing::warn!(issuer, error = cause, in_hand, "no keys of callers' issuer came");
                flight.failures = flight.failures.saturating_add(1);
                flight.failed_at = Some(Instant::now());
            }
        }
    }

    /// When they should be asked for again, if no token has them asked for before.
    fn due_at(&self, jitter: f64) -> Instant {
        let flight = self.lock();
        let current = self.current.load();
        match (flight.failed_at, current.as_ref()) {
            (Some(failed_at), current) => {
                let most = if current.is_some() { PAUSE_MOST } else { PAUSE_MOST_WITHOUT };
                let pause = PAUSE_FIRST * 2u32.saturating_pow(flight.failures.min(8));
                failed_at + pause.min(most).mul_f64(jitter)
            }
            (None, Some(set)) => set.fetched_at + self.pace.max_age.mul_f64(jitter),
            (None, None) => Instant::now(),
        }
    }

    /// Nothing that can panic happens under this lock, so a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, Flight> {
        self.flight.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has keys fetched before they are too old, whether anybody asks or not, until nobody needs them: what
/// an issuer has taken back must not be used on because nobody called for a while.
async fn keep(keys: Weak<IssuerKeys>) {
    loop {
        // Replicas do not ask together.
        let jitter = 0.8 + fastrand::f64() / 5.0;
        loop {
            let due_at = match keys.upgrade() {
                None => return,
                Some(keys) => {
                    keys.settled().await;
                    let due_at = keys.due_at(jitter);
                    if due_at <= Instant::now() {
                        keys.join(&mut keys.lock());
                        keys.settled().await;
                        break;
                    }
                    due_at
                }
            };
            tokio::time::sleep_until(due_at.min(Instant::now() + HEARTBEAT).into()).await;
        }
    }
}

/// The first pause after a fetch that failed, doubled.
const PAUSE_FIRST: Duration = Duration::from_millis(125);

/// The longest pause: an issuer that is back is noticed in half a minute.
const PAUSE_MOST: Duration = Duration::from_secs(30);

/// The longest without keys: until then nobody is let in.
const PAUSE_MOST_WITHOUT: Duration = Duration::from_secs(2);

/// How soon it is noticed that nobody needs them.
const HEARTBEAT: Duration = Duration::from_secs(30);
