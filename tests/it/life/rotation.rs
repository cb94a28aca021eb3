//! Key material is replaced below a running gateway.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use gateway_tests::world::Toml;
use gateway_tests::{Ca, Connection, Issued, Recorder, Running, World, write_private};
use http::Version;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use super::until;

#[tokio::test]
async fn a_hundred_rotations_under_load_harm_nobody() {
    let world = Arc::new(World::new().await);
    let origin = Recorder::start_tls(&world.ca).await;
    let mounted = world.scratch.path().to_owned();
    let put = |number: usize| {
        let issued = world.ca.issue(&["localhost"]);
        // The anchors change as well: another one comes and goes.
        let stranger = if number % 2 == 1 { Ca::new().pem().to_owned() } else { String::new() };
        let anchors = format!("{}{stranger}", world.ca.pem());
        let files = [
            ("tls.crt", issued.chain_pem.as_str()),
            ("tls.key", &issued.key_pem),
            ("anchors.pem", &anchors),
        ];
        if number % 4 == 3 {
            // By somebody who writes in place: chain and key are not of one pair for a while.
            files.iter().for_each(|(name, text)| write_private(&mounted.join(name), text).unwrap());
        } else {
            project(&mounted, number, &files);
        }
        issued
    };
    put(0);
    let toml = Toml {
        route: "anchors = \"anchors.pem\"".into(),
        client: "anchors = \"anchors.pem\"".into(),
        ..watching(&world, origin.url())
    };
    let gateway = Arc::new(world.start_ready(&toml).await);

    let load = Arc::new(Load::default());
    let mut callers = Vec::new();
    for version in [Version::HTTP_11, Version::HTTP_2] {
        for stays in [true, false] {
            let (world, gateway, load) = (world.clone(), gateway.clone(), load.clone());
            callers.push(tokio::spawn(async move {
                call(&world, &gateway, version, stays, &load).await;
            }));
        }
    }
    for number in 1..=100 {
        let before = load.served.load(Ordering::Relaxed);
        let issued = put(number);
        until("the new certificate is shown", async || shows(&world, &gateway, &issued).await)
            .await;
        until("somebody was served since", async || {
            load.served.load(Ordering::Relaxed) > before + 4
        })
        .await;
    }
    load.over.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.expect("no request failed");
    }

    println!("{load:?}, {} connections to the origin server", origin.connections().len());
    assert!(number(&gateway, PUBLISHED).await >= 100);
    assert_eq!(world.authority.requests(), 1, "a token outlives the anchors it was got with");
    let log = gateway.log();
    assert!(!log.contains("blame=origin") && !log.contains("blame=gateway"), "{log}");
}

#[tokio::test]
async fn what_does_not_belong_together_changes_nothing() {
    let (world, origin) = (World::new().await, Recorder::start().await);
    let first = world.ca.issue(&["localhost"]);
    put(&world, &first);
    let gateway = world.start_ready(&watching(&world, origin.url())).await;

    let second = world.ca.issue(&["localhost"]);
    let cut_off = &second.chain_pem[..second.chain_pem.len() / 2];
    for (refusals, (name, text)) in [
        ("tls.crt", second.chain_pem.as_str()),
        ("tls.crt", cut_off),
        ("tls.crt", ""),
        ("tls.key", "-----BEGIN PRIVATE KEY-----\n"),
        ("tls.key", &second.key_pem),
    ]
    .into_iter()
    .enumerate()
    {
        // In one step: a file that is empty for a moment may be found wanting as well.
        let new = world.scratch.file("new", text);
        fs::rename(new, world.scratch.path().join(name)).unwrap();
        until("it is found wanting", async || number(&gateway, REFUSED).await > refusals as u64)
            .await;
        assert!(shows(&world, &gateway, &first).await, "{name}");
    }
    fs::remove_file(world.scratch.path().join("tls.crt")).unwrap();
    until("it is missed", async || number(&gateway, REFUSED).await > 5).await;
    assert!(shows(&world, &gateway, &first).await);

    world.scratch.file("tls.crt", &second.chain_pem);
    until("the second is shown", async || shows(&world, &gateway, &second).await).await;
    assert_eq!(number(&gateway, PUBLISHED).await, 1);
    assert_eq!(gateway.admin("/ready").await.0, 200);
}

