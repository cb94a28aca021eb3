//! `/metrics` counts what was done, and nobody but the operator names anything in it.

use std::time::Duration;

use gateway_tests::authority::{Answer, RetryAfter};
use gateway_tests::bulk::Pattern;
use gateway_tests::world::Toml;
use gateway_tests::{Bulk, Connection, RawCaller, Recorder, Reply, Running, World};
use http::Version;
use http_body_util::BodyExt;

use super::exposition::Exposition;

#[tokio::test]
async fn it_is_sound_before_anything_was_done() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    world.authority.hold();
    let gateway = world.start(&world.toml(recorder.url()));

    let metrics = read(&gateway).await;

    assert_eq!(metrics.sum("transactions_total", &[]), 0.0);
    assert_eq!(metrics.only("token_life_left_seconds", &[]), Some(0.0));
    assert_eq!(metrics.only("token_age_seconds", &[]), None, "there is none that could be old");
    assert_eq!(metrics.only("log_lines_dropped_total", &[]), Some(0.0));
}

#[tokio::test]
async fn it_counts_transactions_and_every_byte() {
    let world = World::new().await;
    let bulk = Bulk::start(world.check(), None).await.unwrap();
    let route = "allow = [\"retrieve\", \"store\"]\nmax_body_bytes = 3000000".to_owned();
    let gateway = world.start_ready(&Toml { route, ..world.toml(bulk.base_url()) }).await;
    let mut answered = 0;
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let caller = Connection::open(gateway.address(), version).await.unwrap();
        for size in [0, 1, 1_234_567] {
            let path = format!("/dicom-web/studies/1.2/series/3/instances/{size}");
            assert_eq!(caller.fetch(&path).await.unwrap().1.len(), size);
            let body = Pattern::new(size as u64);
            let stored = caller.send("POST", "/dicom-web/studies", body).await.unwrap();
            answered += stored.into_body().collect().await.unwrap().to_bytes().len();
        }
        assert_eq!(caller.fetch("/dicom-web/studies").await.unwrap().0, 403);
        assert_eq!(caller.fetch("/dicom-web/nothing").await.unwrap().0, 404);
        assert_eq!(caller.fetch("/elsewhere").await.unwrap().0, 404);
    }
    let caller = Connection::open(gateway.address(), Version::HTTP_2).await.unwrap();
    let large = caller.send("POST", "/dicom-web/studies", Pattern::new(3_000_001)).await;
    assert_eq!(large.unwrap().status(), 413);
    drop(gateway.admin("/live").await);

    let metrics = settled(&gateway, 19.0).await;

    let counted = |labels: &[(&str, &str)]| metrics.sum("transactions_total", labels);
    let (here, nowhere) = (("route", "/dicom-web"), ("route", ""));
    for (count, route, transaction, status, blame) in [
        (6.0, here, "retrieve", "200", ""),
        (6.0, here, "store", "200", ""),
        (2.0, here, "search", "403", "caller"),
        (2.0, here, "", "404", "caller"),
        (2.0, nowhere, "", "404", "caller"),
        (1.0, here, "store", "413", "caller"),
    ] {
        let labels = [route, ("transaction", transaction), ("status", status), ("blame", blame)];
        assert_eq!(counted(&labels), count, "{labels:?}");
    }
    assert_eq!(counted(&[]), 19.0);
    let retrieve = [here, ("transaction", "retrieve")];
    let store = [here, ("transaction", "store")];
    assert_eq!(metrics.only("sent_bytes_total", &retrieve), Some(2.0 * 1_234_568.0));
    assert_eq!(metrics.only("received_bytes_total", &retrieve), Some(0.0));
    assert_eq!(metrics.only("received_bytes_total", &store), Some(2.0 * 1_234_568.0));
    let sent = metrics.only("sent_bytes_total", &store).unwrap();
    assert!(sent > answered as f64, "the answers, and a refusal: {sent}");
    for (class, count) in [("retrieve", 6.0), ("store", 7.0), ("search", 2.0)] {
        let labels = [here, ("transaction", class)];
        assert_eq!(metrics.only("transaction_duration_seconds_count", &labels), Some(count));
        let seconds = metrics.only("transaction_duration_seconds_sum", &labels).unwrap();
        assert!(seconds > 0.0 && seconds < 30.0, "{class}: {seconds}");
    }
}

