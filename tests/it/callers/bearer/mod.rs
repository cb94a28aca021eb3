//! Callers with access tokens: a gateway, an issuer and an origin server on sockets.

mod answers;
mod bound;
mod fetches;
mod keys;
mod memory;
mod refused;
mod secrecy;
mod taken;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gateway_tests::issuer::{Draft, Issuer};
use gateway_tests::world::Toml;
use gateway_tests::{Recorder, Running, World};
use reqwest::Client;
use serde_json::Value;

/// A world with an issuer, and an origin server that writes everything down.
struct Scene {
    world: World,
    issuer: Issuer,
    recorder: Recorder,
}

/// A gateway that takes the issuer's tokens.
struct Gate {
    running: Running,
    http: Client,
}

/// What a caller is told.
#[derive(Debug)]
struct Told {
    status: u16,
    challenges: Vec<String>,
    retry_after: Option<u64>,
    title: String,
    code: String,
    text: String,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new().await;
        let issuer = Issuer::start(&world.ca).await;
        Self { world, issuer, recorder: Recorder::start().await }
    }

    /// A gateway that takes tokens of the issuer, with these further keys of its table.
    async fn gate(&self, more: &str) -> Gate {
        self.gate_of(&self.table(&self.issuer.issuer(), more)).await
    }

    /// A gateway whose `callers.bearer` is this.
    async fn gate_of(&self, bearer: &str) -> Gate {
        let running = self.world.start_ready(&self.toml(bearer)).await;
        Gate { running, http: Client::builder().no_proxy().build().unwrap() }
    }

    fn toml(&self, bearer: &str) -> Toml {
        let route = format!("callers.bearer = {bearer}");
        // One address sends all that is wrong here, and there is much of it.
        let listener = "max_failed_attempts = 10000".to_owned();
        Toml { listener, route, ..self.world.toml(self.recorder.url() + "/v2") }
    }

    /// A table for `callers.bearer`. Algorithms are what the issuer's first key can.
    fn table(&self, issuer: &str, more: &str) -> String {
        let audience = Issuer::AUDIENCE;
        let mut table = format!("issuer = \"{issuer}\", audience = \"{audience}\"");
        for (key, value) in [("algorithms", "[\"ES256\"]"), ("anchors", "\"ca.pem\"")] {
            if !more.contains(key) {
                table.push_str(&format!(", {key} = {value}"));
            }
        }
        let more = if more.is_empty() { String::new() } else { format!(", {more}") };
        format!("{{ {table}{more} }}")
    }

    fn user(&self) -> Draft {
        self.issuer.user()
    }

    fn sign(&self, draft: &Draft) -> String {
        draft.sign(self.issuer.key())
    }
}

impl Gate {
    /// A search with this token.
    async fn search(&self, token: &str) -> Told {
        self.send(&[("authorization", &format!("Bearer {token}"))], "").await
    }

    async fn send(&self, headers: &[(&str, &str)], query: &str) -> Told {
        let url = self.running.url("/dicom-web/studies") + query;
        let mut request = self.http.get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = tokio::time::timeout(PATIENCE, request.send()).await.expect("an answer");
        let answer = answer.unwrap();
        let values = |name| {
            let values = answer.headers().get_all(name).iter();
            values.map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let (status, challenges) = (answer.status().as_u16(), values("www-authenticate"));
        let retry_after = values("retry-after").first().map(|value| value.parse().unwrap());
        let text = answer.text().await.unwrap();
        let problem = serde_json::from_str::<Value>(&text).unwrap_or_default();
        let of = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
        Told { status, challenges, retry_after, title: of("title"), code: of("code"), text }
    }

    /// The value of the only sample of a metric whose line holds `part`.
    async fn metric(&self, part: &str) -> f64 {
        let (_, text) = self.running.admin("/metrics").await;
        let lines = text.lines().filter(|line| !line.starts_with('#') && line.contains(part));
        let values = lines.map(|line| line.rsplit(' ').next().unwrap()).collect::<Vec<_>>();
        let [value] = values[..] else { panic!("{} samples of {part} in\n{text}", values.len()) };
        value.parse().unwrap()
    }

    async fn verified(&self) -> f64 {
        self.metric("caller_tokens_total{route=\"/dicom-web\",outcome=\"verified\"}").await
    }

    async fn remembered(&self) -> f64 {
        self.metric("caller_tokens_total{route=\"/dicom-web\",outcome=\"remembered\"}").await
    }
}

impl Told {
    #[track_caller]
    fn is_ok(&self) {
        assert_eq!(self.status, 200, "{self:?}");
    }

    /// 401 with this title, and the challenge of RFC 6750 that says that a token is not good.
    #[track_caller]
    fn is_refused(&self, title: &str) {
        assert_eq!((self.status, self.title.as_str()), (401, title), "{self:?}");
        assert_eq!(self.code, "invalid-token");
        let challenge = "Bearer realm=\"dicom-gateway\", error=\"invalid_token\"";
        assert_eq!(self.challenges, [challenge]);
    }

    /// 503 for want of keys: another credential would not help.
    #[track_caller]
    fn is_undecided(&self) {
        assert_eq!((self.status, self.code.as_str()), (503, "issuer-unavailable"), "{self:?}");
        assert!(self.challenges.is_empty() && self.retry_after.is_some(), "{self:?}");
    }
}

/// Waits until it is so.
async fn until(is_so: impl AsyncFn() -> bool) {
    let waited = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waited).await.expect("it to become so");
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Nobody would wait any longer.
const PATIENCE: Duration = Duration::from_secs(30);
