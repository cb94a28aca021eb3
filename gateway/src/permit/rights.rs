//! What callers of a route may do, worked out before anybody asks.

use std::array;

use config::{CallerKind, PermitRule, Who};

use super::leave::Leave;
use super::who::kind_of;
use crate::caller::Principal;
use crate::transaction::Place;

/// What callers of a route may do, and where.
#[derive(Clone, Debug)]
pub(crate) struct Rights {
    /// The partition of paths that name none.
    home: String,
    /// Where anything may be done at all.
    bounds: Bounds,
    /// What every caller may do there.
    all: Leave,
    /// What some may do beside that, by the kind of callers that they can be found among.
    rules: [Vec<Rule>; CallerKind::ALL.len()],
    /// What some may do in an emergency, in the same manner.
    emergency: [Option<Rule>; CallerKind::ALL.len()],
}

#[derive(Clone, Debug)]
struct Rule {
    /// Whom it is for; empty for all of its kind.
    to: Vec<Who>,
    bounds: Bounds,
    leave: Leave,
}

/// Data partitions; empty for all, and then also for what lies in none of them.
#[derive(Clone, Debug)]
struct Bounds(Vec<String>);

impl Rights {
    /// The rights on a route with this configuration.
    pub(crate) fn new(route: &config::Route) -> Self {
        let emergency = route.emergency.as_ref().map(|emergency| PermitRule {
            to: emergency.to.clone(),
            allow: emergency.allow.clone(),
            partitions: emergency.partitions.clone(),
            audit_fields: false,
        });
        Self {
            home: home(&route.origin.base),
            bounds: Bounds(route.partitions.clone()),
            all: Leave::of(&route.allow),
            rules: array::from_fn(|index| {
                let kind = CallerKind::ALL[index];
                route.permits.iter().filter_map(|rule| Rule::among(kind, rule)).collect()
            }),
            emergency: array::from_fn(|index| {
                let rule = emergency.as_ref();
                rule.and_then(|rule| Rule::among(CallerKind::ALL[index], rule))
            }),
        }
    }

    /// What this principal may do there.
    pub(super) fn of(&self, principal: &Principal, place: Place<'_>) -> Leave {
        let rules = principal.caller_kind().map(|kind| &self.rules[kind as usize]);
        self.union(self.all, rules.into_iter().flatten(), (principal, place))
    }

    /// The same in an emergency, which is leave for whom it is meant and nobody else.
    pub(super) fn in_emergency(&self, principal: &Principal, place: Place<'_>) -> Leave {
        let rule = principal.caller_kind().and_then(|kind| self.emergency[kind as usize].as_ref());
        self.union(self.of(principal, place), rule.into_iter(), (principal, place))
    }

    /// Whether this principal may assert an emergency.
    pub(crate) fn has_emergencies_of(&self, principal: &Principal) -> bool {
        let rule = principal.caller_kind().and_then(|kind| self.emergency[kind as usize].as_ref());
        rule.is_some_and(|rule| rule.is_for(principal))
    }

    /// What those of the rules that hold for this principal there give beside `leave`; nothing at all
    /// outside of the route's partitions.
    fn union<'s>(
        &self,
        leave: Leave,
        rules: impl Iterator<Item = &'s Rule>,
        (principal, place): (&Principal, Place<'_>),
    ) -> Leave {
        let place = match place {
            Place::Partition(None) => Place::Partition(Some(&self.home)),
            named => named,
        };
        if !self.bounds.hold(place) {
            return Leave::default();
        }
        rules
            .filter(|rule| rule.bounds.hold(place) && rule.is_for(principal))
            .fold(leave, |leave, rule| leave.or(rule.leave))
    }

    /// What one caller or another may do somewhere.
    pub(crate) fn of_anybody(&self) -> Leave {
        let rules = self.rules.iter().flatten().chain(self.emergency.iter().flatten());
        rules.fold(self.all, |leave, rule| leave.or(rule.leave))
    }
}

impl Rule {
    /// What `rule` says of callers of this kind, if it says anything.
    fn among(kind: CallerKind, rule: &PermitRule) -> Option<Self> {
        let meant = || rule.to.iter().filter(|who| kind_of(who) == kind);
        let is_for_all = meant().any(|who| matches!(who, Who::Kind(_)));
        meant().next()?;
        Some(Self {
            to: if is_for_all { Vec::new() } else { meant().cloned().collect() },
            bounds: Bounds(rule.partitions.clone()),
            leave: Leave::of_rule(rule),
        })
    }

    fn is_for(&self, principal: &Principal) -> bool {
        self.to.is_empty() || self.to.iter().any(|who| principal.is(who))
    }
}

impl Bounds {
    fn hold(&self, place: Place<'_>) -> bool {
        self.0.is_empty()
            || match place {
                Place::Partition(name) => name.is_some_and(|name| self.0.iter().any(|p| p == name)),
                Place::Everywhere => false,
                Place::Nowhere => true,
            }
    }
}

/// The partition that a base URL leads into.
fn home(base: &str) -> String {
    let mut segments = base.rsplit('/');
    match (segments.next(), segments.next()) {
        (Some(name), Some("partitions")) => name.to_owned(),
        _ => DEFAULT_PARTITION.to_owned(),
    }
}

/// As Azure calls the partition of paths that name none.
const DEFAULT_PARTITION: &str = "Microsoft.Default";
