//! SIGHUP reloads, SIGTERM drains, a second SIGTERM ends.

use std::time::{Duration, Instant};

use gateway_tests::bulk::{Pattern, Sum};
use gateway_tests::paused::paused;
use gateway_tests::program::Signal;
use gateway_tests::world::Toml;
use gateway_tests::{Bulk, Connection, RawCaller, Recorder, Reply, World};
use http::{Response, StatusCode, Version};
use hyper::body::Incoming;
use tokio::net::TcpStream;

use super::{SEARCH, admin, file, search, serve};

#[tokio::test]
async fn a_wrong_file_changes_nothing_and_its_faults_are_logged() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let good = world.toml(recorder.url());
    let mut program = serve(&world, &good);
    let (callers, operators) = program.addresses().await;
    assert_eq!(search(callers).await, 200);

    let reasons = [
        (Toml { route: "alow = []".into(), ..good.clone() }, "route[0].alow"),
        (Toml { address: "127.0.0.1:1".into(), ..good.clone() }, "listener.address cannot change"),
    ];
    for (count, (wrong, reason)) in reasons.into_iter().enumerate() {
        file(&world, &wrong);
        program.signal(Signal::HUP);
        program.wait_for_lines("the configuration is refused; the old one stays", count + 1).await;
        assert!(program.stderr().contains(reason), "{reason} in\n{}", program.stderr());
        assert_eq!(search(callers).await, 200);
    }
    file(&world, &good);
    world.scratch.file("ca.pem", "no certificate");
    program.signal(Signal::HUP);
    program.wait_for_lines("the configuration is refused; the old one stays", 3).await;
    assert!(program.stderr().contains("client \"default\": anchors: "), "{}", program.stderr());
    assert_eq!(search(callers).await, 200);
    std::fs::remove_file(world.scratch.path().join("gateway.toml")).unwrap();
    program.signal(Signal::HUP);
    program.wait_for_lines("the configuration is refused; the old one stays", 4).await;
    assert_eq!(search(callers).await, 200);

    let metrics = admin(operators, "/metrics").await.1;
    assert!(metrics.contains("dicom_gateway_reloads_total{outcome=\"published\"} 0\n"));
    assert!(metrics.contains("dicom_gateway_reloads_total{outcome=\"refused\"} 4\n"));
}

#[tokio::test]
async fn a_right_file_is_published() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let before = world.toml(recorder.url());
    let mut program = serve(&world, &before);
    let (callers, operators) = program.addresses().await;
    assert_eq!(search(callers).await, 200);

    file(&world, &Toml { route: "allow = [\"store\"]".into(), ..before });
    program.signal(Signal::HUP);
    program.wait_for_line("the configuration is published").await;

    assert_eq!(search(callers).await, 403);
    let metrics = admin(operators, "/metrics").await.1;
    assert!(metrics.contains("dicom_gateway_reloads_total{outcome=\"published\"} 1\n"));
    assert_eq!(world.authority.requests(), 1, "the token survives");
}

#[tokio::test]
async fn a_reload_changes_the_level_of_all_that_is_logged() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let quiet = "[log]\nformat = \"json\"\nlevel = \"error\"\n";
    let quiet = Toml { more: quiet.into(), ..world.toml(recorder.url()) };
    let loud = Toml { more: quiet.more.replace("error", "info"), ..quiet.clone() };
    let mut program = serve(&world, &quiet);
    let (callers, operators) = program.addresses().await;
    assert_eq!(search(callers).await, 200);
    file(&world, &loud);
    program.signal(Signal::HUP);
    program.wait_for_line("the configuration is published").await;
    assert_eq!(search(callers).await, 200);
    program.wait_for_line("\"message\":\"transaction\"").await;

    file(&world, &quiet);
    program.signal(Signal::HUP);
    let published = "dicom_gateway_reloads_total{outcome=\"published\"} 2\n";
    while !admin(operators, "/metrics").await.1.contains(published) {}
    assert_eq!(search(callers).await, 200);
    program.signal(Signal::TERM);

    let ended = program.ended().await;
    assert_eq!(ended.code, Some(0));
    let lines = ended.stderr.lines().filter(|line| line.starts_with('{')).collect::<Vec<_>>();
    let count = |part: &str| lines.iter().filter(|line| line.contains(part)).count();
    assert_eq!(count("transaction"), 1, "{}", ended.stderr);
    assert_eq!(count("is published"), 1, "{}", ended.stderr);
    assert_eq!(count("draining"), 0, "{}", ended.stderr);
    for line in &lines {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
}

