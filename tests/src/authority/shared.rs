//! What the authority's connections, its controls and its verifiers have in common.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::device::Devices;
use super::form::Form;
use super::script::{Gate, Script};
use super::settings::Settings;

pub(crate) struct Shared {
    pub(super) address: SocketAddr,
    pub(super) settings: Mutex<Settings>,
    pub(super) script: Mutex<Script>,
    pub(super) gate: watch::Sender<Gate>,
    pub(super) traffic: watch::Sender<Traffic>,
    pub(super) forms: Mutex<Vec<Form>>,
    pub(super) tokens: Mutex<Vec<String>>,
    /// The `jti` of the assertions that were taken.
    pub(super) used: Mutex<HashSet<String>>,
    pub(super) devices: Mutex<Devices>,
    revoked: Mutex<HashSet<String>>,
    pub(crate) verdicts: Verdicts,
}

/// Token requests, counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Traffic {
    pub(super) arrived: usize,
    pub(super) in_flight: usize,
    pub(super) max_in_flight: usize,
}

/// Judgements of the verifiers, counted.
#[derive(Default)]
pub(crate) struct Verdicts {
    accepted: AtomicUsize,
    rejected: AtomicUsize,
}

impl Shared {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            settings: Mutex::default(),
            script: Mutex::default(),
            gate: watch::Sender::default(),
            traffic: watch::Sender::default(),
            forms: Mutex::default(),
            tokens: Mutex::default(),
            used: Mutex::default(),
            devices: Mutex::default(),
            revoked: Mutex::default(),
            verdicts: Verdicts::default(),
        }
    }

    pub(super) fn origin(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    pub(super) fn issuer(&self) -> String {
        format!("{}/{}/v2.0", self.origin(), lock(&self.settings).tenant)
    }

    pub(crate) fn authorization_uri(&self) -> String {
        format!("{}/{}", self.origin(), lock(&self.settings).tenant)
    }

    /// Of all tenants that it knows.
    pub(crate) fn issuers_and_audience(&self) -> (Vec<String>, String) {
        let settings = lock(&self.settings);
        let tenants = std::iter::once(&settings.tenant).chain(&settings.tenants);
        let issuers = tenants.map(|tenant| format!("{}/{tenant}/v2.0", self.origin())).collect();
        (issuers, settings.audience().to_owned())
    }

    pub(super) fn revoke(&self, token: &str) {
        lock(&self.revoked).insert(token.to_owned());
    }

    pub(crate) fn is_revoked(&self, token: &str) -> bool {
        lock(&self.revoked).contains(token)
    }
}

impl Verdicts {
    pub(crate) fn count(&self, good: bool) {
        let counter = if good { &self.accepted } else { &self.rejected };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }

    pub(crate) fn rejected(&self) -> usize {
        self.rejected.load(Ordering::Relaxed)
    }
}

/// Locks `mutex`, though a test that failed may have died with it in hand.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
