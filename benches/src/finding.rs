//! What came of a case, and what follows from it.

use crate::case::Case;
use crate::peers::Peer;
use crate::samples::{Samples, Spread};

/// What came of one case.
pub struct Finding {
    /// The case.
    pub case: Case,
    /// One for each peer that took part.
    pub entries: Vec<Entry>,
}

/// One peer in one case.
pub struct Entry {
    /// Who.
    pub peer: Peer,
    /// What was measured, round by round.
    pub samples: Samples,
    /// System calls per request, the most frequent first.
    pub syscalls: Option<Vec<(String, f64)>>,
}

/// Whom there are goals against.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Rival {
    /// nginx.
    Nginx,
    /// Envoy with its credential injector.
    Envoy,
}

impl Finding {
    /// The first peer that is wanted.
    pub fn entry(&self, is_wanted: impl Fn(&Peer) -> bool) -> Option<&Entry> {
        self.entries.iter().find(|entry| is_wanted(&entry.peer))
    }

    /// The gateway's.
    pub fn gateway(&self) -> Option<&Entry> {
        self.entry(|peer| matches!(peer, Peer::Gateway(_)))
    }

    /// A rival's.
    pub fn rival(&self, rival: Rival) -> Option<&Entry> {
        self.entry(|peer| match rival {
            Rival::Nginx => *peer == Peer::Nginx,
            Rival::Envoy => matches!(peer, Peer::Envoy(_)),
        })
    }

    /// The gateway's figure over another's, in the same rounds.
    pub fn ratio(&self, other: &Entry) -> Option<Spread> {
        let gateway = self.gateway().filter(|gateway| gateway.peer != other.peer)?;
        Spread::of_ratios(&gateway.samples.figure, &other.samples.figure)
    }

    /// What a peer adds to the median latency of the origin server itself, in microseconds, by round.
    pub fn added(&self, entry: &Entry) -> Option<Vec<f64>> {
        let direct = self.entry(|peer| *peer == Peer::Direct)?;
        let both = entry.samples.p50.iter().zip(&direct.samples.p50);
        Some(both.map(|(peer, direct)| peer - direct).collect())
    }

    /// What the gateway adds to it, over what another adds.
    pub fn added_ratio(&self, other: &Entry) -> Option<Spread> {
        self.added_over(self.gateway()?, other)
    }

    /// The gateway that rewrites URLs over the one that does not.
    pub fn rewriting(&self) -> Option<Spread> {
        let rewriting = self.entry(|peer| matches!(peer, Peer::Rewriting(_)))?;
        Spread::of_ratios(&rewriting.samples.figure, &self.gateway()?.samples.figure)
    }

    /// nginx over itself.
    pub fn control(&self) -> Option<Spread> {
        let one = self.rival(Rival::Nginx)?;
        let other = self.entry(|peer| *peer == Peer::NginxAgain)?;
        Spread::of_ratios(&other.samples.figure, &one.samples.figure)
    }

    /// What nginx adds to the median latency over what it adds itself.
    pub fn added_control(&self) -> Option<Spread> {
        self.added_over(self.entry(|peer| *peer == Peer::NginxAgain)?, self.rival(Rival::Nginx)?)
    }

    fn added_over(&self, one: &Entry, other: &Entry) -> Option<Spread> {
        let both = Some((one, other)).filter(|(one, other)| one.peer != other.peer);
        both.and_then(|(one, other)| Spread::of_ratios(&self.added(one)?, &self.added(other)?))
    }
}

impl Entry {
    /// System calls of all kinds, per request.
    pub fn all_syscalls(&self) -> Option<f64> {
        Some(self.syscalls.as_ref()?.iter().map(|(_, calls)| calls).sum())
    }
}

/// Whether two equals differ so much that nothing follows.
pub fn is_noisy(control: Option<Spread>) -> bool {
    control.is_some_and(|ratio| (ratio.middle - 1.0).abs() > TRUSTED)
}

/// How far from 1 the ratio of two equals may be.
const TRUSTED: f64 = 0.04;
