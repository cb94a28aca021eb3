#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::CryptoProvider;
use rustls::{CipherSuite, ClientConfig, ClientConnection, RootCertStore, ServerConnection};

use super::*;
use crate::provider;

#[test]
fn of_what_callers_offer_the_suite_with_the_cheapest_handshake_is_taken() {
    use CipherSuite::{
        TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384, TLS13_CHACHA20_POLY1305_SHA256,
    };
    let mut offer = vec![TLS13_AES_256_GCM_SHA384, TLS13_AES_128_GCM_SHA256];
    assert_eq!(agreed(&offer), TLS13_AES_128_GCM_SHA256);
    offer.reverse();
    assert_eq!(agreed(&offer), TLS13_AES_128_GCM_SHA256);
    for only in [TLS13_AES_256_GCM_SHA384, TLS13_CHACHA20_POLY1305_SHA256] {
        assert_eq!(agreed(&[only]), only);
    }
}

/// What a caller who offers these suites, in this order, and the gateway agree on.
fn agreed(offer: &[CipherSuite]) -> CipherSuite {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["gateway.example".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let identity = Identity::pair(vec![cert.der().clone()], &key).unwrap();
    let mut server = ServerConnection::new(Arc::new(identity.server_config(&[], &[]))).unwrap();

    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let mut offering = CryptoProvider::clone(&provider());
    let known = std::mem::take(&mut offering.cipher_suites);
    let offered = |suite| known.iter().find(|known| known.suite() == suite).copied().unwrap();
    offering.cipher_suites = offer.iter().copied().map(offered).collect();
    let config = ClientConfig::builder_with_provider(Arc::new(offering))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "gateway.example".try_into().unwrap();
    let mut caller = ClientConnection::new(Arc::new(config), name).unwrap();

    while caller.is_handshaking() || server.is_handshaking() {
        let (mut up, mut down) = (Vec::new(), Vec::new());
        while caller.wants_write() {
            caller.write_tls(&mut up).unwrap();
        }
        server.read_tls(&mut up.as_slice()).unwrap();
        server.process_new_packets().unwrap();
        while server.wants_write() {
            server.write_tls(&mut down).unwrap();
        }
        caller.read_tls(&mut down.as_slice()).unwrap();
        caller.process_new_packets().unwrap();
    }
    caller.negotiated_cipher_suite().unwrap().suite()
}
