//! The user has to do something, and the viewer can have it done.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gateway_tests::Reply;
use serde_json::{Value, json};

use super::{Scene, Told, told};

#[tokio::test]
async fn a_viewer_is_told_what_its_users_next_token_must_carry() {
    let scene = Scene::new().await;
    let gateway = scene.start();
    let authority = &scene.world.authority;
    let ann = authority.user("ann");
    authority.demand_second_factor(&ann);

    let told = scene.search(&gateway, &scene.token(&ann)).await;

    told.is(401, "user-needed");
    assert_eq!(told.parameter("error").as_deref(), Some("insufficient_claims"));
    assert_eq!(
        claims(&told),
        json!({"access_token": {"acrs": {"essential": true, "value": "c1"}}})
    );
    let uri = format!("{}/oauth2/v2.0/authorize", authority.url());
    assert_eq!(told.parameter("authorization_uri"), Some(uri));
    assert_eq!(told.cache_control.as_deref(), Some("no-store"));
    assert_eq!(scene.recorder.requests().len(), 0);
    gateway.wait_for_line("interaction_required AADSTS50076").await;

    let ann = ann.with_second_factor();
    scene.search(&gateway, &scene.token(&ann)).await.is_ok();
}

#[tokio::test]
async fn what_the_origin_server_demands_is_tried_with_the_assertion_first() {
    let scene = Scene::new().await;
    let gateway = scene.start();
    let token = scene.token(&scene.world.authority.user("ann"));
    scene.recorder.reply_next(challenge());

    scene.search(&gateway, &token).await.is_ok();

    let forms = scene.world.authority.forms();
    assert_eq!(forms.len(), 2);
    assert_eq!(forms[1].field("assertion"), Some(&*token));
    assert_eq!(serde_json::from_str::<Value>(forms[1].field("claims").unwrap()).unwrap(), nbf());
    let brought = scene.brought();
    assert_ne!(brought[0].uti, brought[1].uti, "the token that was challenged is gone");
    scene.search(&gateway, &token).await.is_ok();
    assert_eq!(scene.brought()[2].uti, brought[1].uti);
}

#[tokio::test]
async fn where_the_authority_then_wants_the_user_the_viewer_hears_of_it() {
    let scene = Scene::new().await;
    let gateway = scene.start();
    let authority = &scene.world.authority;
    let ann = authority.user("ann");
    let token = scene.token(&ann);
    scene.search(&gateway, &token).await.is_ok();
    authority.demand_second_factor(&ann);
    scene.recorder.reply_next(challenge());

    let told = scene.search(&gateway, &token).await;

    told.is(401, "user-needed");
    assert_eq!(claims(&told)["access_token"]["acrs"]["value"], "c1");
    assert_eq!(scene.recorder.requests().len(), 2, "the old token is used no more");
    scene.search(&gateway, &token).await.is(401, "user-needed");
    assert_eq!(scene.recorder.requests().len(), 2);
}

#[tokio::test]
async fn a_demand_that_the_assertion_cannot_meet_is_passed_on() {
    let scene = Scene::new().await;
    let gateway = scene.start();
    let token = scene.token(&scene.world.authority.user("ann"));
    scene.recorder.reply_with(challenge());

    let told = scene.search(&gateway, &token).await;

    told.is(401, "user-needed");
    assert_eq!(told.parameter("error").as_deref(), Some("insufficient_claims"));
    assert_eq!(claims(&told), nbf());
    assert_eq!(told.cache_control.as_deref(), Some("no-store"));
    assert_eq!(scene.world.authority.requests(), 2);
}

#[tokio::test]
async fn a_demand_that_met_a_request_with_a_body_is_passed_on_too() {
    let scene = Scene::new().await;
    let gateway = scene.start();
    let token = scene.token(&scene.world.authority.user("ann"));
    scene.recorder.reply_next(challenge());
    let kind = "multipart/related; type=\"application/dicom\"; boundary=b";
    let url = gateway.url("/dicom-web/studies");
    let store = || scene.client.post(&url).bearer_auth(&token).header("content-type", kind);

    told(store().body("--b--")).await.is(401, "user-needed");
    told(store().body("--b--")).await.is_ok();
}

#[tokio::test]
async fn a_challenge_that_demands_nothing_is_not_the_viewers() {
    let scene = Scene::new().await;
    let gateway = scene.start();
    let token = scene.token(&scene.world.authority.user("ann"));
    scene.recorder.reply_with(Reply::Bytes(
        b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer error=\"invalid_token\"\r\n\
          Content-Length: 0\r\n\r\n"
            .to_vec(),
    ));

    let told = scene.search(&gateway, &token).await;

    told.is(502, "token-refused");
    assert_eq!(told.challenge, None);
}

fn claims(told: &Told) -> Value {
    let encoded = told.parameter("claims").unwrap();
    serde_json::from_slice(&STANDARD.decode(encoded).unwrap()).unwrap()
}

fn challenge() -> Reply {
    let claims = STANDARD.encode(nbf().to_string());
    let head = format!(
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"\", \
         error=\"insufficient_claims\", claims=\"{claims}\"\r\nContent-Length: 0\r\n\r\n"
    );
    Reply::Bytes(head.into())
}

fn nbf() -> Value {
    json!({"access_token": {"nbf": {"essential": true, "value": "1604106651"}}})
}
