//! The token engine on the real path: a gateway, an authority and an origin server on sockets.
//!
//! What other clients of Entra do worse, as found in their code and by running them, and the test
//! that shows what this one does instead. Those with users' tokens are in `on_behalf_of`; their faults
//! with managed identities and shared caches have no counterpart here, where the gateway keeps what it
//! gets in memory.
//!
//! | what they do | what holds here |
//! | --- | --- |
//! | each of many concurrent cold calls asks | `stampede::ten_thousand_cold_requests_cost_one_token_request` |
//! | each call on a stale token asks, and waits | `stampede::callers_on_a_stale_token_cost_one_refresh_and_none_waits` |
//! | a refresh answered 503 fails calls that have a good token | `outage::a_failed_refresh_is_no_callers_concern` |
//! | a refusal is repeated from a cache after it was mended | `refused::a_mended_secret_is_taken_up_without_a_restart` |
//! | a token is not used in its last five minutes, though the authority is down | `outage::an_outage_is_unnoticed_until_the_token_ends` |
//! | a token of less than five minutes is never served twice | `kept::a_token_of_a_minute_is_kept` |
//! | no pause after a 5xx or a 429 | `throttle::nothing_is_asked_before_the_authority_said` |
//! | no second attempt after a 5xx | `outage::the_gateway_is_back_soon_after_its_authority` |
//! | unbounded caches | a slot lives as long as its route: `kept::a_client_that_changed_gets_tokens_of_its_own` |
//! | a new secret needs a restart | `refused::a_mended_secret_is_taken_up_without_a_restart` |
//! | one lock for all scopes, held while asking | `kept::a_client_whose_authority_hangs_keeps_no_other_waiting` |
//! | an error that is no JSON hides its status | `throttle::a_429_in_html_is_still_a_429` |
//! | `refresh_in` as a string breaks it | `answers::numbers_may_be_strings` |
//! | the jitter is drawn for each call, so some come far too early | unit tests of `token` |

pub(crate) mod aadsts;
mod answers;
mod claims;
mod discovery;
mod kept;
mod outage;
mod refused;
mod rejected;
mod sent;
mod stampede;
mod throttle;

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use gateway_tests::origin::{Options, OriginServer, Store};
use gateway_tests::world::Toml;
use gateway_tests::{Recorder, Running, World};
use reqwest::{Client, RequestBuilder};
use serde_json::Value;

/// A world, an origin server that writes everything down, and a gateway between them to be.
struct Scene {
    world: World,
    recorder: Recorder,
}

impl Scene {
    async fn new() -> Self {
        Self { world: World::new().await, recorder: Recorder::start().await }
    }

    fn toml(&self) -> Toml {
        self.world.toml(self.recorder.url() + "/v2")
    }

    /// With these lines in `[client]`.
    fn client(&self, client: &str) -> Toml {
        Toml { client: client.to_owned(), ..self.toml() }
    }

    /// The tokens that the origin server was sent, in their order.
    fn brought(&self) -> Vec<String> {
        let token =
            |value: Option<&str>| value.unwrap().strip_prefix("Bearer ").unwrap().to_owned();
        self.recorder.requests().iter().map(|it| token(it.header("authorization"))).collect()
    }
}

/// Somebody with a connection pool of their own.
struct Caller {
    client: Client,
    address: SocketAddr,
}

/// What a caller is told.
#[derive(Debug)]
struct Told {
    status: u16,
    retry_after: Option<u64>,
    challenged: bool,
    text: String,
}

impl Caller {
    fn of(gateway: &Running) -> Self {
        let client = Client::builder().no_proxy().build().unwrap();
        Self { client, address: gateway.address() }
    }

    async fn search(&self) -> Told {
        self.get("/dicom-web/studies").await
    }

    async fn store(&self, body: &'static str) -> Told {
        let url = format!("http://{}/dicom-web/studies", self.address);
        let kind = "multipart/related; type=\"application/dicom\"; boundary=b";
        told(self.client.post(url).header("content-type", kind).body(body)).await
    }

    async fn get(&self, path: &str) -> Told {
        told(self.client.get(format!("http://{}{path}", self.address))).await
    }
}

impl Told {
    /// The word of our closed list that says what went wrong.
    fn code(&self) -> String {
        let problem = serde_json::from_str::<Value>(&self.text).unwrap_or_default();
        problem["code"].as_str().unwrap_or_default().to_owned()
    }

    #[track_caller]
    fn is(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.code().as_str()), (status, code), "{self:?}");
        assert!(!self.challenged, "{self:?}");
        assert_eq!(self.retry_after.is_some(), matches!(status, 503 | 504), "{self:?}");
        assert_ne!(self.retry_after, Some(0), "{self:?}");
    }

    #[track_caller]
    fn is_ok(&self) {
        assert_eq!(self.status, 200, "{self:?}");
    }
}

async fn told(request: RequestBuilder) -> Told {
    let response = soon(request.send()).await.unwrap();
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let retry_after = header("retry-after").map(|value| value.parse().unwrap());
    let challenged = header("www-authenticate").is_some();
    let status = response.status().as_u16();
    Told { status, retry_after, challenged, text: response.text().await.unwrap() }
}

/// An origin server that checks tokens, holds nothing, and answers 200 to [`TAGS`].
async fn checking_origin(world: &World) -> OriginServer {
    let options = Options { check: world.check(), tls: None, store: Store::default() };
    OriginServer::start(options).await.unwrap()
}

/// A configuration for [`checking_origin`].
fn checked(world: &World, origin: &OriginServer) -> Toml {
    Toml { route: "allow = [\"manage\"]".to_owned(), ..world.toml(origin.base_url()) }
}

/// The value of the only sample of a metric whose line holds `part`.
async fn metric(gateway: &Running, part: &str) -> f64 {
    let (_, text) = gateway.admin("/metrics").await;
    let lines = text.lines().filter(|line| !line.starts_with('#') && line.contains(part));
    let values = lines.map(|line| line.rsplit(' ').next().unwrap()).collect::<Vec<_>>();
    let [value] = values[..] else { panic!("{} samples of {part} in\n{text}", values.len()) };
    value.parse().unwrap()
}

/// Waits until it is so.
async fn until(is_so: impl AsyncFn() -> bool) {
    soon(async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// Gives up when nobody would wait any longer.
#[track_caller]
fn soon<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let waited = tokio::time::timeout(Duration::from_secs(30), future);
    let place = std::panic::Location::caller();
    async move { waited.await.unwrap_or_else(|_| panic!("waited in vain at {place}")) }
}

/// A resource of the emulated origin server that is there in an empty store.
const TAGS: &str = "/dicom-web/extendedquerytags";
