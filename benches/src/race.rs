//! The race itself: rounds in turn, then in reverse.

use std::thread;
use std::time::Duration;

use crate::Result;
use crate::case::{Case, Figure, Flow};
use crate::load::{Load, Outcome};
use crate::peers::{Peer, Running};
use crate::process::{cpu_time, forget_peak, peak_memory};
use crate::samples::Samples;
use crate::strace;
use crate::venue::Venue;

/// Who races, and for how long.
pub struct Race {
    /// In the order of the report.
    pub peers: Vec<Peer>,
    /// Rounds that count, per case.
    pub rounds: usize,
    /// Whether system calls are counted too, in a round that counts for nothing else.
    pub syscalls: Syscalls,
    venue: Venue,
    running: Vec<(Flow, Vec<Running>)>,
}

/// Whether system calls are counted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Syscalls {
    /// By strace.
    Counted,
    /// Not at all.
    Ignored,
}

/// What came of one case.
pub struct Finding {
    /// The case.
    pub case: Case,
    /// One for each peer.
    pub entries: Vec<Entry>,
}

/// One peer in one case.
pub struct Entry {
    /// Who.
    pub peer: Peer,
    /// What was measured, round by round.
    pub samples: Samples,
    /// System calls per request, the most frequent first.
    pub syscalls: Option<Vec<(String, f64)>>,
}

impl Race {
    /// Starts the venue; peers start when they are first needed.
    pub fn new(peers: Vec<Peer>, rounds: usize, syscalls: Syscalls) -> Result<Self> {
        Ok(Self { peers, rounds, syscalls, venue: Venue::open()?, running: Vec::new() })
    }

    /// Runs one case.
    pub fn run(&mut self, case: &Case) -> Result<Finding> {
        let mut samples: Vec<Samples> = self.peers.iter().map(|_| Samples::default()).collect();
        match case.figure {
            Figure::Memory => self.weigh_memory(case, &mut samples)?,
            Figure::PerRequest | Figure::PerGib => self.weigh_time(case, &mut samples)?,
        }
        let mut entries = Vec::new();
        for (index, (peer, samples)) in self.peers.clone().into_iter().zip(samples).enumerate() {
            let counted = self.syscalls == Syscalls::Counted && case.figure == Figure::PerRequest;
            let syscalls = match self.running(case.flow)?.get(index) {
                Some(running) if counted && peer != Peer::Direct => {
                    let mut load = prepared(running, case)?;
                    Some(strace::count(&running.family, case.requests, || {
                        load.run(case.requests, case.pace).map(drop)
                    })?)
                }
                _ => None,
            };
            entries.push(Entry { peer, samples, syscalls });
        }
        Ok(Finding { case: *case, entries })
    }

    fn weigh_time(&mut self, case: &Case, samples: &mut [Samples]) -> Result<()> {
        let rounds = self.rounds;
        let running = self.running(case.flow)?;
        for round in 0..=rounds {
            let mut order: Vec<usize> = (0..running.len()).collect();
            if round % 2 == 1 {
                order.reverse();
            }
            for index in order {
                let (outcome, cpu) = time(&running[index], case)?;
                // The first round fills caches and pools.
                if round > 0 {
                    samples[index].add(case, &outcome, cpu);
                }
            }
        }
        Ok(())
    }

    /// Memory is not given back, so each measurement has a process of its own.
    fn weigh_memory(&self, case: &Case, samples: &mut [Samples]) -> Result<()> {
        for _ in 0..self.rounds.min(MEMORY_ROUNDS) {
            for (peer, samples) in self.peers.iter().zip(&mut *samples) {
                let running = peer.start(&self.venue, case.flow)?;
                if running.family.is_empty() {
                    continue;
                }
                forget_peak(&running.family)?;
                let (outcome, cpu) = time(&running, case)?;
                samples.add(case, &outcome, cpu);
                let peak = peak_memory(&running.family)? as f64 / f64::from(1 << 20);
                samples.figure.pop();
                samples.figure.push(peak);
            }
        }
        Ok(())
    }

    fn running(&mut self, flow: Flow) -> Result<&[Running]> {
        let found = self.running.iter().position(|(other, _)| *other == flow);
        let index = match found {
            Some(index) => index,
            None => {
                let started = self.peers.iter().map(|peer| peer.start(&self.venue, flow));
                let started = started.collect::<Result<Vec<_>>>()?;
                self.running.push((flow, started));
                self.running.len() - 1
            }
        };
        Ok(&self.running[index].1)
    }
}

/// One round, and the CPU seconds that the peer took for it.
fn time(running: &Running, case: &Case) -> Result<(Outcome, f64)> {
    let mut load = prepared(running, case)?;
    let before = cpu_time(&running.family)?;
    let outcome = load.run(case.requests, case.pace)?;
    thread::sleep(SETTLED);
    let spent = cpu_time(&running.family)? - before;
    Ok((outcome, spent.as_secs_f64()))
}

/// Callers whose connections are accepted and in use. Large bodies make up for that by themselves.
fn prepared(running: &Running, case: &Case) -> Result<Load> {
    let mut load = Load::connect(&running.target, case.transfer, case.connections)?;
    if case.transfer.size() <= 1 << 20 {
        load.run(2 * case.connections as u64, None)?;
    }
    thread::sleep(SETTLED);
    Ok(load)
}

/// Long enough for what a peer does after an answer's last byte.
const SETTLED: Duration = Duration::from_millis(5);

/// Peaks hardly differ from round to round.
const MEMORY_ROUNDS: usize = 3;
