use gateway_tests::origin::sample::{CT_SERIES, CT_STUDY};
use http::Method;

use super::{CHALLENGE, World, ct_path};

#[tokio::test]
async fn accept_is_read_as_the_hosted_service_reads_it() {
    let world = World::new().await;
    let instance = ct_path(1);
    let series = format!("/studies/{CT_STUDY}/series/{CT_SERIES}");
    let frames = format!("{instance}/frames/1");
    let rendered = format!("{instance}/rendered");
    let metadata = format!("{instance}/metadata");
    for (path, accept, status) in [
        ("/studies", "application/dicom+json", 200),
        ("/studies", "application/json", 200),
        ("/studies", "text/html, application/*;q=0.5", 200),
        ("/studies", "application/dicom+xml", 406),
        (
            "/studies",
            "application/dicom+json, multipart/related; type=application/octet-stream",
            406,
        ),
        ("/studies", "application/dicom+json, multipart/related; type=\"application/dicom\"", 200),
        (&metadata, "*/*", 200),
        (&metadata, "application/dicom+xml", 406),
        (&instance, "*/*", 200),
        (&instance, "application/dicom", 200),
        (&instance, "application/dicom+json", 406),
        (&instance, "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.90", 406),
        (&instance, "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.50", 406),
        (&instance, "multipart/related; type=application/dicom", 200),
        (&series, "application/dicom", 406),
        (&series, "multipart/related; type=\"application/dicom\"", 200),
        (&frames, "multipart/related; type=application/octet-stream", 200),
        (&frames, "multipart/related; type=\"*/*\"", 200),
        (&frames, "multipart/related; type=\"image/jp2\"", 406),
        (&rendered, "image/png", 200),
        (&rendered, "image/jpeg", 200),
        (&rendered, "*/*", 406),
        (&rendered, "image/png, image/jpeg", 406),
        (&rendered, "image/gif", 406),
    ] {
        let response = world.accepting(path, accept).await;
        assert_eq!(response.status(), status, "{path} {accept}");
        if status == 406 {
            assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
        }
    }
}

#[tokio::test]
async fn no_accept_header_is_refused_except_for_pictures() {
    let world = World::new().await;
    let statuses = async |path: &str| {
        let address = world.origin.address();
        let request = format!(
            "GET /v2{path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\
             Connection: close\r\n\r\n",
            super::TOKEN
        );
        super::controls::exchange(address, &request).await[9..12].to_owned()
    };
    assert_eq!(statuses("/studies").await, "406");
    assert_eq!(statuses(&ct_path(1)).await, "406");
    assert_eq!(statuses(&format!("{}/metadata", ct_path(1))).await, "406");
    assert_eq!(statuses(&format!("{}/rendered", ct_path(1))).await, "200");
}

#[tokio::test]
async fn nothing_but_health_is_told_without_a_token() {
    let world = World::new().await;
    for (method, path) in [
        (Method::GET, "/studies"),
        (Method::POST, "/studies"),
        (Method::DELETE, "/studies/1.2"),
        (Method::OPTIONS, "/studies"),
        (Method::GET, "/nothing"),
    ] {
        let response = world.client.request(method, world.url(path)).send().await.unwrap();
        assert_eq!(response.status(), 401, "{path}");
        assert_eq!(response.headers()["www-authenticate"], CHALLENGE);
        assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
    }
    let health = world.origin.base_url().replace("/v2", "/health/check");
    assert_eq!(world.client.get(health).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn other_methods_are_not_allowed() {
    let world = World::new().await;
    let ask = async |method, path: &str| {
        let request = world.client.request(method, world.url(path)).bearer_auth(super::TOKEN);
        let response = request.send().await.unwrap();
        let allow = response.headers().get("allow").map(|it| it.to_str().unwrap().to_owned());
        (response.status().as_u16(), allow.unwrap_or_default())
    };
    assert_eq!(ask(Method::OPTIONS, "/studies").await, (405, "GET, POST, PUT".to_owned()));
    assert_eq!(ask(Method::HEAD, "/studies").await, (405, "GET, POST, PUT".to_owned()));
    assert_eq!(ask(Method::PUT, &ct_path(1)).await, (405, "DELETE, GET".to_owned()));
    assert_eq!(ask(Method::OPTIONS, "/").await.0, 404);
}

#[tokio::test]
async fn the_versions_it_speaks_are_told_in_every_answer() {
    let world = World::new().await;
    for path in ["/studies", "/nothing"] {
        let response = world.accepting(path, "*/*").await;
        assert_eq!(response.headers()["api-supported-versions"], "1.0-prerelease, 1, 2");
    }
}
