//! What happened, counted.
//!
//! Every counter is an atomic that is found without a lock: a route has its own table, indexed by
//! transaction class, blame and status. Labels are closed lists and configuration, never a caller's.

use std::array;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use config::{CallerKind, Transaction};
use http::StatusCode;

use crate::caller::Principal;
use crate::error::Blame;
use crate::token::AcquireError;

mod audit;
mod callers;
mod emergencies;
mod text;

pub(crate) use self::audit::render_audit;
pub(crate) use self::callers::render_callers;
pub(crate) use self::emergencies::render_emergencies;
pub(crate) use self::text::{render, render_dropped_lines};

/// Everything that is counted in this process.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    routes: Mutex<BTreeMap<Arc<str>, Arc<RouteMetrics>>>,
    /// Requests that no route has.
    pub unrouted: RouteMetrics,
    /// Callers' connections.
    pub callers: Arc<ConnectionMetrics>,
    /// Connections of proxies that ask.
    pub proxies: Arc<ConnectionMetrics>,
    /// Connections to origin servers.
    pub origins: Arc<ConnectionMetrics>,
    /// Callers that did not prove who they are, in the order of [`FAILED_KINDS`].
    pub authentications_failed: Arc<[Counter; FAILED_KINDS.len()]>,
    /// Configurations published since the start.
    pub reloads: Counter,
    /// Configurations refused since the start.
    pub reloads_refused: Counter,
    /// New key material published since the start.
    pub rotations: Counter,
    /// New key material found wanting since the start.
    pub rotations_refused: Counter,
}

impl Metrics {
    /// The counters of the route with this prefix, which outlive a reload.
    pub(crate) fn route(&self, prefix: &Arc<str>) -> Arc<RouteMetrics> {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.entry(prefix.clone()).or_default().clone()
    }

    fn routes(&self) -> Vec<(Arc<str>, Arc<RouteMetrics>)> {
        let routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.iter().map(|(prefix, metrics)| (prefix.clone(), metrics.clone())).collect()
    }
}

/// The transactions of one route.
#[derive(Debug)]
pub(crate) struct RouteMetrics {
    classes: [TransactionMetrics; CLASSES],
    /// Emergencies that were asserted.
    pub emergencies: EmergencyMetrics,
    /// Access tokens of callers.
    pub tokens: CallerTokenMetrics,
    /// By how the caller proved who it is; those who did not, last.
    callers: [Counter; CALLERS],
    /// What proxies asked about, by the status of the answer.
    vouched: [Counter; STATUSES.len() + 1],
}

impl RouteMetrics {
    /// Those of one class; `None` for requests that ask for no transaction.
    pub(crate) fn of(&self, transaction: Option<Transaction>) -> &TransactionMetrics {
        &self.classes[transaction.map_or(CLASSES - 1, |transaction| transaction as usize)]
    }

    /// Counts one by the kind of its caller, a word of [`Principal::KINDS`]; `None` for one who did not
    /// prove who it is.
    pub(crate) fn called(&self, kind: Option<&'static str>) {
        let index = Principal::KINDS.iter().position(|known| Some(*known) == kind);
        self.callers[index.unwrap_or(CALLERS - 1)].add(1);
    }

    /// Counts a request that a proxy asked about, by the status of the answer.
    pub(crate) fn vouched(&self, status: StatusCode) {
        self.vouched[status_index(status)].add(1);
    }
}

impl Default for RouteMetrics {
    fn default() -> Self {
        Self {
            classes: array::from_fn(|_| TransactionMetrics::default()),
            emergencies: EmergencyMetrics::default(),
            tokens: CallerTokenMetrics::default(),
            callers: array::from_fn(|_| Counter::default()),
            vouched: array::from_fn(|_| Counter::default()),
        }
    }
}

/// The emergencies of one route.
#[derive(Debug, Default)]
pub(crate) struct EmergencyMetrics {
    /// They were asserted.
    pub begun: Counter,
    /// Their time is over.
    pub over: Counter,
}

impl EmergencyMetrics {
    /// How many go on.
    fn open_now(&self) -> u64 {
        self.begun.value().saturating_sub(self.over.value())
    }
}

/// What became of the access tokens that callers of one route brought.
#[derive(Debug, Default)]
pub(crate) struct CallerTokenMetrics {
    /// Their signatures were verified, for better or worse.
    pub verified: Counter,
    /// They had been, a moment ago.
    pub remembered: Counter,
    /// They were not taken, whether for their signature or before it.
    pub refused: Counter,
}

