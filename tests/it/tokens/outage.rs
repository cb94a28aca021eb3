//! The authority is away, and what callers notice of it.

use std::time::{Duration, Instant};

use gateway_tests::authority::Answer;
use gateway_tests::world::Toml;

use super::{Caller, Scene, TAGS, checked, checking_origin, metric, soon, until};

#[tokio::test]
async fn an_outage_is_unnoticed_until_the_token_ends() {
    let world = gateway_tests::World::new().await;
    let origin = checking_origin(&world).await;
    world.authority.set_lifetime(Duration::from_secs(6));
    let before = Instant::now();
    let gateway = world.start_ready(&checked(&world, &origin)).await;
    let after = Instant::now();
    world.authority.stop().await;
    assert_eq!(world.authority.requests(), 1, "too slow a machine for this test");
    let promised = Duration::from_millis(4800);

    let caller = Caller::of(&gateway);
    let failed = loop {
        let asked = Instant::now();
        let told = caller.get(TAGS).await;
        if told.status != 200 {
            break told;
        }
        assert!(asked < after + promised, "a token was sent that was about to end");
        tokio::time::sleep(Duration::from_millis(5)).await;
    };

    assert!(before.elapsed() >= promised, "a token was thrown away: {:?}", before.elapsed());
    failed.is(503, "authority-unavailable");
    assert_eq!(gateway.admin("/ready").await.0, 503);
    assert!(metric(&gateway, "token_refresh_failures_total").await >= 1.0);
}

#[tokio::test]
async fn a_failed_refresh_is_no_callers_concern() {
    let failures = [
        Answer::unavailable(),
        Answer::status(429, "text/html", "<html>slow down</html>"),
        Answer::status(400, "application/json", r#"{"error":"invalid_grant"}"#),
        Answer::status(401, "application/json", r#"{"error":"invalid_client"}"#),
        Answer::garbage(),
        Answer::Reset,
    ];
    for failure in failures {
        let scene = Scene::new().await;
        let authority = &scene.world.authority;
        authority.set_refresh_in(Some(Duration::from_secs(1)));
        authority.answer_next(1, Answer::default());
        authority.answer_with(failure.clone());
        let gateway = scene.world.start_ready(&scene.toml()).await;
        until(async || metric(&gateway, "token_refresh_failures_total").await >= 1.0).await;

        Caller::of(&gateway).search().await.is_ok();

        assert_eq!(gateway.admin("/ready").await.0, 200, "{failure:?}");
        assert_eq!(authority.requests(), 2, "{failure:?}: a refresh rests after it failed");
    }
}

#[tokio::test]
async fn the_gateway_is_back_soon_after_its_authority() {
    let scene = Scene::new().await;
    scene.world.authority.stop().await;
    let gateway = scene.world.start(&scene.client("timeout_secs = 2"));
    let caller = Caller::of(&gateway);

    let asked = Instant::now();
    caller.search().await.is(503, "authority-unavailable");
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    // Its pauses have grown as long as they get.
    until(async || metric(&gateway, "outcome=\"unreachable\"").await >= 5.0).await;

    scene.world.authority.restart().await;
    let back = Instant::now();
    until(async || caller.search().await.status == 200).await;

    eprintln!("back after {:?}", back.elapsed());
    assert!(back.elapsed() < Duration::from_secs(2), "{:?}", back.elapsed());
    assert_eq!(scene.world.authority.requests(), 1);
}

#[tokio::test]
async fn an_authority_that_says_nothing_costs_a_caller_no_more_than_the_limit() {
    let scene = Scene::new().await;
    scene.world.authority.black_hole().await;
    is_late(&scene, &scene.client("timeout_secs = 0.5")).await;
}

#[tokio::test]
async fn nor_does_one_that_never_ends_what_it_says() {
    let scene = Scene::new().await;
    scene.world.authority.answer_with(Answer::Drip(Duration::from_millis(100)));
    is_late(&scene, &scene.client("timeout_secs = 0.5")).await;
}

#[tokio::test]
async fn nor_does_one_that_takes_the_question_and_gives_no_answer() {
    let scene = Scene::new().await;
    scene.world.authority.answer_with(Answer::Never);
    is_late(&scene, &scene.client("timeout_secs = 0.5")).await;
    assert_eq!(scene.world.authority.max_in_flight(), 1);
}

#[tokio::test]
async fn an_authority_of_another_ca_is_asked_nothing() {
    let scene = Scene::new().await;
    scene.world.scratch.file("ca.pem", gateway_tests::Ca::new().pem());
    let gateway = scene.world.start(&scene.toml());

    Caller::of(&gateway).search().await.is(503, "authority-unavailable");

    until(async || metric(&gateway, "outcome=\"unreachable\"").await >= 2.0).await;
    assert_eq!(scene.world.authority.requests(), 0);
}

#[tokio::test]
async fn a_refresh_that_failed_is_tried_again_before_the_token_ends_though_nobody_calls() {
    let scene = Scene::new().await;
    let authority = &scene.world.authority;
    authority.set_lifetime(Duration::from_secs(12));
    authority.set_refresh_in(Some(Duration::from_secs(1)));
    authority.answer_next(1, Answer::default());
    authority.answer_next(1, Answer::unavailable());
    let gateway = scene.world.start_ready(&scene.toml()).await;

    soon(async {
        while authority.requests() < 3 {
            let (status, reason) = gateway.admin("/ready").await;
            assert_eq!(status, 200, "{reason}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

async fn is_late(scene: &Scene, toml: &Toml) {
    let gateway = scene.world.start(toml);
    let asked = Instant::now();
    Caller::of(&gateway).search().await.is(504, "authority-late");
    assert!(asked.elapsed() < Duration::from_millis(1500), "{:?}", asked.elapsed());
    assert_eq!(scene.recorder.requests().len(), 0);
}
