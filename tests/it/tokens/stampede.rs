//! Many callers, one token request.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use gateway_tests::origin::{Options, OriginServer, Store};
use gateway_tests::world::Toml;
use gateway_tests::{RawCaller, World};
use http::Request;
use tokio::net::TcpStream;

use super::{Caller, Scene, TAGS, checked, checking_origin, metric, soon, until};

#[tokio::test]
async fn ten_thousand_cold_requests_cost_one_token_request() {
    let world = World::new().await;
    // Over TLS, where HTTP/2 spares the origin server ten thousand connections.
    let tls = world.ca.issue(&["localhost"]).server_config(&[b"h2"]);
    let options = Options { check: world.check(), tls: Some(tls), store: Store::default() };
    let origin = OriginServer::start(options).await.unwrap();
    world.authority.hold();
    let toml = Toml { listener: "max_streams = 50".to_owned(), ..checked(&world, &origin) };
    let gateway = world.start(&Toml { client: "timeout_secs = 60".to_owned(), ..toml });
    let started = Instant::now();

    let crowd = soon(join_all((0..200).map(|_| Crowd::gather(gateway.address(), 50)))).await;
    let gathered = started.elapsed();
    assert_eq!((world.authority.requests(), world.authority.in_flight()), (1, 1));
    assert_eq!(origin.requests().len(), 0);

    world.authority.release_all();
    let statuses = soon(join_all(crowd.into_iter().map(Crowd::statuses))).await.concat();

    eprintln!("gathered in {gathered:?}, served after {:?}", started.elapsed());
    assert_eq!(statuses.len(), 10_000);
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    assert_eq!((world.authority.requests(), origin.requests().len()), (1, 10_000));
}

#[tokio::test]
async fn callers_on_a_stale_token_cost_one_refresh_and_none_waits() {
    let scene = Scene::new().await;
    let authority = &scene.world.authority;
    authority.set_refresh_in(Some(Duration::from_secs(1)));
    let gateway = scene.world.start_ready(&scene.toml()).await;
    let old = authority.last_token().unwrap();
    authority.hold();
    // It is stale from here on.
    soon(authority.wait_for_in_flight(1)).await;

    let callers = (0..20).map(|_| async { Caller::of(&gateway).search().await.is_ok() });
    join_all(callers).await;

    assert_eq!((authority.requests(), authority.in_flight()), (2, 1), "nobody waited for it");
    assert_eq!(scene.brought(), vec![old.clone(); 20]);
    authority.set_refresh_in(None);
    authority.release_all();
    let caller = Caller::of(&gateway);
    until(async || {
        caller.search().await.is_ok();
        scene.brought().last() != Some(&old)
    })
    .await;
    assert_eq!((authority.requests(), authority.max_in_flight()), (2, 1));
}

#[tokio::test]
async fn the_first_callers_hanging_up_takes_nothing_from_the_second() {
    let scene = Scene::new().await;
    let authority = &scene.world.authority;
    authority.hold();
    let gateway = scene.world.start(&scene.toml());
    let mut first = RawCaller::connect(gateway.address()).await.unwrap();
    first.send("GET /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let caller = Caller::of(&gateway);
    let mut second = Box::pin(caller.search());
    tokio::select! {
        told = &mut second => panic!("held, and yet: {told:?}"),
        () = soon(authority.wait_for_in_flight(1)) => {}
    }

    first.reset();
    let left = "transactions_total{route=\"/dicom-web\",transaction=\"search\",status=\"499\"";
    tokio::select! {
        told = &mut second => panic!("held, and yet: {told:?}"),
        () = until(async || gateway.admin("/metrics").await.1.contains(left)) => {}
    }
    authority.release_all();

    second.await.is_ok();
    assert_eq!(authority.requests(), 1);
    assert_eq!(scene.recorder.requests().len(), 1);
}

#[tokio::test]
async fn a_hundred_callers_with_a_revoked_token_cost_one_acquisition_and_notice_nothing() {
    let world = World::new().await;
    let origin = checking_origin(&world).await;
    let gateway = world.start_ready(&checked(&world, &origin)).await;
    world.authority.revoke(&world.authority.last_token().unwrap());

    let caller = Caller::of(&gateway);
    join_all((0..100).map(|_| async { caller.get(TAGS).await.is_ok() })).await;

    assert_eq!(world.authority.requests(), 2);
    assert_eq!(metric(&gateway, "outcome=\"acquired\"").await, 2.0);
}

/// A connection with requests on it whose answers have not come.
struct Crowd {
    answers: Vec<h2::client::ResponseFuture>,
    _sender: h2::client::SendRequest<bytes::Bytes>,
}

impl Crowd {
    /// Returns once the gateway has taken up all requests of this connection.
    async fn gather(address: SocketAddr, size: usize) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let (sender, mut connection) = h2::client::handshake(stream).await.unwrap();
        let mut ping = connection.ping_pong().unwrap();
        tokio::spawn(connection);
        let mut sender = sender.ready().await.unwrap();
        let mut answers = Vec::new();
        for _ in 0..size {
            let request = Request::get(format!("http://{address}{TAGS}"));
            let request = request.header("accept", "application/json").body(()).unwrap();
            let (answer, _) = sender.send_request(request, true).unwrap();
            answers.push(answer);
            sender = sender.ready().await.unwrap();
        }
        // The first is answered when all before it has been read; the second, when what came of it
        // has had its turn.
        for _ in 0..2 {
            ping.ping(h2::Ping::opaque()).await.unwrap();
        }
        Self { answers, _sender: sender }
    }

    async fn statuses(self) -> Vec<u16> {
        join_all(
            self.answers.into_iter().map(async |answer| answer.await.unwrap().status().as_u16()),
        )
        .await
    }
}
