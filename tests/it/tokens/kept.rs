//! Who shares a token, and how long it is kept.

use std::time::{Duration, Instant};

use gateway_tests::Authority;
use gateway_tests::world::Toml;

use super::{Caller, Scene, soon, until};

#[tokio::test]
async fn a_token_of_a_minute_is_kept() {
    let scene = Scene::new().await;
    scene.world.authority.set_lifetime(Duration::from_secs(60));
    let gateway = scene.world.start_ready(&scene.toml()).await;
    let caller = Caller::of(&gateway);

    for _ in 0..3 {
        caller.search().await.is_ok();
    }

    assert_eq!(scene.world.authority.requests(), 1);
    assert_eq!(scene.brought(), vec![scene.world.authority.last_token().unwrap(); 3]);
}

#[tokio::test]
async fn a_gateway_without_traffic_stays_ready() {
    let scene = Scene::new().await;
    let authority = &scene.world.authority;
    let life = Duration::from_secs(6);
    authority.set_lifetime(life);
    let gateway = scene.world.start_ready(&scene.toml()).await;

    let started = Instant::now();
    soon(async {
        while authority.requests() < 4 || started.elapsed() < life {
            let (status, reason) = gateway.admin("/ready").await;
            assert_eq!(status, 200, "after {:?}: {reason}", started.elapsed());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn routes_of_the_same_client_and_scope_share_a_token() {
    let scene = Scene::new().await;
    let more = route(&scene, "/other", "");
    let gateway = scene.world.start_ready(&Toml { more, ..scene.toml() }).await;
    let caller = Caller::of(&gateway);

    caller.search().await.is_ok();
    caller.get("/other/studies").await.is_ok();

    assert_eq!(scene.world.authority.requests(), 1);
    assert_eq!(scene.brought()[0], scene.brought()[1]);
}

#[tokio::test]
async fn routes_of_different_scopes_share_none() {
    let scene = Scene::new().await;
    let scope = format!("scope = \"openid {}\"", scene.world.authority.scope());
    let more = route(&scene, "/other", &scope);
    let gateway = scene.world.start_ready(&Toml { more, ..scene.toml() }).await;
    let caller = Caller::of(&gateway);

    for _ in 0..2 {
        caller.search().await.is_ok();
        caller.get("/other/studies").await.is_ok();
    }

    assert_eq!(scene.world.authority.requests(), 2);
    let brought = scene.brought();
    assert_eq!((&brought[0], &brought[1]), (&brought[2], &brought[3]));
    assert_ne!(brought[0], brought[1]);
}

#[tokio::test]
async fn a_client_whose_authority_hangs_keeps_no_other_waiting() {
    let scene = Scene::new().await;
    let hanging = Authority::start(&scene.world.ca).await;
    hanging.hold();
    let client = two_clients(&scene, &hanging);
    let more = route(&scene, "/other", "client = \"hanging\"");
    let toml = scene.client(&client);
    let toml = Toml { route: "client = \"well\"".to_owned(), more, ..toml };
    let gateway = scene.world.start(&toml);
    let caller = Caller::of(&gateway);
    let mut waiting = Box::pin(caller.get("/other/studies"));
    tokio::select! {
        told = &mut waiting => panic!("held, and yet: {told:?}"),
        () = soon(hanging.wait_for_in_flight(1)) => {}
    }

    Caller::of(&gateway).search().await.is_ok();
    let (status, ready) = gateway.admin("/ready").await;
    assert!(status == 503 && ready.contains("no token yet"), "{ready}");

    hanging.release_all();
    waiting.await.is_ok();
    let tokens = [&scene.world.authority, &hanging].map(|authority| authority.tokens());
    assert_eq!(scene.brought(), tokens.concat(), "each client brought its own");
}

#[tokio::test]
async fn a_client_that_a_reload_leaves_alone_keeps_its_token() {
    let scene = Scene::new().await;
    let gateway = scene.world.start_ready(&scene.toml()).await;
    let caller = Caller::of(&gateway);
    caller.search().await.is_ok();

    let more = route(&scene, "/other", "");
    let changed = Toml { more, listener: "max_streams = 7".to_owned(), ..scene.toml() };
    gateway.reload(scene.world.config(&changed)).unwrap();

    caller.search().await.is_ok();
    caller.get("/other/studies").await.is_ok();
    assert_eq!(scene.world.authority.requests(), 1);
}

#[tokio::test]
async fn a_client_that_changed_gets_tokens_of_its_own() {
    let scene = Scene::new().await;
    let authority = &scene.world.authority;
    let gateway = scene.world.start_ready(&scene.toml()).await;
    let caller = Caller::of(&gateway);
    caller.search().await.is_ok();

    authority.set_client_id("99999999-0000-4000-8000-000000000000");
    gateway.reload(scene.world.config(&scene.toml())).unwrap();

    caller.search().await.is_ok();
    assert_eq!(authority.requests(), 2);
    assert_eq!(authority.forms()[1].field("client_id"), Some(authority.client_id().as_str()));
    assert_eq!(scene.brought(), authority.tokens());
    // The old token is forgotten, though the caller's connection is older than that.
    until(async || {
        let (_, metrics) = gateway.admin("/metrics").await;
        metrics.lines().filter(|line| line.contains("token_life_left_seconds{")).count() == 1
    })
    .await;
}

/// One more route to the same origin server.
fn route(scene: &Scene, prefix: &str, lines: &str) -> String {
    let (origin, own) = (scene.recorder.url() + "/v2", scene.world.authority.scope());
    let scope = if lines.contains("scope") { String::new() } else { format!("scope = \"{own}\"") };
    format!(
        "[[route]]\nprefix = \"{prefix}\"\norigin = \"{origin}\"\ncallers = \"anyone\"\n\
         {scope}\n{lines}\n"
    )
}

fn two_clients(scene: &Scene, hanging: &Authority) -> String {
    [("well", &scene.world.authority), ("hanging", hanging)]
        .map(|(name, authority)| {
            let (endpoint, id) = (authority.token_endpoint(), authority.client_id());
            format!(
                "[client.{name}]\ntoken_endpoint = \"{endpoint}\"\nid = \"{id}\"\n\
                 anchors = \"ca.pem\"\ncredential.secret_file = \"client-secret\"\n"
            )
        })
        .concat()
}
