//! The instances, in memory, and the log of what was stored and deleted.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use super::instance::{Instance, Sop};
use super::route::Scope;

/// Instances by their UIDs. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Store {
    inner: Arc<RwLock<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    instances: BTreeMap<Sop, Stored>,
    feed: Vec<Change>,
}

/// An instance and the mark of its arrival; later arrivals have higher marks.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) instance: Arc<Instance>,
    pub(super) watermark: u64,
}

/// One line of the change feed.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) sequence: u64,
    pub(super) action: Action,
    pub(super) sop: Sop,
    pub(super) at: SystemTime,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Create,
    Delete,
}

/// The instance is there already, and stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlreadyStored;

impl Store {
    /// Keeps `instance`, unless one of the same UIDs is kept already.
    pub fn add(&self, instance: Arc<Instance>) -> Result<(), AlreadyStored> {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        if inner.instances.contains_key(&instance.sop) {
            return Err(AlreadyStored);
        }
        let sop = instance.sop.clone();
        let watermark = inner.log(Action::Create, sop.clone());
        inner.instances.insert(sop, Stored { instance, watermark });
        Ok(())
    }

    /// How many instances there are.
    pub fn len(&self) -> usize {
        self.inner.read().unwrap_or_else(PoisonError::into_inner).instances.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All instances, ordered by their UIDs.
    pub fn instances(&self) -> Vec<Arc<Instance>> {
        self.within(&Scope::default()).into_iter().map(|stored| stored.instance).collect()
    }

    /// The instances of `scope`, ordered by their UIDs.
    pub(super) fn within(&self, scope: &Scope) -> Vec<Stored> {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        inner.instances.values().filter(|it| scope.contains(&it.instance.sop)).cloned().collect()
    }

    /// Forgets the instances of `scope` and says how many there were.
    pub(super) fn remove(&self, scope: &Scope) -> usize {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        let doomed: Vec<Sop> =
            inner.instances.keys().filter(|sop| scope.contains(sop)).cloned().collect();
        for sop in &doomed {
            inner.instances.remove(sop);
            inner.log(Action::Delete, sop.clone());
        }
        doomed.len()
    }

    /// The change feed, oldest first.
    pub(super) fn feed(&self) -> Vec<Change> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner).feed.clone()
    }
}

impl Inner {
    fn log(&mut self, action: Action, sop: Sop) -> u64 {
        let sequence = self.feed.len() as u64 + 1;
        self.feed.push(Change { sequence, action, sop, at: SystemTime::now() });
        sequence
    }
}
