//! An issuer's keys: they change, its tokens name them, and it is not always there.

use std::time::{Duration, Instant};

use gateway_tests::issuer::{Said, SigningKey};
use gateway_tests::world::Toml;

use super::{Gate, Scene, until};

#[tokio::test]
async fn keys_are_there_before_the_first_request() {
    let scene = Scene::new().await;
    let gate = scene.gate("").await;
    scene.issuer.wait_for_keys_asked(1).await;
    let fetched =
        "caller_keys_fetches_total{route=\"/dicom-web\",issuer=\"0\",outcome=\"fetched\"}";
    until(async || gate.metric(fetched).await == 1.0).await;
    assert!(gate.metric("caller_keys_age_seconds{").await < 30.0);
    assert_eq!((scene.issuer.metadata_asked(), scene.issuer.keys_asked()), (1, 1));
}

#[tokio::test]
async fn a_new_key_is_known_at_the_first_token_that_it_signed() {
    let scene = Scene::new().await;
    let gate = scene.gate("").await;
    gate.search(&scene.issuer.user_token()).await.is_ok();
    let successor = SigningKey::es256("2");

    scene.issuer.publish(&[scene.issuer.key(), &successor]);

    gate.search(&scene.user().sign(&successor)).await.is_ok();
    gate.search(&scene.issuer.user_token()).await.is_ok();
    assert_eq!(scene.issuer.keys_asked(), 2);
}

#[tokio::test]
async fn forged_names_of_keys_cost_one_fetch_however_many() {
    let scene = Scene::new().await;
    let gate = scene.gate("").await;
    let forger = SigningKey::es256("forged");
    gate.search(&scene.issuer.user_token()).await.is_ok();
    scene.issuer.say_of_keys(Said::Nothing);
    let forged = (0..100).map(|n| scene.user().header("kid", format!("forged-{n}")).sign(&forger));

    let told = futures_util::future::join_all(forged.map(|token| {
        let gate = &gate;
        async move { gate.search(&token).await }
    }));
    let (told, ()) = tokio::join!(told, async {
        scene.issuer.wait_for_keys_asked(2).await;
        // Others are served meanwhile.
        gate.search(&scene.issuer.user_token()).await.is_ok();
        scene.issuer.say_of_keys(Said::Sound);
    });

    for told in told {
        told.is_refused(UNKNOWN_KEY);
    }
    assert_eq!(scene.issuer.keys_asked(), 2, "the first one, and one for all of them");
    // For half a minute nobody has them fetched again, and nobody waits.
    let began = Instant::now();
    gate.search(&scene.user().sign(&SigningKey::es256("late"))).await.is_refused(UNKNOWN_KEY);
    assert!(began.elapsed() < Duration::from_secs(4));
    assert_eq!(scene.issuer.keys_asked(), 2);
}

#[tokio::test]
async fn the_pause_between_fetches_is_as_configured() {
    let scene = Scene::new().await;
    let gate = scene.gate("keys_refetch_secs = 0.3").await;
    gate.search(&scene.issuer.user_token()).await.is_ok();
    let began = Instant::now();
    let forged = scene.user().sign(&SigningKey::es256("forged"));

    until(async || {
        gate.search(&forged).await.is_refused(UNKNOWN_KEY);
        scene.issuer.keys_asked() >= 4
    })
    .await;

    assert!(began.elapsed() >= Duration::from_millis(600), "three fetches, two pauses");
}

#[tokio::test]
async fn a_key_taken_back_counts_no_more_though_nobody_called() {
    let scene = Scene::new().await;
    let gate = scene.gate("keys_max_age_secs = 0.3").await;
    gate.search(&scene.issuer.user_token()).await.is_ok();

    scene.issuer.publish(&[&SigningKey::es256("2")]);
    let asked = scene.issuer.keys_asked();
    scene.issuer.wait_for_keys_asked(asked + 2).await;

    gate.search(&scene.issuer.user_token()).await.is_refused(UNKNOWN_KEY);
}

#[tokio::test]
async fn an_issuer_without_keys_lets_nobody_in() {
    let scene = Scene::new().await;
    scene.issuer.publish(&[]);
    let gate = scene.gate("").await;
    gate.search(&scene.issuer.user_token()).await.is_undecided();
}

