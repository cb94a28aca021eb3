//! Nothing to keep: tokens of others stand for the application.

use gateway_tests::TokenIssuer;

use super::{Scene, good};

const SUBJECT: &str = "system:serviceaccount:imaging:gateway";

#[tokio::test]
async fn a_cluster_s_tokens_stand_for_the_gateway() {
    let scene = Scene::new().await;
    let issuer = TokenIssuer::new("https://oidc.cluster.example/");
    scene.world.authority.know_issuer(issuer.url(), issuer.keys());
    let trust = format!("{},{SUBJECT}", issuer.url());
    let token = scene.path("projected").display().to_string();
    let arguments = ["--federated", &trust, "--federated-token-file", &token];
    good(&scene.register(&arguments).await);
    good(&scene.register(&arguments).await);

    let all = scene.graph.federated();
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!((&all[0]["subject"], &all[0]["issuer"]), (&SUBJECT.into(), &issuer.url().into()));
    assert_eq!(all[0]["audiences"][0], "api://AzureADTokenExchange");

    scene.world.scratch.file("projected", issuer.token(SUBJECT, "api://AzureADTokenExchange"));
    good(&scene.check().await);
    scene.on_any_port();
    super::serve::finds_studies(&scene).await;
}

#[tokio::test]
async fn a_managed_identity_is_told_by_its_issuer() {
    let scene = Scene::new().await;
    let identity = "22222222-2222-2222-2222-222222222222";
    let trust = format!("{}/v2.0,{identity}", scene.world.authority.url());
    good(&scene.register(&["--federated", &trust]).await);
    let toml = scene.text("gateway.toml");
    let line = format!("managed_identity = {{ object_id = \"{identity}\", federated = true }}");
    assert!(toml.contains(&line), "{toml}");
    good(&scene.check().await);
}
