//! What it costs a request to come by its token: to find its route, and to take what lies there.

use std::cell::Cell;
use std::fmt::Write;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BatchSize, BenchmarkId, Criterion};
use futures_util::FutureExt;
use http::HeaderValue;
use tokio::runtime::{self, Runtime};

use crate::build::{Generation, Shared};
use crate::token::AccessToken;

#[test]
fn a_token_at_hand_costs_no_allocation() {
    for clients in [1, 4, FEW, 256] {
        let venue = Venue::with(clients);
        let seen = allocation_counter::measure(|| {
            for _ in 0..REQUESTS {
                black_box(venue.request());
            }
        });
        assert_eq!(seen.count_total, 0, "with {clients} clients");
    }
}

#[test]
fn every_request_of_a_venue_finds_a_token_of_its_own() {
    let venue = Venue::with(FEW);
    let tokens = (0..FEW).map(|_| venue.request());
    let mut values = tokens.map(|token| token.authorization().clone()).collect::<Vec<_>>();
    values.sort_unstable_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    values.dedup();
    assert_eq!(values.len(), FEW);
}

#[test]
fn routes_to_one_origin_server_share_its_connections() {
    let venue = Venue::with(FEW);
    let mut origins = venue.generation.routes.iter().map(|route| &route.origin);
    let first = origins.next().unwrap();
    assert!(origins.all(|other| Arc::ptr_eq(first, other)));
}

#[test]
#[ignore = "measures, which takes two minutes and a compiler that optimizes"]
fn what_a_token_at_hand_costs() {
    let mut criterion = Criterion::default().sample_size(50);
    let mut group = criterion.benchmark_group("token at hand");
    for clients in [1, FEW, FEW + 1, 1_000, MANY] {
        let venue = Venue::with(clients);
        for (whose, paths) in
            [("each in turn", &venue.paths[..]), ("one of them", &venue.paths[..1])]
        {
            let mut paths = paths.iter().cycle();
            group.bench_function(BenchmarkId::new(whose, clients), |bencher| {
                // A request's path was read just before: it is near, whatever else is not.
                bencher.iter_batched_ref(
                    || paths.next().cloned().unwrap(),
                    |path| venue.ask(path),
                    BatchSize::NumIterations(64),
                );
            });
        }
    }
}

#[test]
#[ignore = "for callgrind, which counts instructions"]
fn a_thousand_requests_of_one_client() {
    let venue = Venue::with(1);
    (0..REQUESTS).for_each(|_| drop(venue.request()));
}

#[test]
#[ignore = "for callgrind, which counts instructions"]
fn a_thousand_requests_of_ten_thousand_clients() {
    let venue = Venue::with(MANY);
    (0..REQUESTS).for_each(|_| drop(venue.request()));
}

/// A configuration of many clients with a route each, as published; all tokens have come.
struct Venue {
    generation: Generation,
    /// A request's path for each route, in no order.
    paths: Vec<String>,
    next: Cell<usize>,
    /// Never driven: nothing here has to be acquired.
    _runtime: Runtime,
}

impl Venue {
    fn with(clients: usize) -> Self {
        let runtime = runtime::Builder::new_current_thread().build().unwrap();
        let text = configuration(clients);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let loaded = config::parse_with(&text, &folder.join("gateway.toml"), |_| None);
        let config = loaded.unwrap_or_else(|error| panic!("{error}")).config;
        let shared = Shared::new(runtime.handle().clone());
        let generation = Generation::build(config, &shared, None);
        let generation = generation.unwrap_or_else(|problems| panic!("{problems:?}"));
        for (index, slot) in generation.routes.slots().iter().enumerate() {
            let value = HeaderValue::try_from(format!("Bearer {index:01500}")).unwrap();
            let life = Duration::from_secs(86_400);
            slot.put(AccessToken::new(value, life, None, 20, Instant::now()));
        }
        let mut paths = (0..clients).map(|index| prefix(index) + BELOW).collect::<Vec<_>>();
        fastrand::Rng::with_seed(7).shuffle(&mut paths);
        Self { generation, paths, next: Cell::new(0), _runtime: runtime }
    }

    /// The next request, on another route than the last one.
    fn request(&self) -> Arc<AccessToken> {
        let next = self.next.get();
        self.next.set(if next + 1 == self.paths.len() { 0 } else { next + 1 });
        self.ask(&self.paths[next])
    }

    /// As a request does it; a function of its own, for callgrind to find.
    #[inline(never)]
    fn ask(&self, path: &str) -> Arc<AccessToken> {
        let routes = &self.generation.routes;
        let route = routes.at(routes.find(path).unwrap());
        route.source.slot().unwrap().token().now_or_never().unwrap().unwrap()
    }
}

/// Its secret is never read, so any file will do that is there.
fn configuration(clients: usize) -> String {
    let mut text = String::from(
        "[listener]\naddress = \"127.0.0.1:0\"\n[admin]\naddress = \"127.0.0.1:0\"\n\
                      [runtime]\ndanger_loose_key_files = true\n",
    );
    for index in 0..clients {
        let prefix = prefix(index);
        write!(
            text,
            "[client.c{index}]\n\
             token_endpoint = \"http://127.0.0.1:1/{index}\"\n\
             id = \"{index}\"\n\
             credential.secret_file = \"Cargo.toml\"\n\
             [[route]]\n\
             prefix = \"{prefix}\"\n\
             origin = \"http://127.0.0.1:1\"\n\
             client = \"c{index}\"\n\
             scope = \"https://dicom.example/.default\"\n\
             callers = \"anyone\"\n",
        )
        .unwrap();
    }
    text
}

/// Of the length that such prefixes have, and not all of one.
fn prefix(index: usize) -> String {
    format!("/hospital-{index}/dicom-web")
}

const FEW: usize = 16;
const MANY: usize = 10_000;
const REQUESTS: usize = 1_000;

/// The longest path that viewers ask for.
const BELOW: &str = "/studies/1.3.6.1.4.1.14519.5.2.1.6279.6001.298806137288633453246975630178\
    /series/1.3.6.1.4.1.14519.5.2.1.6279.6001.179049373636438705059720603192\
    /instances/1.3.6.1.4.1.14519.5.2.1.6279.6001.143451261327128179989900675595/frames/1";
