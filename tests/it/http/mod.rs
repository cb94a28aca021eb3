//! How messages and their bytes pass, either way.

mod aborts;
mod answers;
mod ceiling;
mod early;
mod expect;
mod h2_caller;
mod h2_origin;
mod idle;
mod own;
mod pressure;
mod protocols;
mod raw_origin;
mod reuse;
mod speaker;
pub(crate) mod timers;
mod trailers;
mod transfers;
mod truncation;
mod trust;

pub(crate) use self::h2_caller::H2Caller;

use std::time::Duration;

use gateway_tests::world::Toml;
use gateway_tests::{Running, World};

/// A gateway that serves TLS by a certificate of the world's authority, before this origin server.
async fn tls_gateway(world: &World, origin: String, listener: &str) -> Running {
    let issued = world.ca.issue(&["localhost", "127.0.0.1"]);
    world.scratch.file("tls.crt", &issued.chain_pem);
    world.scratch.file("tls.key", &issued.key_pem);
    let identity = "identity = { chain = \"tls.crt\", key = \"tls.key\" }";
    let listener = format!("{identity}\n{listener}");
    world.start_ready(&Toml { listener, ..store_toml(world, origin) }).await
}

/// A route that stores as well.
fn store_toml(world: &World, origin: impl Into<String>) -> Toml {
    let route = "allow = [\"search\", \"retrieve\", \"store\"]".into();
    Toml { route, ..world.toml(origin) }
}

/// For what a test waits for.
const LIMIT: Duration = Duration::from_secs(30);
