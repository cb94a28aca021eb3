//! Secrets, in the form and in the header.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Scene;

#[tokio::test]
async fn a_secret_in_the_header_is_form_encoded_first_and_nowhere_else() {
    for secret in ["s3cr3t~+/ &ü€", "a:b", "100%"] {
        let scene = Scene::new().await;
        let authority = &scene.world.authority;
        authority.set_client_id("gate:way");
        authority.set_secrets(&[secret]);
        scene.world.scratch.file("client-secret", format!("{secret}\n"));
        let client = "credential = { secret_file = \"client-secret\", secret_method = \"basic\" }";
        scene.works(&scene.toml(client)).await;

        let form = &authority.forms()[0];
        let encoded = form.header("authorization").unwrap().strip_prefix("Basic ").unwrap();
        let pair = String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap();
        assert!(pair.starts_with("gate%3Away:") && pair.is_ascii(), "{pair}");
        assert_eq!(form.pairs.len(), 2, "scope and grant_type");
    }
}

#[tokio::test]
async fn further_parameters_go_with_every_request() {
    let scene = Scene::new().await;
    let authority = &scene.world.authority;
    authority.set_secrets(&["s3cr3t"]);
    scene.world.scratch.file("client-secret", "s3cr3t");
    let parameters = "parameters = { resource = \"https://pacs.example/ä\", audience = \"a&b\" }";
    scene.works(&scene.toml(parameters)).await;

    let form = &authority.forms()[0];
    assert_eq!(form.field("resource"), Some("https://pacs.example/ä"));
    assert_eq!(form.field("audience"), Some("a&b"));
    assert_eq!(form.pairs.len(), 6);
}
