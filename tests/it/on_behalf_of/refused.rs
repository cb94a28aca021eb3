//! Whom the gateway can get no token for, and that it is nobody else's concern.

use std::time::Duration;

use futures_util::future::join_all;
use gateway_tests::authority::{Answer, RetryAfter, refusal};

use super::{Scene, soon};

#[tokio::test]
async fn a_token_behind_which_there_is_no_user_is_refused_and_nothing_is_asked() {
    let scene = Scene::new().await;
    let gateway = scene.start();

    let told = scene.search(&gateway, &scene.world.authority.issue_app_token("another")).await;

    told.is(403, "no-user");
    assert_eq!((scene.world.authority.requests(), scene.recorder.requests().len()), (0, 0));
}

#[tokio::test]
async fn a_key_stands_for_no_user_either() {
    let scene = Scene::new().await;
    let file = gateway::KeyFile::at(&scene.world.scratch.path().join("api-keys")).unwrap();
    let key = file.generate("ward-7".parse().unwrap(), None).unwrap();
    let mut toml = scene.toml(&[]);
    toml.route = toml.route.replace("callers = {", "callers = { api_keys = \"api-keys\",");
    let gateway = scene.world.start(&toml);

    let told = scene.search(&gateway, &key).await;

    told.is(403, "no-user");
    assert_eq!((scene.world.authority.requests(), scene.recorder.requests().len()), (0, 0));
}

#[tokio::test]
async fn where_the_operator_says_so_it_is_served_with_the_applications_own_token() {
    let scene = Scene::new().await;
    let how = "on_behalf_of = { app_only = \"client_credentials\" }";
    let gateway = scene.world.start_ready(&scene.with(how, &[])).await;
    let authority = &scene.world.authority;

    scene.search(&gateway, &authority.issue_app_token("another")).await.is_ok();
    let ann = authority.user("ann");
    scene.search(&gateway, &scene.token(&ann)).await.is_ok();

    let brought = scene.brought();
    let own = gateway_tests::Authority::principal_of(&authority.client_id());
    assert_eq!([&brought[0].oid, &brought[1].oid], [&own, &ann.oid]);
}

#[tokio::test]
async fn consent_that_is_missing_is_told_and_found_soon_after_it_was_given() {
    let scene = Scene::new().await;
    let gateway = scene.start();
    let (ann, bob) = (scene.world.authority.user("ann"), scene.world.authority.user("bob"));
    scene.world.authority.withhold_consent(&ann);
    let token = scene.token(&ann);

    let told = scene.search(&gateway, &token).await;
    told.is(403, "not-granted");
    assert!(told.text.contains("administrator"), "{}", told.text);
    assert_eq!(told.challenge, None);
    scene.search(&gateway, &token).await.is(403, "not-granted");
    assert_eq!(scene.world.authority.requests(), 1);
    scene.search(&gateway, &scene.token(&bob)).await.is_ok();
    assert_eq!(gateway.admin("/ready").await.0, 200);

    scene.world.authority.consent(&ann);
    soon(async {
        while scene.search(&gateway, &token).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_assertion_that_the_authority_does_not_take_is_the_callers_to_replace() {
    let scene = Scene::new().await;
    let gateway = scene.start();
    let ann = scene.world.authority.user("ann");
    for code in [50_013, 500_131, 500_133, 7_000_114] {
        let answer = refusal("invalid_grant", code, "canary");
        scene.world.authority.answer_user(&ann, answer);

        let told = scene.search(&gateway, &scene.token(&ann)).await;

        told.is(401, "assertion-refused");
        assert_eq!(told.parameter("error").as_deref(), Some("invalid_token"));
        assert!(!told.text.contains("canary"), "{}", told.text);
    }
}

#[tokio::test]
async fn one_users_failures_slow_no_other() {
    let scene = Scene::new().await;
    let gateway = scene.start();
    let authority = &scene.world.authority;
    let ann = authority.user("ann");
    for (index, (answer, status)) in [
        (Answer::throttled(RetryAfter::Seconds(60)), 503),
        (Answer::unavailable(), 503),
        (Answer::garbage(), 503),
        (refusal("invalid_grant", 50_196, "loop"), 503),
        (refusal("interaction_required", 50_079, "enrol"), 401),
    ]
    .into_iter()
    .enumerate()
    {
        authority.answer_user(&ann, answer);
        let token = scene.token(&ann);
        assert_eq!(scene.search(&gateway, &token).await.status, status);
        assert_eq!(scene.search(&gateway, &token).await.status, status);
        let other = authority.user(&format!("other {index}"));
        scene.search(&gateway, &scene.token(&other)).await.is_ok();
    }
}

#[tokio::test]
async fn an_authority_that_does_not_answer_one_user_answers_the_others() {
    let scene = Scene::new().await;
    let gateway = scene.start();
    let ann = scene.world.authority.user("ann");
    scene.world.authority.answer_user(&ann, Answer::Never);
    let anns = scene.token(&ann);
    let mut waiting = std::pin::pin!(scene.search(&gateway, &anns));
    tokio::select! {
        told = &mut waiting => panic!("{told:?}"),
        () = scene.world.authority.wait_for_in_flight(1) => {}
    }

    let bob = scene.token(&scene.world.authority.user("bob"));
    scene.search(&gateway, &bob).await.is_ok();
}

#[tokio::test]
async fn an_outage_is_no_storm_and_is_over_when_it_is_over() {
    let scene = Scene::new().await;
    let gateway = scene.start();
    let authority = &scene.world.authority;
    authority.answer_with(Answer::unavailable());
    let users = (0..200).map(|n| authority.user(&n.to_string()));
    let tokens = users.map(|user| scene.token(&user)).collect::<Vec<_>>();

    for _ in 0..2 {
        let told = join_all(tokens.iter().map(|token| scene.search(&gateway, token)));
        for told in soon(told).await {
            told.is(503, "authority-unavailable");
        }
    }
    assert!(authority.requests() < 50, "{} requests", authority.requests());

    authority.answer_well();
    soon(async {
        for token in &tokens {
            while scene.search(&gateway, token).await.status != 200 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_client_that_is_refused_is_the_operators_concern() {
    let scene = Scene::new().await;
    scene.world.authority.reject_secret();
    let gateway = scene.start();
    let ann = scene.token(&scene.world.authority.user("ann"));

    scene.search(&gateway, &ann).await.is(500, "client-refused");

    let (status, ready) = gateway.admin("/ready").await;
    assert_eq!(status, 503);
    assert!(ready.contains("its Value"), "{ready}");
    let bob = scene.token(&scene.world.authority.user("bob"));
    scene.search(&gateway, &bob).await.is(500, "client-refused");
    assert_eq!(scene.world.authority.requests(), 1, "one user is enough to know");
}
