//! Who may speak what with the gateway, and what it speaks with origin servers.

use std::sync::Arc;

use gateway_tests::world::Toml;
use gateway_tests::{Issued, RawCaller, Recorder, Running, World};
use http::Version;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ProtocolVersion, ServerConfig, SupportedProtocolVersion};

use super::speaker::Speaker;
use super::{H2Caller, tls_gateway};
use crate::wire::{Bench, search};

#[tokio::test]
async fn callers_over_tls_speak_what_was_agreed_on() {
    let world = World::new().await;
    let recorder = Recorder::start().await;
    let gateway = tls_gateway(&world, recorder.url(), "").await;
    for alpn in [&[&b"http/1.1"[..]][..], &[]] {
        let mut caller = RawCaller::connect_tls(gateway.address(), &world.ca, alpn).await.unwrap();
        for _ in 0..2 {
            caller.send(search("")).await.unwrap();
            assert_eq!(caller.read_response().await.unwrap().text(), "ok");
        }
    }
    let mut caller = H2Caller::connect_tls(gateway.address(), &world.ca).await;
    let answer = caller.search().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (200, Version::HTTP_2));
    let nonsense = RawCaller::connect_tls(gateway.address(), &world.ca, &[b"spdy/3"]).await;
    assert!(nonsense.is_err(), "a protocol that nobody speaks");
}

#[tokio::test]
async fn who_speaks_no_tls_where_it_is_wanted_gets_nothing() {
    let world = World::new().await;
    let recorder = Recorder::start().await;
    let gateway = tls_gateway(&world, recorder.url(), "").await;
    let mut caller = RawCaller::connect(gateway.address()).await.unwrap();
    caller.send(search("")).await.unwrap();
    let answer = caller.read_to_end().await;
    assert!(!answer.starts_with(b"HTTP/"), "{answer:?}");
    assert_eq!(recorder.bytes_seen(), 0);
}

#[tokio::test]
async fn plain_tcp_takes_both_protocols() {
    let bench = Bench::start().await;
    assert_eq!(bench.ask(search("")).await.status, 200);
    let mut caller = H2Caller::connect(bench.gateway.address()).await;
    assert_eq!(caller.search().await.unwrap().version(), Version::HTTP_2);
    // A first byte that could be either's.
    let mut caller = bench.caller().await;
    for byte in
        "POST /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx".bytes()
    {
        caller.send([byte]).await.unwrap();
    }
    assert_eq!(caller.read_response().await.unwrap().status, 200);
    let mut caller = bench.caller().await;
    caller.send("PRI * HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    assert_eq!(caller.read_response().await.unwrap().status, 501);
}

#[tokio::test]
async fn a_unix_socket_serves_as_well() {
    let world = World::new().await;
    let recorder = Recorder::start().await;
    let path = world.scratch.path().join("gateway.sock");
    let address = format!("unix:{}", path.display());
    let gateway = world.start_ready(&Toml { address, ..world.toml(recorder.url()) }).await;
    for _ in 0..5 {
        let mut caller = RawCaller::connect_unix(&path).await.unwrap();
        // There is no name that a stranger could make point here.
        caller.send("GET /dicom-web/studies HTTP/1.1\r\nHost: whatever\r\n\r\n").await.unwrap();
        assert_eq!(caller.read_response().await.unwrap().text(), "ok");
    }
    gateway.drain().await;
    assert!(!path.exists(), "the socket's file stays behind");
}

#[tokio::test]
async fn origin_servers_are_spoken_to_as_they_like_best() {
    let world = World::new().await;
    let issued = world.ca.issue(&["localhost"]);
    let (h1, h2): (&[u8], &[u8]) = (b"http/1.1", b"h2");
    let versions = [
        (&rustls::version::TLS13, ProtocolVersion::TLSv1_3),
        (&rustls::version::TLS12, ProtocolVersion::TLSv1_2),
    ];
    for (version, tls) in versions {
        for (alpn, route, spoken) in [
            (&[h2, h1][..], "", Version::HTTP_2),
            (&[h1, h2][..], "", Version::HTTP_11),
            (&[h1][..], "", Version::HTTP_11),
            (&[][..], "", Version::HTTP_11),
            (&[h2, h1][..], "http2 = false", Version::HTTP_11),
        ] {
            let speaker = Speaker::start(server_config(&issued, version, alpn)).await;
            let gateway = gateway(&world, &speaker, route).await;
            assert_eq!(ask(&gateway).await, 200);
            let request = &speaker.requests()[0];
            assert_eq!((request.version, request.tls), (spoken, Some(tls)), "{alpn:?} {route}");
            match spoken {
                Version::HTTP_2 => {
                    assert_eq!(request.authority, Some(speaker.authority()));
                    assert_eq!(request.hosts, 0, "one name for the host is enough");
                }
                _ => assert_eq!((request.authority.as_ref(), request.hosts), (None, 1)),
            }
        }
    }
}

async fn gateway(world: &World, speaker: &Speaker, route: &str) -> Running {
    world.start_ready(&Toml { route: route.into(), ..world.toml(speaker.url()) }).await
}

async fn ask(gateway: &Running) -> u16 {
    let mut caller = RawCaller::connect(gateway.address()).await.unwrap();
    caller.send(search("")).await.unwrap();
    caller.read_response().await.unwrap().status
}

fn server_config(
    issued: &Issued,
    version: &'static SupportedProtocolVersion,
    alpn: &[&[u8]],
) -> Arc<ServerConfig> {
    let chain = CertificateDer::pem_slice_iter(issued.chain_pem.as_bytes());
    let key = PrivateKeyDer::from_pem_slice(issued.key_pem.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.collect::<Result<_, _>>().unwrap(), key)
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    Arc::new(config)
}
