//! A credential replaced while the gateway serves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gateway_tests::Program;
use gateway_tests::graph::Fault;
use gateway_tests::program::Signal;

use super::serve::search;
use super::{Scene, failed, good};

#[tokio::test]
async fn a_secret_is_replaced_under_load_and_nobody_notices() {
    under_load("--secret", "client-secret").await;
}

#[tokio::test]
async fn a_certificate_is_replaced_under_load_and_nobody_notices() {
    under_load("--certificate", "client-certificate.pem").await;
}

async fn under_load(credential: &str, file: &str) {
    let scene = Scene::new().await;
    good(&scene.register(&[credential]).await);
    let old = scene.text(file);
    scene.on_any_port();
    // Each second another token, so that no moment of the rotation is without a request for one.
    scene.world.authority.set_lifetime(Duration::from_secs(3));
    scene.world.authority.set_refresh_in(Some(Duration::from_secs(1)));
    let path = scene.path("gateway.toml");
    let mut program = Program::start(&["serve".as_ref(), path.as_os_str()], &[]);
    let (callers, _) = program.addresses().await;
    let is_over = Arc::new(AtomicBool::new(false));
    let load = (0..4).map(|_| {
        let is_over = is_over.clone();
        tokio::spawn(async move {
            let mut answers = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                answers.push(search(callers).await);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            answers
        })
    });
    let load = load.collect::<Vec<_>>();

    scene.graph.set_lag(5);
    let ended = scene.run("rotate", &["--grace-secs", "2"]).await;
    good(&ended);
    let new = scene.text(file);
    assert_ne!(new, old);
    assert_eq!(scene.mode(file), 0o600);
    assert!(!scene.path(&format!(".{file}.new")).exists());
    let before = scene.world.authority.tokens().len();
    while scene.world.authority.tokens().len() < before + 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    is_over.store(true, Ordering::Relaxed);
    let mut searches = 0;
    for caller in load {
        for answer in caller.await.unwrap() {
            assert_eq!(answer, (200, true));
            searches += 1;
        }
    }
    assert!(searches > 50, "{searches} searches are no load");
    assert!(!program.stderr().contains("not taken"), "{}", program.stderr());
    program.signal(Signal::TERM);
    assert_eq!(program.ended().await.code, Some(0));

    let application = scene.application();
    let list = if file == "client-secret" { "passwordCredentials" } else { "keyCredentials" };
    let left = application[list].as_array().unwrap();
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(scene.text("gateway.toml").contains(left[0]["keyId"].as_str().unwrap()));
    for secret in scene.graph.secrets() {
        assert!(!ended.stderr.contains(&secret) && !ended.stdout.contains(&secret));
    }
    good(&scene.check().await);
}

#[tokio::test]
async fn the_new_end_stands_in_the_configuration() {
    let scene = Scene::new().await;
    good(&scene.register(&["--secret", "--expires", "2098-01-31"]).await);
    good(&scene.run("rotate", &["--grace-secs", "0", "--expires", "2099-02-28"]).await);
    let toml = scene.text("gateway.toml");
    assert!(toml.contains("credential.expires = \"2099-02-28\""), "{toml}");
    assert!(!toml.contains("2098"), "{toml}");
    good(&scene.check().await);
}

#[tokio::test]
async fn a_rotation_that_fails_anywhere_leaves_what_serves_and_goes_on() {
    for (nth, fault) in (1..=3).flat_map(|nth| [(nth, Fault::Denied), (nth, Fault::Lost)]) {
        let scene = Scene::new().await;
        good(&scene.register(&["--secret"]).await);
        scene.graph.fail(nth, fault);
        let first = scene.run("rotate", &["--grace-secs", "0"]).await;
        // What is in the file is taken at any time.
        let value = scene.text("client-secret");
        let known = scene.application()["passwordCredentials"].as_array().unwrap().clone();
        assert!(known.iter().any(|it| value.starts_with(it["hint"].as_str().unwrap())), "{nth}");
        if first.code != Some(0) {
            good(&scene.run("rotate", &["--grace-secs", "0"]).await);
        }
        good(&scene.check().await);
        let application = scene.application();
        let left = application["passwordCredentials"].as_array().unwrap().len();
        assert_eq!(left, 1, "request {nth}, {fault:?}\n{}", first.stderr);
        assert!(!scene.path(".client-secret.old").exists(), "{nth}");
    }
}

#[tokio::test]
async fn a_rotation_that_ended_in_the_grace_time_leaves_the_old_one_to_the_next_run() {
    for (credential, list) in
        [("--secret", "passwordCredentials"), ("--certificate", "keyCredentials")]
    {
        let scene = Scene::new().await;
        good(&scene.register(&[credential]).await);
        let first = scene.application()[list][0]["keyId"].as_str().unwrap().to_owned();
        let program = Program::start(&scene.existing("rotate", &["--grace-secs", "600"]), &[]);
        program.wait_for_line("is good for 600 s more").await;
        drop(program);
        assert_eq!(scene.application()[list].as_array().unwrap().len(), 2);

        let ended = scene.run("rotate", &["--grace-secs", "0"]).await;
        good(&ended);
        assert!(ended.stderr.contains(&format!("removed: old credential {first}")));
        let application = scene.application();
        let left = application[list].as_array().unwrap();
        assert_eq!(left.len(), 1, "{left:?}");
        assert!(scene.text("gateway.toml").contains(left[0]["keyId"].as_str().unwrap()));
        good(&scene.check().await);
    }
}

