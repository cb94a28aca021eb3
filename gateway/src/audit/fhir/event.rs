//! From a record to an `AuditEvent`.

use std::time::Duration;

use humantime::{format_rfc3339_millis, parse_rfc3339};

use super::super::atna::Source;
use super::super::coded::{Coded, failure};
use super::super::entry::{Entry, Outcome};
use super::pattern::Pattern;
use super::resource::{Agent, AuditEvent, Coding, Concept, Meta, Period, Reference, Reporter};
use super::text::sound;
use super::words::{APPLICATION_SERVER, BREAK_THE_GLASS, REST};
use super::{agents, entities};

impl<'e> AuditEvent<'e> {
    /// The resource that says what `entry` says.
    pub(crate) fn of(entry: &'e Entry, source: &'e Source) -> Self {
        let Coded { event, kind, action, participants, objects } = Coded::of(entry, &source.id);
        let pattern = Pattern::of(entry, event, action);
        let agent = match &pattern {
            Some(pattern) => agents::of_pattern(entry, &source.id, pattern),
            None => agents::of(entry, participants),
        };
        let (kind, subtype) = match &pattern {
            Some(pattern) => (REST, vec![pattern.interaction, event.into()]),
            None => (event.into(), kind.map(Coding::from).into_iter().collect()),
        };
        let status = || entry.status.map(|status| status.to_string());
        Self {
            meta: pattern.as_ref().and_then(|pattern| claim(entry, pattern, &agent)),
            kind,
            subtype,
            action: action.code(),
            period: period(entry),
            recorded: &entry.time,
            outcome: entry.outcome.indicator(),
            outcome_desc: failure(entry).filter(|why| !why.is_empty()).or_else(status),
            purpose_of_event: purpose(entry),
            agent,
            source: Reporter {
                site: source.site.as_deref().map(sound),
                observer: Reference::identified(None, source.id.as_str()),
                kind: [APPLICATION_SERVER],
            },
            entity: entities::of(entry, objects, pattern.as_ref()),
        }
    }
}

/// Why it was done, where somebody said so.
pub(super) fn purpose(entry: &Entry) -> Vec<Concept<'_>> {
    let reason = entry.emergency.as_deref();
    let purpose = reason.map(|why| Concept { coding: [BREAK_THE_GLASS], text: Some(sound(why)) });
    purpose.into_iter().collect()
}

/// A pattern is claimed only of what succeeded, and where it is known who was at both ends.
fn claim(entry: &Entry, pattern: &Pattern, agents: &[Agent<'_>]) -> Option<Meta> {
    let ends = agents.iter().filter(|agent| agent.network.is_some()).count();
    let followed = entry.outcome == Outcome::Success && ends == 2;
    Some(Meta { profile: [pattern.profile.filter(|_| followed)?] })
}

fn period(entry: &Entry) -> Option<Period<'_>> {
    let end = parse_rfc3339(&entry.time).ok()?;
    let start = end.checked_sub(Duration::from_micros(entry.duration_us?))?;
    Some(Period { start: format_rfc3339_millis(start).to_string(), end: &entry.time })
}

#[cfg(test)]
mod tests;
