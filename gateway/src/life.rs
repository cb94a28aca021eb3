//! Key material that ends, and who is told before.
//!
//! Nobody else tells: a certificate or a secret works until the moment it does not. What has ended is
//! named at `/ready`, but does not make the gateway unready: that would end the service for callers who
//! do not mind, help none who do, and keep every successor from starting.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

/// Something that the configuration names, and that ends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Life {
    /// The option that names it, `listener.identity`.
    pub key: String,
    /// When it ends; of several certificates the first.
    pub ends: SystemTime,
    /// How long before its end somebody is told at the earliest.
    pub warned_within: Duration,
}

impl Life {
    /// How long it lasts, in seconds; negative once it has ended.
    pub(crate) fn left_secs(&self, now: SystemTime) -> f64 {
        match self.ends.duration_since(now) {
            Ok(left) => left.as_secs_f64(),
            Err(over) => -over.duration().as_secs_f64(),
        }
    }

    /// Whether its time is over.
    pub(crate) fn has_ended(&self, now: SystemTime) -> bool {
        self.ends <= now
    }

    /// How many of [`DAYS`] are reached, its end included.
    fn stage(&self, now: SystemTime) -> usize {
        let left = self.ends.duration_since(now).unwrap_or_default();
        let is_reached = |notice: &Duration| left <= *notice && *notice <= self.warned_within;
        let reached = DAYS.iter().map(|days| DAY * *days).filter(is_reached).count();
        reached + usize::from(self.has_ended(now))
    }
}

/// What an operator was told already.
#[derive(Debug, Default)]
pub(crate) struct Told(HashMap<String, (SystemTime, usize)>);

impl Told {
    /// Warns of what ends within 30, 14, 7 and 1 days, and of what has ended: once each.
    pub(crate) fn tell(&mut self, lives: &[Life], now: SystemTime) {
        for life in self.due(lives, now) {
            let key = life.key.as_str();
            if life.has_ended(now) {
                tracing::warn!(key, "what this option names has ended: replace it");
            } else {
                let days = (life.left_secs(now) / DAY.as_secs_f64()) as u64;
                tracing::warn!(key, days, "what this option names ends soon: replace it");
            }
        }
    }

    /// Those of which something new is to be told.
    fn due<'l>(&mut self, lives: &'l [Life], now: SystemTime) -> Vec<&'l Life> {
        self.0.retain(|key, _| lives.iter().any(|life| life.key == *key));
        let is_due = |life: &&Life| {
            let stage = life.stage(now);
            let before = self.0.insert(life.key.clone(), (life.ends, stage));
            stage > before.filter(|(ends, _)| *ends == life.ends).map_or(0, |(_, stage)| stage)
        };
        lives.iter().filter(is_due).collect()
    }
}

/// When an operator is told: time enough for an order, a change, a last call.
const DAYS: [u32; 4] = [30, 14, 7, 1];

const DAY: Duration = Duration::from_secs(24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_warning_comes_once_and_a_replacement_ends_them() {
        let end = SystemTime::UNIX_EPOCH + DAY * 1000;
        let (soon, late) = (life("soon", end), life("late", end + DAY * 1000));
        let lives = [soon.clone(), late];
        let mut told = Told::default();
        let mut warned = Vec::new();
        for hours in 0..24 * 40 {
            let now = end - DAY * 39 + Duration::from_secs(3600) * hours;
            for due in told.due(&lives, now) {
                assert_eq!(due, &soon);
                warned.push((soon.left_secs(now) / DAY.as_secs_f64()).round() as i64);
            }
        }
        assert_eq!(warned, [30, 14, 7, 1, 0]);

        let now = end + DAY;
        let renewed = [life("soon", now + DAY * 20)];
        assert!(told.due(&lives[..1], now).is_empty(), "told already");
        assert_eq!(told.due(&renewed, now).len(), 1, "another certificate, and short-lived too");
        assert!(told.due(&renewed, now).is_empty());
    }

    #[test]
    fn a_start_warns_once_of_what_several_warnings_would_have_told() {
        let now = SystemTime::UNIX_EPOCH + DAY * 1000;
        let lives = [life("a", now + DAY / 2), life("b", now - DAY)];
        let mut told = Told::default();
        assert_eq!(told.due(&lives, now).len(), 2);
        assert!(told.due(&lives, now).is_empty());
        assert_eq!(lives[1].left_secs(now), -86_400.0);
        assert!(lives[1].has_ended(now) && !lives[0].has_ended(now));
    }

    #[test]
    fn what_is_always_about_to_be_replaced_is_told_of_when_it_is_late() {
        let now = SystemTime::UNIX_EPOCH + DAY * 1000;
        let weekly = |left| Life { warned_within: DAY * 7 / 4, ..life("list", now + left) };
        let mut told = Told::default();
        assert!(told.due(&[weekly(DAY * 7)], now).is_empty());
        assert!(told.due(&[weekly(DAY * 2)], now).is_empty());
        assert_eq!(told.due(&[weekly(DAY)], now).len(), 1);
        assert!(told.due(&[weekly(DAY * 7)], now).is_empty());
        assert_eq!(told.due(&[weekly(Duration::ZERO)], now).len(), 1);
    }

    fn life(key: &str, ends: SystemTime) -> Life {
        Life { key: key.to_owned(), ends, warned_within: Duration::MAX }
    }
}
