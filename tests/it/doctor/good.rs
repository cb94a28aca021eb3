//! Where nothing is wrong.

use super::*;

#[tokio::test]
async fn a_gateway_that_would_serve_is_found_well() {
    let world = World::new().await;
    let service = service(&world).await;

    let found = diagnose(&world, &azure(&world, &service)).await;

    assert_eq!(found.code, Some(0), "{}", found.text());
    assert_eq!((found.with("fail"), found.with("warn")), (vec![], vec![]), "{}", found.text());
    let token = found.one("client default", "token");
    assert_eq!(token["facts"]["aud"], "https://dicom.healthcareapis.azure.com");
    assert_eq!(token["facts"]["tid"], world.authority.tenant());
    assert_eq!(found.one("route /dicom-web", "search")["facts"]["results"], 1);
}
