//! Callers, cheap enough to share a core with the origin server: one thread, epoll, requests built
//! once, and bodies that the kernel drops before they are copied.

mod caller;
mod frames;
mod http1;
mod http2;
mod request;
mod response;
mod wire;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};
use rustls::client::Resumption;

use self::caller::Caller;
use self::request::Request;
use crate::Result;
use crate::case::{Case, Manner, STREAMS};

/// Whom callers ask.
#[derive(Clone)]
pub struct Target {
    /// Where it listens.
    pub address: SocketAddr,
    /// Set if callers speak TLS to it.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    /// What callers send as `Authorization`, where they have to prove themselves.
    pub bearer: Option<String>,
}

/// Callers with open connections.
pub struct Load {
    target: Target,
    manner: Manner,
    /// Asked in turn.
    requests: Vec<Rc<Request>>,
    connections: usize,
    callers: Vec<Caller>,
    epoll: OwnedFd,
    /// epoll itself wakes on whole milliseconds only.
    clock: OwnedFd,
    scratch: Vec<u8>,
}

/// How a round went, as callers see it.
pub struct Outcome {
    /// From the first request's first byte to the last answer's last one.
    pub elapsed: Duration,
    /// How long each request took, in microseconds, ascending. At a pace, counted from when the
    /// request was due, so that a peer who stalls does not hide the requests that had to wait.
    pub latencies: Vec<u32>,
}

impl Target {
    /// The status of the answer to a GET of `path`.
    pub fn status(&self, path: &str) -> Result<u16> {
        let request = Rc::new(Request::of(self, path));
        http1::Connection::open(self, &request)?.blocking_status()
    }

    /// For callers of this manner.
    fn of(&self, manner: Manner) -> Self {
        let mut target = self.clone();
        if let Some(config) = &mut target.tls {
            let config = Arc::make_mut(config);
            match manner {
                Manner::Http2 => config.alpn_protocols = vec![b"h2".to_vec()],
                Manner::Fresh => config.resumption = Resumption::disabled(),
                Manner::Steady | Manner::Halting => {}
            }
        }
        target
    }
}