#[tokio::test]
async fn it_blames_the_guilty() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let route = "response_timeout_secs = 0.3".to_owned();
    let gateway = world.start_ready(&Toml { route, ..world.toml(recorder.url()) }).await;
    let caller = Connection::open(gateway.address(), Version::HTTP_2).await.unwrap();
    let search = async || caller.fetch("/dicom-web/studies").await;
    recorder.reply_next(Reply::Bytes(reply("500 Oh", "")));
    assert_eq!(search().await.unwrap().0, 500);
    recorder.reply_next(Reply::Stall);
    assert_eq!(search().await.unwrap().0, 504);
    recorder.reply_next(Reply::Bytes(reply("799 Odd", "")));
    assert_eq!(search().await.unwrap().0, 502);
    let head = "HTTP/1.1 200 OK\r\n".to_owned();
    recorder.reply_next(Reply::Truncate { head, body: b"half".into(), declared: 8 });
    assert!(search().await.is_err());
    recorder.stop().await;
    assert_eq!(search().await.unwrap().0, 502);
    world.authority.reject_secret();
    let id = "22222222-2222-2222-2222-222222222222".to_owned();
    let stranger = Toml { id, ..world.toml(recorder.url()) };
    gateway.reload(world.config(&stranger)).unwrap();
    assert_eq!(search().await.unwrap().0, 500);
    world.authority.stop().await;
    let id = "33333333-3333-3333-3333-333333333333".to_owned();
    let stranger = Toml { id, ..world.toml(recorder.url()) };
    gateway.reload(world.config(&stranger)).unwrap();
    assert_eq!(search().await.unwrap().0, 503);

    let metrics = settled(&gateway, 7.0).await;
    for (status, blame) in [
        ("500", ""),
        ("504", "origin"),
        ("502", "origin"),
        ("200", "origin"),
        ("500", "gateway"),
        ("503", "authority"),
    ] {
        let count = if status == "502" { 2.0 } else { 1.0 };
        let labels = [("status", status), ("blame", blame), ("transaction", "search")];
        assert_eq!(metrics.only("transactions_total", &labels), Some(count), "{labels:?}");
    }
}

#[tokio::test]
async fn nothing_that_a_caller_or_origin_server_says_becomes_a_label() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let gateway = world.start_ready(&world.toml(recorder.url())).await;
    for request in [
        "CANARY /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /canary HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /dicom-web/studies/1.2/canary HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /dicom-web/studies/1.2.canary HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /dicom-web/studies?PatientName=canary HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /dicom-web/studies HTTP/1.1\r\nHost: canary.example\r\n\r\n",
        "GET /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\nX-Canary: canary\r\n\r\n",
        "GET /dicom-web/\"canary\\ HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ] {
        let mut caller = RawCaller::connect(gateway.address()).await.unwrap();
        caller.send(request).await.unwrap();
        assert!(caller.read_response().await.unwrap().status > 0);
    }
    for status in ["299 Canary", "418 Canary", "599 Canary", "799 Canary", "999 Canary"] {
        recorder.reply_next(Reply::Bytes(reply(status, "X-Canary: canary\r\n")));
        let mut caller = RawCaller::connect(gateway.address()).await.unwrap();
        caller.send("GET /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        assert!(caller.read_response().await.unwrap().status > 0);
    }

    let (_, text) = gateway.admin("/metrics").await;
    assert!(!text.to_lowercase().contains("canary"), "{text}");
    let closed: [(&str, &[&str]); 4] = [
        ("route", &["/dicom-web", ""]),
        ("transaction", &["search", "retrieve", "store", "delete", "worklist", "manage", ""]),
        ("blame", &["caller", "gateway", "authority", "origin", ""]),
        ("status", &["200", "400", "404", "421", "501", "502", "other"]),
    ];
    for sample in &Exposition::read(&text).samples {
        for (label, values) in closed {
            let value = sample.labels.get(label).map_or("", String::as_str);
            assert!(value.is_empty() || values.contains(&value), "{label}={value}");
        }
    }
    let metrics = Exposition::read(&text);
    assert_eq!(metrics.sum("transactions_total", &[("status", "other")]), 3.0, "{text}");
}

#[tokio::test]
async fn it_tells_how_the_token_is() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    world.authority.set_lifetime(Duration::from_secs(3600));
    world.authority.set_refresh_in(Some(Duration::from_secs(1)));
    world.authority.answer_next(1, Answer::unavailable());
    world.authority.answer_next(1, Answer::default());
    world.authority.answer_with(Answer::throttled(RetryAfter::Seconds(60)));
    let gateway = world.start_ready(&world.toml(recorder.url())).await;
    let labels = [("client", "default"), ("scope", &*world.authority.scope())];
    let outcome = |metrics: &Exposition, outcome| {
        let labels = [labels[0], labels[1], ("outcome", outcome)];
        metrics.only("token_acquisitions_total", &labels)
    };

    let metrics = loop {
        let metrics = read(&gateway).await;
        if metrics.only("token_refresh_failures_total", &labels) == Some(1.0) {
            break metrics;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };

    for (kind, count) in
        [("unavailable", 1.0), ("acquired", 1.0), ("throttled", 1.0), ("refused", 0.0)]
    {
        assert_eq!(outcome(&metrics, kind), Some(count), "{kind}");
    }
    let age = metrics.only("token_age_seconds", &labels).unwrap();
    let left = metrics.only("token_life_left_seconds", &labels).unwrap();
    assert!(age > 0.5 && age < 30.0, "{age}");
    assert!(left > 3500.0 && left < 3570.0, "out of use half a minute before its end: {left}");
    assert_eq!(gateway.admin("/ready").await.0, 200, "the old token is good");
}

