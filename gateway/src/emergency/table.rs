//! Which emergencies there are, and which there were within a day.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{Context, SHA256};

use crate::audit::entry::Entry;
use crate::caller::Principal;
use crate::error::Error;
use crate::metrics::RouteMetrics;

/// What an emergency is one of: route, principal, reason. Of a size that nobody has a say in.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub(super) struct Key {
    who: [u8; 32],
    what: [u8; 32],
}

/// The record of an emergency's end, and where it is counted.
pub(super) type Stop = (Entry, Arc<RouteMetrics>);

/// All of them.
#[derive(Default)]
pub(super) struct Table(HashMap<Key, Emergency>);

struct Emergency {
    until: Instant,
    /// What is told at its end, until it is told.
    stop: Option<Box<Stop>>,
}

impl Key {
    /// That of `principal` on the route with this prefix, for this reason. Case and white space make no
    /// other one of it.
    pub(super) fn new(route: &str, principal: &Principal, reason: &str) -> Self {
        let tenant = principal.tenant().map(|tenant| tenant.to_string());
        let id = principal.id().unwrap_or_default();
        let issuer = principal.issuer().unwrap_or_default();
        let tenant = tenant.unwrap_or_default();
        let words = reason.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>();
        Self {
            who: digest(&[principal.kind(), id, issuer, &tenant]),
            what: digest(&[route, &words.join(" ")]),
        }
    }
}

impl Table {
    /// Joins an emergency that goes on, or begins it, to go on until then; tells which, and until when it
    /// goes on. `stop` makes what is told at its end.
    pub(super) fn join(
        &mut self,
        key: Key,
        (now, until): (Instant, Instant),
        stop: impl FnOnce() -> Stop,
    ) -> Result<(bool, Instant), Error> {
        if let Some(known) = self.0.get(&key).filter(|known| !known.is_forgotten(now)) {
            let goes_on = now < known.until;
            return goes_on.then_some((false, known.until)).ok_or(Error::EmergencyOver);
        }
        self.0.retain(|_, one| !one.is_forgotten(now));
        let own = self.0.keys().filter(|known| known.who == key.who).count();
        if self.0.len() >= MOST || own >= MOST_OF_ONE {
            return Err(Error::EmergenciesFull);
        }
        self.0.insert(key, Emergency { until, stop: Some(Box::new(stop())) });
        Ok((true, until))
    }

    /// Ends those whose time `is_over`; each is ended once.
    pub(super) fn end(&mut self, is_over: impl Fn(Instant) -> bool) -> Vec<Stop> {
        let over = self.0.values_mut().filter(|one| is_over(one.until));
        over.filter_map(|one| one.stop.take()).map(|stop| *stop).collect()
    }

    /// When the next one ends that has not been ended.
    pub(super) fn next_end(&self) -> Option<Instant> {
        self.0.values().filter(|one| one.stop.is_some()).map(|one| one.until).min()
    }
}

impl Emergency {
    /// Never one whose end nobody was told of.
    fn is_forgotten(&self, now: Instant) -> bool {
        self.stop.is_none() && now >= self.until + REFUSED
    }
}

/// Of texts, none of which can be taken for a part of another.
fn digest(texts: &[&str]) -> [u8; 32] {
    let mut digest = Context::new(&SHA256);
    for text in texts {
        digest.update(&(text.len() as u64).to_be_bytes());
        digest.update(text.as_bytes());
    }
    let mut octets = [0; 32];
    octets.copy_from_slice(digest.finish().as_ref());
    octets
}

/// How long the reason of an emergency that is over is refused.
const REFUSED: Duration = Duration::from_secs(24 * 3600);

/// More than any hospital has in a day; with records of their ends to come, some ten megabytes.
const MOST: usize = 10_000;

