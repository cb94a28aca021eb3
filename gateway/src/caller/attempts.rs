//! Failed attempts to prove who one is, by address and minute.
//!
//! A hospital may stand behind one address, so whoever guesses there must not lock out the others: a
//! credential that is known to be good is taken however often its address failed. Over the limit,
//! passwords are not tried any more, and what is wrong is told to wait. Nothing here is touched
//! by a request whose credential is known.

use std::array;
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Why, bearer};
use crate::metrics::{Counter, FAILED_KINDS};

/// The failed attempts of the last minute, and how many an address may have.
#[derive(Clone, Debug)]
pub(crate) struct Attempts {
    failures: Arc<Failures>,
    most: u32,
}

/// The failed attempts of the last minute, of at most ten thousand addresses.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    table: Mutex<Table>,
    counters: Arc<[Counter; FAILED_KINDS.len()]>,
}

impl Failures {
    /// None so far; what fails is counted in `counters`, by its kind.
    pub(crate) fn new(counters: Arc<[Counter; FAILED_KINDS.len()]>) -> Self {
        Self { table: Mutex::default(), counters }
    }
}

impl Attempts {
    /// Lets an address fail `most` times a minute.
    pub(crate) fn new(failures: &Arc<Failures>, most: u32) -> Self {
        Self { failures: failures.clone(), most }
    }

    /// Whether a guess from this address may be looked at; else it has to wait.
    pub(crate) fn may_guess(&self, address: Option<IpAddr>) -> Result<(), Why> {
        let now = Instant::now();
        self.locked(|table| match table.last(Source::of(address), now) {
            Some(window) if window.failed >= self.most => Err(Why::TooOften(window.left(now))),
            _ => Ok(()),
        })
    }

    /// Counts what was a guess, and gives what the caller is told of it. What was good once, or is good
    /// elsewhere, is none: a viewer must learn that its token has expired, however often it asks.
    pub(crate) fn failed(&self, why: Why, address: Option<IpAddr>) -> Why {
        let is_guess = match why {
            Why::Token(flaw) => bearer::is_forgery(flaw),
            why => why == Why::Key,
        };
        if !is_guess {
            return why;
        }
        let now = Instant::now();
        let window = self.locked(|table| table.add(Source::of(address), now));
        if window.failed > self.most { Why::TooOften(window.left(now)) } else { why }
    }

    /// Counts in the metrics that somebody did not prove who it is.
    pub(crate) fn count(&self, why: Why) {
        let kind = why.failed_kind().and_then(|kind| FAILED_KINDS.iter().position(|k| *k == kind));
        if let Some(kind) = kind {
            self.failures.counters[kind].add(1);
        }
    }

