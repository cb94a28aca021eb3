//! From an issuer's configuration to its keys.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use certs::{H2, HTTP_11, TrustAnchors};
use config::Bearer;
use tokio::runtime::Handle;

use super::fetch::{Fetcher, Place};
use super::{IssuerKeys, Pace};
use crate::token::exchange;

/// The keys in use, by where they come from.
///
/// Asked when a configuration is built, never by a request. Routes share them, and they live as long as
/// one needs them: a reload that leaves an issuer unchanged fetches nothing.
pub(crate) struct KeySources {
    runtime: Handle,
    sources: Mutex<HashMap<Source, Weak<IssuerKeys>>>,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Source {
    place: Place,
    anchors: u64,
    pace: Pace,
    timeout: std::time::Duration,
}

impl KeySources {
    /// None; fetches will run on `runtime`.
    pub(crate) fn new(runtime: Handle) -> Self {
        Self { runtime, sources: Mutex::default() }
    }

    /// The keys of this issuer, who is believed by these anchors. If they are new, they begin to come at
    /// once.
    pub(in crate::caller::bearer) fn of(
        &self,
        config: &Bearer,
        anchors: &TrustAnchors,
    ) -> Result<Arc<IssuerKeys>, reqwest::Error> {
        let place = match &config.jwks_uri {
            Some(url) => Place::At(url.clone()),
            None => Place::Of(config.issuer.clone()),
        };
        let (max_age, stale, refetch) =
            (config.keys_max_age, config.keys_stale, config.keys_refetch);
        let pace = Pace { max_age, stale, refetch };
        let (anchors_are, timeout) = (anchors.fingerprint(), config.keys_timeout);
        let source = Source { place: place.clone(), anchors: anchors_are, pace, timeout };
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        sources.retain(|_, keys| keys.strong_count() > 0);
        if let Some(keys) = sources.get(&source).and_then(Weak::upgrade) {
            return Ok(keys);
        }
        // Another pace makes no other keys: an issuer that is away must not be missed for it.
        let is_same =
            |other: &Source| (&other.place, other.anchors) == (&source.place, anchors_are);
        let before = sources.iter().find(|(other, _)| is_same(other));
        let before = before.and_then(|(_, keys)| keys.upgrade()?.current.load_full());
        let http = exchange::http(anchors.client_config(&[H2, HTTP_11]), timeout)?;
        let fetcher = Fetcher::new(place, &config.issuer, http, timeout);
        let keys = IssuerKeys::start(fetcher, pace, self.runtime.clone(), before);
        sources.insert(source, Arc::downgrade(&keys));
        Ok(keys)
    }
}
