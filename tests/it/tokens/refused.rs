//! The authority refuses the client, and an operator has to know why.

use gateway_tests::authority::Answer;

use super::{Caller, Scene, soon};

#[tokio::test]
async fn a_wrong_secret_is_told_to_the_operator_in_numbers_and_to_no_caller() {
    let scene = Scene::new().await;
    scene.world.scratch.file("client-secret", "wr0ng-s3cret");
    let gateway = scene.world.start(&scene.toml());
    let caller = Caller::of(&gateway);

    for _ in 0..20 {
        let told = caller.search().await;
        told.is(500, "client-refused");
        assert!(!told.text.contains("AADSTS") && !told.text.contains("invalid_client"), "{told:?}");
    }

    assert_eq!(scene.world.authority.requests(), 1, "asking again would be useless");
    assert_eq!(scene.world.authority.forms()[0].field("client_secret"), Some("wr0ng-s3cret"));
    let (status, ready) = gateway.admin("/ready").await;
    assert_eq!(status, 503);
    assert!(ready.contains("invalid_client AADSTS7000215"), "{ready}");
    let log = gateway.log();
    for text in [&ready, &log] {
        for unspeakable in ["wr0ng-s3cret", "Invalid client secret", "Trace ID", "Correlation"] {
            assert!(!text.contains(unspeakable), "{unspeakable} in {text}");
        }
    }
}

#[tokio::test]
async fn a_mended_secret_is_taken_up_without_a_restart() {
    let scene = Scene::new().await;
    let secret = scene.world.authority.secret();
    scene.world.scratch.file("client-secret", "wr0ng-s3cret");
    let gateway = scene.world.start(&scene.toml());
    let caller = Caller::of(&gateway);
    caller.search().await.is(500, "client-refused");

    scene.world.scratch.file("client-secret", &secret);
    // Nobody calls meanwhile: an orchestrator would send nobody.
    gateway.wait_until_ready().await;

    caller.search().await.is_ok();
    assert_eq!(scene.world.authority.requests(), 2);
}

#[tokio::test]
async fn a_secret_that_is_replaced_while_it_is_refused_is_nobodys_trouble() {
    let scene = Scene::new().await;
    let authority = &scene.world.authority;
    let secret = authority.secret();
    scene.world.scratch.file("client-secret", "the old one");
    authority.hold();
    let gateway = scene.world.start(&scene.toml());
    soon(authority.wait_for_in_flight(1)).await;

    scene.world.scratch.file("client-secret", secret);
    authority.release_all();

    Caller::of(&gateway).search().await.is_ok();
    assert_eq!(authority.requests(), 2);
}

#[tokio::test]
async fn a_new_secret_is_read_for_the_next_token() {
    let scene = Scene::new().await;
    let authority = &scene.world.authority;
    authority.set_refresh_in(Some(std::time::Duration::from_secs(1)));
    let gateway = scene.world.start_ready(&scene.toml()).await;

    authority.rotate_secret("the next one");
    scene.world.scratch.file("client-secret", "the next one\n");
    soon(authority.wait_for_requests(2)).await;

    assert_eq!(authority.forms()[1].field("client_secret"), Some("the next one"));
    Caller::of(&gateway).search().await.is_ok();
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_the_gateways_own_fault() {
    let scene = Scene::new().await;
    let (world, authority) = (&scene.world, &scene.world.authority);
    let secret = authority.secret();
    authority.hold();
    authority.answer_next(1, Answer::unavailable());
    let gateway = world.start(&scene.toml());
    soon(authority.wait_for_in_flight(1)).await;
    std::fs::remove_file(world.scratch.path().join("client-secret")).unwrap();
    authority.release_all();
    let caller = Caller::of(&gateway);

    super::until(async || caller.search().await.code() == "credential").await;
    caller.search().await.is(500, "credential");
    let (status, ready) = gateway.admin("/ready").await;
    assert!(status == 503 && ready.contains("credential cannot be read"), "{ready}");

    world.scratch.file("client-secret", secret);
    gateway.wait_until_ready().await;
    caller.search().await.is_ok();
    assert_eq!(authority.requests(), 2, "nothing was sent without a secret");
}

#[tokio::test]
async fn each_kind_of_refusal_is_a_500_that_says_so() {
    for (error, code) in [
        ("unauthorized_client", 700_016),
        ("invalid_scope", 70_011),
        ("invalid_request", 900_144),
        ("invalid_resource", 500_011),
    ] {
        let scene = Scene::new().await;
        let body =
            format!(r#"{{"error":"{error}","error_description":"canary","error_codes":[{code}]}}"#);
        scene.world.authority.answer_with(Answer::status(400, "application/json", body));
        let gateway = scene.world.start(&scene.toml());

        Caller::of(&gateway).search().await.is(500, "client-refused");

        let (_, ready) = gateway.admin("/ready").await;
        assert!(ready.contains(&format!("{error} AADSTS{code}")), "{ready}");
        assert!(!ready.contains("canary") && !gateway.log().contains("canary"));
    }
}
