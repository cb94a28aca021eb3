//! The life of the process: a configuration goes, another comes, and at last all ends.

use std::time::Duration;

use gateway_tests::bulk::Sum;
use gateway_tests::connection::whole;
use gateway_tests::{Bulk, World};
use http::Response;
use hyper::body::Incoming;

mod drain;
mod reload;
mod rotation;
mod sinks;
mod under_load;

/// A world with an origin server for large bodies.
async fn in_bulk() -> (World, Bulk) {
    let world = World::new().await;
    let bulk = Bulk::start(world.check(), None).await.unwrap();
    (world, bulk)
}

/// Where that origin server has a body of this size.
fn instance(prefix: &str, size: u64) -> String {
    format!("{prefix}/studies/1.2/series/3/instances/{size}")
}

/// What that origin server says of a body that it was sent.
async fn stored(response: Response<Incoming>) -> Option<Sum> {
    let (_, body) = whole(response).await.ok()?;
    serde_json::from_slice(&body).ok()
}

async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let waited = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(30), waited).await;
    waited.unwrap_or_else(|_| panic!("waited in vain until {what}"));
}

/// Far more than all buffers on the way.
const LARGE: u64 = 64 << 20;
