//! The instances, in memory and by data partition, and the log of what was stored, updated and
//! deleted.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::SystemTime;

use super::instance::{Instance, Sop};
use super::route::Scope;

/// Instances by their UIDs. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Store {
    inner: Arc<RwLock<Inner>>,
    partitions: Partitions,
}

/// Whether data partitions are switched on.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Partitions {
    /// All lies in one that no path names.
    #[default]
    Off,
    /// Paths to data name one.
    On,
}

#[derive(Debug, Default)]
struct Inner {
    partitions: Vec<Partition>,
    instances: BTreeMap<(String, Sop), Stored>,
    feed: Vec<Change>,
}

/// A data partition that something was put in.
#[derive(Debug, Clone)]
pub(super) struct Partition {
    pub(super) name: String,
    pub(super) created: SystemTime,
}

/// An instance and the mark of its arrival; later arrivals have higher marks.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) instance: Arc<Instance>,
    pub(super) watermark: u64,
    /// The instance as it was stored, if it was updated since, with the mark of that.
    original: Option<(Arc<Instance>, u64)>,
}

/// One line of the change feed.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) sequence: u64,
    pub(super) action: Action,
    pub(super) partition: String,
    pub(super) sop: Sop,
    pub(super) at: SystemTime,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Create,
    Update,
    Delete,
}

/// The instance is there already, and stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlreadyStored;

impl Store {
    /// An empty store whose data lie in partitions, as paths then must say. What comes otherwise than
    /// by a request lies in `Microsoft.Default`.
    pub fn with_partitions() -> Self {
        Self { partitions: Partitions::On, ..Self::default() }
    }

    /// Keeps `instance`, unless one of the same UIDs is kept already.
    pub fn add(&self, instance: Arc<Instance>) -> Result<(), AlreadyStored> {
        self.put(DEFAULT_PARTITION, instance)
    }

    /// How many instances there are, in all partitions.
    pub fn len(&self) -> usize {
        self.read().instances.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All instances, ordered by their partitions and UIDs.
    pub fn instances(&self) -> Vec<Arc<Instance>> {
        self.read().instances.values().map(|stored| stored.instance.clone()).collect()
    }

    /// Whether paths to data name a partition.
    pub(super) fn partitions_are(&self) -> Partitions {
        self.partitions
    }

    /// The partitions that there are, oldest first.
    pub(super) fn partitions(&self) -> Vec<Partition> {
        self.read().partitions.clone()
    }

    /// Whether there is a partition of this name.
    pub(super) fn has_partition(&self, name: &str) -> bool {
        self.read().partitions.iter().any(|it| it.name == name)
    }

    /// Makes a partition of this name, if there is none.
    pub(super) fn create_partition(&self, name: &str) {
        self.write().create_partition(name);
    }

    /// Keeps `instance` in `partition`, unless one of the same UIDs is kept there already.
    pub(super) fn put(
        &self,
        partition: &str,
        instance: Arc<Instance>,
    ) -> Result<(), AlreadyStored> {
        let mut inner = self.write();
        let key = (partition.to_owned(), instance.sop.clone());
        if inner.instances.contains_key(&key) {
            return Err(AlreadyStored);
        }
        let watermark = inner.log(Action::Create, &key);
        inner.create_partition(partition);
        inner.instances.insert(key, Stored { instance, watermark, original: None });
        Ok(())
    }

    /// Keeps `instance` in `partition`, in place of one of the same UIDs.
    pub(super) fn replace(&self, partition: &str, instance: Arc<Instance>) {
        let mut inner = self.write();
        let key = (partition.to_owned(), instance.sop.clone());
        let known = inner.instances.contains_key(&key);
        let watermark = inner.log(if known { Action::Update } else { Action::Create }, &key);
        inner.create_partition(partition);
        inner.instances.insert(key, Stored { instance, watermark, original: None });
    }

    /// Changes the instances of `scope` by `edit`, keeps the original of each, and says how many
    /// there were. `edit` may leave one as it is.
    pub(super) fn update(
        &self,
        partition: &str,
        scope: &Scope,
        edit: impl Fn(&Instance) -> Option<Instance>,
    ) -> usize {
        let mut inner = self.write();
        let mut updated = 0;
        for stored in inner.within(partition, scope) {
            let Some(instance) = edit(&stored.instance).map(Arc::new) else { continue };
            let key = (partition.to_owned(), instance.sop.clone());
            let watermark = inner.log(Action::Update, &key);
            let original = stored.original.or(Some((stored.instance, stored.watermark)));
            inner.instances.insert(key, Stored { instance, watermark, original });
            updated += 1;
        }
        updated
    }

    /// The instances of `scope` in `partition`, ordered by their UIDs.
    pub(super) fn within(&self, partition: &str, scope: &Scope) -> Vec<Stored> {
        self.read().within(partition, scope)
    }

    /// Forgets the instances of `scope` and says how many there were.
    pub(super) fn remove(&self, partition: &str, scope: &Scope) -> usize {
        let mut inner = self.write();
        let keys = inner.instances.keys();
        let doomed: Vec<_> =
            keys.filter(|(it, sop)| it == partition && scope.contains(sop)).cloned().collect();
        for key in &doomed {
            inner.instances.remove(key);
            inner.log(Action::Delete, key);
        }
        doomed.len()
    }

    /// The change feed, oldest first.
    pub(super) fn feed(&self) -> Vec<Change> {
        self.read().feed.clone()
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stored {
    /// This instance as it was stored, whatever was done to it since.
    pub(super) fn into_original(self) -> Self {
        match self.original {
            Some((instance, watermark)) => Self { instance, watermark, original: None },
            None => self,
        }
    }
}

impl Inner {
    fn within(&self, partition: &str, scope: &Scope) -> Vec<Stored> {
        let there = self.instances.iter().filter(|((it, _), _)| it == partition);
        let stored = there.map(|(_, stored)| stored);
        stored.filter(|it| scope.contains(&it.instance.sop)).cloned().collect()
    }

    fn create_partition(&mut self, name: &str) {
        if !self.partitions.iter().any(|it| it.name == name) {
            self.partitions.push(Partition { name: name.to_owned(), created: SystemTime::now() });
        }
    }

    fn log(&mut self, action: Action, (partition, sop): &(String, Sop)) -> u64 {
        let sequence = self.feed.len() as u64 + 1;
        self.feed.push(Change {
            sequence,
            action,
            partition: partition.clone(),
            sop: sop.clone(),
            at: SystemTime::now(),
        });
        sequence
    }
}

/// Where data lie that nobody named a partition for.
pub(super) const DEFAULT_PARTITION: &str = "Microsoft.Default";
