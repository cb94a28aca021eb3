//! What a dry run says of itself is true, whatever command it is of.

use gateway_tests::program::Ended;
use serde_json::Value;

use super::{RESOURCE, Scene, good, json};

#[tokio::test]
async fn only_those_requests_were_made_that_are_said_to_have_been_made() {
    for credential in ["--secret", "--certificate"] {
        let scene = Scene::new().await;
        let arguments = [credential, "--admin-consent", "--role", "reader", "--resource", RESOURCE];
        let ended = scene.register(&[&arguments[..], &["--dry-run"]].concat()).await;
        good(&ended);
        assert!(ended.stdout.contains("Only those were made that read what is there."));
        let marked = ended.stdout.lines().filter(|line| line.ends_with(" # was not made"));
        assert!(marked.count() >= 3, "{}", ended.stdout);
        let told =
            json(&scene.register(&[&arguments[..], &["--dry-run", "--json"]].concat()).await);
        // Two runs asked the same.
        assert_eq!(reads(&told).len() * 2, scene.graph.seen().len(), "{told:#}");
        true_of(&scene, 0, &told);

        good(&scene.register(&arguments).await);
        let before = scene.graph.seen().len();
        let told =
            json(&scene.register(&[&arguments[..], &["--dry-run", "--json"]].concat()).await);
        assert_eq!(scene.graph.seen().len(), before + reads(&told).len());
        true_of(&scene, before, &told);
    }
}

#[tokio::test]
async fn a_dry_run_of_a_rotation_changes_nothing_and_names_what_would_go() {
    for (credential, file, list) in [
        ("--secret", "client-secret", "passwordCredentials"),
        ("--certificate", "client-certificate.pem", "keyCredentials"),
    ] {
        let scene = Scene::new().await;
        good(&scene.register(&[credential]).await);
        let old = scene.application()[list][0]["keyId"].as_str().unwrap().to_owned();
        let before = Before::of(&scene, file);
        let ended = scene.run("rotate", &["--dry-run"]).await;
        before.is_unchanged(&scene, &ended);
        assert!(ended.stderr.contains("would be made: "), "{}", ended.stderr);
        let goes = format!("would be removed: old credential {old}");
        assert!(ended.stderr.contains(&goes), "{}", ended.stderr);
        let parts = if credential == "--secret" {
            vec!["/addPassword\n", "/removePassword\n", &*old]
        } else {
            vec!["PATCH /applications/", "\"{certificate}\""]
        };
        for part in parts {
            assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
        }
        assert!(!ended.stdout.contains("Azure CLI"), "{}", ended.stdout);
        let told = json(&scene.run("rotate", &["--dry-run", "--json"]).await);
        let changes = told["requests"].as_array().unwrap();
        let changes = changes.iter().filter(|it| it["changes"] == true).collect::<Vec<_>>();
        assert_eq!(changes.len(), 2, "{told:#}");
        if credential == "--certificate" {
            let left = changes[1]["body"]["keyCredentials"].as_array().unwrap();
            assert_eq!(left.len(), 1, "the new one, and not the old one: {left:?}");
            assert_ne!(left[0]["keyId"], *old);
        }
        true_of(&scene, before.seen, &told);
        // And then it is done.
        good(&scene.run("rotate", &["--grace-secs", "0"]).await);
    }
}

#[tokio::test]
async fn a_dry_run_of_a_removal_changes_nothing_and_needs_no_yes() {
    let scene = Scene::new().await;
    let arguments = ["--secret", "--role", "reader", "--resource", RESOURCE];
    good(&scene.register(&arguments).await);
    let before = Before::of(&scene, "client-secret");
    let ended = scene.run("remove", &["--resource", RESOURCE, "--dry-run"]).await;
    before.is_unchanged(&scene, &ended);
    for part in
        ["would be removed: 1 role for ct", "would be removed: application", "client-secret"]
    {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
    for part in ["DELETE /applications/", "DELETE /subscriptions/", "GET /subscriptions/"] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    let told = json(&scene.run("remove", &["--resource", RESOURCE, "--dry-run", "--json"]).await);
    true_of(&scene, before.seen, &told);
    let both = scene.run("remove", &["--dry-run", "--yes"]).await;
    super::failed(&both, 64, "cannot be used with");
}

/// What a dry run must leave as it was.
struct Before {
    application: Value,
    file: (String, String),
    toml: String,
    entries: usize,
    writes: usize,
    seen: usize,
}

impl Before {
    fn of(scene: &Scene, file: &str) -> Self {
        Self {
            application: scene.application(),
            file: (file.to_owned(), scene.text(file)),
            toml: scene.text("gateway.toml"),
            entries: std::fs::read_dir(scene.world.scratch.path()).unwrap().count(),
            writes: scene.graph.writes().len(),
            seen: scene.graph.seen().len(),
        }
    }

    fn is_unchanged(&self, scene: &Scene, ended: &Ended) {
        good(ended);
        assert_eq!(scene.graph.writes().len(), self.writes, "{:?}", scene.graph.writes());
        assert_eq!(scene.application(), self.application);
        assert_eq!(scene.text(&self.file.0), self.file.1);
        assert_eq!(scene.text("gateway.toml"), self.toml);
        let entries = std::fs::read_dir(scene.world.scratch.path()).unwrap().count();
        assert_eq!(entries, self.entries);
        for secret in scene.graph.secrets().iter().chain([&scene.graph.token()]) {
            assert!(!ended.stdout.contains(secret) && !ended.stderr.contains(secret));
        }
    }
}

/// Those that a dry run says it made.
fn reads(told: &Value) -> Vec<String> {
    let all = told["requests"].as_array().unwrap().iter().filter(|it| it["made"] == true);
    all.map(|it| it["request"].as_str().unwrap().to_owned()).collect()
}

/// Whether what the emulator saw after so many requests is what was told.
fn true_of(scene: &Scene, from: usize, told: &Value) {
    let seen = scene.graph.seen().split_off(from);
    let plain = |text: &str| text.replace("%20", " ").replace("%27", "'");
    let seen = seen.iter().map(|it| format!("{} {}", it.method, it.path.replace("/v1.0", "")));
    let seen = seen.collect::<Vec<_>>();
    for request in reads(told) {
        assert!(request.starts_with("GET "), "{request}");
        assert!(seen.contains(&plain(&request)), "{request} is not in {seen:#?}");
    }
    assert!(seen.iter().all(|it| it.starts_with("GET ")), "{seen:#?}");
}
