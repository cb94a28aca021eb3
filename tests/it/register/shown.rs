//! `--dry-run`.

use super::{RESOURCE, Scene, good, json};

#[tokio::test]
async fn a_dry_run_shows_every_request_and_a_script_and_does_nothing() {
    let scene = Scene::new().await;
    let arguments = [
        "--secret",
        "--admin-consent",
        "--role",
        "reader",
        "--resource",
        RESOURCE,
        "--redirect-uri",
        "https://gateway.example/cb?a=1&b='2'",
        "--dry-run",
    ];
    let ended = scene.register(&arguments).await;
    good(&ended);
    assert!(scene.graph.writes().is_empty(), "{:?}", scene.graph.writes());
    assert!(!scene.path("client-secret").exists() && !scene.path("gateway.toml").exists());
    assert_eq!(std::fs::read_dir(scene.world.scratch.path()).unwrap().count(), 3);
    for part in [
        "POST /applications\n",
        "\"signInAudience\": \"AzureADMyOrg\"",
        "POST /servicePrincipals\n",
        "POST /applications/{object-id}/addPassword",
        "POST /oauth2PermissionGrants",
        "/providers/Microsoft.Authorization/roleAssignments/",
        "set -euo pipefail",
        "APP_ID=$(az rest --method POST --url ",
        "PRINCIPAL_ID=$(az ad sp create --id \"$APP_ID\"",
        "az ad app credential reset --id \"$APP_ID\" --append",
        "az ad app permission grant --id \"$APP_ID\"",
        "--assignee-object-id \"$PRINCIPAL_ID\"",
    ] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    assert!(ended.stderr.contains("would be made: application"), "{}", ended.stderr);
    assert!(!ended.stdout.contains(&scene.graph.token()), "a token is told");

    let told = json(&scene.register(&[&arguments[..], &["--json"]].concat()).await);
    let changes = told["requests"].as_array().unwrap().iter().filter(|it| it["changes"] == true);
    assert_eq!(changes.count(), 5, "{told:#}");
    assert!(
        told["script"]
            .as_str()
            .unwrap()
            .starts_with("#!/usr/bin/env bash\nset -euo pipefail\n[ ! -e ")
    );
}

#[tokio::test]
async fn a_dry_run_of_what_is_there_shows_only_what_differs() {
    let scene = Scene::new().await;
    good(&scene.register(&["--secret"]).await);
    let before = scene.graph.writes().len();
    let ended = scene.register(&["--secret", "--account-types", "personal", "--dry-run"]).await;
    good(&ended);
    assert_eq!(scene.graph.writes().len(), before);
    assert!(ended.stdout.contains("PATCH /applications/"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("POST "), "{}", ended.stdout);
}
