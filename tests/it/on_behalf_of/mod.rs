//! A gateway that acts on behalf of its callers' users, on the real path: a viewer's token comes in,
//! and the origin server sees one of the same user's for itself.
//!
//! | what other clients of Entra do | what holds here |
//! | --- | --- |
//! | each request asks again with the same assertion | `users::many_requests_of_a_user_cost_one_token_request` |
//! | a refresh gets the application's own token | `users::a_refresh_is_the_users_again_and_nobody_waits_for_it` |
//! | one user's 5xx or 429 holds up the others | `refused::one_users_failures_slow_no_other` |
//! | a refusal is repeated from a cache after consent was given | `refused::consent_that_is_missing_is_told_and_found_soon_after_it_was_given` |
//! | caches grow with each assertion | `many`, and unit tests of `token::user` |
//! | a claims challenge goes to the viewer as 403 with bare JSON in a header | `steps::a_viewer_is_told_what_its_users_next_token_must_carry` |
//! | a guest gets a token of the home tenant | `users::a_guest_is_asked_about_in_the_tenant_of_their_token` |

mod exchange;
mod many;
mod refused;
mod steps;
mod users;

use std::future::Future;
use std::time::Duration;

use gateway_tests::world::Toml;
use gateway_tests::{Claims, Recorder, Running, User, World};
use http::HeaderValue;
use reqwest::Client;
use serde_json::Value;

/// A world, an origin server that writes everything down, and a gateway between them to be.
struct Scene {
    world: World,
    recorder: Recorder,
    client: Client,
}

/// What a caller is told.
#[derive(Debug)]
struct Told {
    status: u16,
    challenge: Option<String>,
    cache_control: Option<String>,
    text: String,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new().await;
        let client = Client::builder().no_proxy().build().unwrap();
        Self { world, recorder: Recorder::start().await, client }
    }

    /// On behalf of users of any tenant that is named, beside the authority's own.
    fn toml(&self, tenants: &[&str]) -> Toml {
        self.with("on_behalf_of = {}", tenants)
    }

    /// The same with this line on how.
    fn with(&self, how: &str, tenants: &[&str]) -> Toml {
        let authority = &self.world.authority;
        let (own, audience) = (authority.issuer(), authority.client_id());
        let issuers = tenants.iter().map(|tenant| own.replace(&authority.tenant(), tenant));
        let bearer = std::iter::once(own.clone()).chain(issuers).map(|issuer| {
            format!(
                "{{ issuer = \"{issuer}\", audience = \"{audience}\", jwks_uri = \"{}\", \
                 anchors = \"ca.pem\" }}",
                authority.jwks_uri()
            )
        });
        let bearer = bearer.collect::<Vec<_>>().join(", ");
        let route = format!(
            "grant = \"on_behalf_of\"\n{how}\ncallers = {{ bearer = [{bearer}] }}\n\
             allow = [\"search\", \"store\"]"
        );
        Toml { route, ..self.world.toml(self.recorder.url() + "/v2") }
    }

    fn start(&self) -> Running {
        self.world.start(&self.toml(&[]))
    }

    /// A new token of the user's, as the viewer gets it.
    fn token(&self, user: &User) -> String {
        self.world.authority.issue_user_token(user)
    }

    async fn search(&self, gateway: &Running, token: &str) -> Told {
        told(self.client.get(gateway.url("/dicom-web/studies")).bearer_auth(token)).await
    }

    /// Whose tokens the origin server was sent, in their order.
    fn brought(&self) -> Vec<Claims> {
        let verifier = self.world.authority.verifier();
        let claims = |value: Option<&str>| {
            let value = HeaderValue::from_str(value.unwrap()).unwrap();
            verifier.verify(Some(&value)).unwrap()
        };
        self.recorder.requests().iter().map(|it| claims(it.header("authorization"))).collect()
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
    }

    #[track_caller]
    fn is_ok(&self) {
        assert_eq!(self.status, 200, "{self:?}");
    }

    /// The value of a parameter of the challenge.
    fn parameter(&self, name: &str) -> Option<String> {
        let (_, rest) = self.challenge.as_ref()?.split_once(&format!("{name}=\""))?;
        rest.split_once('"').map(|(value, _)| value.to_owned())
    }
}

async fn told(request: reqwest::RequestBuilder) -> Told {
    let response = soon(request.send()).await.unwrap();
    let header = |name| response.headers().get(name)?.to_str().ok().map(str::to_owned);
    let (challenge, cache_control) = (header("www-authenticate"), header("cache-control"));
    let status = response.status().as_u16();
    Told { status, challenge, cache_control, text: response.text().await.unwrap() }
}

/// Gives up when nobody would wait any longer.
#[track_caller]
fn soon<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let waited = tokio::time::timeout(Duration::from_secs(30), future);
    let place = std::panic::Location::caller();
    async move { waited.await.unwrap_or_else(|_| panic!("waited in vain at {place}")) }
}
