//! What Graph refuses, and what is told of it.

use std::time::Duration;

use gateway_tests::graph::Fault;

use super::{RESOURCE, Scene, failed, good};

#[tokio::test]
async fn a_tenant_without_a_dicom_service_is_told_how_to_get_one() {
    let scene = Scene::new().await;
    scene.graph.undeploy_service();
    failed(&scene.register(&["--secret"]).await, 1, "az ad sp create --id 75e725bf");
    assert!(scene.graph.writes().is_empty(), "nothing is made for nothing");
    failed(&scene.register(&["--secret", "--api", "PACS"]).await, 1, "no service principal");
}

#[tokio::test]
async fn a_directory_s_policy_is_passed_on_and_a_shorter_life_goes_on() {
    let scene = Scene::new().await;
    scene.graph.set_longest_credential(Duration::from_secs(91 * 86_400));
    let ended = scene.register(&["--secret", "--expires", "2y"]).await;
    failed(&ended, 1, "Credential lifetime exceeds the max value allowed as per assigned policy");
    for part in ["--expires 90d", "Done before that", "made: application", "goes on from here"] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
    assert!(!scene.path("client-secret").exists() && !scene.path(".client-secret.new").exists());

    good(&scene.register(&["--secret", "--expires", "90d"]).await);
    scene.application();
}

#[tokio::test]
async fn whoever_may_not_is_told_which_role_it_takes() {
    let scene = Scene::new().await;
    scene.graph.fail(3, Fault::Denied);
    let ended = scene.register(&["--secret"]).await;
    failed(&ended, 1, "Application Administrator");
    failed(&ended, 1, "403 Authorization_RequestDenied");

    scene.graph.fail(5, Fault::Denied);
    let ended = scene.register(&["--secret", "--json"]).await;
    let told = super::json(&ended);
    assert!(told["error"].as_str().unwrap().contains("403"), "{told}");
    assert_eq!(told["steps"].as_array().unwrap().len(), 1, "{told}");
}

#[tokio::test]
async fn a_scope_that_is_not_published_is_told_with_those_that_are() {
    let scene = Scene::new().await;
    let ended = scene.register(&["--secret", "--scope", "Dicom.Write"]).await;
    failed(&ended, 64, "it has: Dicom.ReadWrite");
}

#[tokio::test]
async fn applications_of_one_name_are_told_apart_by_their_ids() {
    let scene = Scene::new().await;
    let http = reqwest::Client::builder()
        .tls_backend_preconfigured(scene.world.ca.client_config())
        .build()
        .unwrap();
    for _ in 0..2 {
        let made = http
            .post(format!("{}/v1.0/applications", scene.graph.url()))
            .bearer_auth(scene.graph.token())
            .json(&serde_json::json!({ "displayName": "DICOM gateway" }))
            .send()
            .await
            .unwrap();
        assert_eq!(made.status(), 201);
    }
    let id = scene.graph.applications()[1]["appId"].as_str().unwrap().to_owned();
    failed(&scene.register(&["--secret"]).await, 64, &id);
    good(&scene.register(&["--secret", "--app-id", &id]).await);
    assert_eq!(scene.graph.applications()[1]["passwordCredentials"].as_array().unwrap().len(), 1);
    // It was there: its account types are somebody's decision.
    let audience = &scene.graph.applications()[1]["signInAudience"];
    assert_eq!(audience, "AzureADandPersonalMicrosoftAccount");
}

#[tokio::test]
async fn what_stands_on_a_later_page_is_found() {
    let scene = Scene::new().await;
    scene.graph.set_page_size(1);
    let http = reqwest::Client::builder()
        .tls_backend_preconfigured(scene.world.ca.client_config())
        .build()
        .unwrap();
    let make = |name: &'static str| {
        let made = http
            .post(format!("{}/v1.0/applications", scene.graph.url()))
            .bearer_auth(scene.graph.token())
            .json(&serde_json::json!({ "displayName": name }));
        async move { assert_eq!(made.send().await.unwrap().status(), 201) }
    };
    make("DICOM gateway").await;
    make("dicom gateway").await;
    make("dicom GATEWAY").await;
    let ended = scene.register(&["--secret"]).await;
    for it in scene.graph.applications() {
        // Names are compared without regard to case.
        failed(&ended, 64, it["appId"].as_str().unwrap());
    }
    assert!(scene.graph.writes().len() == 3, "{:?}", scene.graph.writes());

    // Of two subjects, the second one's page has to be asked for.
    let id = scene.graph.applications()[0]["appId"].as_str().unwrap().to_owned();
    for (subject, file) in [("a", "one.toml"), ("b", "two.toml")] {
        let trust = format!("https://issuer.example,{subject}");
        let path = scene.path(file).display().to_string();
        let arguments = ["--federated", &trust, "--app-id", &id, "--file", &path];
        let mut arguments = scene.unsigned(&arguments);
        let at = arguments.iter().position(|it| it == "--file").unwrap();
        arguments.drain(at..at + 2);
        arguments.extend(scene.tokens());
        for _ in 0..2 {
            good(&gateway_tests::Program::run(&arguments, &[]).await);
        }
    }
    assert_eq!(scene.graph.federated().len(), 2);
    let pages = scene.graph.seen();
    let pages =
        pages.iter().filter(|it| it.path.contains("federatedIdentityCredentials?$skiptoken"));
    assert!(pages.count() >= 1, "{:#?}", scene.graph.seen());
}

#[tokio::test]
async fn a_scope_that_is_published_beside_the_known_one_can_be_asked_for() {
    let scene = Scene::new().await;
    let id = "aaaaaaaa-0000-4000-8000-000000000001";
    scene.graph.add_api(id, "PACS", "api://pacs.example", "user_impersonation");
    scene.graph.publish_scope(id, "Studies.Read");
    scene.world.authority.set_scope("api://pacs.example/.default");
    let arguments = ["--secret", "--api", id, "--admin-consent"];
    good(&scene.register(&[&arguments[..], &["--scope", "Studies.Read"]].concat()).await);
    let principals = scene.graph.principals();
    let api = principals.iter().find(|it| it["appId"] == id).unwrap();
    let access = &scene.application()["requiredResourceAccess"][0]["resourceAccess"];
    assert_eq!(access[0]["id"], api["oauth2PermissionScopes"][1]["id"]);
    assert_eq!(scene.graph.grants()[0]["scope"], "Studies.Read");

    // Without it, the known one is asked for as well, and nothing is taken away.
    good(&scene.register(&arguments).await);
    assert_eq!(scene.graph.grants()[0]["scope"], "Studies.Read user_impersonation");
    let access = &scene.application()["requiredResourceAccess"][0]["resourceAccess"];
    assert_eq!(access.as_array().unwrap().len(), 2, "{access}");
}

#[tokio::test]
async fn throttling_is_waited_out() {
    let scene = Scene::new().await;
    scene.graph.fail(3, Fault::Throttled(1));
    scene.graph.fail(6, Fault::Throttled(1));
    good(&scene.register(&["--secret", "--role", "reader", "--resource", RESOURCE]).await);
    scene.application();
}

#[tokio::test]
async fn a_token_for_something_else_is_told() {
    let scene = Scene::new().await;
    scene.world.scratch.file("graph-token", scene.graph.arm_token());
    failed(&scene.register(&["--secret"]).await, 1, "the token is not for this service");
    scene.world.scratch.file("graph-token", "two\nlines");
    failed(&scene.register(&["--secret"]).await, 1, "no token");
}
