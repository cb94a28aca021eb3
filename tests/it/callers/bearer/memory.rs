//! Tokens that were good a moment ago.

use std::time::Duration;

use gateway_tests::issuer::SigningKey;
use serde_json::json;

use super::{Scene, now, until};

#[tokio::test]
async fn a_token_s_signature_is_verified_once() {
    let scene = Scene::new().await;
    let gate = scene.gate("").await;
    let (one, other) = (scene.issuer.user_token(), scene.issuer.user_token());
    for token in [&one, &one, &one, &other, &one, &other] {
        gate.search(token).await.is_ok();
    }
    assert_eq!((gate.verified().await, gate.remembered().await), (2.0, 4.0));

    // One character more is another token.
    assert_eq!(gate.search(&format!("{one}A")).await.status, 401);
    assert_eq!(gate.search(&one[..one.len() - 1]).await.status, 401);
}

#[tokio::test]
async fn a_bad_token_is_not_remembered() {
    let scene = Scene::new().await;
    let gate = scene.gate("").await;
    let forged = scene.user().sign(&SigningKey::es256("1"));
    for _ in 0..3 {
        gate.search(&forged).await.is_refused("The access token's signature is wrong");
    }
    assert_eq!((gate.verified().await, gate.remembered().await), (3.0, 0.0));
}

#[tokio::test]
async fn a_remembered_token_ends_when_it_ends() {
    let scene = Scene::new().await;
    let gate = scene.gate("leeway_secs = 0").await;
    let token = scene.sign(&scene.user().with("exp", now() + 2));
    gate.search(&token).await.is_ok();

    until(async || gate.search(&token).await.status != 200).await;

    gate.search(&token).await.is_refused("The access token has expired");
    assert!(now() >= scene_end(&token), "not before its time");
}

#[tokio::test]
async fn a_remembered_token_ends_with_its_key() {
    let scene = Scene::new().await;
    let gate = scene.gate("keys_max_age_secs = 0.2").await;
    let token = scene.issuer.user_token();
    let successor = SigningKey::es256("2");
    gate.search(&token).await.is_ok();

    scene.issuer.publish(&[&successor]);
    until(async || gate.search(&token).await.status != 200).await;

    gate.search(&token).await.is_refused("The access token's key is none of its issuer's");
    gate.search(&scene.user().sign(&successor)).await.is_ok();
}

#[tokio::test]
async fn the_same_keys_fetched_again_verify_nothing_again() {
    let scene = Scene::new().await;
    let gate = scene.gate("keys_max_age_secs = 0.1").await;
    let token = scene.issuer.user_token();
    gate.search(&token).await.is_ok();
    let asked = scene.issuer.keys_asked();
    scene.issuer.wait_for_keys_asked(asked + 3).await;

    gate.search(&token).await.is_ok();

    assert_eq!(gate.verified().await, 1.0);
}

#[tokio::test]
async fn another_configuration_remembers_nothing() {
    let scene = Scene::new().await;
    let gate = scene.gate("").await;
    let token = scene.sign(&scene.user().with("roles", json!(["Reader"])));
    gate.search(&token).await.is_ok();
    let table = scene.table(&scene.issuer.issuer(), "roles = [\"Writer\"]");

    gate.running.reload(scene.world.config(&scene.toml(&table))).unwrap();

    assert_eq!(gate.search(&token).await.status, 403);
    assert_eq!(scene.issuer.keys_asked(), 1, "the keys are the same");
}

#[tokio::test]
async fn tokens_too_large_to_be_kept_are_good_all_the_same() {
    let scene = Scene::new().await;
    let gate = scene.gate("").await;
    let groups = (0..200).map(|_| "0123456789abcdef0123456789abcdef0123").collect::<Vec<_>>();
    let token = scene.sign(&scene.user().with("groups", json!(groups)));
    for _ in 0..2 {
        gate.search(&token).await.is_ok();
    }
    assert_eq!((gate.verified().await, gate.remembered().await), (2.0, 0.0));
    tokio::time::timeout(Duration::from_secs(1), gate.search(&token)).await.unwrap().is_ok();
}

fn scene_end(token: &str) -> u64 {
    use base64::Engine;
    let claims = token.split('.').nth(1).unwrap();
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap();
    serde_json::from_slice::<serde_json::Value>(&claims).unwrap()["exp"].as_u64().unwrap()
}
