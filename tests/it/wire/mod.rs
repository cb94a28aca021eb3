//! What may come in, and what of it goes on.
//!
//! Each row is a message on a raw socket and what becomes of it. The oracle: of a message that is
//! refused the origin server sees no byte, and what it is sent is read there by a stricter grammar
//! than hyper's, with one `Host`, one framing and one token. Requests at the origin server are
//! counted, so that nothing rides along.

use std::time::Duration;

use gateway_tests::world::Toml;
use gateway_tests::{RawCaller, RawRequest, RawResponse, Recorder, Running, World};
use serde_json::Value;
use tokio::time::timeout;

mod expectations;
mod fields;
mod framing;
mod hosts;
pub(crate) mod http2;
mod methods;
mod pipeline;
mod targets;

/// A gateway before a recorder.
pub(crate) struct Bench {
    pub(crate) world: World,
    pub(crate) recorder: Recorder,
    pub(crate) gateway: Running,
}

/// A message, and what becomes of it.
struct Row {
    name: String,
    raw: Vec<u8>,
    expected: Expected,
}

#[derive(Clone, Debug)]
enum Expected {
    /// The gateway refuses it in its own words.
    Refused(u16),
    /// The gateway answers it itself, without a body.
    Answered(u16),
    /// It is no message at all: an error without words or nothing, and the connection ends.
    Malformed,
    /// Its body breaks off: the gateway says so, and the origin server never has it whole.
    Broken(u16),
    /// The origin server has it, with this target and body.
    Passed(&'static str, &'static [u8]),
}

impl Bench {
    /// A route that searches, retrieves and stores.
    pub(crate) async fn start() -> Self {
        Self::with("", "allow = [\"search\", \"retrieve\", \"store\"]").await
    }

    /// The same with more lines of `[listener]` and `[[route]]`.
    pub(crate) async fn with(listener: &str, route: &str) -> Self {
        let world = World::new().await;
        let recorder = Recorder::start().await;
        let toml = Toml {
            listener: listener.into(),
            route: route.into(),
            ..world.toml(recorder.url() + "/v2")
        };
        let gateway = world.start_ready(&toml).await;
        Self { world, recorder, gateway }
    }

    pub(crate) async fn caller(&self) -> RawCaller {
        RawCaller::connect(self.gateway.address()).await.unwrap()
    }

    /// The answer to `raw` on a connection of its own.
    pub(crate) async fn ask(&self, raw: impl AsRef<[u8]>) -> RawResponse {
        let raw = raw.as_ref();
        let mut caller = self.caller().await;
        caller.send(raw).await.unwrap();
        let answered = timeout(LIMIT, caller.read_response_to(&method(raw))).await;
        answered.expect("an answer in time").unwrap()
    }

    /// The last request that the origin server had.
    pub(crate) fn last(&self) -> RawRequest {
        self.recorder.requests().pop().expect("a request came")
    }

    /// What stands in `Host` of every request to the origin server.
    pub(crate) fn origin_host(&self) -> String {
        format!("localhost:{}", self.recorder.address().port())
    }

    /// Checks all rows, and tells of every one that fails.
    async fn check(&self, rows: Vec<Row>) {
        let mut failures = Vec::new();
        let mut passes = self.recorder.requests().len();
        for row in &rows {
            passes += usize::from(matches!(row.expected, Expected::Passed(..)));
            let checked = timeout(LIMIT, self.row(row)).await;
            let checked = checked.unwrap_or_else(|_| Err("it never ends".to_owned()));
            let counted = self.recorder.requests().len();
            if let Err(failure) = checked {
                failures.push(format!("{}: {failure}", row.name));
                passes = counted;
            } else if counted != passes {
                failures.push(format!("{}: {counted} requests, {passes} expected", row.name));
                passes = counted;
            }
        }
        failures.extend(self.recorder.violations());
        assert!(failures.is_empty(), "{} of {}: {failures:#?}", failures.len(), rows.len());
    }

