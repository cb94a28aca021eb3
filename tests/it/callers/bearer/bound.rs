//! Tokens that are bound to a key (RFC 8705, section 3; RFC 9449, section 6).

use serde_json::json;

use super::Scene;

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