/// The transactions of one class on one route.
#[derive(Debug)]
pub(crate) struct TransactionMetrics {
    ended: [[Counter; STATUSES.len() + 1]; Blame::ALL.len() + 1],
    duration: Histogram,
    received: Counter,
    sent: Counter,
}

impl TransactionMetrics {
    /// Counts one that ended.
    pub(crate) fn ended(
        &self,
        status: StatusCode,
        blame: Option<Blame>,
        duration: Duration,
        (received, sent): (u64, u64),
    ) {
        let blame = blame.map_or(0, |blame| blame as usize + 1);
        self.ended[blame][status_index(status)].add(1);
        self.duration.observe(duration);
        self.received.add(received);
        self.sent.add(sent);
    }
}

impl Default for TransactionMetrics {
    fn default() -> Self {
        Self {
            ended: array::from_fn(|_| array::from_fn(|_| Counter::default())),
            duration: Histogram::default(),
            received: Counter::default(),
            sent: Counter::default(),
        }
    }
}

/// The acquisitions of one client and scope.
#[derive(Debug, Default)]
pub(crate) struct AcquisitionMetrics {
    acquired: Counter,
    failed: [Counter; AcquireError::KINDS.len()],
    refresh_failed: Counter,
}

impl AcquisitionMetrics {
    /// Counts a token that came.
    pub(crate) fn acquired(&self) {
        self.acquired.add(1);
    }

    /// Counts one that did not come.
    pub(crate) fn failed(&self, error: &AcquireError) {
        let kind = AcquireError::KINDS.iter().position(|kind| *kind == error.kind());
        self.failed[kind.unwrap_or_default()].add(1);
    }

    /// Counts one that did not come while the old one was still good.
    pub(crate) fn refresh_failed(&self) {
        self.refresh_failed.add(1);
    }
}

/// One side's connections.
#[derive(Debug, Default)]
pub(crate) struct ConnectionMetrics {
    opened: Counter,
    closed: Counter,
    /// Turned away, or failed before they could be used.
    pub refused: Counter,
}

impl ConnectionMetrics {
    /// Counts one for as long as the guard lives.
    pub(crate) fn open(self: &Arc<Self>) -> OpenConnection {
        self.opened.add(1);
        OpenConnection(self.clone())
    }

    /// How many are open.
    pub(crate) fn open_now(&self) -> u64 {
        self.opened.value().saturating_sub(self.closed.value())
    }
}

/// A connection that is open while this lives.
#[derive(Debug)]
pub(crate) struct OpenConnection(Arc<ConnectionMetrics>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.closed.add(1);
    }
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds to it.
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// Its value.
    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Default)]
struct Histogram {
    buckets: [Counter; BOUNDS_MS.len() + 1],
    sum_us: Counter,
}

impl Histogram {
    fn observe(&self, duration: Duration) {
        let us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_MS.iter().position(|bound| us <= bound * 1000);
        self.buckets[bucket.unwrap_or(BOUNDS_MS.len())].add(1);
        self.sum_us.add(us);
    }
}

fn status_index(status: StatusCode) -> usize {
    STATUSES.binary_search(&status.as_u16()).unwrap_or(STATUSES.len())
}

/// How callers fail to prove who they are.
pub(crate) const FAILED_KINDS: [&str; 4] = [
    CallerKind::Bearer.name(),
    CallerKind::ApiKey.name(),
    CallerKind::Certificate.name(),
    TOO_OFTEN,
];

/// Whatever their credential was, their address failed too often.
pub(crate) const TOO_OFTEN: &str = "too_often";

/// The six classes, and what is none.
const CLASSES: usize = Transaction::ALL.len() + 1;

/// The kinds of callers, and those who did not prove who they are.
const CALLERS: usize = Principal::KINDS.len() + 1;

/// From a cached search to a study over a slow line.
const BOUNDS_MS: [u64; 13] = [1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 10_000, 60_000, 600_000];

/// The statuses that have a label of their own, in order; 499 is a caller who left. Others count as
/// `other`: an origin server must not be able to make labels.
const STATUSES: [u16; 42] = [
    101, 200, 201, 202, 203, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 406,
    408, 409, 410, 412, 413, 414, 415, 416, 417, 421, 422, 424, 426, 429, 431, 499, 500, 501, 502,
    503, 504, 507, 508,
];
