//! A hundred reloads while callers call.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use gateway_tests::bulk::{Pattern, Sum};
use gateway_tests::connection::whole;
use gateway_tests::world::Toml;
use gateway_tests::{Connection, Recorder, Reply, World};
use http::Version;
use http_body_util::Full;

use super::{in_bulk, instance, stored, until};

#[tokio::test]
async fn a_hundred_reloads_under_load_harm_nobody() {
    let (world, bulk) = in_bulk().await;
    let (first, second) = (Recorder::start().await, Recorder::start().await);
    first.reply_with(reply("first"));
    second.reply_with(reply("second"));
    let bulk = bulk_route(&world, &bulk.base_url());
    let storing = Toml {
        route: "allow = [\"store\"]\nmax_body_bytes = 100".into(),
        more: bulk.clone(),
        ..world.toml(first.url() + "/first")
    };
    let searching = Toml {
        route: "allow = [\"search\"]\nmax_body_bytes = 10".into(),
        more: bulk,
        ..world.toml(second.url() + "/second")
    };
    let gateway = Arc::new(world.start_ready(&storing).await);

    let load = Arc::new(Load::default());
    let mut callers = Vec::new();
    for version in [Version::HTTP_11, Version::HTTP_2] {
        for task in [Task::Small, Task::Small, Task::Retrieve, Task::Store] {
            let connection = Connection::open(gateway.address(), version).await.unwrap();
            callers.push(tokio::spawn(call(connection, task, load.clone())));
        }
    }
    for number in 0..RELOADS {
        let before = load.small.load(Ordering::Relaxed);
        until("somebody was served since", async || {
            load.small.load(Ordering::Relaxed) > before + 8
        })
        .await;
        let toml = if number % 2 == 0 { &searching } else { &storing };
        let (gateway, config) = (gateway.clone(), world.config(toml));
        // Callers go on meanwhile.
        let reload = tokio::task::spawn_blocking(move || gateway.reload(config));
        reload.await.unwrap().unwrap();
        load.reloads.fetch_add(1, Ordering::Relaxed);
    }
    until("transfers have lived through reloads", async || {
        load.survived.load(Ordering::Relaxed) >= 4
    })
    .await;
    load.over.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.expect("no caller met anything that is of neither configuration");
    }

    println!("{RELOADS} reloads, {load:?}, {} token requests", world.authority.requests());
    assert_eq!(world.authority.requests(), 1, "the client is the same: so is its token");
    assert!(
        load.by_first.load(Ordering::Relaxed) > 0 && load.by_second.load(Ordering::Relaxed) > 0
    );
    for (recorder, method) in [(&first, "POST"), (&second, "GET")] {
        let strangers = recorder.requests().into_iter().filter(|r| r.method != method).count();
        assert_eq!(strangers, 0, "an origin server got what its configuration does not allow");
        assert!(recorder.violations().is_empty());
    }
    let metrics = gateway.admin("/metrics").await.1;
    for line in [
        "dicom_gateway_reloads_total{outcome=\"published\"} 100\n",
        "dicom_gateway_reloads_total{outcome=\"refused\"} 0\n",
        "dicom_gateway_connections_total{side=\"caller\"} 8\n",
    ] {
        assert!(metrics.contains(line), "{line} not in\n{metrics}");
    }
    let log = gateway.log();
    assert!(!log.contains("blame=origin") && !log.contains("blame=gateway"), "{log}");
}

#[derive(Clone, Copy)]
enum Task {
    Small,
    Retrieve,
    Store,
}

#[derive(Debug, Default)]
struct Load {
    reloads: AtomicU64,
    over: AtomicBool,
    small: AtomicU64,
    by_first: AtomicU64,
    by_second: AtomicU64,
    transfers: AtomicU64,
    /// Transfers that saw a reload.
    survived: AtomicU64,
}

/// Calls on one connection until it is over. Panics at the first thing that is wrong.
async fn call(connection: Connection, task: Task, load: Arc<Load>) {
    let whole_sum = Pattern::new(SIZE).sum();
    while !load.over.load(Ordering::Relaxed) {
        let before = load.reloads.load(Ordering::Relaxed);
        match task {
            Task::Small => small(&connection, &load).await,
            Task::Retrieve => {
                let response = connection.get(&instance("/bulk", SIZE)).await.unwrap();
                assert_eq!(response.status(), 200);
                assert_eq!(Sum::of(response.into_body()).await.unwrap(), whole_sum);
            }
            Task::Store => {
                let body = Pattern::new(SIZE);
                let response = connection.send("POST", "/bulk/studies", body).await.unwrap();
                assert_eq!(response.status(), 200);
                assert_eq!(stored(response).await, Some(whole_sum));
            }
        }
        if !matches!(task, Task::Small) {
            load.transfers.fetch_add(1, Ordering::Relaxed);
            let survived = u64::from(load.reloads.load(Ordering::Relaxed) > before);
            load.survived.fetch_add(survived, Ordering::Relaxed);
        }
    }
}

/// A store of 50 bytes: the first configuration passes it on, the second one allows no store. A mix
/// of both would find it too large, or send it elsewhere. And a search, the other way round.
async fn small(connection: &Connection, load: &Load) {
    let store = connection.send("POST", "/dicom-web/studies", body()).await.unwrap();
    let (status, by) = whole(store).await.unwrap();
    match (status.as_u16(), &*by) {
        (200, b"first") => load.by_first.fetch_add(1, Ordering::Relaxed),
        (403, _) => load.by_second.fetch_add(1, Ordering::Relaxed),
        other => panic!("neither configuration answers a store with {other:?}"),
    };
    let (status, by) = connection.fetch("/dicom-web/studies").await.unwrap();
    match (status.as_u16(), &*by) {
        (200, b"second") => load.by_second.fetch_add(1, Ordering::Relaxed),
        (403, _) => load.by_first.fetch_add(1, Ordering::Relaxed),
        other => panic!("neither configuration answers a search with {other:?}"),
    };
    load.small.fetch_add(2, Ordering::Relaxed);
}

fn body() -> impl http_body::Body<Data = Bytes, Error = Infallible> + Send + 'static {
    Full::new(Bytes::from_static(&[b'x'; 50]))
}

fn reply(body: &str) -> Reply {
    let length = body.len();
    Reply::Bytes(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}").into())
}

/// A second route, the same in both configurations.
fn bulk_route(world: &World, origin: &str) -> String {
    format!(
        "[[route]]\nprefix = \"/bulk\"\norigin = \"{origin}\"\nscope = \"{}\"\n\
         callers = \"anyone\"\nallow = [\"retrieve\", \"store\"]\n",
        world.authority.scope()
    )
}

const RELOADS: usize = 100;

/// Many times what fits into the buffers on the way.
const SIZE: u64 = 16 << 20;
