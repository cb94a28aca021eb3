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
    let statuses = async |line: &str| {
        let mut statuses = Vec::new();
        for accept in ["", "Accept:\r\n", "Accept: \r\n", "Accept: ,\r\n"] {
            let address = world.origin.address();
            let request = format!(
                "{line} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n{accept}\
                 Content-Length: 0\r\nConnection: close\r\n\r\n",
                super::TOKEN
            );
            statuses.push(super::controls::exchange(address, &request).await[9..12].to_owned());
        }
        statuses.dedup();
        statuses.join(" ")
    };
    let instance = ct_path(1);
    assert_eq!(statuses("GET /v2/studies").await, "406");
    assert_eq!(statuses(&format!("GET /v2{instance}")).await, "406");
    assert_eq!(statuses(&format!("GET /v2{instance}/metadata")).await, "406");
    assert_eq!(statuses(&format!("GET /v2{instance}/frames/1")).await, "406");
    assert_eq!(statuses("POST /v2/studies").await, "406");
    assert_eq!(statuses("PUT /v2/studies/1.2").await, "406");
    assert_eq!(statuses("POST /v2/workitems?1.2").await, "406");
    assert_eq!(statuses("GET /v2/workitems").await, "406");
    assert_eq!(statuses(&format!("GET /v2{instance}/rendered")).await, "200");
    assert_eq!(statuses("GET /v2/changefeed").await, "200");
}

#[tokio::test]
async fn one_fault_spoils_the_list_on_every_json_route() {
    let world = World::new().await;
    let poisoned = "application/dicom+json, multipart/related; type=application/octet-stream";
    let ask = async |method: &str, path: &str, accept: &str| {
        let request = world.client.request(method.parse().unwrap(), world.url(path));
        let request = request.bearer_auth(super::TOKEN).header("accept", accept);
        let request = request.header("content-type", "application/dicom+json").body("[]");
        request.send().await.unwrap().status().as_u16()
    };
    let metadata = format!("/studies/{CT_STUDY}/metadata");
    for (method, path, otherwise) in [
        ("GET", "/series", 200),
        ("GET", "/instances", 200),
        ("GET", &metadata, 200),
        ("POST", "/studies", 415),
        ("POST", "/workitems?1.2", 400),
        ("GET", "/workitems", 204),
        ("GET", "/workitems/1.2", 404),
        ("PUT", "/workitems/1.2/state", 400),
    ] {
        assert_eq!(ask(method, path, poisoned).await, 406, "{method} {path}");
        assert_eq!(ask(method, path, "application/dicom+xml").await, 406, "{method} {path}");
        assert_eq!(ask(method, path, "application/json").await, otherwise, "{method} {path}");
    }
}

#[tokio::test]
async fn an_accept_parameter_is_no_accept_header() {
    let world = World::new().await;
    let path = format!("{}/rendered?accept=image/png", ct_path(1));
    let response = world.accepting(&path, "image/jpeg").await;
    assert_eq!(response.headers()["content-type"], "image/jpeg");
    let path = format!("{}?accept=application/dicom", ct_path(1));
    assert_eq!(world.accepting(&path, "text/html").await.status(), 406);
}

#[tokio::test]
async fn paths_may_be_in_any_case() {
    let world = World::new().await;
    let ask = async |path: String| {
        let url = world.origin.base_url().replace("/v2", &path);
        let request = world.client.get(url).bearer_auth(super::TOKEN).header("accept", "*/*");
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(ask("/V2/Studies".to_owned()).await, 200);
    assert_eq!(ask(format!("/v2/STUDIES/{CT_STUDY}/Metadata/")).await, 200);
    assert_eq!(ask("/v2/ChangeFeed/Latest".to_owned()).await, 200);
    assert_eq!(ask("/v1/studies".to_owned()).await, 404);
    assert_eq!(ask("/studies".to_owned()).await, 404);
}

#[tokio::test]
async fn it_describes_its_66_operations() {
    let world = World::new().await;
    let description = world.json("/api.json").await;
    let paths = description["paths"].as_object().unwrap();
    assert_eq!(paths.values().map(|path| path.as_object().unwrap().len()).sum::<usize>(), 66);
    assert!(paths["/v2/studies/{studyInstanceUid}"]["delete"]["responses"]["204"].is_object());
    let yaml = world.accepting("/api.yaml", "*/*").await;
    assert_eq!(yaml.headers()["content-type"], "text/yaml; charset=utf-8");
    let yaml = yaml.text().await.unwrap();
    assert!(yaml.starts_with("'info':\n  'title': \""), "{}", &yaml[..60]);
    assert!(paths.keys().all(|path| yaml.contains(&format!("\n  '{path}':\n"))));
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
    assert_eq!(ask(Method::HEAD, &ct_path(1)).await.0, 405);
    assert_eq!(ask(Method::GET, "/export").await, (405, "POST".to_owned()));
    for unrouted in ["rendered", "thumbnail", "bulkdata", "pixeldata", "bulkdata/7FE00010"] {
        assert_eq!(ask(Method::GET, &format!("/studies/{CT_STUDY}/{unrouted}")).await.0, 404);
    }
    assert_eq!(ask(Method::GET, &format!("{}/thumbnail", ct_path(1))).await.0, 404);
    assert_eq!(ask(Method::POST, "/workitems/1.2/subscribers/AET").await.0, 404);
}

#[tokio::test]
async fn the_versions_it_speaks_are_told_in_every_answer() {
    let world = World::new().await;
    for path in ["/studies", "/nothing"] {
        let response = world.accepting(path, "*/*").await;
        assert_eq!(response.headers()["api-supported-versions"], "1.0-prerelease, 1, 2");
    }
}
