//! From a registration to a viewer's search.

use gateway_tests::program::Signal;
use gateway_tests::{Program, RawCaller};

use super::{Scene, good};

#[tokio::test]
async fn what_was_registered_serves_a_viewer() {
    for credential in ["--secret", "--certificate"] {
        let scene = Scene::new().await;
        good(&scene.register(&[credential]).await);
        good(&scene.check().await);
        scene.on_any_port();
        finds_studies(&scene).await;
    }
}

/// Serves as the file says, and has a viewer search.
pub(super) async fn finds_studies(scene: &Scene) {
    let file = scene.path("gateway.toml");
    let mut program = Program::start(&["serve".as_ref(), file.as_os_str()], &[]);
    let (callers, _) = program.addresses().await;
    assert_eq!(search(callers).await, (200, true), "{}", program.stderr());
    program.signal(Signal::TERM);
    assert_eq!(program.ended().await.code, Some(0));
}

/// The status of a search, and whether DICOM JSON came.
pub(super) async fn search(address: std::net::SocketAddr) -> (u16, bool) {
    let mut caller = RawCaller::connect(address).await.unwrap();
    let request = "GET /dicom-web/studies?limit=1 HTTP/1.1\r\nHost: localhost\r\n\
                   Accept: application/dicom+json\r\n\r\n";
    caller.send(request).await.unwrap();
    let response = caller.read_response().await.unwrap();
    (response.status, response.text().starts_with("[{"))
}
