//! What is asked of the peers: which requests, how many, in which manner and over which wires.

mod all;
mod transfer;

use std::fmt;

pub use self::all::CASES;
pub use self::transfer::Transfer;

/// One kind of load.
#[derive(Clone, Copy)]
pub struct Case {
    /// As `--cases` and the report call it.
    pub name: &'static str,
    /// How callers and the origin server are reached.
    pub flow: Flow,
    /// What is transferred: these in turn, and again.
    pub transfers: &'static [Transfer],
    /// How callers behave.
    pub manner: Manner,
    /// Connections that callers keep open.
    pub connections: usize,
    /// Requests of one round.
    pub requests: u64,
    /// Requests a second; without it, each caller asks again as soon as it is answered.
    pub pace: Option<u32>,
    /// What is read off at the end.
    pub figure: Figure,
}

/// How callers behave.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// One request after another on each connection, over HTTP/1.1.
    Steady,
    /// The same, but all stand still after the first MiB, until nothing moves any more.
    Halting,
    /// Each request on a connection of its own, whose TLS session is new.
    Fresh,
    /// Over HTTP/2, [`STREAMS`] requests at once on each connection.
    Http2,
}

/// Which figure of a peer counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// CPU seconds for 100,000 requests.
    PerRequest,
    /// CPU seconds for a GiB of bodies.
    PerGib,
    /// The most memory that was resident at once, in MiB.
    Memory,
    /// Memory that a connection takes while nothing is asked on it, in KiB.
    Idle,
}

/// Where TLS is spoken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Nowhere.
    Plain,
    /// From the peer to the origin server.
    OriginTls,
    /// From the caller to the peer.
    CallerTls,
    /// On both sides, as it is before Azure.
    BothTls,
}

impl Case {
    /// This case with `parts` times less to do.
    pub fn shortened(mut self, parts: u64) -> Self {
        if matches!(self.figure, Figure::Memory | Figure::Idle) {
            self.connections = self.connections.div_ceil(parts as usize);
        }
        let least = self.connections.max(self.transfers.len()) as u64;
        self.requests = (self.requests / parts).max(least);
        self
    }

    /// Bytes of bodies in one round.
    pub fn bytes(&self) -> u64 {
        let sizes: u64 = self.transfers.iter().map(|transfer| transfer.size()).sum();
        self.requests * sizes / self.transfers.len() as u64
    }

    /// Whether bodies are so large that their first bytes matter little.
    pub fn is_large(&self) -> bool {
        self.transfers.iter().any(|transfer| transfer.size() > 1 << 20)
    }

    /// Whether all answers hold URLs of the origin server.
    pub fn has_urls(&self) -> bool {
        let urls = [Transfer::Metadata, Transfer::LongMetadata];
        self.transfers.iter().all(|transfer| urls.contains(transfer))
    }
}

impl Flow {
    /// Whether callers speak TLS.
    pub fn has_tls_callers(self) -> bool {
        matches!(self, Self::CallerTls | Self::BothTls)
    }

    /// Whether the origin server speaks TLS.
    pub fn has_tls_origin(self) -> bool {
        matches!(self, Self::OriginTls | Self::BothTls)
    }
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "plain",
            Self::OriginTls => "origin-tls",
            Self::CallerTls => "caller-tls",
            Self::BothTls => "both-tls",
        })
    }
}

/// Requests under way on one HTTP/2 connection: of a viewer that fetches frames.
pub const STREAMS: usize = 8;
