//! What is asked of the peers: which request, how many, over which wires.

use std::fmt;

/// One kind of load.
#[derive(Clone, Copy)]
pub struct Case {
    /// As `--cases` and the report call it.
    pub name: &'static str,
    /// How callers and the origin server are reached.
    pub flow: Flow,
    /// What is transferred.
    pub transfer: Transfer,
    /// Connections that callers keep open.
    pub connections: usize,
    /// Requests of one round.
    pub requests: u64,
    /// Requests a second; without it, each connection asks again as soon as it is answered.
    pub pace: Option<u32>,
    /// What is read off at the end.
    pub figure: Figure,
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
}

/// A resource of the origin server, or a store.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Transfer {
    /// A page of search results, 1 KiB.
    Search,
    /// The metadata of a series, 50 KiB.
    Metadata,
    /// The metadata of a study of many series, 20 MiB.
    LongMetadata,
    /// One frame, 512 KiB.
    Frame,
    /// One instance, 100 MiB.
    Instance,
    /// A store of 100 MiB.
    Store,
}

impl Case {
    /// This case with `parts` times less to do.
    pub fn shortened(mut self, parts: u64) -> Self {
        let least = match self.figure {
            Figure::Memory => self.requests,
            Figure::PerRequest | Figure::PerGib => self.connections as u64,
        };
        self.requests = (self.requests / parts).max(least);
        self
    }

    /// Bytes of bodies in one round.
    pub fn bytes(&self) -> u64 {
        self.requests * self.transfer.size()
    }
}

impl Flow {
    /// Whether callers speak TLS.
    pub fn has_tls_callers(self) -> bool {
        self == Self::CallerTls
    }

    /// Whether the origin server speaks TLS.
    pub fn has_tls_origin(self) -> bool {
        self == Self::OriginTls
    }
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "plain",
            Self::OriginTls => "origin-tls",
            Self::CallerTls => "caller-tls",
        })
    }
}

impl Transfer {
    /// Bytes of the body that is transferred.
    pub fn size(self) -> u64 {
        match self {
            Self::Search => 1 << 10,
            Self::Metadata => 50 << 10,
            Self::LongMetadata => 20 << 20,
            Self::Frame => 512 << 10,
            Self::Instance | Self::Store => 100 << 20,
        }
    }

    /// The request's target.
    pub fn path(self) -> &'static str {
        match self {
            Self::Search | Self::Store => "/dicom-web/studies",
            Self::Metadata => "/dicom-web/studies/1.2.3/series/4.5/metadata",
            Self::LongMetadata => "/dicom-web/studies/1.2.3/metadata",
            Self::Frame => "/dicom-web/studies/1.2.3/series/4.5/instances/6.7/frames/1",
            Self::Instance => "/dicom-web/studies/1.2.3/series/4.5/instances/6.7",
        }
    }

    /// What a viewer would ask for.
    pub fn accept(self) -> &'static str {
        match self {
            Self::Search | Self::Metadata | Self::LongMetadata | Self::Store => {
                "application/dicom+json"
            }
            Self::Frame => "multipart/related; type=\"application/octet-stream\"",
            Self::Instance => "multipart/related; type=\"application/dicom\"",
        }
    }
}

/// All of them, in the order of the report.
pub const CASES: [Case; 15] = {
    use Flow::{CallerTls, OriginTls, Plain};
    [
        small("json-1k", Plain, Transfer::Search, 20_000),
        Case {
            pace: Some(5_000),
            requests: 5_000,
            ..small("json-1k-paced", Plain, Transfer::Search, 0)
        },
        small("json-1k/origin-tls", OriginTls, Transfer::Search, 20_000),
        small("json-50k", Plain, Transfer::Metadata, 10_000),
        small("json-50k/origin-tls", OriginTls, Transfer::Metadata, 10_000),
        large("json-20m", Plain, Transfer::LongMetadata, 4, 32),
        large("frame-512k", Plain, Transfer::Frame, 16, 2_048),
        large("frame-512k/origin-tls", OriginTls, Transfer::Frame, 16, 1_024),
        large("frame-512k/caller-tls", CallerTls, Transfer::Frame, 16, 1_024),
        large("get-100m", Plain, Transfer::Instance, 4, 8),
        large("get-100m/origin-tls", OriginTls, Transfer::Instance, 4, 8),
        large("post-100m", Plain, Transfer::Store, 4, 8),
        large("post-100m/origin-tls", OriginTls, Transfer::Store, 4, 8),
        large("post-100m/caller-tls", CallerTls, Transfer::Store, 4, 8),
        Case {
            figure: Figure::Memory,
            ..large("memory-64x100m", Plain, Transfer::Instance, 64, 64)
        },
    ]
};

const fn small(name: &'static str, flow: Flow, transfer: Transfer, requests: u64) -> Case {
    let figure = Figure::PerRequest;
    Case { name, flow, transfer, connections: 64, requests, pace: None, figure }
}

const fn large(
    name: &'static str,
    flow: Flow,
    transfer: Transfer,
    connections: usize,
    requests: u64,
) -> Case {
    Case { name, flow, transfer, connections, requests, pace: None, figure: Figure::PerGib }
}
