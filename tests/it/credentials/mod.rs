//! Every way in which the gateway proves itself, each against an authority that checks it.

mod authorities;
mod certificates;
mod federated;
mod platforms;
mod secrets;
mod service_accounts;
mod several;
mod tls;
mod told;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway_tests::origin::{Options, OriginServer, Store};
use gateway_tests::world::Toml;
use gateway_tests::{Issued, Running, World};
use serde_json::Value;

/// A world with an origin server that believes its authority's tokens only.
struct Scene {
    world: World,
    origin: OriginServer,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new().await;
        let options = Options { check: world.check(), tls: None, store: Store::default() };
        let origin = OriginServer::start(options).await.unwrap();
        // What is not asked for must not be taken.
        world.authority.reject_secret();
        Self { world, origin }
    }

    /// A configuration whose client has these lines.
    fn toml(&self, client: &str) -> Toml {
        let route = "allow = [\"manage\"]".to_owned();
        let client = client.to_owned();
        Toml { client, route, ..self.world.toml(self.origin.base_url()) }
    }

    /// The same with this one credential.
    fn with(&self, credential: &str) -> Toml {
        self.toml(&format!("credential.{credential}"))
    }

    /// Writes a certificate and its key.
    fn write(&self, name: &str, certificate: &Issued) {
        self.world.scratch.file(&format!("{name}.crt"), &certificate.chain_pem);
        self.world.scratch.file(&format!("{name}.key"), &certificate.key_pem);
    }

    /// Makes sure that this configuration gets tokens that the origin server takes.
    async fn works(&self, toml: &Toml) -> Running {
        let gateway = self.world.start_ready(toml).await;
        is_served(&gateway).await;
        gateway
    }

    /// Makes sure that this configuration gets no token, and that `/ready` says why.
    async fn fails(&self, toml: &Toml, why: &str) -> Running {
        let gateway = self.world.start(toml);
        says(&gateway, why).await;
        gateway
    }
}

async fn is_served(gateway: &Running) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let response = client.get(gateway.url("/dicom-web/extendedquerytags")).send().await.unwrap();
    assert_eq!(response.status(), 200);
}

/// Why a gateway would not start with this configuration.
async fn check(world: &World, toml: &Toml) -> String {
    let config = world.config(toml);
    let checked = tokio::task::spawn_blocking(|| gateway::Server::check(config)).await;
    checked.unwrap().unwrap_err().to_string()
}

/// Waits until `/ready` says this.
async fn says(gateway: &Running, why: &str) {
    until(async || {
        let (status, text) = gateway.admin("/ready").await;
        status == 503 && text.contains(why)
    })
    .await;
}

/// Waits until it is so.
async fn until(is_so: impl AsyncFn() -> bool) {
    let waited = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waited).await.expect("it never came so");
}

/// Header and claims of a JWT.
fn parts(jwt: &str) -> (Value, Value) {
    let part = |index| {
        let encoded = jwt.split('.').nth(index).unwrap();
        serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(encoded).unwrap()).unwrap()
    };
    (part(0), part(1))
}
