//! The way to a server: name, connection, TLS, and the time there.

use std::time::{Duration, Instant, SystemTime};

use gateway_tests::authority::RetryAfter;
use gateway_tests::origin::{Options, Store};
use gateway_tests::{Ca, Issued, OriginServer, Recorder, Reply};

use rustls::version::TLS12;

use super::odd::{OLD_HELLO, Odd, TOO_NEW};
use super::*;

/// What is wrong on the way is wrong in the same words for an authority and for an origin server.
pub(super) async fn both_ways(
    (world, url): (&World, &str),
    anchors: &str,
    (check, says, remedy): (&str, &str, &str),
) {
    let recorder = Recorder::start().await;
    let client = format!("authority = \"{url}/tenant\"\nanchors = \"{anchors}\"\ntimeout_secs = 1");
    let found = diagnose(world, &Toml { client, ..world.toml(recorder.url()) }).await;
    found.fails(("client default", check), says, remedy);
    assert_eq!(found.one("client default", "token")["verdict"], "skip");
    assert_eq!(found.one("route /dicom-web", "search")["verdict"], "skip");
    assert_eq!(recorder.requests().len(), 0, "no token, no search");

    let route = format!("anchors = \"{anchors}\"\nconnect_timeout_secs = 1");
    let found = diagnose(world, &Toml { route, ..world.toml(url) }).await;
    found.fails(("route /dicom-web", check), says, remedy);
    assert_eq!(found.one("route /dicom-web", "search")["verdict"], "skip");
    assert_eq!(found.one("client default", "token")["verdict"], "ok");
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_told() {
    let world = World::new().await;
    let says = ("name", "doctor.invalid cannot be resolved", "getent hosts doctor.invalid");
    both_ways((&world, "https://doctor.invalid"), "ca.pem", says).await;
}

#[tokio::test]
async fn a_port_that_refuses_is_told() {
    let world = World::new().await;
    let recorder = Recorder::start_tls(&world.ca).await;
    recorder.stop().await;
    let says = ("tcp", "refuses connections", "nobody listens there");
    both_ways((&world, &recorder.url()), "ca.pem", says).await;
}

#[tokio::test]
async fn a_proxy_that_the_environment_names_is_said_not_to_be_used() {
    let world = World::new().await;
    let odd = Odd::swallowing().await;
    let url = format!("https://127.0.0.1:{}", odd.address.port());
    let route = "connect_timeout_secs = 1".into();
    let file = file(&world, &Toml { route, ..world.toml(url) });
    let value = "http://canary:canary@proxy.example:3128";
    for (variables, proxies) in [
        (&[("HTTPS_PROXY", value), ("NO_PROXY", "localhost")][..], 1),
        (&[("all_proxy", value), ("HTTPS_PROXY", "")], 1),
        (&[], 0),
    ] {
        let arguments = ["doctor".as_ref(), file.as_os_str(), "--json".as_ref()];
        let ended = Program::run(&arguments, variables).await;

        let lines = ended.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let found = Findings { code: ended.code, all: lines.collect() };
        assert_eq!(found.each("environment", "proxy").len(), proxies, "{}", found.text());
        let tcp = text(found.one("route /dicom-web", "tcp"), "remedy");
        assert_eq!(tcp.contains(", whatever "), proxies == 1, "{tcp}");
        if let Some((name, _)) = variables.first() {
            let says = format!("{name} in the environment");
            found.tells(("environment", "proxy"), "warn", (&says, "straight to the authority"));
        }
        assert!(!ended.stdout.contains("canary"), "{}", ended.stdout);
    }
}

#[tokio::test]
async fn a_black_hole_holds_nobody_up() {
    let world = World::new().await;
    let began = Instant::now();

    let odd = Odd::swallowing().await;
    let url = format!("https://127.0.0.1:{}", odd.address.port());
    both_ways((&world, &url), "ca.pem", ("tcp", "did not answer within 1 s", "firewalls")).await;
    let odd = Odd::silent().await;
    let says = ("tls", "no TLS handshake within 1 s", "says nothing");
    both_ways((&world, &odd.https()), "ca.pem", says).await;

    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_certificate_of_an_authority_that_is_not_trusted_is_told_with_its_issuer() {
    let world = World::new().await;
    world.scratch.file("other.pem", Ca::named("another root").pem());
    let recorder = Recorder::start_tls(&world.ca).await;
    let says = ("tls", "issued by CN=dicom-gateway test root, leads to no root", "other.pem");
    both_ways((&world, &recorder.url()), "other.pem", says).await;
}

#[tokio::test]
async fn an_authority_that_lets_nobody_in_without_a_certificate_is_shown_the_client_s() {
    let world = World::new().await;
    let service = service(&world).await;
    let shown = world.ca.issue(&["gateway"]);
    world.scratch.file("client.crt", &shown.chain_pem);
    world.scratch.file("client.key", &shown.key_pem);
    let token = world
        .authority
        .issue_token_to(&world.authority.client_id(), "https://dicom.healthcareapis.azure.com");
    let body = format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":3600}}"#);
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let behind = Recorder::start().await;
    behind.reply_with(Reply::Bytes(answer.into()));
    let tls = world.ca.issue(&["localhost"]);
    let tls = tls.server_config_that_insists(&[b"http/1.1"], &world.ca, &TLS12);
    let authority = Odd::before(behind.address(), tls).await;
    let certificate = "{ chain = \"client.crt\", key = \"client.key\" }";
    let client = format!("credential.tls_certificate = {certificate}");
    let token_endpoint = authority.https() + "/token";

    let toml = Toml { client, token_endpoint, ..azure(&world, &service) };
    let found = diagnose(&world, &toml).await;

    assert_eq!((found.with("fail"), found.code), (vec![], Some(0)), "{}", found.text());
    found.tells(("client default", "tls"), "ok", ("TLS 1.2", ""));
    found.tells(("client default", "token"), "ok", ("credential (tls_certificate)", ""));
    assert_eq!(behind.requests().len(), 2, "one for the time, and one for the token");
}

#[tokio::test]
async fn a_certificate_that_has_ended_is_told_with_its_end() {
    let world = World::new().await;
    let server = server(world.ca.expired(&["localhost"])).await;
    let says = ("tls", "its certificate ended 2020-01-01", "renew");
    both_ways((&world, &server.base_url()), "ca.pem", says).await;
}

#[tokio::test]
async fn a_certificate_that_has_not_begun_is_told() {
    let world = World::new().await;
    let early = world.ca.issue_as(&["localhost"], |certificate| {
        certificate.not_before = (SystemTime::now() + Duration::from_secs(86_400)).into();
    });
    let server = server(early).await;
    let says = ("tls", "not valid yet", "clock");
    both_ways((&world, &server.base_url()), "ca.pem", says).await;
}

#[tokio::test]
async fn a_certificate_for_another_name_is_told_with_its_names() {
    let world = World::new().await;
    let server = server(world.ca.issue(&["imaging.example"])).await;
    let says = ("tls", "is for imaging.example, and not for localhost", "write the name");
    both_ways((&world, &server.base_url()), "ca.pem", says).await;
}

#[tokio::test]
async fn a_port_for_plain_http_is_told() {
    let world = World::new().await;
    let odd = Odd::saying(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").await;
    both_ways((&world, &odd.https()), "ca.pem", ("tls", "speaks no TLS", "plain HTTP")).await;
}

#[tokio::test]
async fn a_server_of_old_tls_is_told() {
    let world = World::new().await;
    for bytes in [OLD_HELLO, TOO_NEW] {
        let odd = Odd::saying(bytes).await;
        let says = ("tls", "neither TLS 1.2 nor 1.3", "too old");
        both_ways((&world, &odd.https()), "ca.pem", says).await;
    }
}

#[tokio::test]
async fn a_connection_that_ends_in_the_handshake_is_told() {
    let world = World::new().await;
    let odd = Odd::hanging_up().await;
    both_ways((&world, &odd.https()), "ca.pem", ("tls", "ended during the handshake", "firewall"))
        .await;
}

#[tokio::test]
async fn what_ends_within_days_is_a_warning() {
    let world = World::new().await;
    let soon = SystemTime::now() + Duration::from_secs(3 * 86_400 + 60);
    let server = server(world.ca.ending(&["localhost"], soon)).await;

    let found = diagnose(&world, &azure_at(&world, &server.base_url())).await;

    found.tells(("route /dicom-web", "tls"), "warn", ("3 days left", "renewed"));
    assert_eq!(found.code, Some(0), "{}", found.text());
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_told_by_how_much() {
    let world = World::new().await;
    for (offset, verdict, says, remedy) in [
        (0, "ok", "the clocks agree", ""),
        (-20, "ok", "s ahead of the authority's", ""),
        (140, "warn", "min behind the authority's", "NTP"),
        (-3 * 3600, "fail", "h ahead of the authority's", "NTP"),
    ] {
        let recorder = Recorder::start_tls(&world.ca).await;
        let distance = Duration::from_secs(i64::unsigned_abs(offset));
        let now = SystemTime::now();
        let date = if offset < 0 { now - distance } else { now + distance };
        let date = RetryAfter::At(date);
        recorder.reply_with(Reply::Bytes(
            format!("HTTP/1.1 404 Not Found\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n").into(),
        ));
        let client = format!("token_endpoint = \"{}/token\"", recorder.url());

        let found = diagnose(&world, &Toml { client, ..world.toml("http://localhost:9") }).await;

        found.tells(("client default", "clock"), verdict, (says, remedy));
        found.tells(("client default", "token"), "fail", ("404", "slip in the path"));
    }
}

pub(super) async fn server(certificate: Issued) -> OriginServer {
    let check = std::sync::Arc::new(|_: Option<&http::HeaderValue>| Ok(()));
    let tls = Some(certificate.server_config(&[b"http/1.1"]));
    OriginServer::start(Options { check, tls, store: Store::default() }).await.unwrap()
}

fn azure_at(world: &World, url: &str) -> Toml {
    Toml { route: "profile = \"azure\"".into(), ..world.toml(url) }
}
