//! Keeps a slot's token in hand when nobody asks.
//!
//! Without it a gateway that had no traffic for an hour would not be ready, and one that is not ready
//! gets no traffic.

use std::sync::{Arc, Weak};
use std::time::Instant;

use tokio::sync::Notify;

use super::Slot;
use super::slot::HEARTBEAT;

/// Runs until the slot is gone. `endings` tells of acquisitions, which others may have begun: what is
/// due changes with each.
pub(super) async fn keep(slot: Weak<Slot>, endings: Arc<Notify>) {
    loop {
        let due_at = match slot.upgrade() {
            None => return,
            Some(slot) => {
                slot.settled().await;
                let now = Instant::now();
                if slot.due_at(now) <= now {
                    // Its outcome is in the slot, and told there.
                    let _ = slot.token().await;
                    slot.settled().await;
                }
                slot.due_at(Instant::now())
            }
        };
        let soonest = Instant::now() + PAUSE;
        let wake_at = due_at.clamp(soonest, soonest + HEARTBEAT);
        tokio::select! {
            () = tokio::time::sleep_until(wake_at.into()) => {}
            () = endings.notified() => {}
        }
    }
}

/// Never a busy loop, whatever the slot says.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(50);
