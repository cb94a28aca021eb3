//! Tokens that are bound to a key (RFC 8705, section 3; RFC 9449, section 6).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway_tests::world::Toml;
use gateway_tests::{Ca, Connection};
use http::{Request, Version};
use http_body_util::Empty;
use rustls::ALL_VERSIONS;
use serde_json::json;

use super::Scene;

#[tokio::test]
async fn a_token_bound_to_a_certificate_is_good_on_connections_that_showed_it() {
    let (scene, callers) = (Scene::new().await, Ca::new());
    let identity = scene.world.ca.issue(&["localhost"]);
    for (name, text) in [
        ("tls.crt", identity.chain_pem.as_str()),
        ("tls.key", &identity.key_pem),
        ("callers.pem", callers.pem()),
    ] {
        scene.world.scratch.file(name, text);
    }
    let table = scene.table(&scene.issuer.issuer(), "");
    let certificates = "{ anchors = \"callers.pem\" }";
    let toml = Toml {
        listener: "identity = { chain = \"tls.crt\", key = \"tls.key\" }".to_owned(),
        route: format!("callers = {{ bearer = {table}, certificates = {certificates} }}"),
        ..scene.toml("")
    };
    let gateway = scene.world.start_ready(&toml).await;
    let (own, other) = (callers.issue(&["ct1.example"]), callers.issue(&["ct1.example"]));
    let thumbprint = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &own.leaf());
    let thumbprint = URL_SAFE_NO_PAD.encode(thumbprint);
    let bound = scene.sign(&scene.user().with("cnf", json!({ "x5t#S256": thumbprint })));
    let free = scene.issuer.user_token();

    for version in [Version::HTTP_11, Version::HTTP_2] {
        for (shown, token, expected) in [
            (Some(&own), Some(&bound), 200),
            (Some(&other), Some(&bound), 401),
            (None, Some(&bound), 401),
            (Some(&own), Some(&bound), 200),
            (Some(&other), Some(&free), 200),
            (Some(&other), None, 200),
        ] {
            let ca = &scene.world.ca;
            let tls = shown.map(|shown| shown.client_config(ca, ALL_VERSIONS));
            let tls = tls.unwrap_or_else(|| ca.client_config());
            let connection = Connection::open_tls_with(gateway.address(), version, tls).await;
            let mut request = Request::get("/dicom-web/studies");
            if let Some(token) = token {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            let request = request.body(Empty::<bytes::Bytes>::new()).unwrap();
            let answer = connection.unwrap().send_request(request).await.unwrap();
            assert_eq!(answer.status().as_u16(), expected);
        }
    }
}

#[tokio::test]
async fn a_bound_token_is_no_bearer_token() {
    let scene = Scene::new().await;
    let gate = scene.gate("").await;
    let bound = |cnf| scene.sign(&scene.user().with("cnf", cnf));
    let thumbprint = "A".repeat(43);

    let certificate = "The access token is bound to a certificate that the connection did not show";
    gate.search(&bound(json!({ "x5t#S256": thumbprint }))).await.is_refused(certificate);

    let unknown = "The access token is bound to a key in a way that the gateway does not know";
    for cnf in [
        json!({ "jkt": thumbprint }),
        json!({ "jkt": thumbprint, "x5t#S256": thumbprint }),
        json!({ "kid": "key" }),
        json!({ "jwk": {} }),
        json!({}),
    ] {
        gate.search(&bound(cnf)).await.is_refused(unknown);
    }
    assert_eq!(scene.recorder.bytes_seen(), 0);
}