impl Load {
    /// Opens the connections of `case` to `target`.
    pub fn connect(target: &Target, case: &Case) -> Result<Self> {
        let (target, manner) = (target.of(case.manner), case.manner);
        let request = match manner {
            Manner::Http2 => Request::fields,
            Manner::Steady | Manner::Halting | Manner::Fresh => Request::new,
        };
        let requests = case.transfers.iter().map(|transfer| Rc::new(request(&target, *transfer)));
        let mut load = Self {
            requests: requests.collect(),
            target,
            manner,
            connections: case.connections,
            callers: Vec::new(),
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            clock: timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK)?,
            scratch: vec![0; SCRATCH],
        };
        load.callers = load.open_all()?;
        let interest = epoll::EventFlags::IN | epoll::EventFlags::ET;
        epoll::add(&load.epoll, &load.clock, epoll::EventData::new_u64(CLOCK), interest)?;
        Ok(load)
    }

    /// Sends `requests` requests over all connections, `pace` a second or as fast as they are answered.
    pub fn run(&mut self, requests: u64, pace: Option<u32>) -> Result<Outcome> {
        let start = Instant::now();
        let interval = pace.map_or(Duration::ZERO, |pace| Duration::from_secs(1) / pace);
        let due = |number: u64| start + interval * u32::try_from(number).unwrap_or(u32::MAX);
        let mut latencies = Vec::with_capacity(usize::try_from(requests)?);
        // Each connection as often as it has room for a request.
        let room = if self.manner == Manner::Http2 { STREAMS } else { 1 };
        let connections = (0..self.callers.len()).cycle().take(room * self.callers.len());
        // The one that waited longest comes first, so that all are in use at any pace.
        let mut idle: VecDeque<usize> = connections.collect();
        let mut events = Vec::with_capacity(self.callers.len());
        let (mut ready, mut done) = (Vec::new(), Vec::new());
        let mut issued = 0;
        if self.manner == Manner::Fresh {
            self.callers = self.open_all()?;
        }
        let mut halting = self.manner == Manner::Halting;
        if halting {
            self.callers.iter_mut().for_each(|caller| caller.allow(BEFORE_THE_HALT));
        }
        while (latencies.len() as u64) < requests {
            let mut now = Instant::now();
            while issued < requests
                && due(issued) <= now
                && let Some(index) = idle.pop_front()
            {
                let since = if pace.is_some() { due(issued) } else { now };
                self.begin(index, issued, since)?;
                issued += 1;
            }
            let waits = issued < requests && !idle.is_empty();
            if waits {
                self.wake_after(due(issued) - now)?;
            }
            let patience = if halting { LULL } else { PATIENCE };
            events.clear();
            let timeout = Timespec::try_from(patience)?;
            epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&timeout))?;
            ready.clear();
            let indices = events.iter().map(|event: &epoll::Event| event.data.u64());
            ready.extend(indices.filter(|index| *index != CLOCK).map(|index| index as usize));
            if events.is_empty() && !waits {
                if !halting {
                    return Err(format!("no answer within {} seconds", patience.as_secs()).into());
                }
                halting = false;
                self.callers.iter_mut().for_each(|caller| caller.allow(u64::MAX));
                ready.extend(0..self.callers.len());
            }
            now = Instant::now();
            for &index in &ready {
                self.callers[index].progress(&mut self.scratch, &mut done)?;
                for since in done.drain(..) {
                    latencies.push(u32::try_from(now.duration_since(since).as_micros())?);
                    if self.manner == Manner::Fresh && issued < requests {
                        self.callers[index] = self.open(index)?;
                    }
                    if pace.is_none() && issued < requests {
                        self.begin(index, issued, Instant::now())?;
                        issued += 1;
                    } else {
                        idle.push_back(index);
                    }
                }
            }
        }
        let elapsed = start.elapsed();
        latencies.sort_unstable();
        Ok(Outcome { elapsed, latencies })
    }

    fn wake_after(&self, pause: Duration) -> Result<()> {
        // None at all would stop the clock.
        let it_value = Timespec::try_from(pause.max(Duration::from_nanos(1)))?;
        let once = Itimerspec { it_interval: Timespec::default(), it_value };
        timerfd_settime(&self.clock, TimerfdTimerFlags::empty(), &once)?;
        Ok(())
    }

    fn open_all(&self) -> Result<Vec<Caller>> {
        (0..self.connections).map(|index| self.open(index)).collect()
    }

    fn open(&self, index: usize) -> Result<Caller> {
        let caller = Caller::open(&self.target, self.manner, &self.requests[0])?;
        // Edge-triggered, once and for all: no call per request to change what is waited for.
        let interest = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET;
        let data = epoll::EventData::new_u64(index as u64);
        epoll::add(&self.epoll, caller.socket(), data, interest)?;
        Ok(caller)
    }

    fn begin(&mut self, index: usize, number: u64, since: Instant) -> Result<()> {
        let request = &self.requests[number as usize % self.requests.len()];
        self.callers[index].begin(request, since)
    }
}

impl Outcome {
    /// The latency that this part of the requests did not exceed, in microseconds.
    pub fn quantile(&self, part: f64) -> u32 {
        let index = (self.latencies.len() as f64 * part) as usize;
        self.latencies[index.min(self.latencies.len() - 1)]
    }
}

/// What epoll calls the clock, where connections have their index.
const CLOCK: u64 = u64::MAX;

/// No request of a race takes that long.
const PATIENCE: Duration = Duration::from_secs(60);

/// What comes in an answer, or goes in a store, before callers who stand still do so.
const BEFORE_THE_HALT: u64 = 1 << 20;

/// After so long without an event, buffers everywhere are as full as they will be.
const LULL: Duration = Duration::from_millis(500);

/// Room for what one read may bring.
const SCRATCH: usize = 1 << 20;
