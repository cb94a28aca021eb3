//! What is told of credentials when none of them is taken, at the chattiest level.

use std::time::Duration;

use gateway_tests::Program;
use gateway_tests::platform::{Kind, Platform};
use gateway_tests::world::Toml;

use super::Scene;

#[tokio::test]
async fn nothing_of_a_credential_is_told_to_anyone() {
    let scene = Scene::new().await;
    let (authority, scratch) = (&scene.world.authority, &scene.world.scratch);
    scene.write("client", &scene.world.ca.issue(&["gateway"]));
    let account = authority.open_service_account("a@b.example");
    authority.close_service_accounts();
    let token = authority.issue_token_to("nobody", "api://AzureADTokenExchange");
    let shown = token.clone();
    let platform = Platform::start(Kind::AppService, Box::new(move |_| Some(shown.clone()))).await;
    scratch.file("secret", "c4n4ry~secret");
    scratch.file("token", &token);
    scratch.file("account.json", &account);
    let client = "credential = [
        { secret_file = \"secret\", secret_method = \"basic\" },
        { certificate = { chain = \"client.crt\", key = \"client.key\" } },
        { federated_token_file = \"token\" },
        { managed_identity = { federated = true } },
        { service_account = \"account.json\" },
        { tls_certificate = { chain = \"client.crt\", key = \"client.key\" } },
    ]\n";
    let more = "[log]\nlevel = \"trace\"\n".to_owned();
    let file = scratch.file("gateway.toml", Toml { more, ..scene.toml(client) }.text());
    let variables = platform.variables();
    let variables = variables.iter().map(|(name, value)| (*name, value.as_str()));

    let mut program =
        Program::start(&["serve".as_ref(), file.as_os_str()], &variables.collect::<Vec<_>>());
    let (_, operators) = program.addresses().await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let get = async |path: &str| {
        let response = http.get(format!("http://{operators}{path}")).send().await.unwrap();
        response.text().await.unwrap()
    };
    let all_refused = async {
        while get("/metrics").await.matches("outcome=\"refused\"} 1").count() < 6 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), all_refused).await.expect("each is tried");
    let told = get("/metrics").await + &get("/ready").await + &program.stderr();

    assert!(told.contains("not taken"), "{told}");
    let key = std::fs::read_to_string(scratch.path().join("client.key")).unwrap();
    let account = serde_json::from_str::<serde_json::Value>(&account).unwrap();
    let pems = [key, account["private_key"].as_str().unwrap().to_owned()];
    let lines = pems.iter().flat_map(|pem| pem.lines().filter(|line| !line.starts_with("--")));
    let forms = authority.forms();
    let sent =
        forms.iter().flat_map(|form| [form.field("client_assertion"), form.field("assertion")]);
    let jwts = [token.as_str()].into_iter().chain(sent.flatten());
    let parts = jwts.flat_map(|jwt| jwt.split('.').skip(1));
    let basic = forms[0].header("authorization").unwrap().split_once(' ').unwrap().1;
    let header = platform.asked()[0].headers["x-identity-header"].to_str().unwrap().to_owned();
    for secret in lines.chain(parts).chain([basic, "c4n4ry", &header]) {
        assert!(secret.len() > 5 && !told.contains(secret), "{secret} in {told}");
    }
}
