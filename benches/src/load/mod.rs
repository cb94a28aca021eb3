//! Callers, cheap enough to share a core with the origin server: one thread, epoll, requests built
//! once, and bodies that the kernel drops before they are copied.

mod connection;
mod response;

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;

use self::connection::Connection;
use crate::Result;
use crate::case::Transfer;

/// Whom callers ask.
#[derive(Clone)]
pub struct Target {
    /// Where it listens.
    pub address: SocketAddr,
    /// Set if callers speak TLS to it.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    /// What callers send as `Authorization`: only the origin server itself needs it.
    pub bearer: Option<String>,
}

/// A request as it goes over the wire.
pub(crate) struct Request {
    pub(crate) head: Vec<u8>,
    /// Length of the body to send.
    pub(crate) body: u64,
    /// Length of the body to get, if it is known.
    pub(crate) answer: Option<u64>,
}

/// Callers with open connections.
pub struct Load {
    connections: Vec<Connection>,
    epoll: OwnedFd,
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
        let head = self.head("GET", path, "*/*", "");
        let request = Rc::new(Request { head, body: 0, answer: None });
        let mut connection = Connection::open(self, &request)?;
        connection.blocking_status()
    }

    fn request(&self, transfer: Transfer) -> Request {
        let (path, accept) = (transfer.path(), transfer.accept());
        let size = transfer.size();
        if transfer == Transfer::Store {
            let more = format!(
                "Content-Type: multipart/related; type=\"application/dicom\"; boundary=part\r\n\
                 Content-Length: {size}\r\n"
            );
            let head = self.head("POST", path, accept, &more);
            return Request { head, body: size, answer: None };
        }
        let head = self.head("GET", path, accept, "");
        Request { head, body: 0, answer: Some(size) }
    }

    fn head(&self, method: &str, path: &str, accept: &str, more: &str) -> Vec<u8> {
        let bearer = self.bearer.as_ref();
        let bearer = bearer.map(|token| format!("Authorization: Bearer {token}\r\n"));
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nUser-Agent: race\r\nAccept: {accept}\r\n{}{more}\r\n",
            self.address,
            bearer.unwrap_or_default(),
        )
        .into_bytes()
    }
}

impl Load {
    /// Opens `count` connections to `target`.
    pub fn connect(target: &Target, transfer: Transfer, count: usize) -> Result<Self> {
        let request = Rc::new(target.request(transfer));
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut connections = Vec::with_capacity(count);
        for index in 0..count {
            let connection = Connection::open(target, &request)?;
            // Edge-triggered, once and for all: no call per request to change what is waited for.
            let interest = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET;
            let data = epoll::EventData::new_u64(index as u64);
            epoll::add(&epoll, connection.socket(), data, interest)?;
            connections.push(connection);
        }
        Ok(Self { connections, epoll, scratch: vec![0; SCRATCH] })
    }

    /// Sends `requests` requests over all connections, `pace` a second or as fast as they are answered.
    pub fn run(&mut self, requests: u64, pace: Option<u32>) -> Result<Outcome> {
        let start = Instant::now();
        let interval = pace.map_or(Duration::ZERO, |pace| Duration::from_secs(1) / pace);
        let due = |number: u64| start + interval * u32::try_from(number).unwrap_or(u32::MAX);
        let mut latencies = Vec::with_capacity(usize::try_from(requests)?);
        let mut idle: Vec<usize> = (0..self.connections.len()).collect();
        let mut events = Vec::with_capacity(self.connections.len());
        let mut issued = 0;
        while (latencies.len() as u64) < requests {
            let mut now = Instant::now();
            while issued < requests
                && due(issued) <= now
                && let Some(index) = idle.pop()
            {
                let since = if pace.is_some() { due(issued) } else { now };
                self.connections[index].begin(since)?;
                issued += 1;
            }
            let waits = issued < requests && !idle.is_empty();
            let patience = if waits { due(issued) - now } else { PATIENCE };
            events.clear();
            let timeout = Timespec::try_from(patience)?;
            epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&timeout))?;
            if events.is_empty() && !waits {
                return Err(format!("no answer within {} seconds", PATIENCE.as_secs()).into());
            }
            now = Instant::now();
            for event in &events {
                let index = usize::try_from(event.data.u64())?;
                let connection = &mut self.connections[index];
                let Some(since) = connection.progress(&mut self.scratch)? else { continue };
                latencies.push(u32::try_from(now.duration_since(since).as_micros())?);
                if pace.is_none() && issued < requests {
                    connection.begin(Instant::now())?;
                    issued += 1;
                } else {
                    idle.push(index);
                }
            }
        }
        let elapsed = start.elapsed();
        latencies.sort_unstable();
        Ok(Outcome { elapsed, latencies })
    }
}

impl Outcome {
    /// The latency that `percent` of the requests did not exceed, in microseconds.
    pub fn percentile(&self, percent: usize) -> u32 {
        let index = (self.latencies.len() * percent / 100).min(self.latencies.len() - 1);
        self.latencies[index]
    }
}

/// No request of a race takes that long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Room for what one read may bring.
const SCRATCH: usize = 1 << 20;
