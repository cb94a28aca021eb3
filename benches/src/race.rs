//! The race itself: rounds in turn, then in reverse.

use std::thread;
use std::time::Duration;

use crate::Result;
use crate::case::{Case, Figure, Flow};
use crate::finding::{Entry, Finding};
use crate::load::{Load, Outcome};
use crate::machine::Cores;
use crate::peers::{Peer, Running};
use crate::process::{cpu_time, forget_peak, memory, peak_memory};
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
    running: Vec<(Flow, Peer, Running)>,
}

/// Whether system calls are counted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Syscalls {
    /// By strace.
    Counted,
    /// Not at all.
    Ignored,
}

impl Race {
    /// Starts the venue; peers start when they are first needed.
    pub fn new(peers: Vec<Peer>, rounds: usize, syscalls: Syscalls) -> Result<Self> {
        let venue = Venue::open(Cores::World)?;
        Ok(Self { peers, rounds, syscalls, venue, running: Vec::new() })
    }

    /// Runs one case.
    pub fn run(&mut self, case: &Case) -> Result<Finding> {
        let peers = self.peers.iter().filter(|peer| peer.takes_part(case));
        let entry =
            |peer: &Peer| Entry { peer: peer.clone(), samples: Samples::default(), syscalls: None };
        let mut finding = Finding { case: *case, entries: peers.map(entry).collect() };
        match case.figure {
            Figure::Memory | Figure::Idle => self.weigh_memory(&mut finding)?,
            Figure::PerRequest | Figure::PerGib => self.weigh_time(&mut finding)?,
        }
        if self.syscalls == Syscalls::Counted && case.figure == Figure::PerRequest {
            self.count_syscalls(&mut finding)?;
        }
        Ok(finding)
    }

    fn weigh_time(&mut self, finding: &mut Finding) -> Result<()> {
        let (case, rounds) = (finding.case, self.rounds);
        let running = self.running(finding)?;
        for round in 0..=rounds {
            let mut order: Vec<usize> = (0..running.len()).collect();
            if round % 2 == 1 {
                order.reverse();
            }
            for index in order {
                let (outcome, cpu) = time(running[index], &case)?;
                // The first round fills caches and pools.
                if round > 0 {
                    finding.entries[index].samples.add_time(&case, &outcome, cpu);
                }
            }
        }
        Ok(())
    }

    /// Memory is not given back, so each measurement has a process of its own.
    fn weigh_memory(&self, finding: &mut Finding) -> Result<()> {
        let case = finding.case;
        // The origin server is not weighed.
        finding.entries.retain(|entry| entry.peer != Peer::Direct);
        for _ in 0..self.rounds.min(MEMORY_ROUNDS) {
            for Entry { peer, samples, .. } in &mut finding.entries {
                let running = peer.start(&self.venue, case.flow, 1)?;
                let before = memory(&running.family)?;
                forget_peak(&running.family)?;
                let mut load = Load::connect(&running.target, &case)?;
                load.run(case.requests, case.pace)?;
                thread::sleep(SETTLED);
                let weigh = if case.figure == Figure::Idle { memory } else { peak_memory };
                samples.add_memory(&case, before, weigh(&running.family)?);
                samples.start.push(running.ready_after.as_secs_f64() * 1e3);
            }
        }
        Ok(())
    }

    fn count_syscalls(&mut self, finding: &mut Finding) -> Result<()> {
        let case = finding.case;
        let running = self.running(finding)?;
        for (entry, running) in finding.entries.iter_mut().zip(running) {
            if entry.peer != Peer::Direct {
                let mut load = prepared(running, &case)?;
                entry.syscalls = Some(strace::count(&running.family, case.requests, || {
                    load.run(case.requests, case.pace).map(drop)
                })?);
            }
        }
        Ok(())
    }

    /// Those who take part, in this order.
    fn running(&mut self, finding: &Finding) -> Result<Vec<&Running>> {
        let flow = finding.case.flow;
        let peers: Vec<&Peer> = finding.entries.iter().map(|entry| &entry.peer).collect();
        for &peer in &peers {
            if find(&self.running, flow, peer).is_none() {
                self.running.push((flow, peer.clone(), peer.start(&self.venue, flow, 1)?));
            }
        }
        Ok(peers.into_iter().filter_map(|peer| find(&self.running, flow, peer)).collect())
    }
}

fn find<'a>(running: &'a [(Flow, Peer, Running)], flow: Flow, peer: &Peer) -> Option<&'a Running> {
    let found = running.iter().find(|(at, other, _)| *at == flow && other == peer);
    found.map(|(_, _, running)| running)
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
    let mut load = Load::connect(&running.target, case)?;
    if !case.is_large() {
        load.run(2 * case.connections as u64, None)?;
    }
    thread::sleep(SETTLED);
    Ok(load)
}

/// Long enough for what a peer does after an answer's last byte.
const SETTLED: Duration = Duration::from_millis(5);

/// Peaks hardly differ from round to round.
const MEMORY_ROUNDS: usize = 3;
