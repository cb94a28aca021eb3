//! Who is not whom they should be never sees a token.

use gateway_tests::{Ca, Issued, RawCaller, Recorder, World};

use super::raw_origin::h1_tls;
use super::speaker::Speaker;
use crate::wire::{is_our_problem, search};

#[tokio::test]
async fn an_origin_server_of_another_authority_gets_nothing() {
    let world = World::new().await;
    let recorder = Recorder::start_tls(&Ca::new()).await;
    refused(&world, recorder.url()).await;
    assert_eq!(recorder.bytes_seen(), 0);
}

#[tokio::test]
async fn an_origin_server_whose_certificate_is_expired_or_another_s_gets_nothing() {
    let world = World::new().await;
    let certificates: [Issued; 3] = [
        world.ca.expired(&["localhost"]),
        world.ca.issue(&["evil.example"]),
        world.ca.issue(&["*.localhost"]),
    ];
    for issued in certificates {
        let speaker = Speaker::start(h1_tls(&issued)).await;
        refused(&world, speaker.url()).await;
        assert!(speaker.requests().is_empty());
    }
}

#[tokio::test]
async fn an_origin_server_that_agrees_on_nothing_gets_nothing() {
    let world = World::new().await;
    let speaker = Speaker::start(world.ca.issue(&["localhost"]).server_config(&[b"spdy/3"])).await;
    refused(&world, speaker.url()).await;
    assert!(speaker.requests().is_empty());
}

async fn refused(world: &World, origin: String) {
    let gateway = world.start_ready(&world.toml(origin)).await;
    let mut caller = RawCaller::connect(gateway.address()).await.unwrap();
    for _ in 0..2 {
        caller.send(search("")).await.unwrap();
        let answer = caller.read_response().await.unwrap();
        assert_eq!(answer.status, 502);
        is_our_problem(&answer).unwrap();
        assert!(answer.header("proxy-status").unwrap().contains("tls"));
    }
}
