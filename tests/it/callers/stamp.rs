//! What the origin server's own audit log is told of who is asking.

use super::permits::{SEARCH, Scene};

#[tokio::test]
async fn azure_s_audit_log_is_told_who_is_asking() {
    let scene = Scene::new().await;
    let gateway = scene.start(&format!("{AZURE}stamp_principal = true")).await;
    let user = scene.issuer.user().with("oid", "u-1").with("azp", "viewer 1");
    for (caller, principal, application) in [
        (scene.token(user), "bearer:u-1", Some("viewer%201")),
        (scene.key("ward-7"), "api_key:ward-7", None),
    ] {
        assert_eq!(scene.send(&gateway, &caller, SEARCH, &[]).await.0, 200);
        let arrived = scene.recorder.requests().pop().unwrap();
        assert_eq!(arrived.values(PRINCIPAL), [principal]);
        assert_eq!(arrived.header(APPLICATION), application);
        let request_id = arrived.header(REQUEST_ID).unwrap();
        let line = gateway.wait_for_line(&format!("request_id={request_id}")).await;
        assert!(line.contains("transaction=search"), "{line}");
    }
    let long = scene.issuer.user().with("oid", "Zoë".repeat(99));
    assert_eq!(scene.send(&gateway, &scene.token(long), SEARCH, &[]).await.0, 200);
    let arrived = scene.recorder.requests().pop().unwrap();
    let principal = arrived.header(PRINCIPAL).unwrap();
    assert!(principal.starts_with("bearer:Zo%C3%ABZo") && principal.len() <= 128, "{principal}");
    let certificate = scene.certificate("ct1.example");
    assert_eq!(scene.send(&gateway, &certificate, SEARCH, &[]).await.0, 200);
    let arrived = scene.recorder.requests().pop().unwrap();
    let principal = arrived.header(PRINCIPAL).unwrap();
    assert!(principal.starts_with("certificate:CN%3D"), "its subject: {principal}");
}

#[tokio::test]
async fn nobody_else_says_who_is_asking() {
    let scene = Scene::new().await;
    let forged = [
        ("X-MS-AZUREDICOM-AUDIT-Principal", "bearer:boss"),
        ("x-ms-azuredicom-audit-application", "none"),
        ("X-Ms-AzureDicom-Audit-Request-Id", "0"),
        ("X-MS-AZUREDICOM-AUDIT-Ward", "7"),
    ];
    let clerk = "permits = [{ to = [\"api_key:clerk\"], allow = [\"search\"], \
                 audit_fields = true }]\n";
    for is_stamped in [true, false] {
        let route = format!("{AZURE}{clerk}stamp_principal = {is_stamped}");
        let gateway = scene.start(&route).await;
        for name in ["clerk", "ward-7"] {
            assert_eq!(scene.send(&gateway, &scene.key(name), SEARCH, &forged).await.0, 200);
            let arrived = scene.recorder.requests().pop().unwrap();
            let ward = arrived.header("x-ms-azuredicom-audit-ward");
            assert_eq!(ward, (name == "clerk").then_some("7"));
            let own = format!("api_key:{name}");
            let expected = if is_stamped { vec![own.as_str()] } else { vec![] };
            assert_eq!(arrived.values(PRINCIPAL), expected);
            assert!(arrived.values(APPLICATION).is_empty());
            assert_eq!(arrived.values(REQUEST_ID).len(), usize::from(is_stamped));
            assert!(!arrived.values(REQUEST_ID).contains(&"0"), "{name}");
        }
    }
}

const AZURE: &str = "profile = \"azure\"\nallow = [\"search\"]\n";
const PRINCIPAL: &str = "x-ms-azuredicom-audit-principal";
const APPLICATION: &str = "x-ms-azuredicom-audit-application";
const REQUEST_ID: &str = "x-ms-azuredicom-audit-request-id";
