//! The authority's answers, as odd as they come.

use std::time::Duration;

use gateway_tests::authority::Answer;

use super::{Caller, Scene, metric, soon};

#[tokio::test]
async fn lives_are_believed_within_reason() {
    let hour = 3600.0 - 30.0;
    let day_and_night = 48.0 * 3600.0 - 30.0;
    for (answer, life) in [
        (Answer::default(), hour),
        (Answer::with("expires_in", "\"3600\""), hour),
        (Answer::with("expires_in", "3600.75"), hour),
        (Answer::without("expires_in"), 270.0),
        (Answer::with("expires_in", "null"), 270.0),
        (Answer::with("expires_in", "1e18"), day_and_night),
        (Answer::with("expires_in", "\"1e18\""), day_and_night),
        (Answer::with("token_type", "\"bearer\""), hour),
        (Answer::with("refresh_in", "-5"), hour),
        (Answer::with("refresh_in", "\"soon\""), hour),
    ] {
        let scene = Scene::new().await;
        scene.world.authority.answer_with(answer.clone());
        let gateway = scene.world.start_ready(&scene.toml()).await;

        Caller::of(&gateway).search().await.is_ok();

        let left = metric(&gateway, "token_life_left_seconds").await;
        assert!((life - 20.0..=life + 1.0).contains(&left), "{left} of {life}: {answer:?}");
        assert_eq!(scene.world.authority.requests(), 1, "{answer:?}");
    }
}

#[tokio::test]
async fn numbers_may_be_strings() {
    let scene = Scene::new().await;
    let answer = Answer::with("expires_in", "\"3600\"").and("refresh_in", "\"1\"");
    scene.world.authority.answer_next(1, answer);
    let gateway = scene.world.start_ready(&scene.toml()).await;

    soon(scene.world.authority.wait_for_requests(2)).await;

    Caller::of(&gateway).search().await.is_ok();
}

#[tokio::test]
async fn what_is_no_token_reaches_neither_caller_nor_origin_server() {
    for answer in [
        Answer::with("expires_in", "0"),
        Answer::with("expires_in", "-1"),
        Answer::with("expires_in", "\"soon\""),
        Answer::with("expires_in", "true"),
        Answer::with("access_token", r#""canary\r\nX-Injected: 1""#),
        Answer::with("access_token", r#""canary canary""#),
        Answer::with("access_token", r#""canary\u0000""#),
        Answer::with("access_token", r#""canarü""#),
        Answer::with("access_token", r#""""#),
        Answer::with("access_token", "17"),
        Answer::without("access_token"),
        Answer::with("token_type", "\"mac\""),
        Answer::without("token_type"),
        Answer::huge(64 << 10),
        Answer::truncated_json(),
        Answer::garbage(),
        Answer::Reset,
        Answer::status(200, "text/html", "<html>canary</html>"),
        Answer::status(200, "application/json", "[]"),
        Answer::status(200, "application/json", ""),
        Answer::status(204, "application/json", ""),
        Answer::status(400, "text/html", "<html>canary</html>"),
        Answer::status(500, "application/json", r#"{"error":"server_error"}"#),
    ] {
        let scene = Scene::new().await;
        scene.world.authority.answer_with(answer.clone());
        let gateway = scene.world.start(&scene.toml());

        let told = Caller::of(&gateway).search().await;

        assert_eq!(
            (told.status, told.code().as_str()),
            (503, "authority-unavailable"),
            "{answer:?}"
        );
        told.is(503, "authority-unavailable");
        let (status, ready) = gateway.admin("/ready").await;
        assert_eq!(status, 503, "{answer:?}");
        let log = gateway.log();
        assert!([&told.text, &ready, &log].iter().all(|text| !text.contains("canar")), "{log}");
        assert_eq!(scene.recorder.bytes_seen(), 0, "{answer:?}");
    }
}

#[tokio::test]
async fn after_a_bad_answer_a_good_one_is_asked_for() {
    let scene = Scene::new().await;
    let authority = &scene.world.authority;
    authority.set_lifetime(Duration::from_secs(60));
    authority.answer_next(1, Answer::garbage());
    authority.answer_next(1, Answer::huge(1 << 20));
    authority.answer_next(1, Answer::Reset);
    let gateway = scene.world.start_ready(&scene.toml()).await;

    Caller::of(&gateway).search().await.is_ok();

    assert_eq!(authority.requests(), 4);
}
