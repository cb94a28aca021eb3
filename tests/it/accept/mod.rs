//! What callers send in `Accept`, and what an origin server makes of it.
//!
//! Each row goes both ways: straight to the emulated Azure service, which refuses it, and through
//! the gateway.

use gateway_tests::origin::sample::{CT_SERIES, CT_STUDY, ct_instance};
use gateway_tests::origin::{Options, OriginServer, Store, sample};
use gateway_tests::world::Toml;
use gateway_tests::{RawCaller, RawResponse, Running, World};

mod answers;
mod callers;
mod switches;

/// The emulated service, and a gateway before it.
struct Pair {
    origin: OriginServer,
    gateway: Running,
    token: String,
    // The authority goes on for as long as the gateway does.
    _world: World,
}

impl Pair {
    /// A route with these lines more, profile azure unless they say otherwise.
    async fn with(route: &str) -> Self {
        let world = World::new().await;
        let store = Store::default();
        sample::load(&store);
        let options = Options { check: world.check(), tls: None, store };
        let origin = OriginServer::start(options).await.unwrap();
        let profile = if route.contains("profile") { "" } else { "profile = \"azure\"\n" };
        let route = format!(
            "allow = [\"search\", \"retrieve\", \"store\", \"delete\", \"manage\"]\n{profile}{route}"
        );
        let gateway = world.start_ready(&Toml { route, ..world.toml(origin.base_url()) }).await;
        let token = world.authority.issue_token();
        Self { origin, gateway, token, _world: world }
    }

    /// The service's own answer to a GET with these lines more.
    async fn straight(&self, path: &str, lines: &str) -> RawResponse {
        self.straight_to("GET", path, lines, &[]).await
    }

    /// The answer through the gateway to the same.
    async fn through(&self, path: &str, lines: &str) -> RawResponse {
        self.through_to("GET", path, lines, &[]).await
    }

    async fn straight_to(&self, method: &str, path: &str, lines: &str, body: &[u8]) -> RawResponse {
        let mut caller = RawCaller::connect(self.origin.address()).await.unwrap();
        let lines = format!("Authorization: Bearer {}\r\n{lines}", self.token);
        caller.send(request(method, &format!("/v2{path}"), &lines, body)).await.unwrap();
        caller.read_response_to(method).await.unwrap()
    }

    async fn through_to(&self, method: &str, path: &str, lines: &str, body: &[u8]) -> RawResponse {
        let mut caller = RawCaller::connect(self.gateway.address()).await.unwrap();
        let path = format!("/dicom-web{path}");
        caller.send(request(method, &path, lines, body)).await.unwrap();
        caller.read_response_to(method).await.unwrap()
    }

    /// The lines of `Accept` in the last request that the service had.
    fn last_accept(&self) -> Vec<String> {
        let request = self.origin.requests().pop().unwrap();
        let lines = request.headers.get_all("accept").iter();
        lines.map(|line| line.to_str().unwrap().to_owned()).collect()
    }
}

fn request(method: &str, path: &str, lines: &str, body: &[u8]) -> Vec<u8> {
    let length = match body.len() {
        0 => String::new(),
        length => format!("Content-Length: {length}\r\n"),
    };
    let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{lines}{length}\r\n");
    [head.as_bytes(), body].concat()
}

/// The line of a header, or none.
fn accept(value: Option<&str>) -> String {
    value.map(|value| format!("Accept: {value}\r\n")).unwrap_or_default()
}

fn fixes(answer: &RawResponse) -> Option<&str> {
    answer.header("dicom-gateway-fixes")
}

fn series() -> String {
    format!("/studies/{CT_STUDY}/series/{CT_SERIES}")
}

fn instance() -> String {
    format!("{}/instances/{}", series(), ct_instance(1))
}

const OBJECTS: &str = "multipart/related; type=\"application/dicom\"; transfer-syntax=*";
