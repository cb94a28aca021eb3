//! The token that an application gets for itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::succession::{Acquire, Ending, Failure, Held, Succession};
use super::{AccessToken, AcquireError, Claims, ConfidentialClient, Grant, TokenRequest};
use crate::metrics::AcquisitionMetrics;

/// Where the token of one [`TokenRequest`] lives. What holds of it, [`Succession`] says.
pub(crate) struct Slot {
    client: ArcSwap<ConfidentialClient>,
    request: TokenRequest,
    runtime: Handle,
    metrics: Arc<AcquisitionMetrics>,
    pub(super) succession: Arc<Succession>,
    /// Wakes the keeper after each acquisition.
    endings: Arc<Notify>,
}

/// How a slot is doing, for `/ready` and metrics.
#[derive(Clone, Debug)]
pub(crate) struct SlotStatus {
    /// The token in hand, if it may be sent.
    pub token: Option<Arc<AccessToken>>,
    /// The last acquisition's failure, if it failed.
    pub failure: Option<Arc<AcquireError>>,
}

impl Slot {
    /// An empty slot, whose acquisitions run on `runtime`.
    pub(crate) fn new(
        client: Arc<ConfidentialClient>,
        request: TokenRequest,
        runtime: Handle,
        metrics: Arc<AcquisitionMetrics>,
    ) -> Self {
        let (succession, endings) = Default::default();
        Self { client: ArcSwap::from(client), request, runtime, metrics, succession, endings }
    }

    /// A token that may be sent now.
    pub(crate) async fn token(self: &Arc<Self>) -> Result<Arc<AccessToken>, Held> {
        self.succession.token(|| self.clone()).await
    }

    /// Takes `rejected` out of use, since the origin server refused it, and asks for its successor
    /// with the claims that it demanded. True where another attempt makes sense.
    pub(crate) fn reject(
        self: &Arc<Self>,
        rejected: &Arc<AccessToken>,
        demanded: Option<Claims>,
    ) -> bool {
        self.succession.reject(rejected, demanded, || self.clone())
    }

    /// Told of each acquisition that has ended.
    pub(super) fn endings(&self) -> Arc<Notify> {
        self.endings.clone()
    }

    /// Waits for the acquisition under way, if there is one.
    pub(super) async fn settled(&self) {
        self.succession.settled().await;
    }

    /// How it is doing.
    pub(crate) fn status(&self, now: Instant) -> SlotStatus {
        let failure = self.succession.failure();
        SlotStatus { token: self.succession.usable(now), failure }
    }

    /// The client whose tokens these are.
    pub(crate) fn client(&self) -> Arc<ConfidentialClient> {
        self.client.load_full()
    }

    /// Asks as `client` from now on, the same one to the authority, if its key material is new. The
    /// token in hand stays: the authority may be down, and it is as good as before.
    pub(super) fn adopt(&self, client: &Arc<ConfidentialClient>) {
        if !client.speaks_as(&self.client.load()) {
            self.client.store(client.clone());
        }
    }

    /// The scopes that its tokens are for.
    pub(crate) fn scope(&self) -> &str {
        &self.request.scope
    }

    /// Counts of acquisitions.
    pub(crate) fn metrics(&self) -> &AcquisitionMetrics {
        &self.metrics
    }

    /// When something should next be done, if nobody asks before.
    pub(super) fn due_at(&self, now: Instant) -> Instant {
        self.succession.due_at(now, HEARTBEAT)
    }
}

impl Acquire for Arc<Slot> {
    fn runtime(&self) -> &Handle {
        &self.runtime
    }

    async fn ask(&self, demanded: Option<&Claims>) -> Result<AccessToken, Failure> {
        let scope = &self.request.scope;
        let asked = self.client().acquire(scope, &Grant::ClientCredentials, demanded).await;
        asked.map_err(|error| Failure::Own(Arc::new(error)))
    }

    fn ended(&self, ending: &Ending) {
        ending.count(&self.metrics);
        let client = self.client();
        let name = client.config().name.as_str();
        match ending {
            Ending::Recovered => tracing::info!(client = name, "the authority gives tokens again"),
            Ending::Failed { error, in_hand } => tell(name, error, *in_hand),
            Ending::Acquired | Ending::Spared => {}
        }
        self.endings.notify_one();
    }
}

/// Tells the operator why no token came, and what to do about it.
pub(super) fn tell(client: &str, error: &AcquireError, in_hand: bool) {
    let said = error.said();
    let advice = said.and_then(|said| said.advice);
    tracing::warn!(
        client,
        error = error as &dyn std::error::Error,
        in_hand,
        class = advice.map(|advice| advice.class.name()),
        remedy = advice.map(|advice| advice.remedy),
        correlation_id = said.and_then(|said| said.correlation_id).map(tracing::field::display),
        trace_id = said.and_then(|said| said.trace_id).map(tracing::field::display),
        "no token acquired"
    );
}

/// Clocks stand still while a machine sleeps: look again at least this often.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(30);
