//! From a request for a token to the slot that has it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::runtime::Handle;

use super::{ConfidentialClient, Slot, TokenRequest, keeper};
use crate::metrics::AcquisitionMetrics;

/// The slots in use, by what they are for.
///
/// Asked once per route when a configuration is published, never by a request: a route keeps its
/// slot. A slot lives as long as a route needs it, so tokens of clients that a reload leaves
/// unchanged survive it, and those of clients that are gone are forgotten.
pub(crate) struct Tokens {
    runtime: Handle,
    slots: Mutex<HashMap<TokenRequest, Weak<Slot>>>,
}

impl Tokens {
    /// No slots; acquisitions will run on `runtime`.
    pub(crate) fn new(runtime: Handle) -> Self {
        Self { runtime, slots: Mutex::default() }
    }

    /// The slot of this client and scope. A new one begins at once to acquire its token; one that is
    /// there asks with this client's key material from now on.
    pub(crate) fn slot(&self, client: &Arc<ConfidentialClient>, scope: &str) -> Arc<Slot> {
        let request = TokenRequest::new(client, scope);
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.retain(|_, slot| slot.strong_count() > 0);
        if let Some(slot) = slots.get(&request).and_then(Weak::upgrade) {
            slot.adopt(client);
            return slot;
        }
        let metrics = Arc::new(AcquisitionMetrics::default());
        let slot = Slot::new(client.clone(), request.clone(), self.runtime.clone(), metrics);
        let slot = Arc::new(slot);
        slots.insert(request, Arc::downgrade(&slot));
        self.runtime.spawn(keeper::keep(Arc::downgrade(&slot), slot.endings()));
        slot
    }
}
