//! Every access on record: what a gateway on real sockets writes of what callers do, whatever becomes
//! of it.

mod aborts;
mod accesses;
mod disk;
mod events;
mod fhir;
mod kinds;
mod many;
mod secrets;
mod synced;
mod syslog;

use std::path::PathBuf;
use std::time::Duration;

use gateway::{KeyFile, KeyName};
use gateway_tests::world::Toml;
use gateway_tests::{Connection, Issuer, Recorder, Running, World};
use http::{Request, Response, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use serde_json::Value;

/// What a gateway needs whose callers have keys or tokens, before an origin server that writes down what
/// it is sent.
struct Scene {
    world: World,
    issuer: Issuer,
    recorder: Recorder,
    /// The key of `ward-7`.
    key: String,
}

impl Scene {
    async fn new() -> Self {
        let (world, recorder) = (World::new().await, Recorder::start().await);
        let issuer = Issuer::start(&world.ca).await;
        let keys = KeyFile::at(&world.scratch.path().join("api-keys")).unwrap();
        let key = keys.generate("ward-7".parse::<KeyName>().unwrap(), None).unwrap().to_string();
        Self { world, issuer, recorder, key }
    }

    /// Of a route on which everything is allowed, with these further lines of `[audit]`.
    fn toml(&self, audit: &str) -> Toml {
        let bearer = format!(
            "{{ issuer = \"{}\", audience = \"{}\", algorithms = [\"ES256\"], anchors = \"ca.pem\" }}",
            self.issuer.issuer(),
            Issuer::AUDIENCE
        );
        Toml {
            route: format!(
                "callers = {{ api_keys = \"api-keys\", bearer = {bearer} }}\n\
                 allow = [\"search\", \"retrieve\", \"store\", \"delete\", \"worklist\"]\n\
                 response_timeout_secs = 1\n"
            ),
            more: format!("[audit]\nfile = \"audit.jsonl\"\n{audit}\n"),
            ..self.world.toml(self.recorder.url())
        }
    }

    async fn start(&self, audit: &str) -> Running {
        self.world.start_ready(&self.toml(audit)).await
    }

    /// What `ward-7` shows.
    fn key(&self) -> String {
        format!("Bearer {}", self.key)
    }

    /// What a user shows.
    fn token(&self) -> String {
        format!("Bearer {}", self.issuer.user_token())
    }

    fn file(&self) -> PathBuf {
        self.world.scratch.path().join("audit.jsonl")
    }

    /// All that is on record now.
    fn records(&self) -> Vec<Value> {
        records(&std::fs::read_to_string(self.file()).unwrap_or_default())
    }

    /// The accesses on record now.
    fn accesses_so_far(&self) -> Vec<Value> {
        let records = self.records().into_iter();
        records.filter(|record| record["event"] == "transaction").collect()
    }

    /// The accesses on record, once there are so many, and no more.
    async fn accesses(&self, count: usize) -> Vec<Value> {
        until(|| self.accesses_so_far().len() >= count).await;
        let accesses = self.accesses_so_far();
        assert_eq!(accesses.len(), count, "{accesses:#?}");
        accesses
    }

    /// The last access on record, once there are so many.
    async fn last(&self, count: usize) -> Value {
        self.accesses(count).await.pop().unwrap()
    }

    /// The first record of this event, once it is there.
    async fn event(&self, event: &str) -> Value {
        let found = || self.records().into_iter().find(|record| record["event"] == event);
        until(|| found().is_some()).await;
        found().unwrap()
    }
}

/// The whole lines of a file.
fn records(text: &str) -> Vec<Value> {
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Asks for `request`, a method and a path below the route, with what shows who asks.
async fn ask(
    connection: &Connection,
    request: &str,
    (credential, body): (&str, &str),
) -> hyper::Result<Response<Incoming>> {
    let (method, path) = request.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(format!("/dicom-web{path}"));
    if !credential.is_empty() {
        request = request.header("authorization", credential);
    }
    connection.send_request(request.body(Full::from(body.to_owned())).unwrap()).await
}

/// The same, and reads all of the answer: its status and the request's id.
async fn asked(connection: &Connection, request: &str, show: (&str, &str)) -> (u16, String) {
    let answer = ask(connection, request, show).await.unwrap();
    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    let status = answer.status().as_u16();
    answer.into_body().collect().await.unwrap();
    (status, id)
}

async fn connect(gateway: &Running, version: Version) -> Connection {
    Connection::open(gateway.address(), version).await.unwrap()
}

/// Waits until it is so.
async fn until(is_so: impl Fn() -> bool) {
    let waited = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waited).await.expect("it never was so");
}

/// That a record has these members, in JSON; `null` for one that is not there.
#[track_caller]
fn tells(record: &Value, expected: &Value) {
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&record[name], value, "{name} of {record:#}");
    }
}

/// Both kinds of callers.
const VERSIONS: [Version; 2] = [Version::HTTP_11, Version::HTTP_2];
