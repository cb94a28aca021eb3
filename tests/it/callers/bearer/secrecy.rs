//! What the program tells of tokens, at its chattiest: nothing that is in them.

use gateway_tests::Program;
use gateway_tests::issuer::{Said, SigningKey, encoded};
use gateway_tests::program::Signal;
use gateway_tests::world::Toml;
use reqwest::Client;
use serde_json::json;

use super::Scene;

#[tokio::test]
async fn nothing_of_a_token_is_told_whatever_becomes_of_it() {
    let scene = Scene::new().await;
    let more = "[log]\nlevel = \"trace\"\nformat = \"text\"\n".to_owned();
    let table = scene.table(&scene.issuer.issuer(), "keys_max_age_secs = 0.2");
    let toml = Toml { more, ..scene.toml(&table) };
    let path = scene.world.scratch.file("gateway.toml", toml.text());
    let mut program = Program::start(&["serve".as_ref(), path.as_os_str()], &[]);
    let (callers, operators) = program.addresses().await;
    let (http, url) = (Client::new(), format!("http://{callers}/dicom-web/studies"));
    let user = || scene.user().with("secret", "canary-claim").with("oid", "canary-oid");
    let forger = SigningKey::es256("canary-kid");
    let tokens = [
        (200, scene.sign(&user())),
        (401, user().sign(&forger)),
        (401, scene.sign(&user().with("exp", 17))),
        (401, scene.sign(&user().with("aud", "canary-aud"))),
        (401, scene.sign(&user().with("iss", "https://canary-iss.example"))),
        (401, scene.sign(&user().header("crit", json!(["canary-crit"])))),
        (401, scene.sign(&user()) + "!"),
        (401, "canary-opaque".to_owned()),
    ];
    let mut told = String::new();
    for (status, token) in &tokens {
        let answer = http.get(&url).bearer_auth(token).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), *status);
        told.push_str(&format!("{:?}", answer.headers()));
        told.push_str(&answer.text().await.unwrap());
    }
    scene.issuer.say_of_keys(Said::Text("{\"canary-keys\":1}".to_owned()));
    program.wait_for_line("no keys of callers' issuer came").await;
    for path in ["ready", "metrics"] {
        let answer = http.get(format!("http://{operators}/{path}")).send().await.unwrap();
        told.push_str(&answer.text().await.unwrap());
    }
    program.signal(Signal::TERM);
    let ended = program.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let all = [told, ended.stdout, ended.stderr].concat();

    assert!(!all.contains("canary"), "{all}");
    for (_, token) in &tokens {
        for part in token.split('.').filter(|part| part.len() > 20) {
            assert!(
                !all.contains(&part[..part.len().min(60)]) || is_common(part),
                "{part} in {all}"
            );
        }
    }
}

/// The gateway's own token and others have such a head too.
fn is_common(part: &str) -> bool {
    part.starts_with(&encoded(r#"{"alg":"#)[..8])
}
