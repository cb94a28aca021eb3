//! Client assertions that another authority signed.

use std::time::{Duration, SystemTime};

use gateway_tests::TokenIssuer;
use gateway_tests::world::Toml;

use super::{Scene, is_served, until};

const SUBJECT: &str = "system:serviceaccount:imaging:gateway";
const AUDIENCE: &str = "api://AzureADTokenExchange";

#[tokio::test]
async fn a_projected_token_stands_for_the_client() {
    let (scene, issuer) = scene().await;
    scene.world.scratch.file("token", issuer.token(SUBJECT, AUDIENCE) + "\n");
    scene.works(&scene.with("federated_token_file = \"token\"")).await;

    let form = &scene.world.authority.forms()[0];
    assert_eq!(form.field("client_id"), Some(&*scene.world.authority.client_id()));
    assert_eq!(
        form.field("client_assertion_type"),
        Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
    );
    assert_eq!(form.field("client_secret"), None);
}

#[tokio::test]
async fn the_file_is_read_for_every_request() {
    let (scene, issuer) = scene().await;
    let authority = &scene.world.authority;
    authority.set_refresh_in(Some(Duration::from_secs(1)));
    let first = issuer.token(SUBJECT, AUDIENCE);
    scene.world.scratch.file("token", &first);
    let gateway = scene.works(&scene.with("federated_token_file = \"token\"")).await;
    assert_eq!(authority.forms()[0].field("client_assertion"), Some(&*first));

    let end = SystemTime::now() + Duration::from_secs(7200);
    let second = issuer.token_that_ends(SUBJECT, AUDIENCE, end);
    scene.world.scratch.file("token", &second);
    let shows =
        |token: &str| authority.forms().last().unwrap().field("client_assertion") == Some(token);
    until(async || shows(&second)).await;
    is_served(&gateway).await;
}

#[tokio::test]
async fn whoever_is_not_trusted_is_refused() {
    let (scene, issuer) = scene().await;
    let stranger = TokenIssuer::new(issuer.url());
    let over = SystemTime::now() - Duration::from_secs(60);
    for (token, why) in [
        (issuer.token("system:serviceaccount:imaging:Gateway", AUDIENCE), "AADSTS700213"),
        (issuer.token(SUBJECT, "api://other"), "AADSTS700213"),
        (stranger.token(SUBJECT, AUDIENCE), "AADSTS700027"),
        (issuer.token_that_ends(SUBJECT, AUDIENCE, over), "AADSTS700024"),
        ("no token".to_owned(), "AADSTS50027"),
    ] {
        scene.world.scratch.file("token", &token);
        scene.fails(&scene.with("federated_token_file = \"token\""), why).await;
    }
}

#[tokio::test]
async fn a_workload_identity_is_found_by_its_variables() {
    let (scene, issuer) = scene().await;
    let authority = &scene.world.authority;
    let token = scene.world.scratch.file("token", issuer.token(SUBJECT, AUDIENCE));
    let host = format!("https://localhost:{}", authority.address().port());
    let variables = vec![
        ("AZURE_FEDERATED_TOKEN_FILE", token.display().to_string()),
        ("AZURE_TENANT_ID", authority.tenant()),
        ("AZURE_CLIENT_ID", authority.client_id()),
        ("AZURE_AUTHORITY_HOST", host),
    ];
    // Neither authority nor id.
    let client = "[client]\nanchors = \"ca.pem\"\ncredential.workload_identity = {}";
    scene.works(&Toml { variables, ..scene.toml(client) }).await;
}

async fn scene() -> (Scene, TokenIssuer) {
    let scene = Scene::new().await;
    let issuer = TokenIssuer::new("https://cluster.example");
    scene.world.authority.federate(issuer.url(), SUBJECT, AUDIENCE, issuer.keys());
    (scene, issuer)
}
