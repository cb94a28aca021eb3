//! Which of IHE's basic audit patterns an event follows.

use super::super::coded::{Action, Code};
use super::super::entry::Entry;
use super::resource::Coding;
use super::words::*;

/// An interaction in the manner of REST, and who has which part in it.
#[derive(Clone, Copy)]
pub(super) struct Pattern {
    /// The interaction's name.
    pub(super) interaction: Coding,
    /// The profile that says so, where there is one.
    pub(super) profile: Option<&'static str>,
    /// What it was done to.
    pub(super) data: Data,
    /// The part of the caller's application.
    pub(super) client: Coding,
    /// The part of the origin server.
    pub(super) server: Coding,
    /// The part of who stands behind the request.
    pub(super) user: Coding,
}

/// What an interaction is done to.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Data {
    /// To a query.
    Query,
    /// To one thing.
    Thing,
}

impl Pattern {
    /// That of `entry`, or none: DICOM has its own words for what nobody does by REST.
    pub(super) fn of(entry: &Entry, event: Code, action: Action) -> Option<Self> {
        let resource = entry.resource.as_deref().unwrap_or("");
        let pattern = match (event.code, action) {
            (QUERY_EVENT, _) if describes(entry, resource) => {
                Self { interaction: CAPABILITIES, profile: None, ..READ_PATTERN }
            }
            (QUERY_EVENT, _) => QUERY_PATTERN,
            (ACCESSED, _) if resource == "bulk-update" => {
                Self { interaction: OPERATION, profile: None, ..UPDATE_PATTERN }
            }
            (ACCESSED | TRANSFERRED | STUDY_DELETED | PROCEDURE, action) => match action {
                Action::Create => CREATE_PATTERN,
                Action::Read => READ_PATTERN,
                Action::Update => UPDATE_PATTERN,
                Action::Delete => DELETE_PATTERN,
                Action::Execute => return None,
            },
            _ => return None,
        };
        Some(pattern)
    }
}

/// Whether it asks what the service can do, not what it has.
fn describes(entry: &Entry, resource: &str) -> bool {
    matches!(resource, "service" | "description") || entry.method.as_deref() == Some("OPTIONS")
}

const QUERY_PATTERN: Pattern = Pattern {
    interaction: SEARCH,
    profile: Some(pattern!("Query")),
    data: Data::Query,
    client: SOURCE,
    server: DESTINATION,
    user: RECIPIENT,
};

const READ_PATTERN: Pattern = Pattern {
    interaction: READ,
    profile: Some(pattern!("Read")),
    data: Data::Thing,
    client: DESTINATION,
    server: SOURCE,
    user: RECIPIENT,
};

const CREATE_PATTERN: Pattern = Pattern {
    interaction: CREATE,
    profile: Some(pattern!("Create")),
    data: Data::Thing,
    client: SOURCE,
    server: DESTINATION,
    user: AUTHOR,
};

const UPDATE_PATTERN: Pattern =
    Pattern { interaction: UPDATE, profile: Some(pattern!("Update")), ..CREATE_PATTERN };

const DELETE_PATTERN: Pattern = Pattern {
    interaction: DELETE,
    profile: Some(pattern!("Delete")),
    client: APPLICATION,
    server: CUSTODIAN,
    ..CREATE_PATTERN
};

// Of PS3.16, CID 400.
const ACCESSED: &str = "110103";
const TRANSFERRED: &str = "110104";
const STUDY_DELETED: &str = "110105";
const PROCEDURE: &str = "110111";
const QUERY_EVENT: &str = "110112";
