//! The origin server wants claims in the token (Entra's claims challenge).

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use futures_util::future::join_all;
use gateway_tests::Reply;
use gateway_tests::authority::{Answer, Form};
use gateway_tests::world::Toml;
use serde_json::{Value, json};

use super::{Caller, Scene, soon, until};

#[tokio::test]
async fn a_challenge_costs_one_acquisition_with_its_claims_and_one_more_attempt() {
    for (capabilities, expected) in [
        ("", json!({"access_token": {"nbf": {"essential": true, "value": "1604106651"}}})),
        (
            "capabilities = [\"cp1\"]",
            json!({"access_token": {
                "nbf": {"essential": true, "value": "1604106651"},
                "xms_cc": {"values": ["cp1"]},
            }}),
        ),
    ] {
        let scene = Scene::new().await;
        let gateway = scene.world.start_ready(&scene.client(capabilities)).await;
        scene.recorder.reply_next(challenge(&STANDARD.encode(NBF)));

        Caller::of(&gateway).search().await.is_ok();

        assert_eq!(scene.brought(), scene.world.authority.tokens());
        let forms = scene.world.authority.forms();
        assert_eq!(forms.len(), 2);
        assert_eq!(claims(&forms[1]), Some(expected));
    }
}

#[tokio::test]
async fn what_a_client_can_do_is_said_with_every_request_and_a_demand_once() {
    let scene = Scene::new().await;
    let authority = &scene.world.authority;
    let toml = scene.client("capabilities = [\"cp1\"]");
    let gateway = scene.world.start_ready(&toml).await;
    scene.recorder.reply_next(challenge(&URL_SAFE_NO_PAD.encode(NBF)));
    authority.set_refresh_in(Some(std::time::Duration::from_secs(1)));

    Caller::of(&gateway).search().await.is_ok();
    soon(authority.wait_for_requests(3)).await;

    let cp1 = Some(json!({"access_token": {"xms_cc": {"values": ["cp1"]}}}));
    let forms = authority.forms();
    assert_eq!(claims(&forms[0]), cp1);
    assert_ne!(claims(&forms[1]), cp1);
    assert_eq!(claims(&forms[2]), cp1, "the demand was met once");
}

#[tokio::test]
async fn without_capabilities_and_demands_there_are_no_claims() {
    let scene = Scene::new().await;
    let _gateway = scene.world.start_ready(&scene.toml()).await;
    assert_eq!(scene.world.authority.forms()[0].field("claims"), None);
}

#[tokio::test]
async fn many_who_are_challenged_share_one_acquisition() {
    let scene = Scene::new().await;
    let gateway = scene.world.start_ready(&scene.toml()).await;
    let old = scene.world.authority.last_token().unwrap();
    for _ in 0..20 {
        scene.recorder.reply_next(challenge(&STANDARD.encode(NBF)));
    }

    let told = join_all((0..20).map(|_| async { Caller::of(&gateway).search().await })).await;

    // Late ones met a challenge with their new token, and are not asked for a third.
    assert!(told.iter().all(|told| matches!(told.status, 200 | 502) && !told.challenged));
    let authority = &scene.world.authority;
    assert_eq!((authority.requests(), authority.max_in_flight()), (2, 1));
    assert!(scene.brought().contains(&old));
    until(async || Caller::of(&gateway).search().await.status == 200).await;
}

#[tokio::test]
async fn a_second_challenge_is_the_origin_servers_fault_and_reaches_no_caller() {
    let scene = Scene::new().await;
    let gateway = scene.world.start_ready(&scene.toml()).await;
    scene.recorder.reply_next(challenge(&STANDARD.encode(NBF)));
    scene.recorder.reply_next(challenge(&STANDARD.encode(NBF)));

    Caller::of(&gateway).search().await.is(502, "token-refused");

    assert_eq!(scene.world.authority.requests(), 2);
    assert_eq!(scene.recorder.requests().len(), 2);
}

#[tokio::test]
async fn a_store_that_is_challenged_fails_and_the_next_one_does_not() {
    let scene = Scene::new().await;
    let toml = Toml { route: "allow = [\"store\"]".to_owned(), ..scene.toml() };
    let gateway = scene.world.start_ready(&toml).await;
    scene.recorder.reply_next(challenge(&STANDARD.encode(NBF)));
    let caller = Caller::of(&gateway);

    caller.store("--b--").await.is(502, "token-refused");
    caller.store("--b--").await.is_ok();

    let forms = scene.world.authority.forms();
    assert_eq!(forms.len(), 2);
    assert!(claims(&forms[1]).is_some());
}

#[tokio::test]
async fn claims_that_are_none_are_not_passed_on() {
    for nonsense in ["", "&&&", "e30", &STANDARD.encode("[1]"), &STANDARD.encode("canary")] {
        let scene = Scene::new().await;
        let gateway = scene.world.start_ready(&scene.toml()).await;
        scene.recorder.reply_next(challenge(nonsense));

        Caller::of(&gateway).search().await.is_ok();

        let forms = scene.world.authority.forms();
        assert_eq!((forms.len(), forms[1].field("claims")), (2, None), "{nonsense}");
    }
}

#[tokio::test]
async fn a_demand_that_the_authority_refuses_is_made_once() {
    let scene = Scene::new().await;
    let authority = &scene.world.authority;
    let gateway = scene.world.start_ready(&scene.toml()).await;
    scene.recorder.reply_next(challenge(&STANDARD.encode(NBF)));
    let refusal = r#"{"error":"interaction_required","error_codes":[53003]}"#;
    authority.answer_next(1, Answer::status(400, "application/json", refusal));

    Caller::of(&gateway).search().await.is(500, "client-refused");
    gateway.wait_until_ready().await;
    Caller::of(&gateway).search().await.is_ok();

    let forms = authority.forms();
    assert_eq!(forms.len(), 3);
    assert!(claims(&forms[1]).is_some() && claims(&forms[2]).is_none());
}

fn claims(form: &Form) -> Option<Value> {
    form.field("claims").map(|claims| serde_json::from_str(claims).unwrap())
}

/// As Entra words it.
fn challenge(claims: &str) -> Reply {
    let uri = "https://login.microsoftonline.com/common/oauth2/authorize";
    Reply::Bytes(
        format!(
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"\", \
             authorization_uri=\"{uri}\", error=\"insufficient_claims\", claims=\"{claims}\"\r\n\
             Content-Length: 0\r\n\r\n"
        )
        .into(),
    )
}

const NBF: &str = r#"{"access_token":{"nbf":{"essential":true, "value":"1604106651"}}}"#;
