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
        "set -eu",
        "APP_ID=$(az ad app create --display-name 'DICOM gateway' --sign-in-audience AzureADMyOrg",
        "PRINCIPAL_ID=$(az ad sp create --id \"$APP_ID\"",
        "az ad app permission add --id \"$APP_ID\" --api 75e725bf-66ce-4cea-9b9a-5c4caae57f33",
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
    assert!(told["script"].as_str().unwrap().starts_with("set -eu"));
}

#[tokio::test]
async fn the_script_is_one_that_a_shell_understands() {
    let scene = Scene::new().await;
    let name = ["--name", "it's $(touch pwned) `x`", "--dry-run"];
    for credential in
        [&["--secret"][..], &["--certificate"], &["--federated", "https://a.example,b c"]]
    {
        let told = json(&scene.register(&[credential, &name, &["--json"]].concat()).await);
        let script = scene.world.scratch.file("script.sh", told["script"].as_str().unwrap());
        // With a command of that name that says its arguments.
        let az = scene.world.scratch.file("az", "#!/bin/sh\nprintf '[%s]' \"$@\" >&2\necho ID\n");
        std::process::Command::new("chmod").arg("700").arg(&az).status().unwrap();
        let openssl = scene.world.scratch.file("openssl", "#!/bin/sh\ntouch public.pem\n");
        std::process::Command::new("chmod").arg("700").arg(&openssl).status().unwrap();
        let path = format!("{}:/usr/bin:/bin", scene.world.scratch.path().display());
        let run = std::process::Command::new("/bin/sh")
            .arg(script)
            .current_dir(scene.world.scratch.path())
            .env("PATH", path)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(run.status.success(), "{told}");
        assert!(!scene.path("pwned").exists());
        assert!(told.contains("[--display-name][it's $(touch pwned) `x`]"), "{told}");
        assert!(told.contains("[sp][create][--id][ID]"), "{told}");
        assert!(!told.contains("-id}"), "something is left that was to be known by then: {told}");
    }
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