#[tokio::test]
async fn a_client_that_changes_amid_a_transfer_is_not_told_twice() {
    let world = World::new().await;
    let bulk = Bulk::start(world.check(), None).await.unwrap();
    let gateway = world.start_ready(&world.toml(bulk.base_url())).await;
    let caller = Connection::open(gateway.address(), Version::HTTP_11).await.unwrap();
    let path = format!("/dicom-web/studies/1.2/series/3/instances/{}", 64 << 20);
    let under_way = caller.get(&path).await.unwrap();

    let client = "timeout_secs = 9".to_owned();
    gateway.reload(world.config(&Toml { client, ..world.toml(bulk.base_url()) })).unwrap();
    gateway.wait_until_ready().await;

    let metrics = read(&gateway).await;
    assert_eq!(metrics.sum("token_acquisitions_total", &[("outcome", "acquired")]), 1.0);
    drop(under_way);
}

#[tokio::test]
async fn clients_that_change_their_names_are_told_by_the_new_ones() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let toml = world.toml(recorder.url());
    let client = |name: &str, timeout: u32| {
        let Toml { token_endpoint, id, .. } = &toml;
        format!(
            "[client.{name}]\ntoken_endpoint = \"{token_endpoint}\"\nid = \"{id}\"\n\
             anchors = \"ca.pem\"\ncredential.secret_file = \"client-secret\"\n\
             timeout_secs = {timeout}\n"
        )
    };
    let route = |name: &str| {
        let Toml { origin, scope, .. } = &toml;
        format!(
            "[[route]]\nprefix = \"/{name}\"\norigin = \"{origin}\"\nscope = \"{scope}\"\n\
             callers = \"anyone\"\nclient = \"{name}\"\n"
        )
    };
    let config = |quick: &str, slow: &str| {
        let head = "[listener]\naddress = \"127.0.0.1:0\"\n[admin]\naddress = \"127.0.0.1:0\"\n\
                    [runtime]\nworkers = 2\n";
        let clients = client(quick, 5) + &client(slow, 9);
        let text = head.to_owned() + &clients + &route("one") + &route("two");
        config::parse(&text, &world.scratch.path().join("gateway.toml")).unwrap().config
    };
    let gateway = world.start_ready(&world.toml(recorder.url())).await;
    gateway.reload(config("one", "two")).unwrap();
    gateway.wait_until_ready().await;

    gateway.reload(config("two", "one")).unwrap();
    gateway.wait_until_ready().await;

    let metrics = read(&gateway).await;
    for client in ["one", "two"] {
        let labels = [("client", client)];
        assert!(metrics.only("token_life_left_seconds", &labels).is_some(), "{client}");
    }
    assert_eq!(metrics.only("token_life_left_seconds", &[("client", "default")]), None);
}

#[tokio::test]
async fn connections_are_counted_while_they_are_open() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let route = "idle_timeout_secs = 0.5".to_owned();
    let gateway = world.start_ready(&Toml { route, ..world.toml(recorder.url()) }).await;
    let mut open = Vec::new();
    for version in [Version::HTTP_11, Version::HTTP_2, Version::HTTP_11] {
        let caller = Connection::open(gateway.address(), version).await.unwrap();
        assert_eq!(caller.fetch("/dicom-web/studies").await.unwrap().0, 200);
        open.push(caller);
    }
    let callers = [("side", "caller")];
    assert_eq!(read(&gateway).await.only("connections", &callers), Some(3.0));

    drop(open);
    until(&gateway, |metrics| metrics.sum("connections", &[]) == 0.0).await;

    let metrics = read(&gateway).await;
    assert_eq!(metrics.only("connections_total", &callers), Some(3.0));
    let origins = metrics.only("connections_total", &[("side", "origin")]).unwrap();
    assert!((1.0..=3.0).contains(&origins), "{origins}");
    assert_eq!(metrics.sum("connections_refused_total", &[]), 0.0);
}

async fn read(gateway: &Running) -> Exposition {
    let (status, text) = gateway.admin("/metrics").await;
    assert_eq!(status, 200);
    Exposition::read(&text)
}

/// Once so many transactions have ended: that is shortly after the caller has its answer.
async fn settled(gateway: &Running, transactions: f64) -> Exposition {
    until(gateway, |metrics| metrics.sum("transactions_total", &[]) >= transactions).await;
    read(gateway).await
}

async fn until(gateway: &Running, is_so: impl Fn(&Exposition) -> bool) {
    let waited = async {
        while !is_so(&read(gateway).await) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(30), waited).await;
    if waited.is_err() {
        panic!("waited in vain:\n{}", gateway.admin("/metrics").await.1);
    }
}

fn reply(status: &str, fields: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{fields}Content-Length: 0\r\n\r\n").into()
}