#[tokio::test]
async fn new_anchors_decide_on_every_request_after_them() {
    let (world, other) = (World::new().await, Ca::new());
    let origin = Recorder::start_tls(&world.ca).await;
    world.scratch.file("origin.pem", other.pem());
    let toml = Toml { route: "anchors = \"origin.pem\"".into(), ..watched(&world, origin.url()) };
    let gateway = world.start_ready(&toml).await;
    let caller = Connection::open(gateway.address(), Version::HTTP_11).await.unwrap();
    let status = async || caller.fetch("/dicom-web/studies").await.unwrap().0.as_u16();
    assert_eq!(status().await, 502);

    world.scratch.file("origin.pem", world.ca.pem());
    until("the origin server is believed", async || status().await == 200).await;

    world.scratch.file("origin.pem", other.pem());
    // Its connection is alive, and of no use: it was made under other anchors.
    until("the origin server is believed no more", async || status().await == 502).await;
}

#[tokio::test]
async fn an_authority_is_believed_by_its_new_anchors_and_its_token_is_kept_without() {
    let (world, origin) = (World::new().await, Recorder::start().await);
    world.scratch.file("authority.pem", Ca::new().pem());
    let toml =
        Toml { client: "anchors = \"authority.pem\"".into(), ..watched(&world, origin.url()) };
    let gateway = world.start(&toml);
    let caller = Connection::open(gateway.address(), Version::HTTP_11).await.unwrap();
    let status = async || caller.fetch("/dicom-web/studies").await.unwrap().0.as_u16();
    assert_eq!(status().await, 503);

    world.scratch.file("authority.pem", world.ca.pem());
    gateway.wait_until_ready().await;
    assert_eq!(status().await, 200);

    let published = number(&gateway, PUBLISHED).await;
    world.scratch.file("authority.pem", Ca::new().pem());
    until("they are published", async || number(&gateway, PUBLISHED).await > published).await;
    assert_eq!(status().await, 200);
    assert_eq!(world.authority.requests(), 1);
}

#[tokio::test]
async fn it_tells_how_long_key_material_lasts_and_what_has_ended() {
    let (world, origin) = (World::new().await, Recorder::start().await);
    put(&world, &world.ca.ending(&["localhost"], SystemTime::now() + DAY * 5));
    let toml = watching(&world, origin.url());
    let toml = Toml { client: "credential.expires = \"2020-02-29\"".into(), ..toml };
    let client = "credential.secret_file = \"client-secret\"\n".to_owned() + &toml.client;
    let gateway = world.start_ready(&Toml { client, ..toml }).await;

    let days = async |key: &str| days_left(&gateway, key).await;
    assert!((4.9..=5.0).contains(&days("listener.identity").await));
    assert!(days("client.default.anchors").await > 365.0);
    assert!(days("client.default.credential").await < -365.0);
    assert_eq!(ended(&gateway).await, (200, json!(["client.default.credential"])));

    put(&world, &world.ca.expired(&["localhost"]));
    until("it has ended", async || days("listener.identity").await < 0.0).await;
    let both = json!(["listener.identity", "client.default.credential"]);
    assert_eq!(ended(&gateway).await, (200, both), "callers who do not mind are served");
}

#[tokio::test]
async fn a_client_certificate_s_end_is_told_and_follows_its_file() {
    let (world, origin) = (World::new().await, Recorder::start().await);
    let certificate = world.ca.ending(&["gateway"], SystemTime::now() + DAY * 5);
    put(&world, &certificate);
    let pair = "certificate = { chain = \"tls.crt\", key = \"tls.key\" }";
    let soon = "{ secret_file = \"client-secret\", expires = \"2020-02-29\" }";
    let client = format!("credential = [{{ {pair} }}, {soon}]");
    let gateway = world.start_ready(&Toml { client, ..watched(&world, origin.url()) }).await;

    let days = async |key: &str| days_left(&gateway, key).await;
    assert!((4.9..=5.0).contains(&days("client.default.credential[0]").await));
    assert!(days("client.default.credential[1]").await < -365.0);

    let next = world.ca.ending(&["gateway"], SystemTime::now() + DAY * 50);
    world.scratch.file("tls.crt", &next.chain_pem);
    until("half of it is found wanting", async || number(&gateway, REFUSED).await > 0).await;
    world.scratch.file("tls.key", &next.key_pem);
    until("its end is told", async || days("client.default.credential[0]").await > 49.0).await;
    assert_eq!(gateway.admin("/ready").await.0, 200);
}

