//! An authority that wants to be left alone is left alone.

use std::time::{Duration, Instant, SystemTime};

use gateway_tests::authority::{Answer, RetryAfter};
use http::header::RETRY_AFTER;

use super::{Caller, Scene, soon};

#[tokio::test]
async fn nothing_is_asked_before_the_authority_said() {
    for answer in
        [Answer::throttled(RetryAfter::Seconds(3)), Answer::unavailable().header(RETRY_AFTER, "3")]
    {
        let scene = Scene::new().await;
        let authority = &scene.world.authority;
        authority.answer_next(1, answer);
        let before = Instant::now();
        let gateway = scene.world.start(&scene.toml());
        let caller = Caller::of(&gateway);

        let mut refused = 0;
        let mut least = 3;
        loop {
            let told = caller.search().await;
            if told.status == 200 {
                break;
            }
            refused += 1;
            assert_eq!(told.status, 503, "{told:?}");
            let wait = told.retry_after.unwrap();
            assert!((1..=least).contains(&wait), "{wait} after {least}");
            least = wait;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }

        assert!(before.elapsed() >= Duration::from_secs(3), "{:?}", before.elapsed());
        assert!(refused > 10 && least == 1, "{refused} callers were told to come back");
        assert_eq!(authority.requests(), 2);
    }
}

#[tokio::test]
async fn a_caller_who_comes_back_when_told_is_served() {
    let scene = Scene::new().await;
    scene.world.authority.answer_next(1, Answer::throttled(RetryAfter::Seconds(1)));
    let gateway = scene.world.start(&scene.toml());
    let caller = Caller::of(&gateway);

    let told = caller.search().await;
    told.is(503, "authority-throttles");
    tokio::time::sleep(Duration::from_secs(told.retry_after.unwrap())).await;

    caller.search().await.is_ok();
    assert_eq!(scene.world.authority.requests(), 2);
}

#[tokio::test]
async fn retry_after_may_be_a_date() {
    let scene = Scene::new().await;
    let authority = &scene.world.authority;
    let epoch = SystemTime::UNIX_EPOCH;
    let date = (SystemTime::now() + Duration::from_secs(3)).duration_since(epoch).unwrap();
    let date = epoch + Duration::from_secs(date.as_secs());
    authority.answer_next(1, Answer::throttled(RetryAfter::At(date)));
    let gateway = scene.world.start(&scene.toml());

    let told = Caller::of(&gateway).search().await;
    told.is(503, "authority-throttles");
    assert!(told.retry_after.unwrap() <= 3, "{told:?}");
    soon(authority.wait_for_requests(2)).await;

    assert!(SystemTime::now() >= date);
}

#[tokio::test]
async fn a_429_in_html_is_still_a_429() {
    let scene = Scene::new().await;
    let html = Answer::status(429, "text/html", "<html><h1>Too many requests</h1></html>");
    throttles(&scene, html, 5).await;
}

#[tokio::test]
async fn a_detected_loop_is_a_throttling_though_it_is_called_an_invalid_grant() {
    let scene = Scene::new().await;
    let body = r#"{"error":"invalid_grant","error_description":"AADSTS50196: The server …",
                   "error_codes":[50196]}"#;
    throttles(&scene, Answer::status(400, "application/json", body), 60).await;
}

#[tokio::test]
async fn a_retry_after_of_nothing_is_no_leave_to_ask_without_a_pause() {
    let past = "Sun, 06 Nov 1994 08:49:37 GMT";
    for answer in [
        Answer::throttled(RetryAfter::Seconds(0)),
        Answer::status(429, "text/plain", "").header(RETRY_AFTER, past),
        Answer::unavailable().header(RETRY_AFTER, "0"),
    ] {
        let scene = Scene::new().await;
        scene.world.authority.answer_with(answer.clone());
        let before = Instant::now();
        let gateway = scene.world.start(&scene.toml());
        let caller = Caller::of(&gateway);

        for _ in 0..200 {
            assert_eq!(caller.search().await.status, 503);
        }

        let most = 2 + before.elapsed().as_millis() / 100;
        let asked = scene.world.authority.requests();
        assert!(asked as u128 <= most, "{asked} requests in {:?}: {answer:?}", before.elapsed());
    }
}

async fn throttles(scene: &Scene, answer: Answer, at_most: u64) {
    scene.world.authority.answer_with(answer);
    let gateway = scene.world.start(&scene.toml());
    let caller = Caller::of(&gateway);
    for _ in 0..20 {
        let told = caller.search().await;
        told.is(503, "authority-throttles");
        assert!((at_most - 2..=at_most).contains(&told.retry_after.unwrap()), "{told:?}");
    }
    assert_eq!(scene.world.authority.requests(), 1);
    let (status, text) = gateway.admin("/ready").await;
    assert!(status == 503 && text.contains("the authority throttles this client"), "{text}");
}
