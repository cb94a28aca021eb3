//! CPU time per request over an amount.

use std::iter;
use std::time::Duration;

use super::Scale;
use super::authority::Authority;
use super::caller::Caller;
use super::peers::{Running, Shape, prefix};
use super::report::Finding;
use crate::Result;
use crate::process::cpu_times;
use crate::venue::Venue;

/// What there is more and more of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    /// Open connections, asked on in turn.
    Connections,
    /// The same with nginx: what of it is the kernel's.
    NginxConnections,
    /// Routes, asked for in turn.
    Routes,
    /// Users with a token each, who ask in turn.
    Users,
}

/// A peer with its callers, and what they are to ask next.
struct Point {
    amount: usize,
    running: Running,
    callers: Vec<Caller>,
    asks: Vec<(String, String)>,
    next: usize,
}

impl Curve {
    pub(super) const ALL: [Self; 4] =
        [Self::Connections, Self::NginxConnections, Self::Routes, Self::Users];

    /// What stands in table and plot.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::NginxConnections => "connections to nginx",
            Self::Routes => "routes",
            Self::Users => "users with a token each",
        }
    }

    /// CPU time per request, round by round.
    pub(super) fn measure(self, scale: &Scale, world: (&Venue, &Authority)) -> Result<Finding> {
        let amounts = self.amounts().iter().copied().filter(|amount| *amount <= scale.most);
        let points = amounts.map(|amount| self.point(amount, scale, world));
        let mut points = points.collect::<Result<Vec<_>>>()?;
        for point in &mut points {
            // All of it is there before anything counts.
            point.ask(point.asks.len().max(point.callers.len()).max(scale.requests))?;
        }
        let mut rounds = Vec::with_capacity(scale.rounds);
        for round in 0..scale.rounds {
            let mut costs = vec![0.0; points.len()];
            let mut order = (0..points.len()).collect::<Vec<_>>();
            if round % 2 == 1 {
                order.reverse();
            }
            for index in order {
                costs[index] = points[index].cost(scale.requests)?;
            }
            rounds.push(costs);
        }
        let amounts = points.iter().map(|point| point.amount).collect();
        Ok(Finding { name: self.name(), amounts, rounds })
    }

    fn amounts(self) -> &'static [usize] {
        match self {
            Self::Connections | Self::NginxConnections => &[1, 10, 100, 1_000, 10_000],
            Self::Routes => &[1, 10, 100, 1_000],
            Self::Users => &[1, 10, 100, 1_000, 10_000, 100_000],
        }
    }

    fn point(self, amount: usize, scale: &Scale, world: (&Venue, &Authority)) -> Result<Point> {
        let routes = if self == Self::Routes { amount } else { 1 };
        let shape = Shape { routes, users: self == Self::Users, tls: false };
        let running = match self {
            Self::NginxConnections => Running::nginx(world.0)?,
            _ => Running::gateway(&scale.program, world, shape)?,
        };
        let count = match self {
            Self::Connections | Self::NginxConnections => amount,
            Self::Routes | Self::Users => 1,
        };
        let path = |route| format!("{}/studies", prefix(route));
        let asks = match self {
            Self::Connections | Self::NginxConnections => vec![(path(0), String::new())],
            Self::Routes => (0..amount).map(|route| (path(route), String::new())).collect(),
            Self::Users => {
                let fields = (0..amount).map(|user| {
                    Ok((path(0), format!("Authorization: Bearer {}\r\n", world.1.sign(user)?)))
                });
                fields.collect::<Result<_>>()?
            }
        };
        // One that says nothing is not waited for, and there is much to do before its turn comes.
        let (path, fields) = &asks[0];
        let callers = iter::repeat_with(|| {
            let mut caller = running.caller()?;
            caller.ask((path, fields))?;
            Ok(caller)
        });
        let callers = callers.take(count).collect::<Result<_>>()?;
        Ok(Point { amount, running, callers, asks, next: 0 })
    }
}

impl Point {
    fn ask(&mut self, requests: usize) -> Result<()> {
        for _ in 0..requests {
            let caller = self.next % self.callers.len();
            let (path, fields) = &self.asks[self.next % self.asks.len()];
            self.callers[caller].ask((path, fields))?;
            self.next += 1;
        }
        Ok(())
    }

    /// Microseconds of CPU time per request.
    fn cost(&mut self, requests: usize) -> Result<f64> {
        let before = cpu_times(&self.running.family)?;
        self.ask(requests)?;
        // Thread by thread: one that ended meanwhile would take all that it ever had with it.
        let took = cpu_times(&self.running.family)?.into_iter().map(|(thread, time)| {
            time.saturating_sub(before.get(&thread).copied().unwrap_or_default())
        });
        Ok(took.sum::<Duration>().as_secs_f64() * 1e6 / requests as f64)
    }
}
