//! `register`: the built program against an emulated Graph, whose registrations the emulated
//! authority knows.

mod arguments;
mod faults;
mod federated;
mod first;
mod life;
mod page;
mod progress;
mod refused;
mod rehearsed;
mod rotate;
mod script;
mod serve;
mod shown;
mod sign_in;
mod withdrawn;

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use gateway_tests::origin::{Options, OriginServer, Store, sample};
use gateway_tests::program::Ended;
use gateway_tests::{Graph, Program, World};
use serde_json::Value;

/// A tenant with a directory, an authority and a DICOM service.
struct Scene {
    world: World,
    graph: Graph,
    origin: OriginServer,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new().await;
        // What is not registered must not be taken.
        world.authority.reject_secret();
        let graph = Graph::start(&world.ca, &world.authority).await;
        let store = Store::default();
        sample::load(&store);
        let options = Options { check: world.check(), tls: None, store };
        let origin = OriginServer::start(options).await.unwrap();
        std::fs::remove_file(world.scratch.path().join("client-secret")).unwrap();
        world.scratch.file("graph-token", graph.token());
        world.scratch.file("arm-token", graph.arm_token());
        Self { world, graph, origin }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.world.scratch.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn mode(&self, name: &str) -> u32 {
        std::fs::metadata(self.path(name)).unwrap().mode() & 0o7777
    }

    /// Scheme, host and port of the authority.
    fn host(&self) -> String {
        let (url, tenant) = (self.world.authority.url(), self.world.authority.tenant());
        url.trim_end_matches(&tenant).to_owned()
    }

    /// How the services are found, and nobody signed in.
    fn access(&self) -> Vec<String> {
        [
            ("--graph-url", self.graph.url()),
            ("--arm-url", self.graph.arm_url()),
            ("--anchors", self.path("ca.pem").display().to_string()),
        ]
        .into_iter()
        .flat_map(|(name, value)| [name.to_owned(), value])
        .collect()
    }

    fn tokens(&self) -> Vec<String> {
        [("--graph-token-file", "graph-token"), ("--arm-token-file", "arm-token")]
            .into_iter()
            .flat_map(|(name, file)| [name.to_owned(), self.path(file).display().to_string()])
            .collect()
    }

    /// `register` with what every run here needs, but nobody signed in.
    fn unsigned(&self, more: &[&str]) -> Vec<String> {
        let mut arguments = vec!["register".to_owned()];
        arguments.extend(self.access());
        for (name, value) in [
            ("--authority-host", self.host()),
            ("--origin", self.origin.base_url()),
            ("--file", self.path("gateway.toml").display().to_string()),
        ] {
            arguments.extend([name.to_owned(), value]);
        }
        arguments.extend(more.iter().map(|it| (*it).to_owned()));
        arguments
    }

    async fn register(&self, more: &[&str]) -> Ended {
        let mut arguments = self.unsigned(more);
        arguments.extend(self.tokens());
        Program::run(&arguments, &[]).await
    }

    /// `register` for a service that is elsewhere.
    async fn register_at(&self, origin: &str, more: &[&str]) -> Ended {
        let mut arguments = self.unsigned(more);
        let at = arguments.iter().position(|it| it == "--origin").unwrap();
        arguments[at + 1] = origin.to_owned();
        arguments.extend(self.tokens());
        Program::run(&arguments, &[]).await
    }

    /// One of the commands for a registration that is there.
    async fn run(&self, command: &str, more: &[&str]) -> Ended {
        Program::run(&self.existing(command, more), &[]).await
    }

    fn existing(&self, command: &str, more: &[&str]) -> Vec<String> {
        let mut arguments = vec!["register".to_owned(), command.to_owned()];
        arguments.extend(self.access());
        arguments.extend(self.tokens());
        arguments.extend(["--file".to_owned(), self.path("gateway.toml").display().to_string()]);
        arguments.extend(more.iter().map(|it| (*it).to_owned()));
        arguments
    }

    async fn check(&self) -> Ended {
        Program::run(&["check".as_ref(), self.path("gateway.toml").as_os_str()], &[]).await
    }

    /// The only application that was registered.
    fn application(&self) -> Value {
        let mut all = self.graph.applications();
        assert_eq!(all.len(), 1, "{all:#?}");
        all.remove(0)
    }

    /// Lets the configuration listen on a free port.
    fn on_any_port(&self) {
        let text = self.text("gateway.toml").replace("127.0.0.1:8080", "127.0.0.1:0");
        let admin = "\n[admin]\naddress = \"127.0.0.1:0\"\n\n[client]";
        self.world.scratch.file("gateway.toml", text.replace("\n[client]", admin));
    }
}

/// That it ended well, and what it said where it did not.
fn good(ended: &Ended) {
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
}

fn failed(ended: &Ended, code: i32, why: &str) {
    assert_eq!(ended.code, Some(code), "{}\n{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains(why), "{}", ended.stderr);
}

/// What scripts are told.
fn json(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("no JSON: {}", ended.stdout))
}

const RESOURCE: &str = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/imaging/\
                        providers/Microsoft.HealthcareApis/workspaces/ward/dicomservices/ct";
