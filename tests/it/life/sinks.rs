//! What the sinks of records are believed by, and show: good at the start, and watched like the rest.

use std::time::{Duration, SystemTime};

use gateway_tests::world::Toml;
use gateway_tests::{Recorder, World};

use super::until;

#[tokio::test]
async fn a_sink_that_could_never_be_reached_is_told_before_anything_is_served() {
    let world = World::new().await;
    let issued = world.ca.issue(&["gateway"]);
    let other = world.ca.issue(&["gateway"]);
    for (name, text) in [
        ("own.crt", issued.chain_pem.as_str()),
        ("own.key", &issued.key_pem),
        ("other.key", &other.key_pem),
        ("bad.pem", "no certificate"),
    ] {
        world.scratch.file(name, text);
    }
    for (sink, told) in [
        (
            "[[audit.syslog]]\naddress = \"localhost:1\"\nanchors = \"bad.pem\"",
            "audit.syslog[0].anchors: ",
        ),
        (
            "[[audit.fhir]]\nurl = \"https://localhost\"\nanchors = \"ca.pem\"\n\
             [[audit.fhir]]\nurl = \"https://localhost\"\nanchors = \"ca.pem\"\n\
             identity = { chain = \"own.crt\", key = \"other.key\" }",
            "audit.fhir[1].identity: ",
        ),
        (
            "[[audit.syslog]]\naddress = \"a..b:1\"\nanchors = \"ca.pem\"",
            "audit.syslog[0].address: its host is no name for TLS",
        ),
        ("[[audit.syslog]]\naddress = \"localhost:1\"\nanchors = \"ca.pem\"", ""),
    ] {
        let more = format!("[audit]\nqueue = \"queue\"\n{sink}");
        let config = world.config(&Toml { more, ..world.toml("http://127.0.0.1:1") });
        let checked = tokio::task::spawn_blocking(|| gateway::Server::check(config)).await.unwrap();
        let refusal = checked.err().map_or_else(String::new, |error| error.to_string());
        assert_eq!(refusal.is_empty(), told.is_empty(), "{refusal}");
        assert!(refusal.starts_with(told), "{refusal}");
    }
}

#[tokio::test]
async fn the_end_of_what_a_sink_is_shown_is_seen_from_afar() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let put = |days: u64| {
        let ends = SystemTime::now() + Duration::from_secs(days * 24 * 3600);
        let issued = world.ca.ending(&["gateway"], ends);
        world.scratch.file("own.crt", &issued.chain_pem);
        world.scratch.file("own.key", &issued.key_pem);
    };
    put(10);
    let more = "[audit]\nqueue = \"queue\"\n[audit.syslog]\naddress = \"127.0.0.1:1\"\n\
                anchors = \"ca.pem\"\nidentity = { chain = \"own.crt\", key = \"own.key\" }\n\
                [runtime]\nworkers = 1\nwatch_interval_secs = 0.01";
    let toml = Toml { more: more.into(), ..world.toml(recorder.url()) };
    let gateway = world.start_ready(&toml).await;
    let days_left = async || {
        let metrics = gateway.admin("/metrics").await.1;
        let key = "dicom_gateway_key_material_life_left_seconds{key=\"audit.syslog[0].identity\"} ";
        let line = metrics.lines().find_map(|line| line.strip_prefix(key));
        line.unwrap_or_else(|| panic!("{metrics}")).parse::<f64>().unwrap() / 86_400.0
    };
    assert!((9.0..=10.0).contains(&days_left().await));
    put(20);
    until("the new certificate is seen", async || days_left().await > 19.0).await;
}
