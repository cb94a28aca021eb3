//! From the program's start to its being ready, with a token.

use std::thread;
use std::time::{Duration, Instant};

use super::Scale;
use super::authority::Authority;
use super::peers::{Running, Shape};
use super::report::Figure;
use crate::Result;
use crate::load::Target;
use crate::samples::Spread;
use crate::venue::Venue;

/// The median of some starts, each seen to within a millisecond.
pub(super) fn measure(scale: &Scale, world: (&Venue, &Authority)) -> Result<Figure> {
    let mut times = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        let began = Instant::now();
        let shape = Shape { routes: 1, users: false, tls: true };
        let running = Running::starting_gateway(&scale.program, world, shape)?;
        let admin = Target { address: running.admin, tls: None, bearer: None };
        while !matches!(admin.status("/ready"), Ok(200)) {
            if began.elapsed() > PATIENCE {
                return Err("it does not become ready".into());
            }
            thread::sleep(Duration::from_millis(1));
        }
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    let middle = Spread::of(&times).ok_or("no start")?.middle;
    Ok(Figure {
        what: format!("start to ready, median of {STARTS}"),
        value: middle,
        most: 100.0,
        unit: "ms",
    })
}

const STARTS: usize = 21;
const PATIENCE: Duration = Duration::from_secs(20);
