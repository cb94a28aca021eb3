//! Again, later, listed, and taken back.

use super::{RESOURCE, Scene, failed, good, json};

#[tokio::test]
async fn a_second_run_changes_nothing() {
    for credential in ["--secret", "--certificate"] {
        let scene = Scene::new().await;
        let arguments = [credential, "--admin-consent", "--role", "reader", "--resource", RESOURCE];
        good(&scene.register(&arguments).await);
        let (before, toml) = (scene.graph.writes().len(), scene.text("gateway.toml"));

        let ended = scene.register(&arguments).await;
        good(&ended);
        assert_eq!(scene.graph.writes().len(), before, "{:#?}", scene.graph.writes());
        assert_eq!(scene.text("gateway.toml"), toml);
        assert!(!ended.stderr.contains("made:"), "{}", ended.stderr);
        assert!(ended.stderr.contains("kept: configuration"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn only_what_differs_is_changed() {
    let scene = Scene::new().await;
    good(&scene.register(&["--secret", "--redirect-uri", "https://a.example/cb"]).await);
    let before = scene.graph.writes().len();
    let more = ["--secret", "--redirect-uri", "https://b.example/cb"];
    good(&scene.register(&[&more[..], &["--account-types", "any-organization"]].concat()).await);

    let writes = scene.graph.writes().split_off(before);
    assert_eq!(writes.len(), 1, "{writes:?}");
    assert!(writes[0].starts_with("PATCH /v1.0/applications/"), "{writes:?}");
    let application = scene.application();
    assert_eq!(application["signInAudience"], "AzureADMultipleOrgs");
    assert_eq!(application["web"]["redirectUris"].as_array().unwrap().len(), 2);
    assert_eq!(application["passwordCredentials"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_secret_that_is_not_here_any_more_is_named() {
    let scene = Scene::new().await;
    good(&scene.register(&["--secret"]).await);
    let lost = scene.application()["passwordCredentials"][0]["keyId"].as_str().unwrap().to_owned();
    std::fs::remove_file(scene.path("client-secret")).unwrap();
    std::fs::remove_file(scene.path("gateway.toml")).unwrap();

    let ended = scene.register(&["--secret"]).await;
    good(&ended);
    assert!(ended.stderr.contains(&format!("--credential {lost} --yes")), "{}", ended.stderr);
    assert_eq!(scene.application()["passwordCredentials"].as_array().unwrap().len(), 2);
    good(&scene.run("remove", &["--credential", &lost, "--yes"]).await);
    assert_eq!(scene.application()["passwordCredentials"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn files_of_others_are_not_overwritten() {
    let scene = Scene::new().await;
    scene.world.scratch.file("gateway.toml", "precious");
    failed(&scene.register(&["--secret"]).await, 78, "is there already");
    assert_eq!(scene.text("gateway.toml"), "precious");
    assert!(scene.graph.writes().is_empty(), "nothing is made before that is known");

    std::fs::remove_file(scene.path("gateway.toml")).unwrap();
    scene.world.scratch.file("client-secret", "precious");
    failed(&scene.register(&["--secret"]).await, 78, "is no secret of this application");
    assert_eq!(scene.text("client-secret"), "precious");
    assert!(scene.graph.secrets().is_empty());

    good(&scene.register(&["--secret", "--force"]).await);
    assert_eq!(scene.text("client-secret"), scene.graph.secrets()[0]);
    good(&scene.check().await);
}

#[tokio::test]
async fn a_lost_secret_is_made_anew_and_an_edited_configuration_stays() {
    let scene = Scene::new().await;
    good(&scene.register(&["--secret", "--expires", "2098-01-31"]).await);
    let edited = format!("{}# by hand\n", scene.text("gateway.toml"));
    scene.world.scratch.file("gateway.toml", &edited);
    std::fs::remove_file(scene.path("client-secret")).unwrap();
    let ended = scene.register(&["--secret", "--expires", "2099-02-28"]).await;
    good(&ended);
    assert!(ended.stderr.contains("changed: configuration"), "{}", ended.stderr);
    let toml = scene.text("gateway.toml");
    let new = scene.application()["passwordCredentials"][1]["keyId"].as_str().unwrap().to_owned();
    assert!(toml.contains(&new) && toml.contains("\"2099-02-28\""), "{toml}");
    assert_eq!(toml.len(), edited.len());
    good(&scene.check().await);
}

#[tokio::test]
async fn a_configuration_that_is_not_what_is_asked_for_is_told_before_anything_is_made() {
    let scene = Scene::new().await;
    good(&scene.register(&["--secret"]).await);
    let (before, toml) = (scene.graph.writes().len(), scene.text("gateway.toml"));
    let elsewhere = scene.path("elsewhere").display().to_string();
    failed(&scene.register(&["--certificate"]).await, 78, "it has no certificate in a file");
    let arguments = ["--secret", "--credential-file", &elsewhere];
    failed(&scene.register(&arguments).await, 78, "its secret is in client-secret");
    failed(
        &scene.register_at("https://a.example", &["--secret"]).await,
        78,
        "no route to --origin",
    );
    assert_eq!(scene.graph.writes().len(), before);
    assert_eq!(scene.text("gateway.toml"), toml);

    good(&scene.register(&["--certificate", "--force"]).await);
    assert_eq!(scene.text("gateway.toml.before-1"), toml);
    good(&scene.check().await);
}

#[tokio::test]
async fn for_a_secret_that_has_ended_no_file_is_to_be_overwritten() {
    let scene = Scene::new().await;
    good(&scene.register(&["--secret"]).await);
    scene.graph.expire_secrets();
    let ended = scene.register(&["--secret"]).await;
    failed(&ended, 78, "dicom-gateway register rotate");
    assert!(!ended.stderr.contains("--force"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_configuration_of_another_application_stops_it() {
    let scene = Scene::new().await;
    good(&scene.register(&["--secret"]).await);
    let before = scene.graph.writes().len();
    failed(&scene.register(&["--secret", "--name", "other"]).await, 78, "for another application");
    assert_eq!(scene.graph.writes().len(), before);
}

#[tokio::test]
async fn credentials_are_listed_with_what_is_left_of_them() {
    let scene = Scene::new().await;
    good(&scene.register(&["--secret", "--expires", "90d"]).await);
    let id = scene.application()["passwordCredentials"][0]["keyId"].as_str().unwrap().to_owned();

    let ended = scene.run("list", &[]).await;
    good(&ended);
    let line = ended.stdout.lines().find(|line| line.contains(&id)).unwrap();
    assert!(line.starts_with("secret\t") && line.ends_with("in use here"), "{line}");

    let told = json(&scene.run("list", &["--json"]).await);
    assert_eq!(told["credentials"][0]["id"], id);
    // It ends at midnight, which may have passed since it was made.
    let left = told["credentials"][0]["days_left"].as_u64().unwrap();
    assert!([88, 89].contains(&left), "{left}");
    assert!(line.contains("89 days left") || line.contains("88 days left"), "{line}");
    assert_eq!(told["credentials"][0]["in_use_here"], true);
}

#[tokio::test]
async fn a_credential_that_the_configuration_names_is_not_removed_alone() {
    let scene = Scene::new().await;
    good(&scene.register(&["--secret"]).await);
    let id = scene.application()["passwordCredentials"][0]["keyId"].as_str().unwrap().to_owned();
    // Its value is on another machine.
    std::fs::remove_file(scene.path("client-secret")).unwrap();
    let ended = scene.run("remove", &["--credential", &id, "--yes"]).await;
    failed(&ended, 64, "in use here");
    assert_eq!(scene.application()["passwordCredentials"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_a_secret_s_link_leads_to_goes_as_well() {
    let scene = Scene::new().await;
    good(&scene.register(&["--secret"]).await);
    std::fs::rename(scene.path("client-secret"), scene.path("kept-elsewhere")).unwrap();
    std::os::unix::fs::symlink("kept-elsewhere", scene.path("client-secret")).unwrap();
    good(&scene.run("remove", &["--yes"]).await);
    assert!(!scene.path("kept-elsewhere").exists() && !scene.path("client-secret").is_symlink());
}

#[tokio::test]
async fn all_of_it_can_be_taken_back() {
    let scene = Scene::new().await;
    good(
        &scene
            .register(&["--secret", "--admin-consent", "--role", "reader", "--resource", RESOURCE])
            .await,
    );
    failed(&scene.run("remove", &[]).await, 64, "--yes");
    assert_eq!(scene.graph.applications().len(), 1);
    let id = scene.application()["passwordCredentials"][0]["keyId"].as_str().unwrap().to_owned();
    let ended = scene.run("remove", &["--credential", &id, "--yes"]).await;
    failed(&ended, 64, "in use here");

    let ended = scene.run("remove", &["--resource", RESOURCE, "--yes"]).await;
    good(&ended);
    assert!(scene.graph.applications().is_empty() && scene.graph.assignments().is_empty());
    assert_eq!(scene.graph.principals().len(), 1, "the DICOM service's own");
    assert!(!scene.path("client-secret").exists());
    assert!(scene.path("gateway.toml").exists());
    failed(&scene.run("list", &[]).await, 1, "has no application");
}
