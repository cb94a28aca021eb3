use std::time::Duration;

use gateway_tests::{Authority, Ca, User};
use http::HeaderValue;
use serde_json::Value;

#[tokio::test]
async fn a_token_on_behalf_of_a_user_is_the_users_and_the_verifier_takes_it() {
    let world = World::start().await;
    let guest = world.authority.user("guest").of_tenant("22222222-2222-4222-8222-222222222222");
    world.authority.add_tenant(&guest.tenant);
    for user in [world.authority.user("ann"), guest] {
        let (status, answer) = world.ask(&user.tenant, &world.form(&user)).await;

        assert_eq!(status, 200, "{answer}");
        let token = format!("Bearer {}", answer["access_token"].as_str().unwrap());
        let token = HeaderValue::try_from(token).unwrap();
        let claims = world.authority.verifier().verify(Some(&token)).unwrap();
        assert_eq!((claims.oid, claims.tid), (user.oid, user.tenant));
        assert_eq!(claims.azp, world.authority.client_id());
    }
}

#[tokio::test]
async fn each_refusal_of_a_user_has_entras_error_and_code() {
    let world = World::start().await;
    let authority = &world.authority;
    let ann = authority.user("ann");
    let (two_factor, no_consent) = (authority.user("bob"), authority.user("eve"));
    authority.demand_second_factor(&two_factor);
    authority.withhold_consent(&no_consent);
    let elsewhere = User { audience: "elsewhere".into(), ..ann.clone() };
    let mut forged = authority.issue_user_token(&ann);
    forged.replace_range(forged.len() - 8..forged.len() - 4, "AAAA");
    let good = authority.issue_user_token(&ann);
    let cases = [
        ("assertion", forged, "invalid_grant", 50_013),
        (
            "assertion",
            authority.issue_user_token(&ann.clone().for_only(Duration::ZERO)),
            "invalid_grant",
            500_133,
        ),
        ("assertion", authority.issue_user_token(&elsewhere), "invalid_grant", 500_131),
        ("assertion", authority.issue_app_token("another"), "invalid_grant", 7_000_114),
        ("assertion", authority.issue_user_token(&two_factor), "interaction_required", 50_076),
        ("assertion", authority.issue_user_token(&no_consent), "invalid_grant", 65_001),
        ("client_secret", "wrong".to_owned(), "invalid_client", 7_000_215),
        ("scope", "https://graph.example/Some.Thing".to_owned(), "invalid_scope", 1_002_012),
    ];
    for (name, value, error, code) in cases {
        let mut form = world.form_of(&good);
        form.retain(|(known, _)| *known != name);
        form.push((name, value));
        let (_, answer) = world.ask(&authority.tenant(), &form).await;
        assert_eq!(answer["error"], error, "{code}: {answer}");
        assert_eq!(answer["error_codes"][0], code, "{answer}");
        let claims = answer["claims"].as_str();
        assert_eq!(claims.is_some_and(|it| it.contains("acrs")), code == 50_076, "{answer}");
    }

    let shown = two_factor.with_second_factor();
    assert_eq!(world.ask(&shown.tenant, &world.form(&shown)).await.0, 200);
    authority.consent(&no_consent);
    assert_eq!(world.ask(&no_consent.tenant, &world.form(&no_consent)).await.0, 200);
}

#[tokio::test]
async fn a_token_is_exchanged_as_others_than_entra_do() {
    let world = World::start().await;
    let user = world.authority.user("ann");
    let kind = "urn:ietf:params:oauth:token-type:access_token".to_owned();
    let form = |token| {
        vec![
            ("client_id", world.authority.client_id()),
            ("client_secret", world.authority.secret()),
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange".to_owned()),
            ("subject_token", token),
            ("subject_token_type", kind.clone()),
            ("requested_token_type", kind.clone()),
        ]
    };

    let good = world.authority.issue_user_token(&user);
    let (status, answer) = world.ask(&user.tenant, &form(good)).await;
    assert_eq!((status, answer["issued_token_type"].as_str()), (200, Some(&*kind)), "{answer}");

    let (status, answer) = world.ask(&user.tenant, &form("rubbish".to_owned())).await;
    assert_eq!((status, &answer["error"]), (400, &"invalid_grant".into()), "{answer}");
    assert!(answer["error_codes"].is_null(), "{answer}");
}

#[tokio::test]
async fn each_tenant_has_its_metadata_and_many_have_a_template() {
    let world = World::start().await;
    let base = world.authority.url();
    let base = base.rsplit_once('/').unwrap().0;
    for (tenant, issuer) in [
        (world.authority.tenant(), format!("{base}/{}/v2.0", world.authority.tenant())),
        ("common".to_owned(), format!("{base}/{{tenantid}}/v2.0")),
    ] {
        let url = format!("{base}/{tenant}/v2.0/.well-known/openid-configuration");
        let answer: Value = world.client.get(url).send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["issuer"], issuer, "{answer}");
    }
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

    fn form(&self, user: &User) -> Vec<(&'static str, String)> {
        self.form_of(&self.authority.issue_user_token(user))
    }

    fn form_of(&self, assertion: &str) -> Vec<(&'static str, String)> {
        vec![
            ("client_id", self.authority.client_id()),
            ("client_secret", self.authority.secret()),
            ("scope", "https://dicom.healthcareapis.azure.com/Dicom.ReadWrite openid".to_owned()),
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer".to_owned()),
            ("requested_token_use", "on_behalf_of".to_owned()),
            ("assertion", assertion.to_owned()),
        ]
    }

    async fn ask(&self, tenant: &str, form: &[(&str, String)]) -> (u16, Value) {
        let url = self.authority.token_endpoint().replace(&self.authority.tenant(), tenant);
        let response = self.client.post(url).form(form).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }
}
