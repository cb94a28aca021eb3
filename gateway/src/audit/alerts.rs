//! Requests that were refused, by address and minute: many of them are an event of their own.
//!
//! One refusal is a mistake, and has its own record. Whoever is refused again and again may be trying
//! doors, and somebody who watches records should not have to count.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::entry::{Entry, Event, Outcome};
use crate::caller::Source;

/// The refusals of the last minute, of at most ten thousand addresses.
pub(crate) struct Alerts {
    /// How many of one address within a minute need no alert.
    most: u32,
    table: Mutex<Table>,
}

/// That an address was refused so often within a minute.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Alert {
    address: Option<IpAddr>,
    refusals: u64,
}

impl Alerts {
    /// None so far; more than `most` within a minute are worth an alert.
    pub(crate) fn new(most: u32) -> Self {
        Self { most, table: Mutex::default() }
    }

    /// Counts a refusal. Gives the alerts that are due: when an address is over the limit, and when a
    /// minute has ended in which more came after that.
    pub(crate) fn refused(&self, address: Option<IpAddr>, now: Instant) -> Vec<Alert> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let mut due = table.ended(now);
        due.extend(table.add(address, self.most, now));
        due
    }

    /// The alerts that are due because a minute has ended.
    pub(crate) fn ended(&self, now: Instant) -> Vec<Alert> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).ended(now)
    }

    /// The same as if all minutes ended now.
    pub(crate) fn rest(&self) -> Vec<Alert> {
        self.ended(Instant::now() + MINUTE)
    }
}

impl Alert {
    /// Its record.
    pub(crate) fn entry(&self) -> Entry {
        Entry {
            outcome: Outcome::SeriousFailure,
            address: self.address,
            refusals: Some(self.refusals),
            ..Entry::now(Event::Alert)
        }
    }
}

/// Windows of a minute each, from an address' first refusal on.
#[derive(Default)]
struct Table {
    windows: HashMap<Source, Window>,
    /// Those that have a window, the oldest window first.
    order: VecDeque<Source>,
}

struct Window {
    began: Instant,
    address: Option<IpAddr>,
    refused: u64,
    /// How many there were when there was an alert last.
    told: u64,
}

impl Table {
    fn add(&mut self, address: Option<IpAddr>, most: u32, now: Instant) -> Vec<Alert> {
        let source = Source::of(address);
        let mut due = Vec::new();
        if !self.windows.contains_key(&source) {
            if self.order.len() >= MOST_SOURCES {
                due.extend(self.end_oldest());
            }
            self.order.push_back(source);
        }
        let new = Window { began: now, address, refused: 0, told: 0 };
        let window = self.windows.entry(source).or_insert(new);
        window.refused += 1;
        if window.told == 0 && window.refused > most.into() {
            window.told = window.refused;
            due.push(Alert { address, refusals: window.refused });
        }
        due
    }

    fn ended(&mut self, now: Instant) -> Vec<Alert> {
        let mut due = Vec::new();
        while let Some(oldest) = self.order.front().and_then(|source| self.windows.get(source)) {
            if now.saturating_duration_since(oldest.began) < MINUTE {
                break;
            }
            due.extend(self.end_oldest());
        }
        due
    }

    fn end_oldest(&mut self) -> Option<Alert> {
        let Window { address, refused, told, .. } =
            self.order.pop_front().and_then(|source| self.windows.remove(&source))?;
        (told > 0 && refused > told).then_some(Alert { address, refusals: refused })
    }
}

const MINUTE: Duration = Duration::from_secs(60);

/// About a megabyte. Where more than these are refused within a minute, the one that was first so
/// long ago begins anew.
const MOST_SOURCES: usize = 10_000;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn many_refusals_are_one_alert_and_one_more_when_their_minute_ends() {
        let (alerts, begin) = (Alerts::new(3), Instant::now());
        let count = |seconds| refusals(&alerts.refused(HERE, begin + Duration::from_secs(seconds)));
        assert_eq!([count(0), count(1), count(2)], [[]; 3].map(Vec::<u64>::from));
        assert_eq!(count(3), [4]);
        assert_eq!([count(4), count(59)], [[]; 2].map(Vec::<u64>::from));
        assert_eq!(alerts.ended(begin + Duration::from_secs(59)), []);
        assert_eq!(refusals(&alerts.ended(begin + MINUTE)), [6]);
        assert_eq!(alerts.ended(begin + MINUTE), []);
        assert!(count(61).is_empty());
    }

    #[test]
    fn what_came_no_further_than_the_alert_is_not_told_again() {
        let (alerts, begin) = (Alerts::new(1), Instant::now());
        assert_eq!(alerts.refused(HERE, begin), []);
        assert_eq!(refusals(&alerts.refused(HERE, begin)), [2]);
        assert_eq!(alerts.rest(), []);
        // The minute that follows is one of its own.
        assert_eq!(alerts.refused(HERE, begin + MINUTE), []);
        assert_eq!(refusals(&alerts.refused(HERE, begin + MINUTE)), [2]);
    }

    #[test]
    fn addresses_are_counted_apart_and_a_unix_socket_is_one() {
        let (alerts, now) = (Alerts::new(1), Instant::now());
        for address in [HERE, None, Some(Ipv4Addr::new(192, 0, 2, 2).into())] {
            assert_eq!(alerts.refused(address, now), []);
            let due = alerts.refused(address, now);
            assert_eq!(due, [Alert { address, refusals: 2 }]);
            let entry = due[0].entry();
            assert_eq!(
                (entry.event, entry.address, entry.refusals),
                (Event::Alert, address, Some(2))
            );
        }
    }

    #[test]
    fn memory_is_bounded_and_what_is_forgotten_is_told() {
        let (alerts, now) = (Alerts::new(1), Instant::now());
        let due = (0..3).flat_map(|_| alerts.refused(HERE, now)).collect::<Vec<_>>();
        assert_eq!(refusals(&due), [2]);
        let others = (1..=MOST_SOURCES as u32).map(|bits| Some(Ipv4Addr::from_bits(bits).into()));
        let due = others.flat_map(|address| alerts.refused(address, now)).collect::<Vec<_>>();
        assert_eq!(due, [Alert { address: HERE, refusals: 3 }]);
        assert_eq!(alerts.table.lock().unwrap().windows.len(), MOST_SOURCES);
    }

    fn refusals(alerts: &[Alert]) -> Vec<u64> {
        alerts.iter().map(|alert| alert.refusals).collect()
    }

    const HERE: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
}
