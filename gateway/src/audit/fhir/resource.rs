//! As much of FHIR R4's `AuditEvent` as records need (<http://hl7.org/fhir/R4/auditevent.html>), in the
//! order of its elements. What is absent is left out: FHIR knows no null and nothing empty.

use std::borrow::Cow;

use serde::Serialize;

use super::text::sound;

/// One record.
#[derive(Serialize)]
#[serde(tag = "resourceType", rename_all = "camelCase")]
pub(crate) struct AuditEvent<'e> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) meta: Option<Meta>,
    #[serde(rename = "type")]
    pub(super) kind: Coding,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) subtype: Vec<Coding>,
    pub(super) action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) period: Option<Period<'e>>,
    pub(super) recorded: &'e str,
    pub(super) outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) outcome_desc: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) purpose_of_event: Vec<Concept<'e>>,
    pub(super) agent: Vec<Agent<'e>>,
    pub(super) source: Reporter<'e>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) entity: Vec<Entity<'e>>,
}

/// What it claims to be.
#[derive(Serialize)]
pub(super) struct Meta {
    pub(super) profile: [&'static str; 1],
}

/// A word of a code system.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub(super) struct Coding {
    pub(super) system: &'static str,
    pub(super) code: &'static str,
    pub(super) display: &'static str,
}

/// A word of a code system, and what somebody said in his own.
#[derive(Clone, Serialize)]
pub(super) struct Concept<'e> {
    pub(super) coding: [Coding; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<Cow<'e, str>>,
}

#[derive(Serialize)]
pub(super) struct Period<'e> {
    pub(super) start: String,
    pub(super) end: &'e str,
}

/// Who took part.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Agent<'e> {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<Concept<'e>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) who: Option<Reference<'e>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) alt_id: Option<Cow<'e, str>>,
    pub(super) requestor: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) media: Option<Coding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) network: Option<Network<'e>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) purpose_of_use: Vec<Concept<'e>>,
}

/// Where from.
#[derive(Serialize)]
pub(super) struct Network<'e> {
    pub(super) address: Cow<'e, str>,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
}

/// Something that is elsewhere, by what is known of it.
#[derive(Default, Serialize)]
pub(super) struct Reference<'e> {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) identifier: Option<Identifier<'e>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) display: Option<Cow<'e, str>>,
}

#[derive(Serialize)]
pub(super) struct Identifier<'e> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) system: Option<Cow<'e, str>>,
    pub(super) value: Cow<'e, str>,
}

/// Who says so.
#[derive(Serialize)]
pub(super) struct Reporter<'e> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) site: Option<Cow<'e, str>>,
    pub(super) observer: Reference<'e>,
    #[serde(rename = "type")]
    pub(super) kind: [Coding; 1],
}

/// What it was done to.
#[derive(Default, Serialize)]
pub(super) struct Entity<'e> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) what: Option<Reference<'e>>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<Coding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<Coding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<Cow<'e, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) query: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) detail: Vec<Detail<'e>>,
}

#[derive(Serialize)]
pub(super) struct Detail<'e> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    #[serde(rename = "valueString")]
    pub(super) value: Cow<'e, str>,
}

impl<'e> Concept<'e> {
    /// The word alone.
    pub(super) const fn of(coding: Coding) -> Self {
        Self { coding: [coding], text: None }
    }
}

impl<'e> Reference<'e> {
    /// By an identifier that is its own anywhere.
    pub(super) fn identified(system: Option<&'e str>, value: impl Into<Cow<'e, str>>) -> Self {
        // A URI has no space, wherever it is.
        let system =
            system.filter(|system| !system.is_empty() && !system.contains(char::is_whitespace));
        let (system, value) = (system.map(sound), sound(value));
        Self { identifier: Some(Identifier { system, value }), ..Self::default() }
    }

    /// By a word for people.
    pub(super) fn called(display: impl Into<Cow<'e, str>>) -> Self {
        Self { display: Some(sound(display)), ..Self::default() }
    }
}
