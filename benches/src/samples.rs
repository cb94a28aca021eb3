//! Figures of many rounds, and what may be concluded from them.

use crate::case::{Case, Figure};
use crate::load::Outcome;

/// One peer's figures in one case; the n-th of each is of the n-th round.
#[derive(Default)]
pub struct Samples {
    /// What the case is about, in the first unit that [`units()`] names.
    pub figure: Vec<f64>,
    /// What is worth knowing beside it, in the second one.
    pub beside: Vec<f64>,
    /// The median latency of each round, in microseconds.
    pub p50: Vec<f64>,
    /// The 99th percentile of each round, in microseconds.
    pub p99: Vec<f64>,
    /// The 99.9th percentile of each round, in microseconds.
    pub p999: Vec<f64>,
    /// Milliseconds from start to first answer, where each round has a process of its own.
    pub start: Vec<f64>,
}

/// The middle of some values, and where the middle half of them lies.
#[derive(Clone, Copy)]
pub struct Spread {
    /// A quarter is below it.
    pub low: f64,
    /// The median.
    pub middle: f64,
    /// A quarter is above it.
    pub high: f64,
}

impl Samples {
    /// Adds a round of CPU time; `cpu` is in seconds.
    pub fn add_time(&mut self, case: &Case, outcome: &Outcome, cpu: f64) {
        let gib = case.bytes() as f64 / f64::from(1 << 30);
        let requests = case.requests as f64;
        let seconds = outcome.elapsed.as_secs_f64();
        let (figure, rate) = if case.figure == Figure::PerRequest {
            (cpu * 1e5 / requests, requests / seconds)
        } else {
            (cpu / gib, gib * 1024.0 / seconds)
        };
        self.figure.push(figure);
        self.beside.push(rate);
        self.p50.push(outcome.quantile(0.5).into());
        self.p99.push(outcome.quantile(0.99).into());
        self.p999.push(outcome.quantile(0.999).into());
    }

    /// Adds a round of memory: what was resident before it, and at its peak or end, in KiB.
    pub fn add_memory(&mut self, case: &Case, before: f64, then: f64) {
        let each = (then - before) / case.connections as f64;
        let all = then / 1024.0;
        let (figure, beside) = if case.figure == Figure::Idle { (each, all) } else { (all, each) };
        self.figure.push(figure);
        self.beside.push(beside);
    }
}

impl Spread {
    /// `None` of no values.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().checked_sub(1)?;
        let at = |part: f64| {
            let place = part * last as f64;
            let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
            below + (above - below) * place.fract()
        };
        Some(Self { low: at(0.25), middle: at(0.5), high: at(0.75) })
    }

    /// Of the ratios of two peers in the same rounds.
    pub fn of_ratios(ours: &[f64], theirs: &[f64]) -> Option<Self> {
        let ratios: Vec<f64> =
            ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect();
        Self::of(&ratios).filter(|spread| spread.middle.is_finite())
    }
}

/// What the case's figures are counted in.
pub fn units(figure: Figure) -> [&'static str; 2] {
    match figure {
        Figure::PerRequest => ["CPU s / 100k", "requests/s"],
        Figure::PerGib => ["CPU s / GiB", "MiB/s"],
        Figure::Memory => ["peak MiB", "KiB a transfer"],
        Figure::Idle => ["KiB a connection", "MiB"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_lie_between_the_values() {
        let spread = Spread::of(&[4.0, 1.0, 3.0, 2.0]).unwrap();
        assert_eq!((spread.low, spread.middle, spread.high), (1.75, 2.5, 3.25));
    }

    #[test]
    fn ratios_are_of_the_same_round() {
        let spread = Spread::of_ratios(&[1.0, 2.0, 30.0], &[2.0, 4.0, 60.0]).unwrap();
        assert_eq!((spread.low, spread.high), (0.5, 0.5));
    }

    #[test]
    fn who_has_no_processes_has_no_ratio() {
        assert!(Spread::of_ratios(&[1.0], &[0.0]).is_none());
        assert!(Spread::of(&[]).is_none());
    }
}
