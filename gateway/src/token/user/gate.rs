//! What all users of one client share before the authority: so many at once, and none while it fails
//! everybody.
//!
//! One user's failure says nothing of another's, so that one closes nothing. Where the authority
//! fails one user after the other, it is not the users: then all are told the same for a while, and
//! one at a time finds out whether it has recovered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};
use uuid::Uuid;

use super::super::AcquireError;
use super::super::succession::Held;

/// The way to the authority, of one client.
pub(super) struct Gate {
    passes: Semaphore,
    /// By tenant, those where the last answer was no good. A client may be welcome in one only.
    circuits: Mutex<HashMap<Option<Uuid>, Circuit>>,
}

/// Leave to ask, once.
pub(super) struct Pass<'g> {
    gate: &'g Gate,
    tenant: Option<Uuid>,
    user: [u8; 32],
    is_probe: bool,
    _permit: SemaphorePermit<'g>,
}

/// A tenant where the authority failed.
struct Circuit {
    /// Users in a row.
    failed: u32,
    /// The last of them.
    user: [u8; 32],
    shut: Option<Shut>,
}

struct Shut {
    error: Arc<AcquireError>,
    until: Instant,
    /// How often in a row.
    times: u32,
    probed: bool,
}

impl Default for Gate {
    fn default() -> Self {
        Self { passes: Semaphore::new(ACQUISITIONS_MOST), circuits: Mutex::default() }
    }
}

