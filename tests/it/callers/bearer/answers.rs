//! What callers are told who are not let in (RFC 6750, section 3).

use gateway_tests::RawCaller;
use serde_json::json;

use super::Scene;

#[tokio::test]
async fn who_brings_nothing_is_told_what_to_bring() {
    let scene = Scene::new().await;
    let gate = scene.gate("").await;
    for headers in [&[][..], &[("authorization", "Negotiate abc")], &[("cookie", "token=abc")]] {
        let told = gate.send(headers, "").await;
        assert_eq!((told.status, told.code.as_str()), (401, "no-credentials"), "{told:?}");
        assert_eq!(told.challenges, ["Bearer realm=\"dicom-gateway\""], "without an error");
    }
}

#[tokio::test]
async fn a_token_that_is_there_proves_nothing_by_being_there() {
    let scene = Scene::new().await;
    let gate = scene.gate("").await;
    let good = scene.issuer.user_token();
    gate.search(&good).await.is_ok();
    let unsigned = format!("{}.", good.rsplit_once('.').unwrap().0);
    for token in ["x", "a.b.c", "null", "undefined", &unsigned] {
        let told = gate.search(token).await;
        assert_eq!((told.status, told.code.as_str()), (401, "invalid-token"), "{told:?}");
    }
    let scheme = format!("bEARER   {good}");
    gate.send(&[("authorization", &scheme)], "").await.is_ok();
}

#[tokio::test]
async fn a_token_stands_once_and_in_a_header() {
    let scene = Scene::new().await;
    let gate = scene.gate("").await;
    let bearer = format!("Bearer {}", scene.issuer.user_token());
    let good = ("authorization", bearer.as_str());
    let query = format!("?access_token={}", scene.issuer.user_token());
    for (headers, query) in [
        (&[good, good][..], ""),
        (&[good, ("authorization", "Basic YTpi")], ""),
        (&[good, ("x-api-key", "key")], ""),
        (&[good], query.as_str()),
        (&[], query.as_str()),
    ] {
        let told = gate.send(headers, query).await;
        assert_eq!((told.status, told.code.as_str()), (400, "ambiguous-credentials"), "{told:?}");
    }
    assert_eq!(scene.recorder.bytes_seen(), 0);
}

#[tokio::test]
async fn a_good_token_without_leave_is_forbidden_and_a_bad_one_never() {
    let scene = Scene::new().await;
    let gate = scene.gate("scopes = [\"Dicom.Read\"], roles = [\"Reader\", \"Writer\"]").await;
    let user = || scene.user();
    for draft in
        [user(), user().with("scp", "a Dicom.Read"), user().with("roles", json!(["Writer"]))]
    {
        gate.search(&scene.sign(&draft)).await.is_ok();
    }
    for draft in [
        user().with("scp", "Dicom.ReadWrite"),
        user().with("scp", "dicom.read"),
        user().with("scp", "Reader"),
        user().with("scp", "other").with("roles", json!(["Dicom.Read", "reader"])),
        user().with("scp", "other").with("groups", json!(["Reader"])),
    ] {
        let told = gate.search(&scene.sign(&draft)).await;
        assert_eq!((told.status, told.code.as_str()), (403, "insufficient-scope"), "{told:?}");
        let challenge = "Bearer realm=\"dicom-gateway\", error=\"insufficient_scope\"";
        assert_eq!(told.challenges, [challenge]);

        let mut forged = scene.sign(&draft);
        forged.truncate(forged.len() - 8);
        assert_eq!(gate.search(&forged).await.status, 401, "scopes count after the signature");
    }
}

#[tokio::test]
async fn who_is_not_let_in_sends_no_body() {
    let scene = Scene::new().await;
    let gate = scene.gate("").await;
    let mut caller = RawCaller::connect(gate.running.address()).await.unwrap();
    let head = "POST /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\
                Content-Type: multipart/related; type=\"application/dicom\"; boundary=b\r\n\
                Expect: 100-continue\r\nAuthorization: Bearer a.b.c\r\n\r\n";
    caller.send(head).await.unwrap();

    let answer = caller.read_response().await.unwrap();

    assert_eq!(answer.status, 401, "and no 100 before it");
    assert_eq!(scene.recorder.bytes_seen(), 0);
    assert_eq!(scene.world.authority.requests(), 1, "the one of the start");
}
