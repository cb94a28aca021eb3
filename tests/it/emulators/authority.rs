use std::time::Duration;

use gateway_tests::authority::{Answer, RetryAfter};
use gateway_tests::verifier::Reason;
use gateway_tests::{Authority, Ca, RawCaller};
use http::HeaderValue;
use serde_json::Value;

#[tokio::test]
async fn a_secret_of_awkward_characters_gets_a_token_that_the_verifier_accepts() {
    let world = World::start().await;

    let (status, answer) = world.ask(&world.good_form()).await;

    assert_eq!(status, 200, "{answer}");
    let token = answer["access_token"].as_str().unwrap();
    assert!((1400..1700).contains(&token.len()), "{} bytes", token.len());
    let claims = world.authority.verifier().verify(Some(&bearer(token))).unwrap();
    assert_eq!(claims.azp, world.authority.client_id());
    assert_eq!(world.authority.last_token().as_deref(), Some(token));
    assert_eq!(world.authority.forms()[0].field("client_secret"), Some("s3cr3t~+/ &ü€"));
}

#[tokio::test]
async fn http_basic_is_as_good_as_the_form() {
    let world = World::start().await;
    let form_encode =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();

    let response = world
        .client
        .post(world.authority.token_endpoint())
        .basic_auth(
            form_encode(&world.authority.client_id()),
            Some(form_encode(&world.authority.secret())),
        )
        .form(&[("grant_type", "client_credentials"), ("scope", &world.authority.scope())])
        .send()
        .await
        .unwrap();

    assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
}

#[tokio::test]
async fn each_refusal_has_entras_status_error_and_code() {
    let world = World::start().await;
    let cases: [(&str, Option<&str>, u16, &str, u64); 9] = [
        ("client_secret", Some("wrong"), 401, "invalid_client", 7_000_215),
        ("client_secret", None, 401, "invalid_client", 7_000_216),
        ("client_id", Some("somebody"), 400, "unauthorized_client", 700_016),
        ("client_id", None, 400, "invalid_request", 900_144),
        ("grant_type", None, 400, "invalid_request", 900_144),
        ("grant_type", Some("password"), 400, "unsupported_grant_type", 70_003),
        ("scope", Some("https://dicom.healthcareapis.azure.com"), 400, "invalid_scope", 1_002_012),
        ("scope", Some("nonsense/.default"), 400, "invalid_scope", 70_011),
        ("scope", Some("https://graph.example/.default"), 400, "invalid_resource", 500_011),
    ];
    for (name, value, status, error, code) in cases {
        let mut form = world.good_form();
        form.retain(|(key, _)| *key != name);
        form.extend(value.map(|value| (name, value.to_owned())));

        let (got, answer) = world.ask(&form).await;

        assert_eq!((got, answer["error"].as_str()), (status, Some(error)), "{name}: {answer}");
        assert_eq!(answer["error_codes"][0].as_u64(), Some(code), "{name}: {answer}");
        assert_eq!(answer["correlation_id"], "7b0d6f7e-0000-4000-8000-000000000001");
        let description = answer["error_description"].as_str().unwrap();
        assert!(description.starts_with(&format!("AADSTS{code}: ")), "{description}");
    }
    assert!(world.authority.tokens().is_empty());
}

#[tokio::test]
async fn another_tenant_is_unknown() {
    let world = World::start().await;
    world.authority.set_tenant("11111111-2222-4333-8444-555555555555");
    let elsewhere = world.authority.token_endpoint().replace("11111111", "99999999");

    let response = world.client.post(elsewhere).form(&world.good_form()).send().await.unwrap();

    assert_eq!(response.status(), 400);
    assert!(response.text().await.unwrap().contains("AADSTS90002:"));
}

#[tokio::test]
async fn a_held_answer_waits_for_its_release() {
    let world = World::start().await;
    world.authority.hold();
    let form = world.good_form();
    let (first, second) = (world.ask(&form), world.ask(&form));
    let mut both = Box::pin(async { tokio::join!(first, second) });

    tokio::select! {
        answers = &mut both => panic!("held, and yet: {answers:?}"),
        () = world.authority.wait_for_in_flight(2) => {}
    }
    world.authority.release(1);
    tokio::select! {
        answers = &mut both => panic!("one was to stay: {answers:?}"),
        () = world.authority.wait_for_in_flight(1) => {}
    }
    world.authority.release_all();

    let ((first, one), (second, other)) = both.await;
    assert_eq!((first, second), (200, 200));
    assert_ne!(one["access_token"], other["access_token"]);
    assert_eq!((world.authority.requests(), world.authority.max_in_flight()), (2, 2));
}

#[tokio::test]
async fn a_stopped_authority_refuses_connections_until_it_is_back_on_its_port() {
    let world = World::start().await;
    world.authority.stop().await;

    let refused = tokio::net::TcpStream::connect(world.authority.address()).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);

    world.authority.restart().await;
    assert_eq!(world.ask(&world.good_form()).await.0, 200);
}

#[tokio::test]
async fn a_request_whose_caller_has_left_is_no_longer_in_flight() {
    let world = World::start().await;
    world.authority.answer_with(Answer::Never);
    let form = world.good_form();

    tokio::select! {
        answer = world.ask(&form) => panic!("never, and yet: {answer:?}"),
        () = world.authority.wait_for_in_flight(1) => {}
    }

    world.authority.wait_for_in_flight(0).await;
}

