//! Several clients in one process, each with an authority and anchors of its own.

use gateway_tests::origin::{Options, OriginServer, Store};
use gateway_tests::world::{Toml, check};
use gateway_tests::{Authority, Ca};

use super::Scene;

#[tokio::test]
async fn each_client_believes_its_own_anchors_and_gets_its_own_tokens() {
    let scene = Scene::new().await;
    let (their_ca, ours) = (Ca::new(), &scene.world.authority);
    let theirs = Authority::start(&their_ca).await;
    let options = Options { check: check(theirs.verifier()), tls: None, store: Store::default() };
    let their_origin = OriginServer::start(options).await.unwrap();
    scene.world.scratch.file("their-ca.pem", their_ca.pem());
    scene.world.scratch.file("their-secret", theirs.secret());
    ours.set_secrets(&["ours"]);
    scene.world.scratch.file("our-secret", "ours");
    let client = |name: &str, authority: &Authority, anchors: &str, secret: &str| {
        format!(
            "[client.{name}]\ntoken_endpoint = \"{}\"\nid = \"{}\"\nanchors = \"{anchors}\"\n\
             credential.secret_file = \"{secret}\"\n",
            authority.token_endpoint(),
            authority.client_id(),
        )
    };
    let clients = client("ours", ours, "ca.pem", "our-secret")
        + &client("theirs", &theirs, "their-ca.pem", "their-secret");
    let second = format!(
        "[[route]]\nprefix = \"/theirs\"\norigin = \"{}\"\nscope = \"{}\"\ncallers = \"anyone\"\n\
         allow = [\"manage\"]\nclient = \"theirs\"\n",
        their_origin.base_url(),
        theirs.scope(),
    );
    let route = "allow = [\"manage\"]\nclient = \"ours\"".to_owned();
    let toml = Toml { route, more: second, ..scene.toml(&clients) };
    let gateway = scene.works(&toml).await;

    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let response = client.get(gateway.url("/theirs/extendedquerytags")).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!((ours.requests(), theirs.requests()), (1, 1));

    // The other one's anchors: nobody is told the secret.
    let wrong = clients.replace("their-ca.pem", "ca.pem");
    let toml = Toml { client: wrong, ..toml };
    scene.fails(&toml, "the authority cannot be reached").await;
    assert_eq!(theirs.requests(), 1);
}
