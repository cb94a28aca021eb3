//! Where users' tokens lie: bounded by bytes, each until its assertion ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use arc_swap::ArcSwap;
use config::Exchange;
use moka::Expiry;
use moka::notification::RemovalCause;
use moka::policy::EvictionPolicy;
use uuid::Uuid;

use super::super::TokenRequest;
use super::super::succession::Succession;

/// What a token is for; also what its users have in common.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Purpose {
    /// Which client asks, and for what.
    pub request: TokenRequest,
    /// How.
    pub exchange: Exchange,
}

/// What a user's token is kept under: all that it depends on. What an origin server demanded of it is
/// not here, since the token that has it takes the place of the one that had it not.
#[derive(Clone, Eq, Hash, PartialEq)]
pub(super) struct Key {
    /// What it is for.
    pub purpose: Arc<Purpose>,
    /// Where the user signed in.
    pub tenant: Option<Uuid>,
    /// The SHA-256 of the assertion, whole.
    pub assertion: [u8; 32],
}

/// How much is held.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Usage {
    /// Users' tokens, and users who have none yet.
    pub entries: u64,
    /// The memory that they take.
    pub bytes: u64,
    /// How many had to go before their time since the start, to make room.
    pub evicted: u64,
}

/// The tokens, found without a lock.
pub(super) struct Cache {
    entries: ArcSwap<Entries>,
    evicted: Arc<AtomicU64>,
}

type Entries = moka::sync::Cache<Key, Entry>;

#[derive(Clone)]
struct Entry {
    succession: Arc<Succession>,
    ends_at: Instant,
}

impl Cache {
    pub(super) fn new(most_bytes: u64) -> Self {
        let evicted = Arc::default();
        Self { entries: ArcSwap::from_pointee(entries(most_bytes, &evicted)), evicted }
    }

    /// What it holds beyond the new limit goes, least recently used first.
    pub(super) fn limit(&self, most_bytes: u64) {
        let before = self.entries.load_full();
        if before.policy().max_capacity() == Some(most_bytes) {
            return;
        }
        let after = entries(most_bytes, &self.evicted);
        for (key, entry) in before.iter() {
            after.insert((*key).clone(), entry);
        }
        self.entries.store(Arc::new(after));
    }

    /// The place of this key's token, which is one and the same for all who ask for it before it ends.
    pub(super) fn entry(&self, key: &Key, ends_at: Instant) -> Arc<Succession> {
        if ends_at <= Instant::now() {
            return Arc::default();
        }
        let entries = self.entries.load();
        let made = || Entry { succession: Arc::default(), ends_at };
        let entry = entries.get(key).unwrap_or_else(|| entries.get_with(key.clone(), made));
        entry.succession
    }

    /// Takes note that this place holds something else than before.
    pub(super) fn weigh(&self, key: Key, succession: &Arc<Succession>, ends_at: Instant) {
        let entries = self.entries.load();
        // One that had to make room meanwhile, or was overtaken, has no part in it.
        if entries.get(&key).is_some_and(|it| Arc::ptr_eq(&it.succession, succession)) {
            entries.insert(key, Entry { succession: succession.clone(), ends_at });
        }
    }

    pub(super) fn usage(&self) -> Usage {
        let entries = self.entries.load();
        // Those that have ended go only when something is done.
        entries.run_pending_tasks();
        let (count, bytes) = (entries.entry_count(), entries.weighted_size());
        Usage { entries: count, bytes, evicted: self.evicted.load(Ordering::Relaxed) }
    }
}

fn entries(most_bytes: u64, evicted: &Arc<AtomicU64>) -> Entries {
    let evicted = evicted.clone();
    Entries::builder()
        .max_capacity(most_bytes)
        .weigher(|_, entry| u32::try_from(OVERHEAD + entry.succession.size()).unwrap_or(u32::MAX))
        .expire_after(UntilTheEnd)
        // The other policy keeps a newcomer out of a full cache, who would ask with each request.
        .eviction_policy(EvictionPolicy::lru())
        .eviction_listener(move |_, _, cause| {
            if cause == RemovalCause::Size {
                evicted.fetch_add(1, Ordering::Relaxed);
            }
        })
        .build()
}

/// An entry ends with its assertion.
struct UntilTheEnd;

impl Expiry<Key, Entry> for UntilTheEnd {
    fn expire_after_create(
        &self,
        _: &Key,
        entry: &Entry,
        now: Instant,
    ) -> Option<std::time::Duration> {
        Some(entry.ends_at.saturating_duration_since(now))
    }
}

/// What an entry takes beside its token: key, place, and what the cache keeps of it. Measured.
const OVERHEAD: usize = 1024;
