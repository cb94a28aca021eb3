//! How the cost of a request grows with what the gateway has to keep: connections, routes, users'
//! tokens.
//!
//! For each amount one peer runs, and all of a curve run at once; each round sends every one of them
//! the same number of requests, one at a time, to what is next in turn. So a request never finds
//! others beside it, and what differs between the amounts is what is kept, in memory and in the kernel.

mod authority;
mod caller;
mod curve;
mod memory;
mod peers;
mod plot;
mod report;
mod start;

use std::path::PathBuf;

use self::authority::Authority;
use self::curve::Curve;
use crate::Result;
use crate::machine::Cores;
use crate::venue::Venue;

pub use self::report::Report;

/// What is measured, and how long.
pub struct Scale {
    /// The gateway.
    pub program: PathBuf,
    /// Rounds of each curve.
    pub rounds: usize,
    /// Requests to each peer in a round.
    pub requests: usize,
    /// Amounts beyond this are left out.
    pub most: usize,
}

impl Scale {
    /// Measures everything that `wanted` names a part of; everything if it names nothing.
    pub fn run(&self, wanted: &[String]) -> Result<Report> {
        let venue = Venue::open(Cores::World)?;
        let authority = Authority::start()?;
        let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|it| name.contains(it));
        let mut report = Report::default();
        for curve in Curve::ALL {
            if is_wanted(curve.name()) {
                let finding = curve.measure(self, (&venue, &authority))?;
                eprintln!("{}", finding.table()?);
                report.findings.push(finding);
            }
        }
        if is_wanted("memory") {
            report.figures.extend(memory::measure(self, (&venue, &authority))?);
        }
        if is_wanted("start") {
            report.figures.push(start::measure(self, (&venue, &authority))?);
        }
        Ok(report)
    }
}
