//! The sidecar: no file, only variables.

use gateway_tests::origin::{Options, Store};
use gateway_tests::platform::Kind;
use gateway_tests::program::Signal;
use gateway_tests::{OriginServer, Platform, Program, TokenIssuer, World};

use super::{admin, run, search};

#[tokio::test]
async fn it_serves_from_variables_alone() {
    let world = World::new().await;
    let tls = world.ca.issue(&["localhost"]).server_config(&[b"h2", b"http/1.1"]);
    let options = Options { check: world.check(), tls: Some(tls), store: Store::default() };
    let origin = OriginServer::start(options).await.unwrap();
    let variables = variables(&world, &origin.base_url());
    let variables = variables.iter().map(|(name, value)| (*name, value.as_str()));

    let mut program = Program::start(&["sidecar"], &variables.collect::<Vec<_>>());
    let (callers, operators) = program.addresses().await;

    assert_eq!(search(callers).await, 204, "{}", program.stderr());
    assert_eq!(admin(operators, "/ready").await.0, 200);
    program.signal(Signal::HUP);
    program.wait_for_line("a sidecar has no file to read again").await;
    assert_eq!(search(callers).await, 204, "it is not impressed");
    program.signal(Signal::TERM);
    let ended = program.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stdout.lines().count(), 1);
}

#[tokio::test]
async fn it_takes_the_credential_that_the_environment_has() {
    let world = World::new().await;
    let options = Options { check: world.check(), tls: None, store: Store::default() };
    let origin = OriginServer::start(options).await.unwrap();
    let (subject, audience) = ("system:serviceaccount:a:b", "api://AzureADTokenExchange");
    let cluster = TokenIssuer::new("https://cluster.example");
    world.authority.federate(cluster.url(), subject, audience, cluster.keys());
    let certificate = world.ca.issue(&["gateway"]);
    world.authority.register_certificate(&certificate);
    let token = world.authority.issue_token();
    let platform = Platform::start(Kind::Imds, Box::new(move |_| Some(token.clone()))).await;

    // One PEM file with both, as Azure's own tools want it.
    let both = certificate.chain_pem + &certificate.key_pem;
    let pem = world.scratch.file("client.pem", both).display().to_string();
    let file = world.scratch.file("token", cluster.token(subject, audience)).display().to_string();
    for (credential, kind) in [
        (vec![("AZURE_CLIENT_CERTIFICATE_PATH", pem)], "certificate"),
        (vec![("AZURE_FEDERATED_TOKEN_FILE", file)], "federated_token"),
        (
            platform.variables().into_iter().chain([("AZURE_CLIENT_ID", String::new())]).collect(),
            "managed_identity",
        ),
    ] {
        let mut variables = variables(&world, &origin.base_url());
        variables.retain(|(name, _)| *name != "AZURE_CLIENT_SECRET");
        variables.extend(credential);
        let variables = variables.iter().map(|(name, value)| (*name, value.as_str()));
        let mut program = Program::start(&["sidecar"], &variables.collect::<Vec<_>>());
        let (callers, operators) = program.addresses().await;

        assert_eq!(search(callers).await, 204, "{kind}: {}", program.stderr());
        let (_, metrics) = admin(operators, "/metrics").await;
        let used = format!("kind=\"{kind}\",outcome=\"accepted\"}} 1");
        assert!(metrics.contains(&used), "{metrics}");
    }
}

#[tokio::test]
async fn the_file_that_it_prints_is_a_good_one_and_holds_no_secret() {
    let world = World::new().await;
    let variables = variables(&world, "https://localhost:1/v2");
    let variables = variables.iter().map(|(name, value)| (*name, value.as_str()));

    let variables = variables.collect::<Vec<_>>();
    let printed = Program::run(&["sidecar", "--print-config"], &variables).await;

    assert_eq!((printed.code, printed.stderr.as_str()), (Some(0), ""));
    assert!(!printed.stdout.contains(&world.authority.secret()));
    let path = world.scratch.file("printed.toml", &printed.stdout);
    let checked = run("check", &path).await;
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
}

#[tokio::test]
async fn all_that_is_missing_is_told_at_once() {
    for arguments in [&["sidecar"][..], &["sidecar", "--print-config"]] {
        let ended = Program::run(arguments, &[("AZURE_CLIENT_SECRET", "s3cr3t")]).await;

        assert_eq!((ended.code, ended.stdout.as_str()), (Some(78), ""));
        for name in ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "DICOM_SERVICE_URL"] {
            let told = ended.stderr.lines().filter(|line| line.starts_with(name)).count();
            assert_eq!(told, 1, "{name} in\n{}", ended.stderr);
        }
    }
}

/// The environment of a pod with our sidecar in this world.
fn variables(world: &World, service: &str) -> Vec<(&'static str, String)> {
    let authority = world.authority.address();
    let anchors = world.scratch.path().join("ca.pem");
    vec![
        ("AZURE_AUTHORITY_HOST", format!("https://localhost:{}", authority.port())),
        ("AZURE_TENANT_ID", world.authority.tenant()),
        ("AZURE_CLIENT_ID", world.authority.client_id()),
        ("AZURE_CLIENT_SECRET", world.authority.secret()),
        ("DICOM_SERVICE_URL", service.to_owned()),
        ("DICOM_GATEWAY_LISTEN", "127.0.0.1:0".to_owned()),
        ("DICOM_GATEWAY_ADMIN", "127.0.0.1:0".to_owned()),
        ("SSL_CERT_FILE", anchors.display().to_string()),
    ]
}
