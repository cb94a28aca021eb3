//! What a second worker brings.
//!
//! On a machine of two cores, whoever serves with two workers shares them with callers and origin
//! server, so that the throughput that callers see says more about these. What a peer itself does is
//! seen in CPU time: how many requests it serves in a second of the CPU time of its busiest worker.
//! That is its throughput where each worker has a core of its own and nothing else is in the way.
//! Cores that wait for each other, and work that is spread unevenly, lower it.

use std::thread;
use std::time::Duration;

use crate::Result;
use crate::case::{CASES, Case};
use crate::load::Load;
use crate::machine::Cores;
use crate::peers::{Peer, Running};
use crate::process::cpu_times;
use crate::report::{markdown, spread};
use crate::samples::Spread;
use crate::venue::Venue;

/// What came of it.
pub struct TwoCores {
    peers: Vec<(Peer, [Workers; 2])>,
}

/// A peer with one worker or two; each by round.
#[derive(Default)]
struct Workers {
    /// Requests a second, as callers see it.
    rate: Vec<f64>,
    /// CPU seconds for 100,000 requests.
    cpu: Vec<f64>,
    /// Requests in a second of the busiest worker's CPU time.
    possible: Vec<f64>,
}

impl TwoCores {
    /// Measures those of `peers` that are processes, for `rounds` rounds of so many `requests`.
    pub fn measure(peers: &[Peer], rounds: usize, requests: u64) -> Result<Self> {
        // Many connections, so that by chance alone they are spread evenly.
        let case = Case { connections: CONNECTIONS, requests, ..CASES[0] };
        let venue = Venue::open(Cores::Both)?;
        let mut measured = Vec::new();
        let are_processes =
            |peer: &&Peer| !matches!(peer, Peer::Direct | Peer::NginxAgain | Peer::Rewriting(_));
        for peer in peers.iter().filter(are_processes) {
            let running = [peer.start(&venue, case.flow, 1)?, peer.start(&venue, case.flow, 2)?];
            let mut workers = [Workers::default(), Workers::default()];
            for round in 0..=rounds {
                for (running, workers) in running.iter().zip(&mut workers) {
                    let mut unused = Workers::default();
                    // The first round fills caches and pools.
                    let workers = if round == 0 { &mut unused } else { workers };
                    workers.add(running, &case)?;
                }
            }
            measured.push((peer.clone(), workers));
        }
        Cores::World.keep_this_thread()?;
        Ok(Self { peers: measured })
    }

    /// How many times the throughput of one worker the gateway has with two.
    pub fn gateway_scaling(&self) -> Option<f64> {
        let mut peers = self.peers.iter();
        let (_, workers) = peers.find(|(peer, _)| matches!(peer, Peer::Gateway(_)))?;
        scaling(workers).map(|spread| spread.middle)
    }

    /// As a table, and what it means.
    pub fn table(&self) -> String {
        let head = ["", "workers", "requests/s", "CPU s / 100k", "possible/s", "two / one"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        for (peer, workers) in &self.peers {
            for (count, of) in workers.iter().enumerate() {
                let ratio = if count == 1 { scaling(workers) } else { None };
                rows.push(vec![
                    peer.to_string(),
                    (count + 1).to_string(),
                    spread(Spread::of(&of.rate), 0),
                    spread(Spread::of(&of.cpu), 3),
                    spread(Spread::of(&of.possible), 0),
                    spread(ratio, 2),
                ]);
            }
        }
        format!(
            "### Two cores, 1 KiB: {CONNECTIONS} connections\n\n{MEANING}\n\n{}",
            markdown(&rows)
        )
    }
}

impl Workers {
    fn add(&mut self, running: &Running, case: &Case) -> Result<()> {
        let mut load = Load::connect(&running.target, case)?;
        load.run(2 * case.connections as u64, None)?;
        thread::sleep(SETTLED);
        let before = cpu_times(&running.family)?;
        let outcome = load.run(case.requests, None)?;
        thread::sleep(SETTLED);
        let spent: Vec<Duration> = cpu_times(&running.family)?
            .into_iter()
            .map(|(task, time)| time - before.get(&task).copied().unwrap_or_default())
            .collect();
        let busiest = spent.iter().max().ok_or("no process")?;
        let requests = case.requests as f64;
        self.rate.push(requests / outcome.elapsed.as_secs_f64());
        self.cpu.push(spent.iter().sum::<Duration>().as_secs_f64() * 1e5 / requests);
        self.possible.push(requests / busiest.as_secs_f64());
        Ok(())
    }
}

fn scaling([one, two]: &[Workers; 2]) -> Option<Spread> {
    Spread::of_ratios(&two.possible, &one.possible)
}

const MEANING: &str = "\
One worker has a core of its own, two have both; callers and origin server are on both, wherever there is \
room. So *requests/s* is what two cores can do with all that runs on them, and grows little. *possible/s* \
is requests per second of CPU time of the busiest worker: what callers would see if each worker had a core \
to itself. *two / one* is the ratio of that.";

const CONNECTIONS: usize = 256;

/// Long enough for what a peer does after an answer's last byte.
const SETTLED: Duration = Duration::from_millis(5);
