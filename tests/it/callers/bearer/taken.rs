//! Tokens that are good.

use gateway_tests::issuer::{Draft, Issuer, SigningKey};
use serde_json::json;

use super::{Scene, now};

#[tokio::test]
async fn a_good_token_lets_in_and_goes_no_further() {
    let scene = Scene::new().await;
    let gate = scene.gate("").await;
    let token = scene.issuer.user_token();

    gate.search(&token).await.is_ok();

    let sent = scene.recorder.requests();
    let [sent] = &sent[..] else { panic!("{sent:?}") };
    let ours = format!("Bearer {}", scene.world.authority.last_token().unwrap());
    assert_eq!(sent.header("authorization"), Some(ours.as_str()));
    let seen = scene.recorder.connections().concat();
    assert!(!String::from_utf8_lossy(&seen).contains(&token));
}

#[tokio::test]
async fn every_shape_that_issuers_write_is_taken() {
    let scene = Scene::new().await;
    let gate = scene.gate("").await;
    let user = || scene.user();
    for (what, draft) in [
        ("several audiences", user().with("aud", json!(["other", Issuer::AUDIENCE]))),
        ("a list of one", user().with("aud", json!([Issuer::AUDIENCE]))),
        ("an application's own", user().without(&["scp"]).with("roles", json!(["Dicom.Reader"]))),
        ("RFC 9068", user().header("typ", "at+jwt").without(&["scp", "oid", "azp"])),
        ("its long type", user().header("typ", "application/at+JWT")),
        ("no type", user().header("typ", json!(null))),
        ("scopes in a list", user().without(&["scp"]).with("scope", json!(["Dicom.Read"]))),
        ("a fraction", user().with("exp", now() as f64 + 3600.75)),
        ("ended within the leeway", user().with("exp", now() - 30)),
        ("begins within the leeway", user().with("nbf", now() + 30).with("iat", now() + 30)),
        ("no beginning", user().without(&["nbf", "iat"])),
        ("one key, unnamed", user().header("kid", json!(null))),
        ("keys of its own are not looked at", foreign_keys(user())),
    ] {
        let told = gate.search(&scene.sign(&draft)).await;
        assert_eq!(told.status, 200, "{what}: {told:?}");
    }
}

#[tokio::test]
async fn every_algorithm_that_is_configured_counts() {
    let scene = Scene::new().await;
    let keys = [
        SigningKey::rsa("rsa", "RS256"),
        SigningKey::rsa("rsa", "RS384"),
        SigningKey::rsa("rsa", "RS512"),
        SigningKey::rsa("rsa", "PS256"),
        SigningKey::rsa("rsa", "PS384"),
        SigningKey::rsa("rsa", "PS512"),
        SigningKey::es256("es256"),
        SigningKey::es384("es384"),
        SigningKey::ed25519("ed25519"),
    ];
    scene.issuer.publish(&[&keys[0], &keys[6], &keys[7], &keys[8]]);
    let names = keys.iter().map(|key| format!("{:?}", key.algorithm())).collect::<Vec<_>>();
    let all = scene.gate(&format!("algorithms = [{}]", names.join(", "))).await;
    let one = scene.gate("algorithms = [\"PS384\"]").await;
    for key in &keys {
        let token = scene.user().sign(key);
        all.search(&token).await.is_ok();
        match key.algorithm() {
            "PS384" => one.search(&token).await.is_ok(),
            _ => {
                let title = "The access token is signed with an algorithm not taken here";
                one.search(&token).await.is_refused(title);
            }
        }
    }
}

