//! Who took part.

use super::super::coded::{AccessPoint, Part, Participant, UNKNOWN, everyone};
use super::super::entry::Entry;
use super::event::purpose;
use super::pattern::Pattern;
use super::resource::{Agent, Coding, Concept, Network, Reference};
use super::text::sound;
use super::words::{DATA_PROCESSOR, IP_ADDRESS, MACHINE_NAME, URI};

/// All who took part, in DICOM's roles.
pub(super) fn of<'e>(entry: &'e Entry, participants: Vec<Participant<'e>>) -> Vec<Agent<'e>> {
    let agent = |participant: Participant<'e>| {
        let kind = participant.role.map(Coding::from);
        agent(entry, participant, kind)
    };
    participants.into_iter().map(agent).collect()
}

/// All who took part, in a pattern's roles. Those at its two ends have an address, and nobody else: a
/// user is no machine.
pub(super) fn of_pattern<'e>(
    entry: &'e Entry,
    source: &'e str,
    pattern: &Pattern,
) -> Vec<Agent<'e>> {
    let agent = |mut participant: Participant<'e>| {
        let kind = match participant.part {
            Part::Caller => pattern.client,
            Part::Origin => pattern.server,
            Part::Principal => pattern.user,
            // The pattern of deletions has given `Application` to the caller's.
            Part::Gateway | Part::Media => DATA_PROCESSOR,
        };
        if participant.part == Part::Principal {
            participant.access = None;
        }
        agent(entry, participant, Some(kind))
    };
    everyone(entry, source).into_iter().map(agent).collect()
}

fn agent<'e>(entry: &'e Entry, participant: Participant<'e>, kind: Option<Coding>) -> Agent<'e> {
    let known = entry.principal.as_ref();
    let names_itself = known.is_some_and(|principal| principal.application.is_some());
    let mut agent = Agent {
        kind: kind.map(Concept::of),
        requestor: participant.requestor,
        media: participant.media.map(Coding::from),
        network: participant.access.map(network),
        ..Agent::default()
    };
    let id = participant.id;
    agent.who = Some(match participant.part {
        Part::Principal => {
            agent.purpose_of_use = purpose(entry);
            Reference::identified(participant.alternative, id)
        }
        Part::Caller if names_itself => {
            Reference::identified(known.and_then(|principal| principal.issuer.as_deref()), id)
        }
        Part::Gateway => {
            agent.alt_id = participant.alternative.map(sound);
            Reference::identified(None, id)
        }
        Part::Origin if id != UNKNOWN => Reference::identified(None, id),
        Part::Caller | Part::Origin | Part::Media => Reference::called(id),
    });
    agent
}

fn network(access: AccessPoint<'_>) -> Network<'_> {
    match access {
        AccessPoint::Name(name) => Network { address: sound(name), kind: MACHINE_NAME },
        AccessPoint::Address(address) => {
            Network { address: address.to_string().into(), kind: IP_ADDRESS }
        }
        AccessPoint::Uri(uri) => Network { address: sound(uri), kind: URI },
    }
}