#[tokio::test]
async fn a_secret_that_the_authority_does_not_take_yet_is_not_put_in_place() {
    let scene = Scene::new().await;
    good(&scene.register(&["--secret"]).await);
    let old = scene.text("client-secret");
    scene.graph.set_lag(usize::MAX);
    let program = Program::start(&scene.existing("rotate", &["--grace-secs", "0"]), &[]);
    program.wait_for_line("made: secret").await;
    let asked = scene.world.authority.requests();
    scene.world.authority.wait_for_requests(asked + 2).await;
    assert_eq!(scene.text("client-secret"), old);
    drop(program);

    // Killed there; the next run goes on with the secret that is there.
    scene.graph.set_lag(0);
    scene.graph.forget_lag();
    let ended = scene.run("rotate", &["--grace-secs", "0"]).await;
    good(&ended);
    assert!(ended.stderr.contains("which an earlier run made"), "{}", ended.stderr);
    assert_eq!(scene.graph.secrets().len(), 2);
    assert_eq!(scene.text("client-secret"), scene.graph.secrets()[1]);
    assert_eq!(scene.application()["passwordCredentials"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_secret_that_has_ended_is_replaced_and_so_is_its_end() {
    let scene = Scene::new().await;
    good(&scene.register(&["--secret", "--expires", "2098-01-31"]).await);
    let toml = scene.text("gateway.toml").replace("2098-01-31", "2020-01-01");
    scene.world.scratch.file("gateway.toml", toml);
    scene.graph.expire_secrets();
    let ended = scene.run("rotate", &["--expires", "2099-02-28"]).await;
    good(&ended);
    let application = scene.application();
    let left = application["passwordCredentials"].as_array().unwrap();
    assert_eq!(left.len(), 1, "{left:?}");
    let toml = scene.text("gateway.toml");
    assert!(toml.contains(left[0]["keyId"].as_str().unwrap()), "{toml}");
    assert!(toml.contains("credential.expires = \"2099-02-28\""), "{toml}");
    good(&scene.check().await);
}

#[tokio::test]
async fn what_the_directory_does_not_say_takes_no_other_certificate_away() {
    // The requests that read the list: to tell what is in use, to add one, and to take one away.
    for nth in [2, 4, 6] {
        let scene = Scene::new().await;
        good(&scene.register(&["--certificate"]).await);
        let theirs = scene.application()["keyCredentials"][0]["keyId"].clone();
        for file in ["client-certificate.pem", "gateway.toml"] {
            std::fs::remove_file(scene.path(file)).unwrap();
        }
        good(&scene.register(&["--certificate"]).await);
        scene.graph.fail(nth, Fault::Bare);
        let first = scene.run("rotate", &["--grace-secs", "0"]).await;
        let application = scene.application();
        let left = application["keyCredentials"].as_array().unwrap();
        assert!(left.iter().any(|it| it["keyId"] == theirs), "{nth}: {left:?}");
        failed(&first, 1, "nothing that can be used");
        good(&scene.run("rotate", &["--grace-secs", "0"]).await);
        let application = scene.application();
        let left = application["keyCredentials"].as_array().unwrap();
        assert!(left.len() == 2 && left[0]["keyId"] == theirs, "{nth}: {left:?}");
    }
}

#[tokio::test]
async fn a_secret_is_only_said_to_be_removed_when_it_is() {
    let scene = Scene::new().await;
    good(&scene.register(&["--secret"]).await);
    scene.graph.fail(3, Fault::Bad);
    let ended = scene.run("rotate", &["--grace-secs", "0"]).await;
    failed(&ended, 1, "removePassword");
    assert!(!ended.stderr.contains("removed:"), "{}", ended.stderr);
    assert_eq!(scene.application()["passwordCredentials"].as_array().unwrap().len(), 2);
    good(&scene.run("rotate", &["--grace-secs", "0"]).await);
    assert_eq!(scene.application()["passwordCredentials"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_configuration_behind_a_link_stays_there_with_its_mode() {
    let scene = Scene::new().await;
    good(&scene.register(&["--secret"]).await);
    std::fs::rename(scene.path("gateway.toml"), scene.path("real.toml")).unwrap();
    std::os::unix::fs::symlink("real.toml", scene.path("gateway.toml")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(scene.path("real.toml"), mode).unwrap();
    good(&scene.run("rotate", &["--grace-secs", "0", "--expires", "2099-02-28"]).await);
    assert!(scene.path("gateway.toml").is_symlink());
    assert!(scene.text("real.toml").contains("2099-02-28"));
    assert_eq!(scene.mode("real.toml"), 0o644);
}

#[tokio::test]
async fn what_cannot_be_rotated_is_told() {
    let scene = Scene::new().await;
    let trust = "https://token.actions.githubusercontent.com,repo:ward/gateway:ref:refs/heads/main";
    good(&scene.register(&["--federated", trust]).await);
    failed(&scene.run("rotate", &[]).await, 78, "need no rotation");
}
