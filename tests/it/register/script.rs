//! The script for the Azure CLI, run with one that only writes down what it is asked.

use std::process::{Command, Output};

use serde_json::Value;

use super::{RESOURCE, Scene, good, json};

#[tokio::test]
async fn the_script_asks_for_what_the_command_asks_for() {
    let trust = ["--federated", "https://a.example,b 'c'"];
    for credential in [&["--secret"][..], &["--certificate"], &trust] {
        let scene = Scene::new().await;
        let more = [
            "--name",
            "it's $(touch pwned) `x`",
            "--account-types",
            "personal",
            "--redirect-uri",
            "https://gateway.example/cb?a=1&b='2'",
            "--admin-consent",
            "--role",
            "reader",
            "--resource",
            RESOURCE,
        ];
        let arguments = [credential, &more].concat();
        let script = script(&scene, &arguments).await;
        let run = run(&scene, &script);
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        assert!(!scene.path("pwned").exists());
        let asked = asked(&scene);
        for file in ["client-secret", "client-certificate.pem"] {
            if scene.path(file).exists() {
                assert_eq!(scene.mode(file), 0o600);
                std::fs::remove_file(scene.path(file)).unwrap();
            }
        }
        good(&scene.register(&arguments).await);
        let seen = scene.graph.seen();
        let sent = |end: &str| {
            let found = seen.iter().find(|it| it.method != "GET" && it.path.contains(end));
            found.unwrap_or_else(|| panic!("nothing sent to {end}")).body.clone()
        };

        let mut application = sent("/v1.0/applications");
        application.as_object_mut().unwrap().remove("tags");
        let call = call(&asked, &["rest", "--method", "POST"]);
        assert_eq!(body(&call, "--body"), application);
        assert_eq!(after(&call, "--url"), format!("{}/v1.0/applications", scene.graph.url()));
        assert_eq!(after(&call, "--resource"), scene.graph.url());
        let call = self::call(&asked, &["ad", "sp", "create"]);
        assert_eq!(after(&call, "--id"), "ID");
        let call = self::call(&asked, &["ad", "app", "permission", "grant"]);
        assert_eq!(after(&call, "--scope"), sent("/oauth2PermissionGrants")["scope"]);
        let call = self::call(&asked, &["role", "assignment", "create"]);
        assert_eq!(
            (after(&call, "--scope"), after(&call, "--assignee-object-id")),
            (RESOURCE, "ID")
        );
        match credential[0] {
            "--secret" => {
                let secret = &sent("/addPassword")["passwordCredential"];
                let call = self::call(&asked, &["ad", "app", "credential", "reset"]);
                assert!(call.contains(&"--append".to_owned()), "{call:?}");
                let name = after(&call, "--display-name");
                assert!(secret["displayName"].as_str().unwrap().starts_with(name));
                assert_eq!(
                    after(&call, "--end-date"),
                    &secret["endDateTime"].as_str().unwrap()[..10]
                );
            }
            "--certificate" => {
                let call = self::call(&asked, &["ad", "app", "credential", "reset"]);
                assert!(call.contains(&"--append".to_owned()), "{call:?}");
                assert_eq!(after(&call, "--cert"), "CERTIFICATE of KEY");
            }
            _ => {
                let call = self::call(&asked, &["ad", "app", "federated-credential", "create"]);
                assert_eq!(body(&call, "--parameters"), sent("/federatedIdentityCredentials"));
            }
        }
    }
}

#[tokio::test]
async fn the_script_overwrites_no_secret_and_makes_nothing_where_there_is_one() {
    let scene = Scene::new().await;
    let script = script(&scene, &["--secret"]).await;
    scene.world.scratch.file("client-secret", "precious");
    let run = run(&scene, &script);
    assert_eq!(run.status.code(), Some(1));
    let told = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(told.contains("client-secret is there already"), "{told}");
    assert_eq!(scene.text("client-secret"), "precious");
    assert!(asked(&scene).is_empty(), "{:?}", asked(&scene));
}

