//! Token exchange as others than Entra want it (RFC 8693).

use gateway_tests::authority::Answer;
use gateway_tests::world::Toml;

use super::Scene;

#[tokio::test]
async fn a_token_is_exchanged_for_the_service_that_the_operator_names() {
    let scene = Scene::new().await;
    let toml = Toml {
        client: "parameters = { audience = \"dicom\" }".to_owned(),
        ..scene.with("on_behalf_of = { exchange = \"token_exchange\" }", &[])
    };
    let gateway = scene.world.start(&toml);
    let ann = scene.world.authority.user("ann");
    let token = scene.token(&ann);

    scene.search(&gateway, &token).await.is_ok();
    scene.search(&gateway, &token).await.is_ok();

    assert_eq!(scene.brought()[0].oid, ann.oid);
    let forms = scene.world.authority.forms();
    assert_eq!(forms.len(), 1);
    let kind = "urn:ietf:params:oauth:token-type:access_token";
    for (name, value) in [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", &token),
        ("subject_token_type", kind),
        ("requested_token_type", kind),
        ("audience", "dicom"),
    ] {
        assert_eq!(forms[0].field(name), Some(value));
    }
    assert_eq!(forms[0].field("requested_token_use"), None);
}

#[tokio::test]
async fn a_session_that_is_over_there_is_the_callers_to_renew() {
    let scene = Scene::new().await;
    let how = "on_behalf_of = { exchange = \"token_exchange\" }";
    let gateway = scene.world.start(&scene.with(how, &[]));
    let ann = scene.world.authority.user("ann");
    for error in ["invalid_grant", "invalid_request", "invalid_token"] {
        let body = format!("{{\"error\":\"{error}\"}}");
        let answer = Answer::status(400, "application/json", body);
        scene.world.authority.answer_user(&ann, answer);
        scene.search(&gateway, &scene.token(&ann)).await.is(401, "assertion-refused");
    }
}

#[tokio::test]
async fn a_token_of_another_kind_than_asked_for_is_not_used() {
    let scene = Scene::new().await;
    let how = "on_behalf_of = { exchange = \"token_exchange\" }";
    let gateway = scene.world.start(&scene.with(how, &[]));
    let kind = "\"urn:ietf:params:oauth:token-type:id_token\"";
    scene.world.authority.answer_with(Answer::with("issued_token_type", kind));

    let ann = scene.token(&scene.world.authority.user("ann"));
    scene.search(&gateway, &ann).await.is(503, "authority-unavailable");
    assert_eq!(scene.recorder.requests().len(), 0);
}
