//! What the authority has been told to do other than its duty.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::sync::watch;

use super::answer::Answer;

/// Which answer comes next, and how late.
#[derive(Default)]
pub(super) struct Script {
    pub(super) next: VecDeque<Answer>,
    /// By client.
    pub(super) to: HashMap<String, Answer>,
    /// By the object id of a user.
    pub(super) to_user: HashMap<String, Answer>,
    pub(super) otherwise: Answer,
    pub(super) delay: Duration,
}

impl Script {
    pub(super) fn take(&mut self, client: &str, user: Option<&str>) -> Answer {
        if let Some(answer) = user.and_then(|user| self.to_user.get(user)) {
            return answer.clone();
        }
        if let Some(answer) = self.to.get(client) {
            return answer.clone();
        }
        self.next.pop_front().unwrap_or_else(|| self.otherwise.clone())
    }
}

/// Whether answers go out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gate {
    pub(super) held: bool,
    pub(super) passes: usize,
}

/// Waits until the gate is open, or until one of its passes could be had.
pub(super) async fn pass(gate: &watch::Sender<Gate>) {
    let mut changes = gate.subscribe();
    loop {
        let mut passed = false;
        gate.send_if_modified(|gate| {
            passed = !gate.held || gate.passes > 0;
            let spent = gate.held && passed;
            if spent {
                gate.passes -= 1;
            }
            spent
        });
        if passed || changes.changed().await.is_err() {
            return;
        }
    }
}
