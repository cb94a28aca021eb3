//! What the gateway tells of itself: `/live`, `/ready`, `/metrics`.

use gateway_tests::authority::Answer;
use gateway_tests::world::Toml;
use gateway_tests::{RawCaller, RawResponse, Recorder, Running, World};
use serde_json::{Value, json};

mod exposition;
mod metrics;

#[tokio::test]
async fn it_is_ready_once_every_route_has_its_token() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    world.authority.hold();
    let toml = Toml { more: second_route(&world), ..world.toml(recorder.url()) };
    let gateway = world.start(&toml);
    world.authority.wait_for_in_flight(1).await;

    assert_eq!(gateway.admin("/live").await, (200, "live\n".into()));
    let (status, told) = ready(&gateway).await;
    let reason = "no token yet";
    assert_eq!(status, 503);
    assert_eq!(
        told,
        json!({ "ready": false, "draining": false, "routes": [
            { "prefix": "/dicom-web", "ready": false, "reason": reason },
            { "prefix": "/other", "ready": false, "reason": reason },
        ]})
    );

    world.authority.release_all();
    gateway.wait_until_ready().await;
    let (_, told) = ready(&gateway).await;
    assert_eq!(
        told,
        json!({ "ready": true, "draining": false, "routes": [
            { "prefix": "/dicom-web", "ready": true },
            { "prefix": "/other", "ready": true },
        ]})
    );
}

#[tokio::test]
async fn it_says_why_it_is_not_ready() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let secret = world.authority.secret();
    for (answer, reason) in [
        (Answer::unavailable(), "the authority is out of order: status 503"),
        (Answer::garbage(), "the authority's answer cannot be used: it is no JSON object"),
        (Answer::status(401, "text/plain", "canary"), "the authority is out of order: status 401"),
    ] {
        world.authority.answer_with(answer);
        let gateway = world.start(&world.toml(recorder.url()));
        let told = reason_of(&gateway).await;
        assert!(told.starts_with(reason), "{told}");
    }
    world.authority.answer_well();
    world.authority.reject_secret();
    let gateway = world.start(&world.toml(recorder.url()));
    let told = reason_of(&gateway).await;
    assert_eq!(told, "the authority refused this client: invalid_client AADSTS7000215");

    world.authority.set_secrets(&[&secret]);
    let gateway = world.start_ready(&world.toml(recorder.url())).await;
    world.authority.stop().await;
    assert_eq!(ready(&gateway).await.0, 200, "the token is still good");
    let gateway = world.start(&world.toml(recorder.url()));
    assert_eq!(reason_of(&gateway).await, "the authority cannot be reached");
}

#[tokio::test]
async fn it_knows_three_paths_and_two_methods() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let gateway = world.start_ready(&world.toml(recorder.url())).await;
    let mut operator = RawCaller::connect(gateway.admin_address()).await.unwrap();
    for path in ["/live", "/ready", "/metrics"] {
        for target in [path.to_owned(), format!("{path}?verbose")] {
            assert_eq!(ask(&mut operator, "GET", &target).await.status, 200, "{target}");
        }
        let head = ask(&mut operator, "HEAD", path).await;
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.header("cache-control"), Some("no-store"));
    }
    for path in ["/nothing", "/live/", "/Live", "/metrics/x", "/dicom-web/studies", "//live"] {
        assert_eq!(ask(&mut operator, "GET", path).await.status, 404, "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "X"] {
        let answer = ask(&mut operator, method, "/ready").await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{method}");
        assert!(!answer.text().contains("localhost"), "nothing is echoed");
    }
    assert_eq!(gateway.log(), "", "an operator's requests are no transactions");
    assert_eq!(recorder.connections().len(), 0);
}

async fn ask(operator: &mut RawCaller, method: &str, target: &str) -> RawResponse {
    let request = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    operator.send(request).await.unwrap();
    operator.read_response_to(method).await.unwrap()
}

async fn ready(gateway: &Running) -> (u16, Value) {
    let (status, body) = gateway.admin("/ready").await;
    (status, serde_json::from_str(&body).unwrap())
}

/// Why the only route is not ready, once it has been tried.
async fn reason_of(gateway: &Running) -> String {
    loop {
        let (status, told) = ready(gateway).await;
        assert_eq!(status, 503);
        let reason = told["routes"][0]["reason"].as_str().unwrap();
        if reason != "no token yet" {
            return reason.to_owned();
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

fn second_route(world: &World) -> String {
    format!(
        "[[route]]\nprefix = \"/other\"\norigin = \"http://127.0.0.1:1\"\nscope = \"{}\"\n\
         callers = \"anyone\"\n",
        world.authority.scope()
    )
}
