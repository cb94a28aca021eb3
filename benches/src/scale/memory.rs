//! Memory per idle TLS connection, and per stream whose caller reads slowly.

use std::thread;
use std::time::Duration;

use super::Scale;
use super::authority::Authority;
use super::peers::{Running, Shape, prefix};
use super::report::Figure;
use crate::Result;
use crate::process::{forget_peak, memory, peak_memory};
use crate::venue::Venue;

/// Both.
pub(super) fn measure(scale: &Scale, world: (&Venue, &Authority)) -> Result<[Figure; 2]> {
    Ok([idle(scale, world)?, slow(scale, world)?])
}

/// Each connection has brought one request and its answer.
fn idle(scale: &Scale, world: (&Venue, &Authority)) -> Result<Figure> {
    let running = gateway(scale, world)?;
    let path = format!("{}/studies", prefix(0));
    for _ in 0..WARM {
        running.caller()?.ask((&path, ""))?;
    }
    let count = IDLE.min(scale.most);
    let before = memory(&running.family)?;
    let mut callers = Vec::with_capacity(count);
    for _ in 0..count {
        let mut caller = running.caller()?;
        caller.ask((&path, ""))?;
        callers.push(caller);
    }
    // What the last of them left behind is tidied up within a second.
    thread::sleep(Duration::from_secs(2));
    let each = (memory(&running.family)? - before) / count as f64;
    Ok(Figure {
        what: format!("memory per idle TLS connection, of {count}"),
        value: each,
        most: 40.0,
        unit: "KiB",
    })
}

/// Callers take a little of 100 MiB now and then, over TLS on both sides.
fn slow(scale: &Scale, world: (&Venue, &Authority)) -> Result<Figure> {
    let running = gateway(scale, world)?;
    let path = format!("{}/studies/1.2.3/series/4.5/instances/6.7", prefix(0));
    for _ in 0..WARM {
        running.caller()?.ask((&format!("{}/studies", prefix(0)), ""))?;
    }
    forget_peak(&running.family)?;
    let before = memory(&running.family)?;
    let mut callers = Vec::with_capacity(SLOW);
    for _ in 0..SLOW {
        let mut caller = running.caller()?;
        caller.begin((&path, ""))?;
        callers.push(caller);
    }
    let mut buffer = vec![0; 64 << 10];
    for _ in 0..SIPS {
        for caller in &mut callers {
            caller.read(&mut buffer)?;
        }
        thread::sleep(Duration::from_millis(5));
    }
    let each = (peak_memory(&running.family)? - before) / SLOW as f64;
    Ok(Figure {
        what: format!("peak memory per slow stream, of {SLOW}, TLS on both sides"),
        value: each,
        most: 256.0,
        unit: "KiB",
    })
}

fn gateway(scale: &Scale, world: (&Venue, &Authority)) -> Result<Running> {
    let shape = Shape { routes: 1, users: false, tls: true };
    Running::gateway(&scale.program, world, shape)
}

const IDLE: usize = 2_000;
const SLOW: usize = 64;

/// Reads of each slow stream: many megabytes have come by then.
const SIPS: usize = 200;

/// Connections before the first that counts: what grows only once has grown.
const WARM: usize = 50;