#[tokio::test]
async fn a_black_hole_takes_the_connection_and_nothing_comes_out_of_it() {
    let world = World::start().await;
    world.authority.black_hole().await;
    let mut caller = RawCaller::connect(world.authority.address()).await.unwrap();
    caller.send("hello?").await.unwrap();

    tokio::select! {
        biased;
        heard = caller.read_to_end() => panic!("{heard:?}"),
        () = tokio::time::sleep(Duration::from_millis(100)) => {}
    }

    world.authority.restart().await;
    assert_eq!(caller.read_to_end().await, b"", "cut off");
    assert_eq!(world.ask(&world.good_form()).await.0, 200);
}

#[tokio::test]
async fn ordered_answers_come_in_their_order_and_then_the_duty() {
    let world = World::start().await;
    let form = world.good_form();
    let when = std::time::UNIX_EPOCH + Duration::from_secs(784_111_777);
    world.authority.answer_next(1, Answer::throttled(RetryAfter::At(when)));
    world.authority.answer_next(1, Answer::with("expires_in", "\"3599\""));
    world.authority.answer_next(1, Answer::Reset);

    let throttled =
        world.client.post(world.authority.token_endpoint()).form(&form).send().await.unwrap();
    assert_eq!(throttled.status(), 429);
    assert_eq!(throttled.headers()["retry-after"], "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_eq!(world.ask(&form).await.1["expires_in"], "3599");
    let reset =
        world.client.post(world.authority.token_endpoint()).form(&form).send().await.unwrap();
    assert!(reset.bytes().await.is_err(), "the body ends in the middle");
    assert_eq!(world.ask(&form).await.1["expires_in"], 3600);
}

#[tokio::test]
async fn the_verifier_tells_bad_tokens_from_good_ones() {
    let ca = Ca::new();
    let (ours, theirs) = (Authority::start(&ca).await, Authority::start(&ca).await);
    let verifier = ours.verifier();
    let reason = |value: Option<&HeaderValue>| verifier.verify(value).unwrap_err().reason();

    let token = ours.issue_token();
    assert!(verifier.verify(Some(&bearer(&token))).is_ok());
    let (rest, signature) = token.rsplit_once('.').unwrap();
    let forged = format!("{rest}.{}{}", if signature.starts_with('A') { 'B' } else { 'A' }, {
        &signature[1..]
    });
    assert_eq!(reason(Some(&bearer(&forged))), Reason::Signature);
    assert_eq!(reason(Some(&bearer(&theirs.issue_token()))), Reason::Issuer);
    assert_eq!(reason(Some(&HeaderValue::from_static("Basic abc"))), Reason::NotBearer);
    assert_eq!(reason(None), Reason::NoToken);
    ours.revoke(&token);
    assert_eq!(reason(Some(&bearer(&token))), Reason::Revoked);
    ours.set_lifetime(Duration::ZERO);
    let dead = ours.issue_token();
    while verifier.verify(Some(&bearer(&dead))).is_ok() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(reason(Some(&bearer(&dead))), Reason::Lifetime);
    let challenge = verifier.verify(Some(&bearer(&dead))).unwrap_err().www_authenticate();
    let challenge = challenge.to_str().unwrap();
    assert!(challenge.starts_with(&format!("Bearer authorization_uri=\"{}\"", ours.url())));
    assert!(challenge.contains("error=\"invalid_token\""));
}

#[tokio::test]
async fn discovery_leads_to_the_token_endpoint_and_the_keys() {
    let world = World::start().await;
    let issuer = world.authority.issuer();

    let metadata: Value = world
        .client
        .get(format!("{issuer}/.well-known/openid-configuration"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let keys: Value = world
        .client
        .get(metadata["jwks_uri"].as_str().unwrap())
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();

    assert_eq!(metadata["issuer"], issuer);
    assert_eq!(metadata["token_endpoint"], world.authority.token_endpoint());
    let header = jsonwebtoken::decode_header(world.authority.issue_token()).unwrap();
    assert_eq!(keys["keys"][0]["kid"].as_str(), header.kid.as_deref());
}

/// An authority, and a client that trusts it.
struct World {
    authority: Authority,
    client: reqwest::Client,
}

impl World {
    async fn start() -> Self {
        let ca = Ca::new();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(ca.client_config())
            .build()
            .unwrap();
        Self { authority: Authority::start(&ca).await, client }
    }

    fn good_form(&self) -> Vec<(&'static str, String)> {
        vec![
            ("client_id", self.authority.client_id()),
            ("scope", format!("{} openid", self.authority.scope())),
            ("client_secret", self.authority.secret()),
            ("grant_type", "client_credentials".to_owned()),
        ]
    }

    async fn ask(&self, form: &[(&str, String)]) -> (u16, Value) {
        let response = self
            .client
            .post(self.authority.token_endpoint())
            .header("client-request-id", "7b0d6f7e-0000-4000-8000-000000000001")
            .form(form)
            .send()
            .await
            .unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }
}

fn bearer(token: &str) -> HeaderValue {
    HeaderValue::try_from(format!("Bearer {token}")).unwrap()
}
