//! Proxies that ask whether a request may go on: on sockets, as nginx, Traefik and Envoy do.

mod answers;
mod callers;
mod described;
mod life;

use gateway::{KeyFile, KeyName};
use gateway_tests::world::Toml;
use gateway_tests::{Issuer, RawCaller, RawResponse, Recorder, Running, World};

/// A gateway that proxies ask, whose callers have keys or tokens, before an origin server that hears
/// nothing of it.
struct Scene {
    world: World,
    issuer: Issuer,
    recorder: Recorder,
    /// Of `reader`, who may do what everybody may, and of `writer`, who may do more.
    reader: String,
    writer: String,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new().await;
        let issuer = Issuer::start(&world.ca).await;
        let keys = KeyFile::at(&world.scratch.path().join("api-keys")).unwrap();
        let key =
            |name: &str| keys.generate(name.parse::<KeyName>().unwrap(), None).unwrap().to_string();
        let (reader, writer) = (key("reader"), key("writer"));
        Self { world, issuer, recorder: Recorder::start().await, reader, writer }
    }

    fn toml(&self, described_by: &str) -> Toml {
        let bearer = format!(
            "{{ issuer = \"{}\", audience = \"{}\", algorithms = [\"ES256\"], anchors = \"ca.pem\" }}",
            self.issuer.issuer(),
            Issuer::AUDIENCE
        );
        Toml {
            route: format!(
                "callers = {{ api_keys = \"api-keys\", bearer = {bearer} }}\n\
                 permits = [\n\
                 {{ to = [\"api_key:writer\", \"role:Dicom.Writer\"], allow = [\"store\"], \
                    audit_fields = true }},\n\
                 {{ to = [\"api_key:writer\"], allow = [\"store\", \"delete\"], \
                    partitions = [\"radiology\"] }},\n]"
            ),
            more: forward_auth(described_by),
            ..self.world.toml(self.recorder.url())
        }
    }

    async fn start(&self, described_by: &str) -> Running {
        self.world.start_ready(&self.toml(described_by)).await
    }

    /// Ends the gateway. Whatever was asked, the origin server heard of nothing, and the log shows no
    /// credential; gives the log.
    async fn nothing_went_on(self, gateway: Running) -> String {
        let log = gateway.log_at_its_end().await;
        assert_eq!(self.recorder.bytes_seen(), 0);
        for secret in [self.reader, self.writer].into_iter().chain(self.world.authority.tokens()) {
            assert!(!log.contains(&secret), "{log}");
        }
        log
    }
}

/// The table for a listener on which requests are described so.
fn forward_auth(described_by: &str) -> String {
    format!("[forward_auth]\naddress = \"127.0.0.1:0\"\ndescribed_by = \"{described_by}\"\n")
}

/// What nginx asks about this request, which came with these fields.
async fn asked(gateway: &Running, request: &str, fields: &[&str]) -> RawResponse {
    let (method, target) = request.split_once(' ').unwrap();
    let method = format!("X-Original-Method: {method}");
    let target = format!("X-Original-URI: {target}");
    let fields = [&[&*method, &*target], fields].concat();
    said(gateway, "GET /asks", &fields).await
}

/// The answer to a request in these words, without a body.
async fn said(gateway: &Running, request: &str, fields: &[&str]) -> RawResponse {
    let host = fields.iter().any(|field| field.starts_with("Host:"));
    let host = if host { "" } else { "Host: localhost\r\n" };
    let fields = fields.iter().map(|field| format!("{field}\r\n")).collect::<String>();
    let mut caller = RawCaller::connect(gateway.forward_auth_address()).await.unwrap();
    caller.send(format!("{request} HTTP/1.1\r\n{host}{fields}\r\n")).await.unwrap();
    caller.read_response_to(request.split(' ').next().unwrap()).await.unwrap()
}

/// Leave, and the token that goes with it: one that the authority gave, and nothing beside it.
#[track_caller]
fn is_leave(scene: &Scene, answer: &RawResponse) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.complete && answer.body.is_empty());
    let token = answer.header("authorization").unwrap().strip_prefix("Bearer ").unwrap();
    assert!(scene.world.authority.tokens().iter().any(|known| known == token));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.header("x-request-id").is_some_and(|id| !id.is_empty()));
}

/// No leave, with this status and code, and no token.
#[track_caller]
fn is_refusal(answer: &RawResponse, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert!(answer.text().contains(&format!("\"code\":\"{code}\"")), "{}", answer.text());
    assert_eq!(answer.values("authorization"), [""; 0]);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

fn bearer(credential: &str) -> String {
    format!("Authorization: Bearer {credential}")
}
