//! What a record means in DICOM's words (PS3.15, annex A.5; PS3.16, CID 400 to 405).
//!
//! XML messages and FHIR resources say the same thing about the same record, so what there is to
//! say stands here once: the event, who took part in it and what it was about. The gateway streams
//! what it forwards and never looks into it, so it knows no patient; where the standard wants one,
//! one is named that is [`UNKNOWN`].

use super::entry::{Entry, Event, Outcome};

mod codes;
mod objects;
mod participants;

pub(crate) use self::codes::{Code, System};
pub(crate) use self::objects::{Object, Subject, criteria};
pub(crate) use self::participants::{AccessPoint, Part, Participant, everyone};

use self::codes::*;

/// A record in DICOM's words.
pub(crate) struct Coded<'e> {
    /// What happened (`EventID`, CID 400).
    pub event: Code,
    /// What kind of that (`EventTypeCode`, CID 401).
    pub kind: Option<Code>,
    /// What was done to the data, or was to be done.
    pub action: Action,
    /// Who took part; at least one, at most one of them the requestor.
    pub participants: Vec<Participant<'e>>,
    /// What it was about; the last one is the request itself.
    pub objects: Vec<Object<'e>>,
}

/// What was done to data (`EventActionCode`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Action {
    /// Made.
    Create,
    /// Read.
    Read,
    /// Changed.
    Update,
    /// Deleted.
    Delete,
    /// Something was done, to no data in particular.
    Execute,
}

impl<'e> Coded<'e> {
    /// What `entry` means; `source` is what the gateway is called in records.
    pub(crate) fn of(entry: &'e Entry, source: &'e str) -> Self {
        let Meaning { event, kind, action } = meaning(entry);
        Self {
            participants: participants::of(entry, event, action, source),
            objects: objects::of(entry, event),
            event,
            kind,
            action,
        }
    }
}

impl Action {
    /// Its code.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Create => "C",
            Self::Read => "R",
            Self::Update => "U",
            Self::Delete => "D",
            Self::Execute => "E",
        }
    }
}

impl Outcome {
    /// Its number (`EventOutcomeIndicator`).
    pub(crate) const fn indicator(self) -> &'static str {
        match self {
            Self::Success => "0",
            Self::MinorFailure => "4",
            Self::SeriousFailure => "8",
            Self::MajorFailure => "12",
        }
    }
}

/// Why it failed, in words of closed lists; `None` for what did not fail.
pub(crate) fn failure(entry: &Entry) -> Option<String> {
    if entry.outcome == Outcome::Success {
        return None;
    }
    let status = entry.status.map(|status| status.to_string());
    let blame = entry.blame.as_ref().map(|blame| format!("({blame})"));
    let words = [status.as_deref(), entry.code.as_deref(), blame.as_deref()];
    Some(words.into_iter().flatten().collect::<Vec<_>>().join(" "))
}

struct Meaning {
    event: Code,
    kind: Option<Code>,
    action: Action,
}

fn meaning(entry: &Entry) -> Meaning {
    match entry.event {
        Event::Start => executed(APPLICATION_ACTIVITY, Some(APPLICATION_START)),
        Event::Stop => executed(APPLICATION_ACTIVITY, Some(APPLICATION_STOP)),
        Event::Reload => executed(SECURITY_ALERT, Some(SECURITY_CONFIGURATION)),
        Event::Alert => executed(SECURITY_ALERT, Some(RESTRICTED_FUNCTION)),
        Event::EmergencyStart => executed(SECURITY_ALERT, Some(EMERGENCY_STARTED)),
        Event::EmergencyStop => executed(SECURITY_ALERT, Some(EMERGENCY_STOPPED)),
        Event::Transaction if failed_to_authenticate(entry) => {
            executed(USER_AUTHENTICATION, Some(LOGIN))
        }
        Event::Transaction => transaction(entry),
    }
}

fn transaction(entry: &Entry) -> Meaning {
    let method = entry.method.as_deref().unwrap_or("GET");
    let reads = matches!(method, "GET" | "HEAD");
    let resource = entry.resource.as_deref().unwrap_or("");
    match entry.transaction.as_deref() {
        Some(_) if method == "OPTIONS" || matches!(resource, "service" | "description") => {
            executed(QUERY, None)
        }
        Some("search") => executed(QUERY, None),
        Some("retrieve") => plain(INSTANCES_TRANSFERRED, Action::Read),
        Some("store") => plain(INSTANCES_TRANSFERRED, Action::Create),
        Some("delete") if entry.series.is_none() && entry.instance.is_none() => {
            plain(STUDY_DELETED, Action::Delete)
        }
        Some("delete") => plain(INSTANCES_ACCESSED, Action::Delete),
        Some("worklist") => work_item(resource, method),
        Some("manage") => match resource {
            "export" => plain(EXPORT, Action::Read),
            "bulk-update" => plain(INSTANCES_ACCESSED, Action::Update),
            "tags" | "tag" if !reads => executed(SECURITY_ALERT, Some(SOFTWARE_CONFIGURATION)),
            _ if reads => executed(QUERY, None),
            // What would be graver, if it could be either.
            _ => plain(INSTANCES_ACCESSED, Action::Update),
        },
        _ => executed(SECURITY_ALERT, Some(RESTRICTED_FUNCTION)),
    }
}

fn work_item(resource: &str, method: &str) -> Meaning {
    match (resource, method) {
        ("notifications", _) | ("work-items" | "subscription", "GET" | "HEAD") => {
            executed(QUERY, None)
        }
        (_, "GET" | "HEAD") => plain(PROCEDURE_RECORD, Action::Read),
        ("work-items" | "subscription", "POST") => plain(PROCEDURE_RECORD, Action::Create),
        (_, "DELETE") => plain(PROCEDURE_RECORD, Action::Delete),
        _ => plain(PROCEDURE_RECORD, Action::Update),
    }
}

/// Whether the gateway refused it for want of a proof. An origin server's own 401 or 429 is the
/// outcome of a transaction, and nobody's failure to say who it is.
fn failed_to_authenticate(entry: &Entry) -> bool {
    let refused = entry.outcome != Outcome::Success && entry.blame.as_deref() == Some("caller");
    refused
        && (matches!(entry.status, Some(401 | 429))
            || entry.code.as_deref() == Some("ambiguous-credentials"))
}

const fn executed(event: Code, kind: Option<Code>) -> Meaning {
    Meaning { event, kind, action: Action::Execute }
}

const fn plain(event: Code, action: Action) -> Meaning {
    Meaning { event, kind: None, action }
}

/// Stands where the standard wants to know what a gateway cannot: no ID looks like it.
pub(crate) const UNKNOWN: &str = "<unknown>";

#[cfg(test)]
mod tests;