    fn locked<T>(&self, work: impl FnOnce(&mut Table) -> T) -> T {
        work(&mut self.failures.table.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Windows of a minute each, from an address' first failure on.
#[derive(Debug, Default)]
struct Table {
    windows: HashMap<Source, Window>,
    /// Those that have a window, the oldest window first.
    order: VecDeque<Source>,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    began: Instant,
    failed: u32,
}

/// What counts as one address. Whoever has an IPv6 address mostly has all of its /64.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Source {
    V4(Ipv4Addr),
    V6([u8; 8]),
    /// This machine, by a Unix socket.
    Unix,
}

impl Table {
    /// The window of this source, if it failed within the last minute.
    fn last(&mut self, source: Source, now: Instant) -> Option<Window> {
        self.forget(now);
        self.windows.get(&source).copied()
    }

    /// One failure more.
    fn add(&mut self, source: Source, now: Instant) -> Window {
        self.forget(now);
        if let Some(window) = self.windows.get_mut(&source) {
            window.failed = window.failed.saturating_add(1);
            return *window;
        }
        if self.order.len() >= MOST_SOURCES {
            self.forget_oldest();
        }
        let window = Window { began: now, failed: 1 };
        self.windows.insert(source, window);
        self.order.push_back(source);
        window
    }

    fn forget(&mut self, now: Instant) {
        while let Some(oldest) = self.order.front().and_then(|source| self.windows.get(source)) {
            if !oldest.left(now).is_zero() {
                return;
            }
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(source) = self.order.pop_front() {
            self.windows.remove(&source);
        }
    }
}

impl Window {
    fn left(&self, now: Instant) -> Duration {
        MINUTE.saturating_sub(now.saturating_duration_since(self.began))
    }
}

impl Source {
    pub(crate) fn of(address: Option<IpAddr>) -> Self {
        match address.map(|address| address.to_canonical()) {
            Some(IpAddr::V4(address)) => Self::V4(address),
            Some(IpAddr::V6(address)) => Self::V6(array::from_fn(|index| address.octets()[index])),
            None => Self::Unix,
        }
    }
}

const MINUTE: Duration = Duration::from_secs(60);

/// About a megabyte. Whoever has more addresses than these has more guesses, too.
const MOST_SOURCES: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_fail_so_often_and_then_waits_for_the_rest_of_the_minute() {
        let attempts = attempts(2);
        let (one, other) = (address("192.0.2.1"), address("192.0.2.2"));
        for _ in 0..2 {
            assert_eq!(attempts.may_guess(one), Ok(()));
            assert_eq!(attempts.failed(Why::Key, one), Why::Key);
        }
        assert!(matches!(attempts.may_guess(one), Err(Why::TooOften(wait)) if wait <= MINUTE));
        assert!(matches!(attempts.failed(Why::Key, one), Why::TooOften(_)));
        assert_eq!(attempts.may_guess(other), Ok(()));
        assert_eq!(attempts.failed(Why::Token("wrong"), other), Why::Token("wrong"));
    }

    #[test]
    fn what_is_no_wrong_credential_counts_nothing() {
        let (attempts, here) = (attempts(1), address("192.0.2.1"));
        for why in [Why::Nothing, Why::Ambiguous, Why::Scope, Why::Undecided, Why::Busy] {
            for _ in 0..3 {
                assert_eq!(attempts.failed(why, here), why);
            }
        }
        assert_eq!(attempts.may_guess(here), Ok(()));
    }

    #[test]
    fn a_window_ends_a_minute_after_its_first_failure() {
        let (mut table, begin) = (Table::default(), Instant::now());
        let source = Source::of(address("192.0.2.1"));
        table.add(source, begin);
        let later = begin + Duration::from_secs(59);
        assert_eq!(table.add(source, later).failed, 2);
        assert_eq!(table.add(source, later).left(later), Duration::from_secs(1));
        let over = begin + MINUTE;
        assert!(table.last(source, over).is_none());
        assert_eq!(table.add(source, over).failed, 1);
        assert_eq!((table.order.len(), table.windows.len()), (1, 1));
    }

    #[test]
    fn a_network_of_ipv6_is_one_address_and_a_mapped_address_is_the_one_it_stands_for() {
        let source = |text| Source::of(address(text));
        assert_eq!(source("2001:db8:0:1::1"), source("2001:db8:0:1:ffff::2"));
        assert_ne!(source("2001:db8:0:1::1"), source("2001:db8:0:2::1"));
        assert_eq!(source("::ffff:192.0.2.1"), source("192.0.2.1"));
        assert_ne!(source("192.0.2.1"), Source::of(None));
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_is_forgotten_first() {
        let (mut table, now) = (Table::default(), Instant::now());
        let source = |number: usize| Source::V4(Ipv4Addr::from_bits(number as u32));
        for number in 0..=MOST_SOURCES {
            table.add(source(number), now);
        }
        assert_eq!((table.order.len(), table.windows.len()), (MOST_SOURCES, MOST_SOURCES));
        assert!(table.last(source(0), now).is_none());
        assert!(table.last(source(1), now).is_some());
    }

    fn attempts(most: u32) -> Attempts {
        Attempts::new(&Arc::default(), most)
    }

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }
}
