//! Records for a FHIR server: each of them, once, whatever becomes of it on the way.

use std::collections::BTreeSet;
use std::time::Duration;

use gateway_tests::fhir_server::Trouble;
use gateway_tests::world::Toml;
use gateway_tests::{FhirServer, Recorder, Running, World};
use serde_json::Value;

#[tokio::test]
async fn each_transaction_is_one_audit_event() {
    let scene = Scene::new("").await;
    let gateway = scene.start().await;
    for study in 1..=20 {
        scene.retrieve(&gateway, study).await;
    }
    let events = scene.delivered(20).await;
    assert_eq!(events.len(), 21, "they, and the start");
    assert_eq!(events[0]["type"]["code"], "110100");
    for (event, study) in events[1..].iter().zip(1..) {
        assert_eq!(event["subtype"][0]["code"], "read");
        let identifier = &event["entity"][0]["what"]["identifier"];
        assert_eq!(identifier["value"], format!("urn:oid:1.2.{study}"));
        assert_eq!(event["source"]["observer"]["identifier"]["value"], "gate");
        let profile = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.Read";
        assert_eq!(event["meta"]["profile"][0], profile);
    }
    let posted = scene.server.posted();
    assert!(posted.iter().any(|request| request.count > 1), "some came together");
    assert!(posted.iter().all(|request| !request.headers.contains_key("authorization")));
    gateway.drain().await;
    let events = scene.server.stored();
    assert_eq!(events.last().unwrap()["subtype"][0]["code"], "110121", "the end, too");
}

#[tokio::test]
async fn an_outage_loses_nothing_and_tells_nothing_twice() {
    let scene = Scene::new("").await;
    let gateway = scene.start().await;
    scene.retrieve(&gateway, 1).await;
    scene.delivered(1).await;
    scene.server.down().await;
    for study in 2..=40 {
        scene.retrieve(&gateway, study).await;
    }
    failed(&gateway, 2).await;
    scene.server.up();
    scene.delivered(40).await;
    gateway.drain().await;
}

#[tokio::test]
async fn what_is_no_acknowledgement_is_none() {
    let scene = Scene::new("timeout_secs = 1").await;
    let gateway = scene.start().await;
    let troubles = [
        Trouble::Garbage,
        Trouble::NoBundle,
        Trouble::Short,
        Trouble::Redirect,
        Trouble::Status(401),
        Trouble::Status(403),
        Trouble::Status(500),
        Trouble::Status(429),
        Trouble::BreakOff,
        Trouble::Stall,
    ];
    for (index, trouble) in troubles.into_iter().enumerate() {
        scene.server.trouble([trouble]);
        for study in 2 * index + 1..=2 * index + 2 {
            scene.retrieve(&gateway, study).await;
        }
        scene.delivered(2 * index + 2).await;
    }
    assert!(scene.server.posted().iter().all(|request| !request.path.contains("elsewhere")));
    gateway.drain().await;
}

#[tokio::test]
async fn of_a_batch_that_was_taken_in_part_only_the_rest_is_sent_again() {
    let scene = Scene::new("").await;
    scene.server.trouble([Trouble::Half, Trouble::Half]);
    scene.server.down().await;
    let gateway = scene.start().await;
    for study in 1..=30 {
        scene.retrieve(&gateway, study).await;
    }
    scene.server.up();
    scene.delivered(30).await;
    gateway.drain().await;
}

#[tokio::test]
async fn what_could_not_be_sent_is_sent_after_a_restart() {
    let scene = Scene::new("").await;
    scene.server.down().await;
    let gateway = scene.start().await;
    for study in 1..=10 {
        scene.retrieve(&gateway, study).await;
    }
    gateway.drain().await;
    let gateway = scene.start().await;
    scene.retrieve(&gateway, 11).await;
    scene.server.up();
    scene.delivered(11).await;
    gateway.drain().await;
}

#[tokio::test]
async fn a_record_that_is_refused_for_ever_is_set_aside_and_the_others_go_on() {
    let scene = Scene::new("").await;
    scene.server.refuse("urn:oid:1.2.7\"");
    let gateway = scene.start().await;
    for study in 1..=10 {
        scene.retrieve(&gateway, study).await;
    }
    scene.server.wait_for_stored(10).await;
    counted(&gateway, "set_aside_total", 1).await;
    let queue = std::fs::read_dir(scene.world.scratch.path().join("queue")).unwrap();
    let aside = queue.map(|file| file.unwrap().path());
    let aside =
        aside.filter(|path| path.to_string_lossy().contains("refused-")).collect::<Vec<_>>();
    let [aside] = &aside[..] else { panic!("{aside:?}") };
    let aside = std::fs::read_to_string(aside).unwrap();
    assert!(aside.lines().count() == 1 && aside.contains("\"1.2.7\""), "{aside}");
    assert_eq!(scene.server.stored().len(), 10, "nine retrievals and the start");
    gateway.drain().await;
}

#[tokio::test]
async fn a_token_is_sent_where_one_is_wanted_and_replaced_once_it_is_not_taken() {
    let scene = Scene::new("client = \"default\"\nscope = \"SCOPE\"").await;
    scene.server.demand(scene.world.check());
    let gateway = scene.start().await;
    scene.retrieve(&gateway, 1).await;
    scene.delivered(1).await;
    let sent = |request: &gateway_tests::fhir_server::Posted| {
        let value = request.headers.get("authorization").unwrap().to_str().unwrap();
        value.strip_prefix("Bearer ").unwrap().to_owned()
    };
    let first = sent(scene.server.posted().last().unwrap());
    scene.world.authority.revoke(&first);
    scene.retrieve(&gateway, 2).await;
    scene.delivered(2).await;
    assert_ne!(sent(scene.server.posted().last().unwrap()), first);
    gateway.drain().await;
}