impl Gate {
    /// Waits for its turn, for so long, or says what everybody is told.
    pub(super) async fn pass(
        &self,
        tenant: Option<Uuid>,
        user: [u8; 32],
        patience: Duration,
    ) -> Result<Pass<'_>, Held> {
        let mut probe = Probe { gate: self, tenant, taken: self.enter(tenant)? };
        let permit = tokio::time::timeout(patience, self.passes.acquire()).await;
        let Ok(Ok(permit)) = permit else {
            return Err(Held { error: Arc::new(AcquireError::Late), retry_after: PROBE });
        };
        if !probe.taken {
            // It may have been shut while this one waited.
            probe.taken = self.enter(tenant)?;
        }
        let is_probe = std::mem::take(&mut probe.taken);
        Ok(Pass { gate: self, tenant, user, is_probe, _permit: permit })
    }

    /// Why nobody passes now, if that is so in any tenant. Not for longer: nobody finds out that it
    /// is over at a gateway which gets no requests because of it.
    pub(super) fn trouble(&self, now: Instant) -> Option<Arc<AcquireError>> {
        let circuits = self.lock();
        let mut shut = circuits.values().filter_map(|it| it.shut.as_ref());
        shut.find(|shut| now < shut.until).map(|shut| shut.error.clone())
    }

    /// Whether this one finds out for all, or what they are told.
    fn enter(&self, tenant: Option<Uuid>) -> Result<bool, Held> {
        let now = Instant::now();
        let mut circuits = self.lock();
        let Some(shut) = circuits.get_mut(&tenant).and_then(|it| it.shut.as_mut()) else {
            return Ok(false);
        };
        if now < shut.until || shut.probed {
            let retry_after = shut.until.saturating_duration_since(now).max(PROBE);
            return Err(Held { error: shut.error.clone(), retry_after });
        }
        shut.probed = true;
        Ok(true)
    }

    fn leave(&self, tenant: Option<Uuid>) {
        if let Some(shut) = self.lock().get_mut(&tenant).and_then(|it| it.shut.as_mut()) {
            shut.probed = false;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Option<Uuid>, Circuit>> {
        self.circuits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass<'_> {
    /// Tells the others what came of it, and the operator where that changes anything.
    pub(super) fn ended(self, error: Option<&Arc<AcquireError>>, client: &str) {
        let mut circuits = self.gate.lock();
        let Some(error) = error.filter(|error| !error.blames_user()) else {
            let was_shut = circuits.remove(&self.tenant).is_some_and(|it| it.shut.is_some());
            if was_shut {
                tracing::info!(client, "the authority gives users' tokens again");
            }
            return;
        };
        if circuits.len() >= TENANTS_MOST && !circuits.contains_key(&self.tenant) {
            return;
        }
        let new = || Circuit { failed: 0, user: self.user, shut: None };
        let circuit = circuits.entry(self.tenant).or_insert_with(new);
        if circuit.failed == 0 || circuit.user != self.user {
            circuit.failed = circuit.failed.saturating_add(1);
            circuit.user = self.user;
        }
        let times = circuit.shut.as_ref().map_or(0, |shut| shut.times);
        // Those who were let in before it was shut bring no news.
        let is_news = self.is_probe || circuit.shut.is_none();
        if is_news && (self.is_probe || circuit.failed >= enough(error)) {
            let until = Instant::now() + error.holds_for(times);
            circuit.shut =
                Some(Shut { error: error.clone(), until, times: times + 1, probed: false });
            let cause = &**error as &dyn std::error::Error;
            tracing::warn!(client, error = cause, "no user gets a token for a while");
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.is_probe {
            self.gate.leave(self.tenant);
        }
    }
}

/// Leave to find out, until it becomes a pass.
struct Probe<'g> {
    gate: &'g Gate,
    tenant: Option<Uuid>,
    taken: bool,
}

impl Drop for Probe<'_> {
    fn drop(&mut self) {
        if self.taken {
            self.gate.leave(self.tenant);
        }
    }
}

/// How many users in a row have to fail before it is not them.
fn enough(error: &AcquireError) -> u32 {
    match error {
        // Nobody's token was even looked at.
        AcquireError::Unreachable(_) | AcquireError::Credential(_) => 1,
        error if error.blames_credential() => 1,
        _ => 3,
    }
}

/// How many users' tokens one client acquires at once. An authority answers in a tenth of a second, so
/// that this is three hundred a second, from a gateway whose users come in together in the morning;
/// each costs a connection, and more at once would have the authority throttle.
pub(super) const ACQUISITIONS_MOST: usize = 32;

/// How soon those may ask again who come while one finds out.
const PROBE: Duration = Duration::from_millis(250);

/// Tenants come from callers' tokens, though only from those that are let in.
const TENANTS_MOST: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_user_shuts_no_gate_however_often_and_three_do() {
        let gate = Gate::default();
        for _ in 0..10 {
            fail(&gate, 1).await;
        }
        fail(&gate, 2).await;
        assert!(gate.trouble(Instant::now()).is_none());
        fail(&gate, 3).await;
        assert!(pass(&gate, 4).await.is_err());
        assert!(gate.trouble(Instant::now()).is_some());
    }

    #[tokio::test]
    async fn a_users_own_failure_shows_that_the_authority_works() {
        let gate = Gate::default();
        fail(&gate, 1).await;
        fail(&gate, 2).await;
        let own = Arc::new(AcquireError::AssertionEnded);
        pass(&gate, 3).await.unwrap().ended(Some(&own), "test");
        fail(&gate, 4).await;
        assert!(pass(&gate, 5).await.is_ok());
    }

    #[tokio::test]
    async fn one_at_a_time_finds_out_whether_it_is_over() {
        let gate = Gate::default();
        for user in 1..=3 {
            fail(&gate, user).await;
        }
        let probe = when_rested(&gate).await;
        assert!(pass(&gate, 5).await.is_err());
        // Who was to find out has left without an answer: the next one does.
        drop(probe);
        let probe = pass(&gate, 6).await.unwrap();
        let error = Arc::new(AcquireError::Late);
        probe.ended(Some(&error), "test");
        assert!(pass(&gate, 7).await.is_err());
        when_rested(&gate).await.ended(None, "test");
        let (one, other) = (pass(&gate, 8).await, pass(&gate, 9).await);
        assert!(one.is_ok() && other.is_ok());
    }

    async fn fail(gate: &Gate, user: u8) {
        let error = Arc::new(AcquireError::Late);
        pass(gate, user).await.unwrap().ended(Some(&error), "test");
    }

    async fn pass(gate: &Gate, user: u8) -> Result<Pass<'_>, Held> {
        gate.pass(None, [user; 32], Duration::from_secs(30)).await
    }

    async fn when_rested(gate: &Gate) -> Pass<'_> {
        loop {
            if let Ok(pass) = pass(gate, 9).await {
                return pass;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