/// A principal may be a whole ward.
const MOST_OF_ONE: usize = MOST / 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emergency_ends_a_while_after_its_first_use_and_its_reason_is_refused_for_a_day() {
        let (mut table, begin) = (Table::default(), Instant::now());
        let mut at = |secs: u64, reason| {
            let now = begin + Duration::from_secs(secs);
            table.end(|until| until <= now);
            join(&mut table, key("ann", reason), now)
        };
        assert!(matches!(at(0, "fall"), Ok(true)), "begins");
        assert!(matches!(at(30, "fall"), Ok(false)), "goes on");
        assert!(matches!(at(59, "fall"), Ok(false)), "no longer for its use");
        assert!(matches!(at(60, "fall"), Err(Error::EmergencyOver)));
        assert!(matches!(at(60, "stroke"), Ok(true)), "a new reason");
        assert!(matches!(at(60 + 24 * 3600 - 1, "fall"), Err(Error::EmergencyOver)));
        assert!(matches!(at(60 + 24 * 3600, "fall"), Ok(true)), "a day later");
    }

    #[test]
    fn each_end_is_told_once() {
        let (mut table, begin) = (Table::default(), Instant::now());
        let later = |secs| begin + Duration::from_secs(secs);
        assert_eq!(table.next_end(), None);
        for (reason, at) in [("fall", 0), ("stroke", 10)] {
            join(&mut table, key("ann", reason), later(at)).unwrap();
        }
        assert_eq!(table.next_end(), Some(later(60)));
        assert_eq!(table.end(|until| until <= later(59)).len(), 0);
        assert_eq!(table.end(|until| until <= later(60)).len(), 1);
        assert_eq!(table.end(|until| until <= later(60)).len(), 0, "told already");
        assert_eq!(table.next_end(), Some(later(70)));
        assert_eq!(table.end(|_| true).len(), 1);
        assert_eq!(table.next_end(), None);
        // That nobody looked for a day loses no end.
        join(&mut table, key("ann", "burn"), later(100)).unwrap();
        join(&mut table, key("ann", "shock"), later(100 + 2 * 24 * 3600)).unwrap();
        assert_eq!(table.end(|_| true).len(), 2);
    }

    #[test]
    fn whoever_and_wherever_it_is_has_emergencies_of_its_own() {
        let ann = Principal::ApiKey("ann".into());
        let same = Key::new("/a", &ann, "fall");
        for same_reason in ["fall", "Fall", " FALL "] {
            assert!(same == Key::new("/a", &ann, same_reason));
        }
        let words = Key::new("/a", &ann, "a fall");
        assert!(words == Key::new("/a", &ann, "A  fall") && words != Key::new("/a", &ann, "afall"));
        for other in [
            Key::new("/b", &ann, "fall"),
            Key::new("/a", &ann, "fall!"),
            Key::new("/af", &ann, "all"),
            Key::new("/a", &Principal::ApiKey("anne".into()), "fall"),
            Key::new("/a", &Principal::Anyone, "fall"),
        ] {
            assert!(same != other);
        }
    }

    #[test]
    fn a_full_table_refuses_new_ones_and_forgets_none() {
        let (mut table, now) = (Table::default(), Instant::now());
        for who in 0..MOST / MOST_OF_ONE {
            let who = who.to_string();
            for reason in 0..MOST_OF_ONE {
                assert!(join(&mut table, key(&who, &reason.to_string()), now).unwrap());
            }
            let more = join(&mut table, key(&who, "more"), now);
            assert!(matches!(more, Err(Error::EmergenciesFull)), "a tenth for one");
        }
        let other = join(&mut table, key("other", "fall"), now);
        assert!(matches!(other, Err(Error::EmergenciesFull)), "all of it");
        assert!(!join(&mut table, key("0", "0"), now).unwrap(), "those there are go on");
        table.end(|_| true);
        let over = now + Duration::from_secs(60);
        assert!(matches!(join(&mut table, key("0", "0"), over), Err(Error::EmergencyOver)));
        assert!(join(&mut table, key("other", "fall"), over + REFUSED).unwrap(), "a day later");
    }

    fn join(table: &mut Table, key: Key, now: Instant) -> Result<bool, Error> {
        let until = now + Duration::from_secs(60);
        let joined = table.join(key, (now, until), || (Entry::default(), Arc::default()));
        joined.map(|(is_new, _)| is_new)
    }

    fn key(who: &str, reason: &str) -> Key {
        Key::new("/dicom-web", &Principal::ApiKey(who.into()), reason)
    }
}
