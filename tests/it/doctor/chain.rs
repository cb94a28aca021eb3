//! Certificates: each of a server's chain, and that which a server wants to see of the gateway.

use std::time::{Duration, SystemTime};

use gateway_tests::{Ca, Issued, Recorder};
use rcgen::{BasicConstraints, CertificateParams, IsCa};
use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};

use super::odd::Odd;
use super::way::{both_ways, server};
use super::*;

#[tokio::test]
async fn a_whole_chain_is_told_with_its_length_and_its_first_end() {
    let world = World::new().await;
    let between = world.ca.intermediate("issuing");
    let server = server(between.issue(&["localhost"])).await;

    let found = diagnose(&world, &world.toml(server.base_url())).await;

    found.tells(("route /dicom-web", "tls"), "ok", ("of CN=issuing, ", ""));
    let tls = found.one("route /dicom-web", "tls");
    assert!(text(tls, "says").ends_with("days left, chain of 2"), "{tls}");
    assert_eq!(tls["facts"]["chain"], 2, "{tls}");
    assert!(tls["facts"]["first_end"].is_string(), "{tls}");
}

#[tokio::test]
async fn a_chain_of_which_another_ends_first_is_a_warning() {
    let world = World::new().await;
    let between = world.ca.intermediate_as("issuing", |certificate| ends_in(certificate, 3));
    let server = server(between.issue(&["localhost"])).await;

    let found = diagnose(&world, &world.toml(server.base_url())).await;

    let says = ("of which that of CN=issuing has 3 days left", "newer one of that authority");
    found.tells(("route /dicom-web", "tls"), "warn", says);
    assert_eq!(found.one("route /dicom-web", "tls")["facts"]["days_left"], 3);
}

#[tokio::test]
async fn one_that_nobody_needs_and_that_has_ended_is_a_warning() {
    let world = World::new().await;
    let mut issued = world.ca.issue(&["localhost"]);
    issued.chain_pem += &world.ca.expired(&["old"]).chain_pem;
    let server = server(issued).await;

    let found = diagnose(&world, &world.toml(server.base_url())).await;

    found.tells(("route /dicom-web", "tls"), "warn", ("ended 2020-01-01", "does not need"));
}

#[tokio::test]
async fn a_certificate_between_that_has_ended_is_told_by_its_name() {
    let world = World::new().await;
    let between = world.ca.intermediate_as("issuing", |certificate| ends_in(certificate, -9));
    let server = server(between.issue(&["localhost"])).await;
    let says = ("tls", "that of CN=issuing did", "its own certificate may stay");
    both_ways((&world, &server.base_url()), "ca.pem", says).await;
}

#[tokio::test]
async fn a_chain_that_lacks_what_is_between_is_told_so() {
    let world = World::new().await;
    let mut issued = world.ca.intermediate("issuing").issue(&["localhost"]);
    let second = issued.chain_pem.rfind("-----BEGIN").unwrap();
    issued.chain_pem.truncate(second);
    let server = server(issued).await;
    let says = (
        "tls",
        "issued by CN=issuing, leads to no root that is trusted, and it came alone",
        "the gateway never does",
    );
    both_ways((&world, &server.base_url()), "ca.pem", says).await;
}

#[tokio::test]
async fn a_chain_to_a_root_that_nobody_trusts_is_told_with_its_end() {
    let world = World::new().await;
    let issued = Ca::named("clinic root").intermediate("issuing").issue(&["localhost"]);
    let server = server(issued).await;
    let says = ("tls", "2 certificates came, up to CN=issuing", "as PEM, CN=clinic root");
    both_ways((&world, &server.base_url()), "ca.pem", says).await;
}

#[tokio::test]
async fn a_box_that_opens_tls_on_the_way_is_told() {
    let world = World::new().await;
    let server = server(Ca::named("Zscaler Root CA").issue(&["localhost"])).await;
    let says = ("tls", "a box on the way (zscaler) opens TLS", "let localhost through unopened");
    both_ways((&world, &server.base_url()), "ca.pem", says).await;
}

