//! The origin server rejects a token.

use std::time::Duration;

use futures_util::future::join_all;
use gateway_tests::origin::Tokens;
use gateway_tests::world::Toml;
use gateway_tests::{Reply, World};

use super::{Caller, Scene, TAGS, checked, checking_origin};

#[tokio::test]
async fn a_request_without_a_body_goes_out_again_with_a_new_token() {
    let scene = Scene::new().await;
    let gateway = scene.world.start_ready(&scene.toml()).await;
    scene.recorder.reply_next(unauthorized());

    let told = Caller::of(&gateway).search().await;

    told.is_ok();
    assert!(!told.challenged, "{told:?}");
    assert_eq!(scene.brought(), scene.world.authority.tokens());
    assert_eq!(scene.world.authority.requests(), 2);
}

#[tokio::test]
async fn a_store_fails_and_the_next_one_does_not() {
    let scene = Scene::new().await;
    let toml = Toml { route: "allow = [\"search\", \"store\"]".to_owned(), ..scene.toml() };
    let gateway = scene.world.start_ready(&toml).await;
    scene.recorder.reply_next(unauthorized());
    let caller = Caller::of(&gateway);

    caller.store("--b--").await.is(502, "token-refused");
    caller.store("--b--").await.is_ok();

    assert_eq!(scene.brought(), scene.world.authority.tokens());
    assert_eq!(scene.world.authority.requests(), 2);
}

#[tokio::test]
async fn after_a_failed_store_the_gateway_is_ready_again_though_nobody_calls() {
    let scene = Scene::new().await;
    let toml = Toml { route: "allow = [\"search\", \"store\"]".to_owned(), ..scene.toml() };
    let gateway = scene.world.start_ready(&toml).await;
    scene.recorder.reply_next(unauthorized());

    Caller::of(&gateway).store("--b--").await.is(502, "token-refused");
    let asked = std::time::Instant::now();
    gateway.wait_until_ready().await;

    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    assert_eq!(scene.world.authority.requests(), 2);
}

#[tokio::test]
async fn an_origin_server_that_refuses_every_token_costs_one_acquisition() {
    let world = World::new().await;
    let origin = checking_origin(&world).await;
    origin.tokens(Tokens::AllRefused);
    let gateway = world.start_ready(&checked(&world, &origin)).await;
    let caller = Caller::of(&gateway);

    for _ in 0..10 {
        caller.get(TAGS).await.is(502, "token-refused");
    }

    assert_eq!(world.authority.requests(), 2, "the first, and the one in its place");
    assert_eq!(origin.requests().len(), 11, "one was sent again");
    origin.tokens(Tokens::Checked);
    caller.get(TAGS).await.is_ok();
    assert_eq!(world.authority.requests(), 2);
}

#[tokio::test]
async fn a_storm_of_rejections_never_makes_two_acquisitions_at_a_time() {
    let world = World::new().await;
    let origin = checking_origin(&world).await;
    origin.tokens(Tokens::AllRefused);
    let gateway = world.start_ready(&checked(&world, &origin)).await;
    world.authority.delay(Duration::from_millis(100));

    let callers = (0..100).map(|_| async {
        let caller = Caller::of(&gateway);
        for _ in 0..3 {
            caller.get(TAGS).await.is(502, "token-refused");
        }
    });
    join_all(callers).await;

    assert_eq!((world.authority.requests(), world.authority.max_in_flight()), (2, 1));
}

#[tokio::test]
async fn a_late_rejection_of_an_old_token_leaves_the_new_one_in_use() {
    let world = World::new().await;
    let origin = checking_origin(&world).await;
    let gateway = world.start_ready(&checked(&world, &origin)).await;
    let caller = Caller::of(&gateway);
    origin.delay(Duration::from_secs(1));
    let mut slow = Box::pin(caller.get(TAGS));
    tokio::select! {
        told = &mut slow => panic!("delayed, and yet: {told:?}"),
        () = super::until(async || origin.requests().len() == 1) => {}
    }
    origin.delay(Duration::ZERO);
    world.authority.revoke(&world.authority.last_token().unwrap());

    caller.get(TAGS).await.is_ok();
    slow.await.is_ok();
    caller.get(TAGS).await.is_ok();

    assert_eq!(world.authority.requests(), 2);
    assert_eq!(origin.requests().len(), 5, "two were sent again");
}

fn unauthorized() -> Reply {
    let challenge = "WWW-Authenticate: Bearer authorization_uri=\"https://a\"";
    let head = format!("HTTP/1.1 401 Unauthorized\r\n{challenge}\r\nContent-Length: 0\r\n\r\n");
    Reply::Bytes(head.into_bytes())
}