#[tokio::test]
async fn tokens_of_version_1_are_known_by_keys_with_the_issuer_of_version_2() {
    let scene = Scene::new().await;
    let (tenant, other) = (Issuer::TENANT, "11111111-2222-4333-8444-555555555555");
    let mut jwk = scene.issuer.key().jwk();
    jwk["issuer"] = "https://login.microsoftonline.com/{tenantid}/v2.0".into();
    let fixed = SigningKey::es256("fixed");
    let mut of_other = fixed.jwk();
    of_other["issuer"] = format!("https://login.microsoftonline.com/{other}/v2.0").into();
    scene.issuer.publish_raw(vec![jwk, of_other]);
    let version_1 = format!("https://sts.windows.net/{tenant}/");
    let jwks_uri = format!("jwks_uri = \"{}\"", scene.issuer.jwks_uri());
    let audience = format!("api://{}", Issuer::AUDIENCE);
    let table = scene.table(&version_1, &jwks_uri).replace(Issuer::AUDIENCE, &audience);
    let gate = scene.gate_of(&table).await;
    let draft = Draft::user(&version_1)
        .without(&["azp", "azpacr"])
        .with("appid", "8f6a1f0c-1f5a-4c08-9b43-5f3b7a0e6d11")
        .with("aud", audience)
        .with("ver", "1.0");

    gate.search(&scene.sign(&draft)).await.is_ok();

    gate.search(&draft.sign(&fixed)).await.is_refused("The access token's signature is wrong");
    assert_eq!(scene.issuer.metadata_asked(), 0, "its keys have an address");
}

#[tokio::test]
async fn of_all_tenants_those_of_the_list_are_taken() {
    let scene = Scene::new().await;
    let (first, second) = (Issuer::TENANT, "11111111-2222-4333-8444-555555555555");
    let third = "99999999-2222-4333-8444-555555555555";
    let mut jwk = scene.issuer.key().jwk();
    jwk["issuer"] = scene.issuer.template().into();
    jwk["cloud_instance_name"] = "cloud.example".into();
    let mut abroad = SigningKey::es256("abroad").jwk();
    abroad["cloud_instance_name"] = "other.example".into();
    scene.issuer.publish_raw(vec![jwk, abroad]);
    let tenants = format!("tenants = [\"{first}\", \"{second}\"]");
    let gate = scene.gate_of(&scene.table(&scene.issuer.template(), &tenants)).await;
    let of = |segment: &str, tid: &str| {
        let issuer = scene.issuer.template().replace("{tenantid}", segment);
        scene.sign(&Draft::user(&issuer).with("tid", tid))
    };

    for tenant in [first, second] {
        gate.search(&of(tenant, tenant)).await.is_ok();
    }
    gate.search(&of(third, third))
        .await
        .is_refused("The access token is of a tenant not taken here");
    let no_issuer = "The access token is of an issuer not taken here";
    for (segment, tid) in [
        (first, second),
        (second, third),
        ("{tenantid}", "{tenantid}"),
        ("common", "common"),
        (&format!("{first}/{first}"), first),
        ("", ""),
    ] {
        gate.search(&of(segment, tid)).await.is_refused(no_issuer);
    }
    let unsaid = Draft::user(&scene.issuer.issuer()).without(&["tid"]);
    gate.search(&scene.sign(&unsaid)).await.is_refused(no_issuer);
    assert_eq!(scene.issuer.metadata_asked(), 1, "those of all tenants");
}

#[tokio::test]
async fn of_several_issuers_each_has_its_own_rules() {
    let scene = Scene::new().await;
    let other = Issuer::start(&scene.world.ca).await;
    let first = scene.table(&scene.issuer.issuer(), "scopes = [\"Dicom.Read\"]");
    let second = scene.table(&other.issuer(), "roles = [\"Reader\"]");
    let gate = scene.gate_of(&format!("[{first}, {second}]")).await;

    gate.search(&scene.issuer.user_token()).await.is_ok();
    gate.search(&other.user().with("roles", json!(["Reader"])).sign(other.key())).await.is_ok();
    assert_eq!(gate.search(&other.user_token()).await.status, 403, "a scope of the other one's");
    let borrowed = scene.user().sign(other.key());
    gate.search(&borrowed).await.is_refused("The access token's signature is wrong");
}

/// Says where its keys are, as a forger would.
fn foreign_keys(draft: Draft) -> Draft {
    let theirs = SigningKey::es256("1").jwk();
    draft
        .header("jwk", theirs)
        .header("jku", "https://127.0.0.1:1/keys")
        .header("x5u", "https://127.0.0.1:1/chain")
        .header("x5c", json!(["AAAA"]))
}
