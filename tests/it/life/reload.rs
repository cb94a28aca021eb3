//! What a reload changes, what it leaves alone, and what it refuses.

use std::time::Duration;

use gateway_tests::bulk::{Pattern, Sum};
use gateway_tests::world::Toml;
use gateway_tests::{Bulk, Connection, Recorder, World};
use http::Version;

use super::{LARGE, instance, until};

#[tokio::test]
async fn what_cannot_be_built_is_refused_and_the_old_configuration_stays() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let toml = world.toml(recorder.url());
    let gateway = world.start_ready(&toml).await;
    let caller = Connection::open(gateway.address(), Version::HTTP_11).await.unwrap();
    assert_eq!(caller.fetch("/dicom-web/studies").await.unwrap().0, 200);

    world.scratch.file("bad.pem", "no certificate");
    let client = "timeout_secs = 9".to_owned();
    let route = "anchors = \"bad.pem\"\nallow = [\"store\"]".to_owned();
    let wrong = Toml { client, route, ..world.toml("https://localhost:1/v2") };
    let refusal = gateway.reload(world.config(&wrong)).unwrap_err().to_string();

    assert!(refusal.starts_with("route \"/dicom-web\": anchors: "), "{refusal}");
    assert_eq!(caller.fetch("/dicom-web/studies").await.unwrap().0, 200);
    assert_eq!(world.authority.requests(), 1, "nothing was begun with the new one");
    let metrics = gateway.admin("/metrics").await.1;
    assert!(metrics.contains("dicom_gateway_reloads_total{outcome=\"refused\"} 1\n"));
    gateway.reload(world.config(&toml)).unwrap();
    let metrics = gateway.admin("/metrics").await.1;
    assert!(metrics.contains("dicom_gateway_reloads_total{outcome=\"published\"} 1\n"));
}

#[tokio::test]
async fn what_holds_for_the_life_of_the_process_cannot_change() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let toml = Toml { more: "[runtime]\nworkers = 2\n".into(), ..world.toml(recorder.url()) };
    let gateway = world.start_ready(&toml).await;
    let text = toml.text();

    for (old, new, key) in [
        (
            "[listener]\naddress = \"127.0.0.1:0\"",
            "[listener]\naddress = \"127.0.0.1:1\"",
            "listener.address",
        ),
        (
            "[listener]\naddress = \"127.0.0.1:0\"",
            "[listener]\naddress = \"unix:/x\"",
            "listener.address",
        ),
        (
            "[admin]\naddress = \"127.0.0.1:0\"",
            "[admin]\naddress = \"127.0.0.1:1\"",
            "admin.address",
        ),
        ("workers = 2", "workers = 3", "runtime.workers"),
        ("[runtime]", "[log]\nformat = \"json\"\n[runtime]", "log.format"),
        ("[runtime]", "[audit]\nfile = \"audit.jsonl\"\n[runtime]", "audit"),
    ] {
        assert!(text.contains(old));
        // A change that would be seen, beside the one that cannot be had.
        let changed = text.replace(old, new).replace("[[route]]", "[[route]]\nallow = [\"store\"]");
        let path = world.scratch.path().join("gateway.toml");
        let config = config::parse(&changed, &path).unwrap().config;

        let refusal = gateway.reload(config).unwrap_err().to_string();

        assert_eq!(refusal, format!("{key} cannot change while the gateway runs: restart it"));
        let caller = Connection::open(gateway.address(), Version::HTTP_11).await.unwrap();
        assert_eq!(caller.fetch("/dicom-web/studies").await.unwrap().0, 200);
    }
    let metrics = gateway.admin("/metrics").await.1;
    assert!(metrics.contains("dicom_gateway_reloads_total{outcome=\"refused\"} 6\n"));
}

#[tokio::test]
async fn a_new_identity_is_shown_to_those_who_come_and_the_old_ones_stay() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let put = |name: &str| {
        let issued = world.ca.issue(&["localhost"]);
        world.scratch.file(&format!("{name}.crt"), &issued.chain_pem);
        world.scratch.file(&format!("{name}.key"), &issued.key_pem);
    };
    put("tls");
    let listener = "identity = { chain = \"tls.crt\", key = \"tls.key\" }".to_owned();
    let toml = Toml { listener, ..world.toml(recorder.url()) };
    let gateway = world.start_ready(&toml).await;
    let open =
        async |version| Connection::open_tls(gateway.address(), version, &world.ca).await.unwrap();
    let before = [open(Version::HTTP_11).await, open(Version::HTTP_2).await];
    let old = before[0].certificate().unwrap().to_vec();
    assert_eq!(before[1].certificate(), Some(&*old));

    // Half of a rotation: the chain is there, its key is not yet.
    let half = world.ca.issue(&["localhost"]);
    world.scratch.file("tls.crt", &half.chain_pem);
    let refusal = gateway.reload(world.config(&toml)).unwrap_err().to_string();
    assert!(refusal.starts_with("listener.identity: "), "{refusal}");
    assert!(refusal.contains("do not belong together"), "{refusal}");
    assert_eq!(open(Version::HTTP_2).await.certificate(), Some(&*old), "the old one stays whole");

    put("tls");
    gateway.reload(world.config(&toml)).unwrap();

    let after = [open(Version::HTTP_11).await, open(Version::HTTP_2).await];
    let new = after[0].certificate().unwrap();
    assert_ne!(new, old);
    assert_eq!(after[1].certificate(), Some(new));
    for connection in before.iter().chain(&after) {
        assert_eq!(connection.fetch("/dicom-web/studies").await.unwrap().0, 200);
    }
}