#[tokio::test]
async fn an_issuer_that_suddenly_has_no_keys_made_a_mistake() {
    let scene = Scene::new().await;
    let gate = scene.gate("keys_max_age_secs = 0.2").await;
    let token = scene.issuer.user_token();
    gate.search(&token).await.is_ok();

    scene.issuer.publish(&[]);
    let asked = scene.issuer.keys_asked();
    scene.issuer.wait_for_keys_asked(asked + 2).await;

    gate.search(&token).await.is_ok();
}

#[tokio::test]
async fn old_keys_are_used_while_the_issuer_is_away_and_no_longer_than_configured() {
    let scene = Scene::new().await;
    let gate = scene.gate("keys_max_age_secs = 0.2, keys_stale_secs = 2").await;
    let token = scene.issuer.user_token();
    gate.search(&token).await.is_ok();
    let began = Instant::now();

    scene.issuer.say_of_keys(Said::Status(503));
    let asked = scene.issuer.keys_asked();
    scene.issuer.wait_for_keys_asked(asked + 1).await;
    gate.search(&scene.issuer.user_token()).await.is_ok();
    // Whether a new key is one of the issuer's nobody can tell.
    gate.search(&scene.user().sign(&SigningKey::es256("2"))).await.is_undecided();

    until(async || gate.search(&token).await.status == 503).await;
    assert!(began.elapsed() >= Duration::from_millis(1800));
    gate.search(&token).await.is_undecided();

    scene.issuer.say_of_keys(Said::Sound);
    until(async || gate.search(&token).await.status == 200).await;
}

#[tokio::test]
async fn a_cold_gateway_waits_for_the_keys_on_their_way() {
    let scene = Scene::new().await;
    scene.issuer.say_of_metadata(Said::Nothing);
    let gate = scene.gate("").await;
    let token = scene.issuer.user_token();
    let waiting = futures_util::future::join_all((0..20).map(|_| gate.search(&token)));

    let (told, ()) = tokio::join!(waiting, async {
        until(async || scene.issuer.metadata_asked() == 1).await;
        scene.issuer.say_of_metadata(Said::Sound);
    });

    told.iter().for_each(|told| told.is_ok());
    assert_eq!((scene.issuer.metadata_asked(), scene.issuer.keys_asked()), (1, 1));
}

#[tokio::test]
async fn a_caller_who_hangs_up_takes_no_keys_from_others() {
    let scene = Scene::new().await;
    scene.issuer.say_of_keys(Said::Nothing);
    let gate = scene.gate("").await;
    let token = scene.issuer.user_token();
    scene.issuer.wait_for_keys_asked(1).await;
    let hasty = tokio::time::timeout(Duration::from_millis(50), gate.search(&token)).await;
    assert!(hasty.is_err());

    scene.issuer.say_of_keys(Said::Sound);

    gate.search(&token).await.is_ok();
    assert_eq!(scene.issuer.keys_asked(), 1);
}

#[tokio::test]
async fn routes_and_reloads_share_keys() {
    let scene = Scene::new().await;
    let table = scene.table(&scene.issuer.issuer(), "");
    let one = scene.toml(&table);
    let more = format!(
        "[[route]]\nprefix = \"/other\"\norigin = \"{}\"\nscope = \"{}\"\ncallers.bearer = {table}\n",
        one.origin, one.scope
    );
    let two = Toml { more, ..one };
    let running = scene.world.start_ready(&two).await;
    let gate = Gate { running, http: reqwest::Client::new() };
    gate.search(&scene.issuer.user_token()).await.is_ok();

    gate.running.reload(scene.world.config(&two)).unwrap();
    gate.search(&scene.issuer.user_token()).await.is_ok();
    assert_eq!(scene.issuer.keys_asked(), 1);

    // With another pace they are asked for anew, and used meanwhile.
    scene.issuer.say_of_keys(Said::Nothing);
    let other = scene.toml(&scene.table(&scene.issuer.issuer(), "keys_max_age_secs = 60"));
    gate.running.reload(scene.world.config(&other)).unwrap();
    gate.search(&scene.issuer.user_token()).await.is_ok();
    scene.issuer.wait_for_keys_asked(2).await;
}

const UNKNOWN_KEY: &str = "The access token's key is none of its issuer's";
