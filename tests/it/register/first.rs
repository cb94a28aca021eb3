//! From nothing.

use super::{RESOURCE, Scene, good, json};

#[tokio::test]
async fn a_secret_is_registered_kept_and_taken() {
    let scene = Scene::new().await;
    let ended = scene.register(&["--secret"]).await;
    good(&ended);

    let application = scene.application();
    assert_eq!(application["displayName"], "DICOM gateway");
    assert_eq!(application["signInAudience"], "AzureADMyOrg", "Graph's default is another");
    assert_eq!(application["api"]["requestedAccessTokenVersion"], 2);
    let access = &application["requiredResourceAccess"][0];
    assert_eq!(access["resourceAppId"], gateway_tests::graph::DICOM_API);
    assert_eq!(access["resourceAccess"][0]["type"], "Scope");
    let secret = &application["passwordCredentials"][0];
    let value = scene.text("client-secret");
    assert_eq!(scene.graph.secrets(), [value.as_str()]);
    assert_eq!(scene.mode("client-secret"), 0o600);
    let toml = scene.text("gateway.toml");
    assert!(toml.contains(secret["keyId"].as_str().unwrap()), "{toml}");
    assert!(toml.contains(&secret["endDateTime"].as_str().unwrap()[..10]), "{toml}");
    good(&scene.check().await);
    for told in [&ended.stdout, &ended.stderr, &toml] {
        assert!(!told.contains(&value), "the secret is told: {told}");
    }
    // The portal's silent step, without which there are no tokens.
    assert!(scene.graph.principals().iter().any(|it| it["appId"] == application["appId"]));
}

#[tokio::test]
async fn it_says_what_to_do_next() {
    let scene = Scene::new().await;
    let ended = scene.register(&["--secret"]).await;
    good(&ended);
    let principal = scene.graph.principals().pop().unwrap()["id"].as_str().unwrap().to_owned();
    for line in [
        "made: application \"DICOM gateway\"",
        "made: service principal",
        "the authority gives tokens for it",
        "answers 403 until the gateway has a role",
        &format!("az role assignment create --assignee-object-id {principal}"),
        "--role 'DICOM Data Reader'",
        "dicom-gateway check ",
        "dicom-gateway doctor ",
        "dicom-gateway serve ",
    ] {
        assert!(ended.stderr.contains(line), "{line}: {}", ended.stderr);
    }
    assert_eq!(ended.stdout, "");
}

#[tokio::test]
async fn everything_that_the_portal_asks_can_be_said() {
    let scene = Scene::new().await;
    let ended = scene
        .register(&[
            "--secret",
            "--name",
            "Ward 7's gateway",
            "--account-types",
            "any-organization-and-personal",
            "--redirect-uri",
            "https://gateway.example/auth/callback",
            "--redirect-uri",
            "http://localhost:8080/auth/callback",
            "--description",
            "ward 7",
            "--expires",
            "2099-01-31",
            "--admin-consent",
            "--role",
            "owner",
            "--resource",
            RESOURCE,
        ])
        .await;
    good(&ended);

    let application = scene.application();
    assert_eq!(application["displayName"], "Ward 7's gateway");
    assert_eq!(application["signInAudience"], "AzureADandPersonalMicrosoftAccount");
    assert_eq!(application["web"]["redirectUris"].as_array().unwrap().len(), 2);
    let secret = &application["passwordCredentials"][0];
    assert!(secret["displayName"].as_str().unwrap().starts_with("ward 7 "), "{secret}");
    assert_eq!(secret["endDateTime"], "2099-01-31T00:00:00Z");
    assert!(scene.text("gateway.toml").contains("credential.expires = \"2099-01-31\""));
    let grant = &scene.graph.grants()[0];
    assert_eq!(
        (&grant["scope"], &grant["consentType"]),
        (&"Dicom.ReadWrite".into(), &"AllPrincipals".into())
    );
    let assignment = &scene.graph.assignments()[0]["properties"];
    assert_eq!(assignment["principalId"], grant["clientId"]);
    let role = assignment["roleDefinitionId"].as_str().unwrap();
    assert!(role.ends_with("58a3b984-7adf-4c20-983a-32417c86fbc8"), "{role}");
}

#[tokio::test]
async fn a_certificate_is_made_here_and_its_key_goes_nowhere() {
    let scene = Scene::new().await;
    let ended = scene.register(&["--certificate"]).await;
    good(&ended);

    let pem = scene.text("client-certificate.pem");
    assert!(pem.contains("PRIVATE KEY") && pem.contains("BEGIN CERTIFICATE"));
    assert_eq!(scene.mode("client-certificate.pem"), 0o600);
    let key = &scene.application()["keyCredentials"][0];
    assert_eq!((&key["type"], &key["usage"]), (&"AsymmetricX509Cert".into(), &"Verify".into()));
    let inner = pem.lines().nth(1).unwrap();
    let sent = format!("{:?}", scene.graph.seen());
    assert!(!sent.contains(inner) && !ended.stderr.contains(inner));
    good(&scene.check().await);
}

#[tokio::test]
async fn scripts_read_what_was_done_and_no_secret() {
    let scene = Scene::new().await;
    let ended = scene.register(&["--secret", "--json"]).await;
    good(&ended);
    let told = json(&ended);
    let application = scene.application();
    assert_eq!(told["app_id"], application["appId"]);
    assert_eq!(told["object_id"], application["id"]);
    assert_eq!(told["tenant"], scene.graph.tenant());
    assert_eq!(told["credential"]["kind"], "secret");
    assert_eq!(told["credential"]["id"], application["passwordCredentials"][0]["keyId"]);
    assert_eq!(told["steps"][0]["outcome"], "made");
    assert!(told["next"].as_array().unwrap().len() >= 3);
    assert!(!ended.stdout.contains(&scene.text("client-secret")));
}

#[tokio::test]
async fn the_secret_is_printed_to_whoever_asks_for_it() {
    let scene = Scene::new().await;
    let ended = scene.register(&["--secret", "--print-secret"]).await;
    good(&ended);
    assert_eq!(ended.stdout, format!("{}\n", scene.text("client-secret")));
    assert!(!ended.stderr.contains(&scene.text("client-secret")));
}

#[tokio::test]
async fn another_service_s_api_is_found_by_its_id_its_name_and_its_uri() {
    let id = "aaaaaaaa-0000-4000-8000-000000000001";
    for wanted in [id, "Ward's PACS", "api://pacs.example"] {
        let scene = Scene::new().await;
        scene.graph.add_api(id, "Ward's PACS", "api://pacs.example", "user_impersonation");
        scene.world.authority.set_scope("api://pacs.example/.default");
        good(&scene.register(&["--secret", "--api", wanted]).await);
        assert_eq!(scene.application()["requiredResourceAccess"][0]["resourceAppId"], id);
        let toml = scene.text("gateway.toml");
        assert!(toml.contains("scope = \"api://pacs.example/.default\""), "{toml}");
        assert!(!toml.contains("profile"), "{toml}");
        good(&scene.check().await);
    }
}

#[tokio::test]
async fn a_directory_that_is_slow_to_agree_with_itself_is_waited_for() {
    for credential in ["--secret", "--certificate"] {
        let scene = Scene::new().await;
        scene.graph.set_lag(2);
        scene.graph.set_page_size(1);
        good(
            &scene
                .register(&[
                    credential,
                    "--admin-consent",
                    "--role",
                    "reader",
                    "--resource",
                    RESOURCE,
                ])
                .await,
        );
        scene.application();
        assert_eq!(scene.graph.grants().len(), 1);
        assert_eq!(scene.graph.assignments().len(), 1);
    }
}
