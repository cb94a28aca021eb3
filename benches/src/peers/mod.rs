//! Who races: the gateway, and what users would run instead.
//!
//! Each peer adds the same token to each request, keeps connections on both sides, and serves with one
//! worker. All are configured as someone would who knows them, not as they come.

mod envoy;
mod gateway;
mod haproxy;
mod nginx;

use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::Result;
use crate::case::{Case, Figure, Flow, Manner};
use crate::load::Target;
use crate::machine::Cores;
use crate::origin::CHECK;
use crate::process::Process;
use crate::venue::{Venue, free_address};

/// Someone who takes part.
#[derive(Clone, PartialEq, Eq)]
pub enum Peer {
    /// Nobody: callers ask the origin server itself.
    Direct,
    /// The gateway.
    Gateway(Binary),
    /// Another build of the gateway.
    GatewayB(Binary),
    /// The gateway, putting its own URLs in the place of the origin server's: where answers hold any.
    Rewriting(Binary),
    /// nginx, with the token in its configuration.
    Nginx,
    /// nginx once more: what the ratio of two equals looks like.
    NginxAgain,
    /// HAProxy, with the token in its configuration.
    Haproxy,
    /// Envoy, which gets the token itself; where its program is.
    Envoy(PathBuf),
}

/// A gateway's program, and how it is to run.
#[derive(Clone, PartialEq, Eq)]
pub struct Binary {
    /// The program.
    pub program: PathBuf,
    /// Whether it keeps an audit record of each transaction; in a file.
    pub audit: bool,
    /// Whether it writes a line per transaction; to nowhere.
    pub log: bool,
    /// Whether it puts its own URLs in the place of the origin server's.
    pub rewrites: bool,
}

/// A peer that serves.
pub struct Running {
    /// How callers reach it.
    pub target: Target,
    /// Its processes; empty for [`Peer::Direct`].
    pub family: Vec<u32>,
    /// How long it took from its start to the first request that was served.
    pub ready_after: Duration,
    _process: Option<Process>,
}

/// What a peer has to be told.
struct Job<'a> {
    venue: &'a Venue,
    flow: Flow,
    workers: usize,
    listen: SocketAddr,
    /// For names of files.
    name: String,
}

impl Peer {
    /// Whether it can do what is asked for, and differs in it from another peer.
    pub fn takes_part(&self, case: &Case) -> bool {
        match self {
            // The origin server speaks HTTP/1.1 only.
            Self::Direct => case.manner != Manner::Http2,
            Self::Rewriting(_) => case.has_urls() && case.figure != Figure::Memory,
            _ => true,
        }
    }

    /// Starts it before the venue's origin server, on as many cores as it has workers, and has seen that
    /// it brings the token.
    pub fn start(&self, venue: &Venue, flow: Flow, workers: usize) -> Result<Running> {
        if *self == Self::Direct {
            let tls = flow.has_tls_origin().then(|| venue.tls.clone());
            let bearer = Some(venue.token.clone());
            let target = Target { address: venue.origin.address(flow), tls, bearer };
            return Ok(Running {
                target,
                family: Vec::new(),
                ready_after: Duration::ZERO,
                _process: None,
            });
        }
        let listen = free_address()?;
        let name = format!("{self}-{flow}-{}", listen.port()).replace([' ', ','], "-");
        let job = Job { venue, flow, workers, listen, name };
        let mut bearer = None;
        let command = match self {
            Self::Direct => unreachable!("has no process"),
            Self::Gateway(binary) | Self::GatewayB(binary) | Self::Rewriting(binary) => {
                bearer = Some(gateway::key(&job, binary)?);
                gateway::command(&job, binary)?
            }
            Self::Nginx | Self::NginxAgain => nginx::command(&job)?,
            Self::Haproxy => haproxy::command(&job)?,
            Self::Envoy(program) => envoy::command(&job, program)?,
        };
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        let says = venue.path(&format!("{}.log", job.name));
        let cores = if workers == 1 { Cores::Peer } else { Cores::Both };
        let start = Instant::now();
        let mut process = Process::start(&command, cores, &says)?;
        let tls = flow.has_tls_callers().then(|| venue.tls.clone());
        let target = Target { address: listen, tls, bearer };
        wait_until(200, || {
            if process.has_ended() {
                return Err("it ended".into());
            }
            target.status(CHECK)
        })
        .map_err(|error| {
            let log = fs::read_to_string(&says).unwrap_or_default();
            format!("{self} does not serve {flow} ({error}): {log}")
        })?;
        let (family, ready_after) = (process.family(), start.elapsed());
        Ok(Running { target, family, ready_after, _process: Some(process) })
    }

    /// Those of `names` that are installed; the rest with what would install them.
    pub fn installed(names: &[&str], target: &Path) -> (Vec<Self>, Vec<String>) {
        let mut peers = Vec::new();
        let mut missing = Vec::new();
        for name in names {
            let found = match *name {
                "direct" => vec![Self::Direct],
                "nginx" => vec![Self::Nginx, Self::NginxAgain],
                "haproxy" if program("haproxy").is_some() => vec![Self::Haproxy],
                "envoy" => envoy::program(target).map(Self::Envoy).into_iter().collect(),
                _ => Vec::new(),
            };
            if found.is_empty() {
                missing.push(match *name {
                    "haproxy" => "haproxy is not installed: apt-get install haproxy".to_owned(),
                    "envoy" => format!("envoy is not installed: {}", envoy::remedy(target)),
                    other => format!("{other} is no peer: direct, nginx, haproxy or envoy"),
                });
            }
            peers.extend(found);
        }
        (peers, missing)
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Direct => "direct",
            Self::Gateway(_) => "gateway",
            Self::GatewayB(_) => "gateway-b",
            Self::Rewriting(_) => "gateway, rewriting",
            Self::Nginx => "nginx",
            Self::NginxAgain => "nginx again",
            Self::Haproxy => "haproxy",
            Self::Envoy(_) => "envoy",
        })
    }
}

/// Asks until the answer's status is `status`, for at most 20 seconds.
pub(crate) fn wait_until(status: u16, mut ask: impl FnMut() -> Result<u16>) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match ask() {
            Ok(answered) if answered == status => return Ok(()),
            answered if Instant::now() > deadline => {
                let answered = answered?;
                return Err(format!("it answers {answered}, not {status}").into());
            }
            _ => thread::sleep(Duration::from_millis(2)),
        }
    }
}

fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}
