//! Certificates that are shown in the handshake (RFC 8705).

use std::time::Duration;

use super::{Scene, is_served, until};

const SHOWN: &str = "tls_certificate = { chain = \"client.crt\", key = \"client.key\" }";

#[tokio::test]
async fn a_certificate_of_the_handshake_is_all_the_proof() {
    let scene = Scene::new().await;
    let certificate = scene.world.ca.issue(&["gateway"]);
    scene.write("client", &certificate);
    scene.world.authority.register_tls_certificate(&certificate);
    scene.works(&scene.with(SHOWN)).await;

    let form = &scene.world.authority.forms()[0];
    assert_eq!(form.shown.as_deref(), Some(&*certificate.leaf()));
    assert_eq!(form.pairs.len(), 3, "client_id, scope and grant_type");
}

#[tokio::test]
async fn another_certificate_is_refused() {
    let scene = Scene::new().await;
    scene.write("client", &scene.world.ca.issue(&["gateway"]));
    scene.fails(&scene.with(SHOWN), "invalid_client AADSTS50012").await;
}

#[tokio::test]
async fn the_next_handshake_shows_the_new_certificate() {
    let scene = Scene::new().await;
    let authority = &scene.world.authority;
    authority.set_refresh_in(Some(Duration::from_secs(1)));
    let (old, new) = (scene.world.ca.issue(&["gateway"]), scene.world.ca.issue(&["gateway"]));
    scene.write("client", &old);
    authority.register_tls_certificate(&old);
    authority.register_tls_certificate(&new);
    let gateway = scene.works(&scene.with(SHOWN)).await;

    scene.write("client", &new);
    let shows = |leaf: &[u8]| authority.forms().last().unwrap().shown.as_deref() == Some(leaf);
    until(async || shows(&new.leaf())).await;
    is_served(&gateway).await;
}

#[tokio::test]
async fn it_is_shown_to_nobody_by_other_credentials() {
    let scene = Scene::new().await;
    let certificate = scene.world.ca.issue(&["gateway"]);
    scene.write("client", &certificate);
    scene.world.authority.register_certificate(&certificate);
    scene
        .works(&scene.with("certificate = { chain = \"client.crt\", key = \"client.key\" }"))
        .await;

    assert_eq!(scene.world.authority.forms()[0].shown, None);
}
