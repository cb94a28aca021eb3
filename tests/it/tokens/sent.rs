//! What the authority is sent, and who else is not.

use std::collections::BTreeSet;
use std::time::Duration;

use gateway_tests::Recorder;
use gateway_tests::authority::Answer;
use http::header::LOCATION;
use uuid::Uuid;

use super::{Caller, Scene, soon, until};

#[tokio::test]
async fn a_token_request_says_what_it_has_to_and_nothing_else() {
    let scene = Scene::new().await;
    let authority = &scene.world.authority;
    authority.set_refresh_in(Some(Duration::from_secs(1)));
    let _gateway = scene.world.start_ready(&scene.toml()).await;
    soon(authority.wait_for_requests(2)).await;

    let forms = authority.forms();
    for form in &forms {
        let (id, secret, scope) = (authority.client_id(), authority.secret(), authority.scope());
        let expected = [
            ("client_id", id.as_str()),
            ("scope", &scope),
            ("client_secret", &secret),
            ("grant_type", "client_credentials"),
        ];
        let sent = form.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        assert_eq!(sent.collect::<BTreeSet<_>>(), BTreeSet::from(expected));
        assert_eq!(form.pairs.len(), 4);
        assert_eq!(form.method, "POST");
        assert_eq!(form.header("content-type"), Some("application/x-www-form-urlencoded"));
        assert_eq!(form.header("accept"), Some("application/json"));
        assert_eq!(form.header("return-client-request-id"), Some("true"));
        assert_eq!(form.header("x-ms-lib-capability"), Some("retry-after, h429"));
        assert!(form.header("user-agent").unwrap().starts_with("dicom-gateway/"));
        for foreign in ["authorization", "x-client-sku", "x-client-ver", "cookie"] {
            assert_eq!(form.header(foreign), None, "{foreign}");
        }
    }
    let ids = forms.iter().map(|form| form.header("client-request-id").unwrap().parse::<Uuid>());
    let ids = ids.collect::<Result<BTreeSet<_>, _>>().unwrap();
    assert_eq!(ids.len(), forms.len(), "each request has an id of its own");
}

#[tokio::test]
async fn a_secret_arrives_as_it_is_whatever_its_file_ends_in() {
    for secret in ["s3cr3t~+/ &", "ü€", "a=b&c=%41;\"'\\", " blanks ", "😀", "two\nlines"] {
        for end in ["", "\n", "\r\n"] {
            let scene = Scene::new().await;
            scene.world.authority.set_secrets(&[secret]);
            scene.world.scratch.file("client-secret", format!("{secret}{end}"));
            let _gateway = scene.world.start_ready(&scene.toml()).await;

            let form = &scene.world.authority.forms()[0];
            assert_eq!(form.field("client_secret"), Some(secret), "{end:?}");
            assert!(form.raw.is_ascii() && !form.raw.contains(&b' '), "{:?}", form.raw);
        }
    }
}

#[tokio::test]
async fn only_one_line_end_is_none_of_the_secret() {
    let scene = Scene::new().await;
    scene.world.authority.set_secrets(&["ends in a line end\n"]);
    scene.world.scratch.file("client-secret", "ends in a line end\n\n");
    scene.world.start_ready(&scene.toml()).await;
}

#[tokio::test]
async fn a_redirection_is_a_failure_and_carries_the_secret_nowhere() {
    for status in [301, 302, 303, 307, 308] {
        let scene = Scene::new().await;
        let elsewhere = Recorder::start_tls(&scene.world.ca).await;
        let redirection = Answer::status(status, "text/html", "")
            .header(LOCATION, &(elsewhere.url() + "/oauth2/v2.0/token"));
        scene.world.authority.answer_with(redirection);
        let gateway = scene.world.start(&scene.toml());

        Caller::of(&gateway).search().await.is(503, "authority-unavailable");

        until(async || scene.world.authority.requests() >= 2).await;
        assert!(elsewhere.connections().is_empty(), "{status}");
        assert_eq!(gateway.admin("/ready").await.0, 503);
    }
}
