//! Several credentials: a client is replaced one by one, and nobody notices.

use std::time::Duration;

use gateway_tests::Running;
use gateway_tests::authority::{Answer, RetryAfter};

use super::{Scene, is_served, says, until};

const NEW_AND_OLD: &str = "credential = [{ secret_file = \"new\" }, { secret_file = \"old\" }]";

#[tokio::test]
async fn the_next_one_is_tried_when_one_is_refused_and_the_good_one_comes_first_from_then_on() {
    let scene = scene().await;
    let authority = &scene.world.authority;
    authority.set_secrets(&["old"]);
    authority.set_refresh_in(Some(Duration::from_secs(1)));
    let gateway = scene.works(&scene.toml(NEW_AND_OLD)).await;
    assert_eq!(secrets(&scene), ["new", "old"]);
    authority.wait_for_requests(3).await;
    assert_eq!(secrets(&scene)[2], "old");

    // The old one is withdrawn: the new one is there at once.
    authority.set_secrets(&["new"]);
    until(async || secrets(&scene).ends_with(&["old".to_owned(), "new".to_owned()])).await;
    until(async || uses(&gateway, "0", "accepted").await > 0).await;
    is_served(&gateway).await;
    assert_eq!(uses(&gateway, "0", "refused").await, 1);
    assert_eq!(uses(&gateway, "1", "refused").await, 1);
    assert!(uses(&gateway, "1", "accepted").await >= 2);
}

#[tokio::test]
async fn one_that_cannot_be_read_is_passed_over() {
    let scene = scene().await;
    scene.world.authority.set_secrets(&["old"]);
    let toml = scene.toml(NEW_AND_OLD);
    let config = scene.world.config(&toml);
    std::fs::remove_file(scene.world.scratch.path().join("new")).unwrap();
    let gateway = scene.world.start_with(config);
    gateway.wait_until_ready().await;
    is_served(&gateway).await;
    assert_eq!(secrets(&scene), ["old"]);
}

#[tokio::test]
async fn kinds_may_be_mixed() {
    let scene = scene().await;
    let certificate = scene.world.ca.issue(&["gateway"]);
    scene.write("client", &certificate);
    scene.world.authority.register_certificate(&certificate);
    let list = "credential = [{ secret_file = \"old\" }, \
                { certificate = { chain = \"client.crt\", key = \"client.key\" } }]";
    let gateway = scene.works(&scene.toml(list)).await;
    let (_, metrics) = gateway.admin("/metrics").await;
    assert!(metrics.contains("credential=\"1\",kind=\"certificate\",outcome=\"accepted\"} 1"));
    assert!(metrics.contains("credential=\"0\",kind=\"secret\",outcome=\"refused\"} 1"));
}

#[tokio::test]
async fn where_all_are_refused_each_is_tried_once() {
    let scene = scene().await;
    let gateway = scene.fails(&scene.toml(NEW_AND_OLD), "invalid_client AADSTS7000215").await;
    assert_eq!(secrets(&scene), ["new", "old"]);
    assert_eq!(gateway.admin("/ready").await.0, 503);
}

#[tokio::test]
async fn an_authority_that_is_out_of_order_is_not_asked_with_the_other_one() {
    for (answer, why) in [
        (Answer::unavailable(), "out of order"),
        (Answer::throttled(RetryAfter::Seconds(60)), "throttles"),
        (
            Answer::status(400, "application/json", r#"{"error":"invalid_scope"}"#),
            "refused this client: invalid_scope",
        ),
    ] {
        let scene = scene().await;
        scene.world.authority.answer_with(answer);
        let gateway = scene.world.start(&scene.toml(NEW_AND_OLD));
        says(&gateway, why).await;
        assert!(secrets(&scene).iter().all(|secret| secret == "new"), "{why}");
    }
}

async fn scene() -> Scene {
    let scene = Scene::new().await;
    scene.world.scratch.file("new", "new");
    scene.world.scratch.file("old", "old");
    scene
}

/// The secrets that were shown, in their order.
fn secrets(scene: &Scene) -> Vec<String> {
    let forms = scene.world.authority.forms();
    forms.iter().map(|form| form.field("client_secret").unwrap_or_default().to_owned()).collect()
}

async fn uses(gateway: &Running, credential: &str, outcome: &str) -> u64 {
    let (_, text) = gateway.admin("/metrics").await;
    let line = text.lines().find(|line| {
        line.starts_with("dicom_gateway_credential_uses_total")
            && line.contains(&format!("credential=\"{credential}\""))
            && line.contains(&format!("outcome=\"{outcome}\""))
    });
    line.unwrap().rsplit(' ').next().unwrap().parse().unwrap()
}
