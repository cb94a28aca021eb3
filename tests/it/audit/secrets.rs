//! What records never hold: what stands in queries, header fields and bodies, and what proves who
//! somebody is. UIDs and principals are what they are for.

use std::path::Path;

use gateway_tests::{RawCaller, Reply};
use http::Request;
use http_body_util::{BodyExt, Full};

use super::{Scene, VERSIONS, connect};
use crate::secrecy::canaries::{Canaries, hits};

#[tokio::test]
async fn no_record_holds_what_only_a_request_may() {
    let scene = Scene::new().await;
    let mut canaries = Canaries::default();
    let secret = canaries.plant("client secret");
    scene.world.authority.set_secrets(&[&secret]);
    scene.world.scratch.file("client-secret", &secret);
    canaries.add("API key", &scene.key);
    // A sink that is not there, so that its records stay in the queue.
    let sink = "queue = \"queue\"\n[[audit.syslog]]\naddress = \"localhost:1\"\n";
    let gateway = scene.start(sink).await;
    let mut uids = Canaries::default();
    let mut count = 0;
    for version in VERSIONS {
        let caller = connect(&gateway, version).await;
        for credential in [scene.key(), scene.token(), canaries.plant("wrong credential")] {
            for method in ["GET", "HEAD", "POST", "DELETE", "OPTIONS"] {
                let (query, name) = (canaries.plant("query"), canaries.plant("query key"));
                let path = format!("/dicom-web/studies/{}", uids.plant_uid());
                let target = format!("{path}?PatientName={query}^Jane&{name}=1");
                let mut request = Request::builder().method(method).uri(target);
                request = request.header("authorization", &credential);
                for name in ["cookie", "msdicom-meta-patientid", "referer", "x-other"] {
                    request = request.header(name, canaries.plant(name));
                }
                let body = if method == "POST" { canaries.plant("body") } else { String::new() };
                let reply = format!("HTTP/1.1 200 {}\r\n", canaries.plant("reason"));
                let reply = format!(
                    "{reply}X-Said: {}\r\nContent-Length: 0\r\n\r\n",
                    canaries.plant("answer")
                );
                scene.recorder.reply_with(Reply::Bytes(reply.into()));
                let request = request.body(Full::from(body)).unwrap();
                let answer = caller.send_request(request).await.unwrap();
                let _ = answer.into_body().collect().await;
                count += 1;
            }
        }
        if let Some((_, token)) = scene.token().split_once(' ') {
            canaries.add("token", token.rsplit_once('.').unwrap().1);
        }
    }
    // Paths that name nothing are not repeated either, nor are methods.
    for request in [
        format!("GET /dicom-web/{}", canaries.plant("path")),
        format!("GET /dicom-web/studies/1.2/{}", canaries.plant("path")),
        format!("GET /dicom-web/studies/%00{}", canaries.plant("nul")),
        format!("GET /dicom-web/studies/../{}", canaries.plant("dots")),
        format!("GET /dicom-web/?requestType=WADO&studyUID={}", canaries.plant("UID in a query")),
        format!("{} /dicom-web/studies", canaries.plant("method")),
    ] {
        let mut caller = RawCaller::connect(gateway.address()).await.unwrap();
        let key = scene.key();
        let request =
            format!("{request} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {key}\r\n\r\n");
        caller.send(request).await.unwrap();
        caller.read_response().await.unwrap();
        count += 1;
    }
    scene.accesses(count).await;
    gateway.drain().await;

    let scratch = scene.world.scratch.path();
    let file = std::fs::read(scene.file()).unwrap();
    let queued = contents(&scratch.join("queue"));
    for token in scene.world.authority.tokens() {
        canaries.add("access token", token.rsplit_once('.').unwrap().1);
    }
    let sent = scene.recorder.connections().concat();
    assert!(!hits(&sent, canaries.all()).is_empty(), "they were there to be found");
    for (place, text) in [("the file", &file), ("the queue", &queued)] {
        let found = hits(text, canaries.all());
        assert!(found.is_empty(), "{found:?} in {place}");
        assert_eq!(hits(text, uids.all()).len(), uids.all().len(), "{place} has its UIDs");
    }
}

/// What all files of a folder hold.
fn contents(folder: &Path) -> Vec<u8> {
    let files = std::fs::read_dir(folder).unwrap();
    files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap_or_default()).collect()
}
