//! An authority that is known by its issuer only.

use gateway_tests::{Recorder, Reply};
use serde_json::json;

use super::{Caller, Scene, until};

#[tokio::test]
async fn an_issuers_metadata_lead_to_its_token_endpoint() {
    let scene = Scene::new().await;
    let authority = &scene.world.authority;
    for issuer in [authority.issuer(), authority.issuer() + "/", authority.url()] {
        let before = authority.requests();
        let gateway =
            scene.world.start_ready(&scene.client(&format!("authority = \"{issuer}\""))).await;

        Caller::of(&gateway).search().await.is_ok();

        assert_eq!(authority.requests(), before + 1, "{issuer}");
        assert_eq!(scene.brought().last(), authority.last_token().as_ref());
    }
}

#[tokio::test]
async fn an_authority_without_openid_has_its_metadata_where_rfc_8414_says() {
    let scene = Scene::new().await;
    let issuer = Recorder::start_tls(&scene.world.ca).await;
    let name = issuer.url() + "/tenant/a";
    let token_endpoint = scene.world.authority.token_endpoint();
    let metadata = json!({ "issuer": name, "token_endpoint": token_endpoint });
    let missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    for _ in 0..2 {
        issuer.reply_next(Reply::Bytes(missing.to_vec()));
    }
    issuer.reply_with(json_reply(&metadata.to_string()));
    let gateway = scene.world.start_ready(&scene.client(&format!("authority = \"{name}\""))).await;

    Caller::of(&gateway).search().await.is_ok();
    let asked = issuer.requests().into_iter().map(|request| request.target).collect::<Vec<_>>();
    assert_eq!(
        asked,
        [
            "/tenant/a/.well-known/openid-configuration",
            "/tenant/a/v2.0/.well-known/openid-configuration",
            "/.well-known/oauth-authorization-server/tenant/a",
        ]
    );
}

#[tokio::test]
async fn metadata_of_another_issuer_are_refused_and_the_secret_stays_here() {
    let scene = Scene::new().await;
    // The same server under another name; the metadata name it localhost.
    let alias = scene.world.authority.issuer().replace("localhost", "127.0.0.1");
    is_refused(&scene, &alias, "its metadata are of another issuer").await;
    assert_eq!(scene.world.authority.requests(), 0);
}

#[tokio::test]
async fn an_endpoint_without_tls_is_refused_and_the_secret_stays_here() {
    let scene = Scene::new().await;
    let (issuer, plain) = (Recorder::start_tls(&scene.world.ca).await, Recorder::start().await);
    let metadata = json!({ "issuer": issuer.url(), "token_endpoint": plain.url() + "/token" });
    issuer.reply_with(json_reply(&metadata.to_string()));

    is_refused(&scene, &issuer.url(), "no URL of the issuer's scheme").await;

    assert_eq!(plain.bytes_seen(), 0);
    assert!(issuer.requests().iter().all(|request| request.method == "GET"));
}

#[tokio::test]
async fn metadata_that_are_none_are_refused() {
    for body in ["<html>", "{}", "[]", r#"{"issuer":17}"#] {
        let scene = Scene::new().await;
        let issuer = Recorder::start_tls(&scene.world.ca).await;
        issuer.reply_with(json_reply(body));
        is_refused(&scene, &issuer.url(), "its metadata are no JSON object").await;
    }
}

#[tokio::test]
async fn an_authority_that_was_away_is_discovered_when_it_is_back() {
    let scene = Scene::new().await;
    let authority = &scene.world.authority;
    authority.stop().await;
    let issuer = authority.issuer();
    let gateway = scene.world.start(&scene.client(&format!("authority = \"{issuer}\"")));
    let caller = Caller::of(&gateway);
    caller.search().await.is(503, "authority-unavailable");

    authority.restart().await;
    until(async || caller.search().await.status == 200).await;

    assert_eq!(authority.requests(), 1);
}

async fn is_refused(scene: &Scene, issuer: &str, why: &str) {
    let gateway = scene.world.start(&scene.client(&format!("authority = \"{issuer}\"")));
    Caller::of(&gateway).search().await.is(503, "authority-unavailable");
    let (status, ready) = gateway.admin("/ready").await;
    assert!(status == 503 && ready.contains(why), "{ready}");
}

fn json_reply(body: &str) -> Reply {
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
    Reply::Bytes(head.into_bytes())
}
