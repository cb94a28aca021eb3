//! How an issuer's keys are asked for, and answers that are none.

use gateway_tests::issuer::{Issuer, Said, SigningKey};
use gateway_tests::world::Toml;
use gateway_tests::{Ca, Recorder};
use serde_json::json;

use super::{Gate, Scene, until};

#[tokio::test]
async fn answers_that_are_no_keys_let_nobody_in() {
    let scene = Scene::new().await;
    let elsewhere = Issuer::start(&scene.world.ca).await;
    elsewhere.publish(&[scene.issuer.key()]);
    let jwk = scene.issuer.key().jwk();
    let many = vec![jwk.clone(); 101];
    for said in [
        Said::Status(404),
        Said::Status(500),
        Said::Status(204),
        Said::Redirect(elsewhere.jwks_uri()),
        Said::Text(String::new()),
        Said::Text("<html>".to_owned()),
        Said::Text(json!([jwk]).to_string()),
        Said::Text(json!({ "keys": { "1": jwk } }).to_string()),
        Said::Text(json!({ "keys": many }).to_string()),
        Said::Text(json!({ "keys": [jwk], "x": "y".repeat(256 << 10) }).to_string()),
        Said::Text(format!("{{\"keys\":[],\"keys\":[{jwk}]}}")),
    ] {
        let what = format!("{said:?}").chars().take(60).collect::<String>();
        scene.issuer.say_of_keys(said);
        let gate = scene.gate("keys_timeout_secs = 2").await;
        let told = gate.search(&scene.issuer.user_token()).await;
        assert_eq!(told.status, 503, "{what}: {told:?}");
        told.is_undecided();
        let failed = gate.metric("issuer=\"0\",outcome=\"failed\"}").await;
        assert!(failed >= 1.0, "{what}: {failed}");
    }
    assert_eq!(elsewhere.keys_asked(), 0, "no redirect is followed");
    assert_eq!(scene.recorder.bytes_seen(), 0);
}

#[tokio::test]
async fn metadata_of_another_issuer_are_none() {
    let scene = Scene::new().await;
    let (issuer, keys) = (scene.issuer.issuer(), scene.issuer.jwks_uri());
    let plain = Issuer::start_plain().await;
    plain.publish(&[scene.issuer.key()]);
    for (metadata, is_good) in [
        (json!({ "issuer": issuer, "jwks_uri": keys }), true),
        (json!({ "issuer": format!("{issuer}/"), "jwks_uri": keys }), false),
        (json!({ "issuer": scene.issuer.template(), "jwks_uri": keys }), false),
        (json!({ "issuer": "https://issuer.example", "jwks_uri": keys }), false),
        (json!({ "jwks_uri": keys }), false),
        (json!({ "issuer": issuer }), false),
        (json!({ "issuer": issuer, "jwks_uri": plain.jwks_uri() }), false),
        (json!({ "issuer": issuer, "jwks_uri": "file:///etc/passwd" }), false),
        (json!({ "issuer": issuer, "jwks_uri": "/keys" }), false),
        (json!([issuer, keys]), false),
    ] {
        scene.issuer.say_of_metadata(Said::Text(metadata.to_string()));
        let gate = scene.gate("").await;
        let told = gate.search(&scene.issuer.user_token()).await;
        assert_eq!(told.status, if is_good { 200 } else { 503 }, "{metadata}: {told:?}");
    }
    assert_eq!(plain.keys_asked(), 0, "no weaker transport than the issuer's");
}

#[tokio::test]
async fn an_issuer_that_says_nothing_is_waited_for_as_long_as_configured() {
    let scene = Scene::new().await;
    scene.issuer.say_of_keys(Said::Nothing);
    let gate = scene.gate("keys_timeout_secs = 0.2").await;

    gate.search(&scene.issuer.user_token()).await.is_undecided();

    scene.issuer.say_of_keys(Said::Sound);
    let token = scene.issuer.user_token();
    until(async || gate.search(&token).await.status == 200).await;
}

#[tokio::test]
async fn an_issuer_is_believed_by_its_anchors_only() {
    let scene = Scene::new().await;
    scene.world.scratch.file("other.pem", Ca::new().pem());
    let table = scene.table(&scene.issuer.issuer(), "anchors = \"other.pem\"");
    let more = "[runtime]\nworkers = 2\nwatch_interval_secs = 0.05\n".to_owned();
    let running = scene.world.start_ready(&Toml { more, ..scene.toml(&table) }).await;
    let gate = Gate { running, http: reqwest::Client::new() };
    gate.search(&scene.issuer.user_token()).await.is_undecided();
    assert_eq!(scene.issuer.metadata_asked(), 0);

    // A changed file is noticed, as all key material is.
    scene.world.scratch.file("other.pem", scene.world.ca.pem());
    let token = scene.issuer.user_token();
    until(async || gate.search(&token).await.status == 200).await;
}

#[tokio::test]
async fn an_issuer_on_loopback_needs_no_tls() {
    let scene = Scene::new().await;
    let plain = Issuer::start_plain().await;
    let gate = scene.gate_of(&scene.table(&plain.issuer(), "")).await;
    gate.search(&plain.user_token()).await.is_ok();
}

#[tokio::test]
async fn keys_that_are_not_for_signatures_sign_nothing() {
    let scene = Scene::new().await;
    let key = scene.issuer.key();
    let changed = |name: &str, value: serde_json::Value| {
        let mut jwk = key.jwk();
        jwk[name] = value;
        jwk
    };
    for jwk in [
        changed("use", json!("enc")),
        changed("key_ops", json!(["sign"])),
        changed("kty", json!("oct")),
        changed("kty", json!("RSA")),
        changed("crv", json!("P-384")),
        changed("crv", json!("secp256k1")),
        changed("x", json!("AAAA")),
        changed("y", json!(null)),
        changed("alg", json!("ES384")),
        changed("alg", json!("HS256")),
        changed("issuer", json!("https://issuer.example")),
        changed("cloud_instance_name", json!("other.example")),
    ] {
        // Another key beside it, so that this is a set of keys and all of it was read.
        scene.issuer.publish_raw(vec![
            json!(17),
            json!({}),
            SigningKey::es256("2").jwk(),
            jwk.clone(),
        ]);
        let gate = scene.gate("").await;
        let told = gate.search(&scene.issuer.user_token()).await;
        assert_eq!((told.status, told.code.as_str()), (401, "invalid-token"), "{jwk}: {told:?}");
    }
    let sound = changed("alg", json!("ES256"));
    scene.issuer.publish_raw(vec![json!(17), sound]);
    scene.gate("").await.search(&scene.issuer.user_token()).await.is_ok();
}

#[tokio::test]
async fn nothing_of_a_token_is_told_to_its_issuer() {
    let scene = Scene::new().await;
    let recorder = Recorder::start_tls(&scene.world.ca).await;
    let jwks_uri = format!("jwks_uri = \"{}/keys\"", recorder.url());
    let gate = scene.gate(&jwks_uri).await;
    gate.search(&scene.issuer.user_token()).await.is_undecided();
    recorder.wait_for_requests(1).await;
    for request in recorder.requests() {
        assert_eq!((request.method.as_str(), request.target.as_str()), ("GET", "/keys"));
        assert!(request.header("authorization").is_none() && request.body.is_empty());
    }
}