#[tokio::test]
async fn a_transfer_of_a_route_that_is_gone_goes_on() {
    for protocols in [None, Some(&[&b"http/1.1"[..]]), Some(&[&b"h2"[..]])] {
        let world = World::new().await;
        let tls = protocols.map(|alpn| world.ca.issue(&["localhost"]).server_config(alpn));
        let bulk = Bulk::start(world.check(), tls).await.unwrap();
        let gateway = world.start_ready(&world.toml(bulk.base_url())).await;
        let caller = Connection::open(gateway.address(), Version::HTTP_11).await.unwrap();
        let response = caller.get(&instance("/dicom-web", LARGE)).await.unwrap();

        let route = "prefix = \"/elsewhere\"".to_owned();
        let elsewhere = Toml { route, ..world.toml("http://127.0.0.1:1/v2") };
        gateway.reload(world.config(&elsewhere)).unwrap();

        let other = Connection::open(gateway.address(), Version::HTTP_11).await.unwrap();
        assert_eq!(other.fetch(&instance("/dicom-web", 10)).await.unwrap().0, 404);
        let sum = Sum::of(response.into_body()).await.unwrap();
        assert_eq!(sum, Pattern::new(LARGE).sum());
        assert_eq!(caller.fetch(&instance("/dicom-web", 10)).await.unwrap().0, 404);
        assert_eq!(other.fetch("/elsewhere/studies").await.unwrap().0, 502);
    }
}

#[tokio::test]
async fn only_a_client_that_changed_needs_a_new_token() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let toml = world.toml(recorder.url());
    let gateway = world.start_ready(&toml).await;
    let caller = Connection::open(gateway.address(), Version::HTTP_2).await.unwrap();
    assert_eq!(caller.fetch("/dicom-web/studies").await.unwrap().0, 200);
    let token = world.authority.last_token().unwrap();

    let route = "prefix = \"/other\"\nallow = [\"search\"]".to_owned();
    gateway.reload(world.config(&Toml { route, ..toml.clone() })).unwrap();
    assert_eq!(caller.fetch("/other/studies").await.unwrap().0, 200);
    assert_eq!(world.authority.requests(), 1, "another route, the same client");

    let id = "11111111-1111-1111-1111-111111111111";
    world.authority.set_client_id(id);
    gateway.reload(world.config(&Toml { id: id.into(), ..toml })).unwrap();
    assert_eq!(caller.fetch("/dicom-web/studies").await.unwrap().0, 200, "who comes waits for it");
    assert_eq!(world.authority.requests(), 2, "another client");

    let sent = recorder.requests();
    let sent = sent.iter().map(|request| request.header("authorization").unwrap().to_owned());
    let new = world.authority.last_token().unwrap();
    let (old, new) = (format!("Bearer {token}"), format!("Bearer {new}"));
    assert_eq!(sent.collect::<Vec<_>>(), [old.clone(), old, new]);
}

#[tokio::test]
async fn a_client_that_is_gone_gets_no_more_tokens_though_its_callers_stay() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    world.authority.set_refresh_in(Some(Duration::from_secs(1)));
    let toml = world.toml(recorder.url());
    let gateway = world.start_ready(&toml).await;
    let mut stay = Vec::new();
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let caller = Connection::open(gateway.address(), version).await.unwrap();
        assert_eq!(caller.fetch("/dicom-web/studies").await.unwrap().0, 200);
        stay.push(caller);
    }

    let new = "11111111-1111-1111-1111-111111111111";
    let requests_of = |id: &str| {
        let forms = world.authority.forms();
        forms.iter().filter(|form| form.field("client_id") == Some(id)).count()
    };
    world.authority.set_client_id(new);
    gateway.reload(world.config(&Toml { id: new.into(), ..toml.clone() })).unwrap();
    until("the new client has its token", async || requests_of(new) == 1).await;
    let old_ones = requests_of(&toml.id);
    until("the new client has renewed it twice", async || {
        stay[0].fetch("/dicom-web/studies").await.unwrap();
        requests_of(new) == 3
    })
    .await;

    assert_eq!(requests_of(&toml.id), old_ones);
    assert!(stay.iter().all(|caller| !caller.is_over()));
}
