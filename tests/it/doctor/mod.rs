//! `dicom-gateway doctor`: each fault is injected, found, and explained.

use std::path::{Path, PathBuf};

use gateway_tests::origin::{Options, Store, sample};
use gateway_tests::program::Ended;
use gateway_tests::world::Toml;
use gateway_tests::{OriginServer, Program, World};
use serde_json::Value;

mod chain;
mod good;
mod odd;
mod own;
mod published;
mod searches;
mod shape;
mod tokens;
mod users;
mod way;
mod written;

/// What the doctor found, check by check.
struct Findings {
    code: Option<i32>,
    all: Vec<Value>,
}

impl Findings {
    /// The only finding of this check on this subject.
    fn one(&self, subject: &str, check: &str) -> &Value {
        let found = self.each(subject, check);
        assert_eq!(found.len(), 1, "{subject} {check}: {}", self.text());
        found[0]
    }

    /// All findings of this check on this subject.
    fn each(&self, subject: &str, check: &str) -> Vec<&Value> {
        let is_it = |one: &&Value| one["subject"] == subject && one["check"] == check;
        self.all.iter().filter(is_it).collect()
    }

    /// All findings with this verdict, as subject and check.
    fn with(&self, verdict: &str) -> Vec<(String, String)> {
        let found = self.all.iter().filter(|one| one["verdict"] == verdict);
        found.map(|one| (text(one, "subject"), text(one, "check"))).collect()
    }

    /// Asserts that this check alone fails, and that its words hold these.
    fn fails(&self, (subject, check): (&str, &str), says: &str, remedy: &str) {
        assert_eq!(self.with("fail"), [(subject.to_owned(), check.to_owned())], "{}", self.text());
        self.tells((subject, check), "fail", (says, remedy));
        assert_eq!(self.code, Some(1));
    }

    /// Asserts that this check has this verdict, and that its words hold these.
    fn tells(&self, (subject, check): (&str, &str), verdict: &str, (says, remedy): (&str, &str)) {
        let one = self.one(subject, check);
        assert_eq!(one["verdict"], verdict, "{}", self.text());
        assert!(text(one, "says").contains(says), "{says:?} is not in {one}");
        assert!(text(one, "remedy").contains(remedy), "{remedy:?} is not in {one}");
    }

    fn text(&self) -> String {
        self.all.iter().map(|one| format!("{one}\n")).collect()
    }
}

/// Runs the doctor on a file, with these arguments beside it.
async fn run(file: &Path, arguments: &[&str]) -> Ended {
    let mut all = vec!["doctor".as_ref(), file.as_os_str()];
    all.extend(arguments.iter().map(AsRef::<std::ffi::OsStr>::as_ref));
    Program::run(&all, &[]).await
}

/// The same, read as JSON.
async fn examine(file: &Path, arguments: &[&str]) -> Findings {
    let ended = run(file, &[&["--json"], arguments].concat()).await;
    let line =
        |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let all = ended.stdout.lines().map(line).collect::<Vec<_>>();
    assert!(!all.is_empty(), "{}", ended.stderr);
    assert!(all.iter().all(|one: &Value| one["took_ms"].is_u64()), "{}", ended.stdout);
    assert_eq!(ended.stderr, "");
    Findings { code: ended.code, all }
}

fn file(world: &World, toml: &Toml) -> PathBuf {
    world.scratch.file("gateway.toml", toml.text())
}

async fn diagnose(world: &World, toml: &Toml) -> Findings {
    examine(&file(world, toml), &[]).await
}

/// An Azure DICOM service with samples, by TLS, that believes this world's authority.
async fn service(world: &World) -> OriginServer {
    let tls = world.ca.issue(&["localhost"]).server_config(&[b"h2", b"http/1.1"]);
    let store = Store::default();
    sample::load(&store);
    let options = Options { check: world.check(), tls: Some(tls), store };
    OriginServer::start(options).await.unwrap()
}

/// A gateway for it, in the profile of Azure.
fn azure(world: &World, service: &OriginServer) -> Toml {
    Toml { route: "profile = \"azure\"".into(), ..world.toml(service.base_url()) }
}

fn text(one: &Value, name: &str) -> String {
    one[name].as_str().unwrap_or_default().to_owned()
}
