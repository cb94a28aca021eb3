//! The cases, in the order of the report.

use super::Flow::{BothTls, CallerTls, OriginTls, Plain};
use super::{Case, Figure, Flow, Manner, Transfer};

/// All of them.
pub const CASES: [Case; 35] = [
    small("json-1k", Plain, SEARCH, 20_000),
    Case { pace: Some(5_000), ..small("json-1k-paced", Plain, SEARCH, 5_000) },
    small("json-1k/origin-tls", OriginTls, SEARCH, 20_000),
    small("json-1k/both-tls", BothTls, SEARCH, 20_000),
    http2("json-1k/http2", SEARCH, 8, 20_000),
    small("json-50k", Plain, METADATA, 10_000),
    small("json-50k/origin-tls", OriginTls, METADATA, 10_000),
    small("json-50k/both-tls", BothTls, METADATA, 10_000),
    large("json-20m", Plain, &[Transfer::LongMetadata], 4, 32),
    large("frame-512k", Plain, FRAME, 16, 2_048),
    large("frame-512k/origin-tls", OriginTls, FRAME, 16, 1_024),
    large("frame-512k/caller-tls", CallerTls, FRAME, 16, 1_024),
    large("frame-512k/both-tls", BothTls, FRAME, 16, 1_024),
    Case { figure: Figure::PerGib, ..http2("frame-512k/http2", FRAME, 2, 1_024) },
    large("get-100m", Plain, INSTANCE, 4, 8),
    large("get-100m/origin-tls", OriginTls, INSTANCE, 4, 8),
    large("get-100m/both-tls", BothTls, INSTANCE, 4, 8),
    large("post-100m", Plain, STORE, 4, 8),
    large("post-100m/origin-tls", OriginTls, STORE, 4, 8),
    large("post-100m/caller-tls", CallerTls, STORE, 4, 8),
    large("post-100m/both-tls", BothTls, STORE, 4, 8),
    Case {
        manner: Manner::Fresh,
        connections: 16,
        ..small("handshake/caller-tls", CallerTls, SEARCH, 2_000)
    },
    study("study", Plain),
    study("study/both-tls", BothTls),
    http2("study/http2", STUDY, 1, 500),
    memory("memory-get", Plain, INSTANCE, Manner::Steady),
    memory("memory-get-slow", Plain, INSTANCE, Manner::Halting),
    memory("memory-post", Plain, STORE, Manner::Steady),
    memory("memory-post-slow", Plain, STORE, Manner::Halting),
    memory("memory-get/both-tls", BothTls, INSTANCE, Manner::Steady),
    memory("memory-get-slow/both-tls", BothTls, INSTANCE, Manner::Halting),
    memory("memory-post/both-tls", BothTls, STORE, Manner::Steady),
    memory("memory-post-slow/both-tls", BothTls, STORE, Manner::Halting),
    idle("idle", Plain),
    idle("idle/caller-tls", CallerTls),
];

const fn small(
    name: &'static str,
    flow: Flow,
    transfers: &'static [Transfer],
    requests: u64,
) -> Case {
    let (manner, figure) = (Manner::Steady, Figure::PerRequest);
    Case { name, flow, transfers, manner, connections: 64, requests, pace: None, figure }
}

const fn large(
    name: &'static str,
    flow: Flow,
    transfers: &'static [Transfer],
    connections: usize,
    requests: u64,
) -> Case {
    Case { connections, figure: Figure::PerGib, ..small(name, flow, transfers, requests) }
}

/// Browsers speak HTTP/2 over TLS only. The origin server of the race speaks HTTP/1.1.
const fn http2(
    name: &'static str,
    transfers: &'static [Transfer],
    connections: usize,
    requests: u64,
) -> Case {
    Case { manner: Manner::Http2, connections, ..small(name, CallerTls, transfers, requests) }
}

/// As many connections as browsers open to one server.
const fn study(name: &'static str, flow: Flow) -> Case {
    Case { connections: 6, ..small(name, flow, STUDY, 500) }
}

const fn memory(
    name: &'static str,
    flow: Flow,
    transfers: &'static [Transfer],
    manner: Manner,
) -> Case {
    Case { manner, figure: Figure::Memory, ..large(name, flow, transfers, 64, 64) }
}

/// One request on each connection, and at a pace at which hardly two of them are under way at once.
const fn idle(name: &'static str, flow: Flow) -> Case {
    let (connections, figure) = (1_000, Figure::Idle);
    Case { connections, figure, pace: Some(2_000), ..small(name, flow, SEARCH, 1_000) }
}

const SEARCH: &[Transfer] = &[Transfer::Search];
const METADATA: &[Transfer] = &[Transfer::Metadata];
const FRAME: &[Transfer] = &[Transfer::Frame];
const INSTANCE: &[Transfer] = &[Transfer::Instance];
const STORE: &[Transfer] = &[Transfer::Store];

/// What OHIF asks for when it opens a study: the study and its series, the metadata of those that are
/// shown, the first frames of these, and in between searches for prior studies.
const STUDY: &[Transfer] = &{
    let mut study = [Transfer::Frame; 50];
    let (mut number, searches) = (0, [0, 1, 16, 26, 36, 46]);
    while number < searches.len() {
        study[searches[number]] = Transfer::Search;
        number += 1;
    }
    let mut number = 2;
    while number < 6 {
        study[number] = Transfer::Metadata;
        number += 1;
    }
    study
};