#[tokio::test]
async fn a_server_whose_certificate_has_expired_is_told_nothing() {
    let scene = Scene::new("").await;
    scene.server.down().await;
    let expired = scene.world.ca.expired(&["localhost"]);
    scene.server.show(expired.server_config(&[b"http/1.1"]));
    scene.server.up();
    let gateway = scene.start().await;
    scene.retrieve(&gateway, 1).await;
    failed(&gateway, 1).await;
    assert!(scene.server.posted().is_empty());
    scene.server.down().await;
    let good = scene.world.ca.issue(&["localhost"]);
    scene.server.show(good.server_config(&[b"http/1.1"]));
    scene.server.up();
    scene.delivered(1).await;
    gateway.drain().await;
}

#[tokio::test]
async fn the_certificate_that_is_shown_is_that_of_the_files_now() {
    let scene = Scene::new("identity = { chain = \"own.crt\", key = \"own.key\" }").await;
    let put = |issued: &gateway_tests::Issued| {
        scene.world.scratch.file("own.crt", &issued.chain_pem);
        scene.world.scratch.file("own.key", &issued.key_pem);
    };
    put(&scene.world.ca.expired(&["gate"]));
    scene.server.down().await;
    let asks = scene.world.ca.issue(&["localhost"]);
    scene.server.show(asks.server_config_that_asks(&[b"http/1.1"], &scene.world.ca));
    scene.server.up();
    let gateway = scene.start().await;
    scene.retrieve(&gateway, 1).await;
    failed(&gateway, 1).await;
    put(&scene.world.ca.issue(&["gate"]));
    scene.delivered(1).await;
    assert!(scene.server.posted().iter().all(|request| request.showed));
    gateway.drain().await;
}

/// A gateway that keeps its records in a file and sends them to a FHIR server.
struct Scene {
    world: World,
    origin: Recorder,
    server: FhirServer,
    sink: &'static str,
    http: reqwest::Client,
}

impl Scene {
    /// With these further lines of `[audit.fhir]`.
    async fn new(sink: &'static str) -> Self {
        let (world, origin) = (World::new().await, Recorder::start().await);
        let server = FhirServer::start(&world.ca).await;
        Self { world, origin, server, sink, http: reqwest::Client::new() }
    }

    async fn start(&self) -> Running {
        let url = self.server.url();
        let scope = self.world.authority.scope();
        let sink = self.sink.replace("SCOPE", &scope);
        let more = format!(
            "[audit]\nfile = \"audit.jsonl\"\nqueue = \"queue\"\nsource = \"gate\"\n\
             [audit.fhir]\nurl = \"{url}\"\nanchors = \"ca.pem\"\n{sink}\n"
        );
        let toml = Toml { more, ..self.world.toml(self.origin.url()) };
        self.world.start_ready(&toml).await
    }

    async fn retrieve(&self, gateway: &Running, study: usize) {
        let url = gateway.url(&format!("/dicom-web/studies/1.2.{study}"));
        let response = self.http.get(&url).send().await.unwrap();
        assert_eq!(response.status(), 200);
        // Who does not read the answer is on record as one who left.
        response.bytes().await.unwrap();
    }

    /// The events, once there is one of each of so many transactions: those on record, each once.
    async fn delivered(&self, transactions: usize) -> Vec<Value> {
        let count = |events: &[Value]| events.iter().filter(|event| is_access(event)).count();
        until(async || count(&self.server.stored()) >= transactions).await;
        let events = self.server.stored();
        assert_eq!(count(&events), transactions);
        let ids = events.iter().map(id).collect::<BTreeSet<_>>();
        assert_eq!(ids.len(), events.len(), "nothing twice");
        let records = std::fs::read_to_string(self.world.scratch.path().join("audit.jsonl"));
        let records = records.unwrap();
        let records = records.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let recorded = records.map(|record| record["id"].as_str().unwrap().to_owned());
        assert_eq!(ids, recorded.collect(), "nothing lost");
        events
    }
}

fn is_access(event: &Value) -> bool {
    event["entity"].as_array().unwrap().iter().any(|entity| entity["type"]["code"] == "XrequestId")
}

fn id(event: &Value) -> String {
    let last = event["entity"].as_array().unwrap().last().unwrap();
    last["what"]["identifier"]["value"].as_str().unwrap().to_owned()
}

/// Waits until so many attempts have failed.
async fn failed(gateway: &Running, count: u64) {
    counted(gateway, "failures_total", count).await;
}

/// Waits until the sink's counter of this name has come so far.
async fn counted(gateway: &Running, name: &str, count: u64) {
    let prefix = format!("dicom_gateway_audit_sink_{name}{{");
    until(async || {
        let metrics = gateway.admin("/metrics").await.1;
        let line = metrics.lines().find(|line| line.starts_with(&prefix)).expect(&metrics);
        line.rsplit(' ').next().unwrap().parse::<u64>().unwrap() >= count
    })
    .await;
}

/// Waits until it is so.
async fn until(is_so: impl AsyncFn() -> bool) {
    let waited = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waited).await.expect("it never was so");
}