#[tokio::test]
async fn a_certificate_that_is_signed_by_itself_is_told() {
    let world = World::new().await;
    let own = Issued::signed_by_itself(&["localhost"]);
    world.scratch.file("own.pem", &own.chain_pem);
    let server = server(own).await;
    let says = ("tls", "it is signed by itself", "compared its fingerprint");
    both_ways((&world, &server.base_url()), "ca.pem", says).await;

    let route = "anchors = \"own.pem\"".into();
    let found = diagnose(&world, &Toml { route, ..world.toml(server.base_url()) }).await;
    found.tells(("route /dicom-web", "tls"), "ok", ("chain of 1", ""));
}

#[tokio::test]
async fn a_certificate_of_an_authority_in_a_server_s_place_is_told() {
    let world = World::new().await;
    let authority = |certificate: &mut CertificateParams| {
        certificate.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    };
    let server = server(world.ca.issue_as(&["localhost"], authority)).await;
    let says = ("tls", "one of an authority, and not of a server", "CA:FALSE");
    both_ways((&world, &server.base_url()), "ca.pem", says).await;
}

#[tokio::test]
async fn a_root_with_the_right_name_and_another_key_is_told() {
    let world = World::new().await;
    let server = server(Ca::new().issue(&["localhost"])).await;
    let says = ("tls", "by its namesake", "put its new root beside the old one");
    both_ways((&world, &server.base_url()), "ca.pem", says).await;
}

#[tokio::test]
async fn all_names_of_a_certificate_for_another_host_are_told() {
    let world = World::new().await;
    let names = ["*.clinic.example", "192.0.2.7"];
    let several = server(world.ca.issue(&names)).await;
    let says = ("tls", "is for *.clinic.example, 192.0.2.7, and not for localhost", "/etc/hosts");
    both_ways((&world, &several.base_url()), "ca.pem", says).await;

    let none = server(world.ca.issue(&[])).await;
    let says = ("tls", "is for no host at all, and not for localhost", "subjectAltName");
    both_ways((&world, &none.base_url()), "ca.pem", says).await;
}

#[tokio::test]
async fn a_server_that_wants_to_see_a_certificate_is_told_as_that_by_either_version() {
    for version in [&TLS12, &TLS13] {
        let world = World::new().await;
        let (_behind, odd) = insisting(&world, version).await;
        let says = ("tls", "wants to see a certificate of ours", "has to show one");
        both_ways((&world, &odd.https()), "ca.pem", says).await;
    }
}

#[tokio::test]
async fn an_authority_that_does_not_take_the_certificate_that_it_is_shown_is_told() {
    for version in [&TLS12, &TLS13] {
        let (world, recorder) = (World::new().await, Recorder::start().await);
        let (_behind, odd) = insisting(&world, version).await;
        let issued = Ca::named("another root").issue(&["gateway"]);
        world.scratch.file("client.crt", &issued.chain_pem);
        world.scratch.file("client.key", &issued.key_pem);
        let pair = "{ chain = \"client.crt\", key = \"client.key\" }";
        let client = format!("credential.tls_certificate = {pair}");
        let token_endpoint = odd.https() + "/token";

        let toml = Toml { client, token_endpoint, ..world.toml(recorder.url()) };
        let found = diagnose(&world, &toml).await;

        let says = "does not take the certificate of ours";
        found.fails(("client default", "tls"), says, "`credential.tls_certificate`");
    }
}

/// A server of this version that lets nobody in without a certificate of the world's.
async fn insisting(world: &World, version: &'static SupportedProtocolVersion) -> (Recorder, Odd) {
    let behind = Recorder::start().await;
    let issued = world.ca.issue(&["localhost"]);
    let tls = issued.server_config_that_insists(&[b"http/1.1"], &world.ca, version);
    let odd = Odd::before(behind.address(), tls).await;
    (behind, odd)
}

fn ends_in(certificate: &mut CertificateParams, days: i64) {
    let distance = Duration::from_secs(86_400 * days.unsigned_abs());
    let now = SystemTime::now() + Duration::from_secs(60);
    let ends = if days < 0 { now - distance } else { now + distance };
    certificate.not_before = (ends - Duration::from_secs(86_400 * 30)).into();
    certificate.not_after = ends.into();
}
