//! Google's service accounts.

use std::collections::BTreeSet;

use gateway_tests::world::Toml;

use super::{Scene, check, parts};

const EMAIL: &str = "gateway@imaging.iam.gserviceaccount.com";
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-healthcare";
const ALONE: &str = "[client]\nanchors = \"ca.pem\"\ncredential.service_account = \"key.json\"";

#[tokio::test]
async fn a_key_file_is_all_that_is_needed() {
    let scene = scene().await;
    scene.works(&toml(&scene)).await;

    let form = &scene.world.authority.forms()[0];
    assert_eq!(form.pairs.len(), 2, "the grant and its assertion");
    let (header, claims) = parts(form.field("assertion").unwrap());
    assert_eq!(
        header,
        serde_json::json!({ "alg": "RS256", "typ": "JWT", "kid": "0123456789abcdef" })
    );
    let names = claims.as_object().unwrap().keys().map(String::as_str).collect::<BTreeSet<_>>();
    assert_eq!(names, BTreeSet::from(["aud", "exp", "iat", "iss", "scope"]));
    assert_eq!((&claims["iss"], &claims["scope"]), (&EMAIL.into(), &SCOPE.into()));
    assert!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap() <= 3600);
}

#[tokio::test]
async fn a_key_that_was_withdrawn_is_refused_and_a_new_one_taken_up() {
    let scene = scene().await;
    let authority = &scene.world.authority;
    authority.close_service_accounts();
    let gateway = scene.fails(&toml(&scene), "invalid_grant").await;

    scene.world.scratch.file("key.json", authority.open_service_account(EMAIL));
    gateway.wait_until_ready().await;
    super::is_served(&gateway).await;
}

#[tokio::test]
async fn a_file_that_is_no_key_file_is_refused_at_the_start_without_its_content() {
    let scene = scene().await;
    let file = scene.world.authority.open_service_account(EMAIL);
    for (content, why) in [
        ("{}".to_owned(), "it lacks client_email, private_key or token_uri"),
        ("canary".to_owned(), "it lacks"),
        (file.replace("PRIVATE KEY", "CANARY KEY"), "its private_key is no RSA key"),
        (file.replace("https://", "http://a."), "its token_uri is no https URL"),
    ] {
        scene.world.scratch.file("key.json", content);
        let error = check(&scene.world, &toml(&scene)).await;
        assert!(error.contains(why) && !error.to_lowercase().contains("canary"), "{error}");
    }
}

async fn scene() -> Scene {
    let scene = Scene::new().await;
    scene.world.authority.set_scope(SCOPE);
    scene.world.scratch.file("key.json", scene.world.authority.open_service_account(EMAIL));
    scene
}

fn toml(scene: &Scene) -> Toml {
    scene.toml(ALONE)
}
