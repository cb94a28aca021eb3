//! Who may call, and how that is known.

use std::time::Duration;

mod bearer;
mod certificates;
mod emergency;
mod keys;
mod permits;
mod stamp;

/// Waits until it is so.
async fn until(is_so: impl AsyncFn() -> bool) {
    let waited = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waited).await.expect("it never came so");
}