#[tokio::test]
async fn the_script_uses_a_key_that_is_there() {
    let scene = Scene::new().await;
    let script = script(&scene, &["--certificate"]).await;
    scene.world.scratch.file("client-certificate.pem", "MINE");
    let run = run(&scene, &script);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    assert_eq!(scene.text("client-certificate.pem"), "MINE");
    let call = call(&asked(&scene), &["ad", "app", "credential", "reset"]);
    assert_eq!(after(&call, "--cert"), "CERTIFICATE of MINE");
}

#[tokio::test]
async fn the_script_s_patch_is_the_command_s() {
    let scene = Scene::new().await;
    good(&scene.register(&["--secret"]).await);
    let arguments =
        ["--secret", "--account-types", "personal", "--redirect-uri", "https://a.example/"];
    let run = run(&scene, &script(&scene, &arguments).await);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    good(&scene.register(&arguments).await);
    let seen = scene.graph.seen();
    let sent = seen.iter().find(|it| it.method == "PATCH").unwrap();
    let asked = asked(&scene);
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(body(&asked[0], "--body"), sent.body);
    assert_eq!(sent.body["api"]["requestedAccessTokenVersion"], 2);
    assert_eq!(after(&asked[0], "--url"), format!("{}{}", scene.graph.url(), sent.path));
}

/// What a dry run writes.
async fn script(scene: &Scene, arguments: &[&str]) -> String {
    let told = json(&scene.register(&[arguments, &["--dry-run", "--json"]].concat()).await);
    told["script"].as_str().unwrap().to_owned()
}

/// Runs it, after a shell has found nothing wrong with it.
fn run(scene: &Scene, script: &str) -> Output {
    let file = scene.world.scratch.file("script.sh", script);
    let folder = scene.path("bin");
    std::fs::create_dir(&folder).unwrap();
    let az = "#!/bin/sh\nprintf '%s\\0' \"$@\" >> asked\nprintf '\\1' >> asked\necho ID\n";
    let openssl = "#!/bin/sh\nif [ $1 = x509 ]; then echo \"CERTIFICATE of $(head -n 1 \"$3\")\"; exit; fi\n\
                   while [ $# -gt 0 ]; do\n  case $1 in -keyout) echo KEY > \"$2\";; \
                   -out) echo PEM > \"$2\";; esac\n  shift\ndone\n";
    for (name, text) in [("bin/az", az), ("bin/openssl", openssl)] {
        let path = scene.world.scratch.file(name, text);
        Command::new("chmod").arg("700").arg(path).status().unwrap();
    }
    let bash = |arguments: &[&str]| {
        let mut bash = Command::new("/bin/bash");
        bash.args(arguments).arg(&file).current_dir(scene.world.scratch.path());
        bash.env("PATH", format!("{}:/usr/bin:/bin", folder.display())).output().unwrap()
    };
    let understood = bash(&["-n"]);
    assert!(understood.status.success(), "{}", String::from_utf8_lossy(&understood.stderr));
    bash(&[])
}

/// The calls of the Azure CLI.
fn asked(scene: &Scene) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(scene.path("asked")).unwrap_or_default();
    let calls = text.split_terminator('\u{1}');
    calls.map(|call| call.split_terminator('\0').map(str::to_owned).collect()).collect()
}

fn call(asked: &[Vec<String>], begins: &[&str]) -> Vec<String> {
    let mut found =
        asked.iter().filter(|call| call.iter().zip(begins).all(|(one, other)| one == other));
    let one = found.next().unwrap_or_else(|| panic!("no {begins:?} in {asked:#?}"));
    assert!(found.next().is_none(), "{begins:?} twice in {asked:#?}");
    one.clone()
}

fn after<'c>(call: &'c [String], flag: &str) -> &'c str {
    let at = call.iter().position(|it| it == flag).unwrap_or_else(|| panic!("no {flag}: {call:?}"));
    &call[at + 1]
}

fn body(call: &[String], flag: &str) -> Value {
    serde_json::from_str(after(call, flag)).unwrap()
}