    async fn row(&self, row: &Row) -> Result<(), String> {
        let before = self.recorder.bytes_seen();
        let mut caller = self.caller().await;
        // The gateway may have answered and closed before it read all.
        let _ = caller.send(&row.raw).await;
        let answer = caller.read_response_to(&method(&row.raw)).await.ok();
        let status = answer.as_ref().map(|answer| answer.status);
        let seen = self.recorder.bytes_seen() - before;
        match (&row.expected, answer) {
            (Expected::Refused(expected), Some(answer)) if answer.status == *expected => {
                is_our_problem(&answer)?;
                none(seen)
            }
            (Expected::Answered(expected), Some(answer)) if answer.status == *expected => {
                is_our_own(&answer)?;
                none(seen)
            }
            (Expected::Malformed, answer) => {
                if answer.is_some_and(|answer| !matches!(answer.status, 400 | 414 | 431)) {
                    return Err(format!("status {status:?}"));
                }
                // Where the next message would start is anybody's guess.
                match caller.read_to_end().await.len() {
                    0 => none(self.recorder.bytes_seen() - before),
                    more => Err(format!("{more} bytes after it")),
                }
            }
            (Expected::Broken(expected), Some(answer)) if answer.status == *expected => {
                is_our_problem(&answer)?;
                caller.read_to_end().await;
                Ok(())
            }
            (Expected::Passed(target, body), Some(answer)) if answer.status == 200 => {
                self.passed(target, body)
            }
            (expected, _) => Err(format!("status {status:?}, expected {expected:?}")),
        }
    }

    /// Whether the last request at the origin server is sound, and ours.
    fn passed(&self, target: &str, body: &[u8]) -> Result<(), String> {
        let request = self.last();
        let framings = ["content-length", "transfer-encoding"].map(|name| request.values(name));
        let token = format!("Bearer {}", self.world.authority.last_token().unwrap_or_default());
        if request.target != target {
            return Err(format!("the target is {:?}", request.target));
        }
        if request.body != body {
            return Err(format!("the body is {:?}", String::from_utf8_lossy(&request.body)));
        }
        if request.values("host") != [&self.origin_host()] {
            return Err(format!("Host is {:?}", request.values("host")));
        }
        if framings.concat().len() > 1 {
            return Err(format!("framed by {framings:?}"));
        }
        if request.values("authorization") != [&token] {
            return Err("not our token alone".to_owned());
        }
        Ok(())
    }
}

impl Row {
    fn new(name: impl Into<String>, raw: impl Into<Vec<u8>>, expected: Expected) -> Self {
        Self { name: name.into(), raw: raw.into(), expected }
    }
}

/// Whether this is an answer of the gateway's own, as all of them must be.
pub(crate) fn is_our_own(answer: &RawResponse) -> Result<(), String> {
    let request_id = answer.header("x-request-id").unwrap_or_default();
    let sound = answer.header("cache-control") == Some("no-store")
        && answer.header("x-content-type-options") == Some("nosniff")
        && request_id.len() == 16
        && answer.values("server").is_empty();
    if sound { Ok(()) } else { Err(format!("not ours: {:?}", answer.headers)) }
}

/// Whether this is a problem of the gateway's own, which names no host and no port.
pub(crate) fn is_our_problem(answer: &RawResponse) -> Result<(), String> {
    is_our_own(answer)?;
    let proxy_status = answer.header("proxy-status").unwrap_or_default();
    let error = proxy_status.strip_prefix("dicom-gateway; error=").unwrap_or_default();
    let is_word = |text: &str| text.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase());
    if error.is_empty() || !is_word(error) {
        return Err(format!("Proxy-Status is {proxy_status:?}"));
    }
    if answer.header("content-type") != Some("application/problem+json") {
        return Err(format!("not a problem: {:?}", answer.headers));
    }
    // The answer to HEAD has none.
    if answer.body.is_empty() {
        return Ok(());
    }
    let problem: Value = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
    let members = problem.as_object().map(|members| members.keys().cloned().collect::<Vec<_>>());
    let same = problem["status"] == answer.status
        && problem["request_id"] == answer.header("x-request-id").unwrap_or_default()
        && members.unwrap_or_default() == ["code", "request_id", "status", "title", "type"];
    let text = answer.text();
    let names = ["localhost", "127.0.0.1", "oauth", "Bearer", "/v2", "dicom-web"];
    match names.iter().find(|name| text.contains(**name)) {
        None if same => Ok(()),
        _ => Err(format!("a problem that says {text}")),
    }
}

/// A search with these lines more, each with its CRLF.
pub(crate) fn search(lines: &str) -> String {
    format!("GET /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n")
}

/// A store with these lines more, each with its CRLF, and what follows the head.
pub(crate) fn store(lines: &str, body: &str) -> String {
    format!("POST /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n{body}")
}

fn method(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    text.split_whitespace().next().unwrap_or_default().to_owned()
}

fn none(seen: usize) -> Result<(), String> {
    if seen == 0 { Ok(()) } else { Err(format!("the origin server saw {seen} bytes of it")) }
}

const STUDIES: &str = "/v2/studies";

/// For what a test waits for.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);