#[tokio::test]
async fn signals_are_obeyed_from_the_moment_it_says_that_it_serves() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    for _ in 0..10 {
        let mut program = serve(&world, &world.toml(recorder.url()));
        program.ready_line().await;
        program.signal(Signal::HUP);
        program.signal(Signal::TERM);
        let ended = program.ended().await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn it_says_that_it_is_not_ready_before_it_refuses_anyone() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let more = "[drain]\ndelay_secs = 3\n".into();
    let mut program = serve(&world, &Toml { more, ..world.toml(recorder.url()) });
    let (callers, operators) = program.addresses().await;
    assert_eq!(search(callers).await, 200);
    assert_eq!(admin(operators, "/ready").await.0, 200);

    program.signal(Signal::TERM);
    let signalled = Instant::now();
    let (mut status, mut body) = admin(operators, "/ready").await;
    while status == 200 {
        (status, body) = admin(operators, "/ready").await;
    }

    assert_eq!(status, 503);
    let told = serde_json::from_str::<serde_json::Value>(&body).unwrap();
    assert_eq!((&told["ready"], &told["draining"]), (&false.into(), &true.into()));
    assert_eq!(search(callers).await, 200, "whoever has not heard yet is served");
    assert_eq!(admin(operators, "/live").await.0, 200);
    let ended = program.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(signalled.elapsed() >= Duration::from_secs(3), "it waits for balancers to notice");
    assert!(TcpStream::connect(callers).await.is_err());
}

#[tokio::test]
async fn transfers_in_flight_finish_and_nobody_new_is_let_in() {
    let (world, bulk) = in_bulk().await;
    let allow = "allow = [\"retrieve\", \"store\"]".into();
    let mut program = serve(&world, &Toml { route: allow, ..world.toml(bulk.base_url()) });
    let (callers, operators) = program.addresses().await;
    let mut down = Vec::new();
    let mut up = Vec::new();
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let connection = Connection::open(callers, version).await.unwrap();
        let response = connection.get(&instance(SIZE)).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        down.push((connection, response));

        let connection = Connection::open(callers, version).await.unwrap();
        let (body, pause) = paused(SIZE);
        let sent = tokio::spawn(async move {
            let response = connection.send("POST", "/dicom-web/studies", body).await.unwrap();
            (connection, response)
        });
        pause.reached().await;
        up.push((sent, pause));
    }
    let idle = RawCaller::connect(callers).await.unwrap();

    program.signal(Signal::TERM);
    program.wait_for_line("draining").await;
    let refused = async {
        while TcpStream::connect(callers).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), refused).await.expect("nobody is let in");
    assert_eq!(admin(operators, "/ready").await.0, 503);
    drop(idle);

    let expected = Pattern::new(SIZE).sum();
    for (connection, response) in down {
        assert_eq!(Sum::of(response.into_body()).await.unwrap(), expected);
        drop(connection);
    }
    for (sent, pause) in up {
        pause.end();
        let (connection, response) = sent.await.unwrap();
        assert_eq!(sum(response).await, expected);
        drop(connection);
    }
    let ended = program.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stderr.matches("transaction=").count(), 4, "{}", ended.stderr);
    assert_eq!(ended.stderr.matches(" status=200 ").count(), 4, "{}", ended.stderr);
    assert!(!ended.stderr.contains("blame="), "{}", ended.stderr);
}

#[tokio::test]
async fn transfers_that_take_too_long_are_cut_and_the_exit_code_says_so() {
    let (world, bulk) = in_bulk().await;
    let more = "[drain]\ntimeout_secs = 0.3\n".into();
    let mut program = serve(&world, &Toml { more, ..world.toml(bulk.base_url()) });
    let (callers, _) = program.addresses().await;
    let connection = Connection::open(callers, Version::HTTP_11).await.unwrap();
    let response = connection.get(&instance(SIZE)).await.unwrap();

    program.signal(Signal::TERM);
    let ended = program.ended().await;

    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("transfers were cut off"), "{}", ended.stderr);
    assert!(Sum::of(response.into_body()).await.is_err(), "the caller can tell");
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    for signal in [Signal::TERM, Signal::INT] {
        let (world, recorder) = (World::new().await, Recorder::start().await);
        let mut program = serve(&world, &world.toml(recorder.url()));
        let (callers, _) = program.addresses().await;
        assert_eq!(search(callers).await, 200);
        recorder.reply_with(Reply::Stall);
        let mut caller = RawCaller::connect(callers).await.unwrap();
        caller.send(SEARCH).await.unwrap();
        recorder.wait_for_requests(2).await;

        program.signal(Signal::TERM);
        program.wait_for_line("draining").await;
        program.signal(signal);

        let ended = program.ended().await;
        assert_ne!(ended.code, Some(0), "{}", ended.stderr);
        assert_eq!(caller.read_to_end().await, b"", "no answer, and no end that looks like one");
    }
}

/// A world with an origin server for large bodies.
async fn in_bulk() -> (World, Bulk) {
    let world = World::new().await;
    let bulk = Bulk::start(world.check(), None).await.unwrap();
    (world, bulk)
}

fn instance(size: u64) -> String {
    format!("/dicom-web/studies/1.2/series/3/instances/{size}")
}

async fn sum(response: Response<Incoming>) -> Sum {
    let (_, body) = gateway_tests::connection::whole(response).await.unwrap();
    serde_json::from_slice(&body).unwrap()
}

/// Far more than all buffers on the way.
const SIZE: u64 = 64 << 20;