/// Calls until it is over, on one connection or on a new one each time.
async fn call(world: &World, gateway: &Running, version: Version, stays: bool, load: &Load) {
    let open = async || Connection::open_tls(gateway.address(), version, &world.ca).await.unwrap();
    let mut connection = open().await;
    while !load.over.load(Ordering::Relaxed) {
        if !stays {
            connection = open().await;
            load.handshakes.fetch_add(1, Ordering::Relaxed);
        }
        assert_eq!(connection.fetch("/dicom-web/studies").await.unwrap().0, 200);
        load.served.fetch_add(1, Ordering::Relaxed);
    }
}

#[derive(Debug, Default)]
struct Load {
    over: AtomicBool,
    served: AtomicU64,
    handshakes: AtomicU64,
}

/// Puts files into a folder as a kubelet does: links to links to a folder that is swapped.
fn project(folder: &Path, number: usize, files: &[(&str, &str)]) {
    let version = format!("..{number}");
    fs::create_dir(folder.join(&version)).unwrap();
    for (name, text) in files {
        write_private(&folder.join(&version).join(name), text).unwrap();
    }
    symlink(&version, folder.join("..data_tmp")).unwrap();
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
    for (name, _) in files {
        let link = folder.join(name);
        if !link.is_symlink() {
            symlink(format!("..data/{name}"), link).unwrap();
        }
    }
}

fn put(world: &World, issued: &Issued) {
    world.scratch.file("tls.crt", &issued.chain_pem);
    world.scratch.file("tls.key", &issued.key_pem);
}

async fn shows(world: &World, gateway: &Running, issued: &Issued) -> bool {
    let connection = Connection::open_tls(gateway.address(), Version::HTTP_11, &world.ca).await;
    let expected = CertificateDer::from_pem_slice(issued.chain_pem.as_bytes()).unwrap();
    connection.unwrap().certificate() == Some(&*expected)
}

async fn days_left(gateway: &Running, key: &str) -> f64 {
    let (_, text) = gateway.admin("/metrics").await;
    let part = format!("key_material_life_left_seconds{{key=\"{key}\"}} ");
    let (_, value) = text.split_once(&part).unwrap_or_else(|| panic!("no {key} in\n{text}"));
    value.lines().next().unwrap().parse::<f64>().unwrap() / DAY.as_secs_f64()
}

/// The options that `/ready` says have ended.
async fn ended(gateway: &Running) -> (u16, Value) {
    let (status, body) = gateway.admin("/ready").await;
    (status, serde_json::from_str::<Value>(&body).unwrap()["ended"].clone())
}

async fn number(gateway: &Running, name: &str) -> u64 {
    let (_, text) = gateway.admin("/metrics").await;
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().parse().unwrap()
}

/// A configuration that shows `tls.crt`, and looks at its files all the time.
fn watching(world: &World, origin: String) -> Toml {
    let listener = "identity = { chain = \"tls.crt\", key = \"tls.key\" }".to_owned();
    Toml { listener, ..watched(world, origin) }
}

fn watched(world: &World, origin: String) -> Toml {
    let more = "[runtime]\nworkers = 2\nwatch_interval_secs = 0.01\n".to_owned();
    Toml { more, ..world.toml(origin) }
}

const PUBLISHED: &str = "dicom_gateway_rotations_total{outcome=\"published\"} ";
const REFUSED: &str = "dicom_gateway_rotations_total{outcome=\"refused\"} ";
const DAY: Duration = Duration::from_secs(24 * 3600);
