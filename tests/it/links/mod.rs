//! The origin server's URLs in answers, as callers see them on a route that rewrites.

use std::io;

use gateway_tests::world::Toml;
use gateway_tests::{RawCaller, RawResponse, Recorder, Reply, Running, World};
use tokio::time::timeout;

use crate::wire::LIMIT;

mod bodies;
mod codings;
mod heads;
mod table;

/// A gateway that callers know as [`OURS`], before an origin server that replies as it is told.
struct Bench {
    recorder: Recorder,
    gateway: Running,
    /// The origin server's base URL.
    theirs: String,
}

impl Bench {
    /// An origin server of this profile, whose base path is this.
    async fn start(profile: &str, base: &str) -> Self {
        let world = World::new().await;
        let recorder = Recorder::start().await;
        let theirs = recorder.url() + base;
        let route = format!(
            "profile = \"{profile}\"\npublic_url = \"{OURS}\"\nurls = \"rewrite\"\n\
             allow = [\"search\", \"retrieve\", \"store\", \"worklist\", \"manage\"]"
        );
        let gateway = world.start_ready(&Toml { route, ..world.toml(&theirs) }).await;
        Self { recorder, gateway, theirs }
    }

    /// The answer to `line`, such as `GET /studies`, for which the origin server replies with this
    /// status, with these lines, and with a body of this length. `@` in either is its base URL.
    async fn ask(&self, line: &str, lines: &str, body: &str) -> RawResponse {
        let body = body.replace('@', &self.theirs);
        let length = format!("Content-Length: {}\r\n", body.len());
        self.ask_for(line, lines, &(length + "\r\n" + &body)).await
    }

    /// The same with whatever the origin server says behind `lines`.
    async fn ask_for(&self, line: &str, lines: &str, rest: impl AsRef<[u8]>) -> RawResponse {
        let head = format!("HTTP/1.1 {}", lines.replace('@', &self.theirs));
        self.recorder.reply_next(Reply::BytesThenClose([head.as_bytes(), rest.as_ref()].concat()));
        self.send(line, "").await
    }

    /// The answer to `line` with `lines`, whatever it is.
    async fn send(&self, line: &str, lines: &str) -> RawResponse {
        self.try_send(line, lines).await.unwrap()
    }

    async fn try_send(&self, line: &str, lines: &str) -> io::Result<RawResponse> {
        let (method, path) = line.split_once(' ').unwrap();
        let length = if matches!(method, "POST" | "PUT") { "Content-Length: 0\r\n" } else { "" };
        let mut caller = RawCaller::connect(self.gateway.address()).await.unwrap();
        let head = format!("{method} /dicom-web{path} HTTP/1.1\r\nHost: localhost\r\n");
        caller.send(format!("{head}{length}{lines}\r\n")).await.unwrap();
        let answered = timeout(LIMIT, caller.read_response_to(method)).await;
        answered.expect("an answer in time")
    }
}

/// `@` as callers are to see it.
fn ours(text: &str) -> String {
    text.replace('@', OURS)
}

const OURS: &str = "https://imaging.example/pacs";

/// Begins an answer of DICOM JSON.
const JSON: &str = "200 OK\r\nContent-Type: application/dicom+json\r\n";
