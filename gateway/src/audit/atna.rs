//! A record as the XML message of PS3.15, section A.5, which IHE's ITI-20 asks for.
//!
//! Where it says less than the standard wants, that is because a gateway does not know more: patients,
//! SOP classes, studies that stand in a body, and what a search looked for in its query, which is
//! never recorded. `coded` decides what is said, this module how it is written.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::coded::{
    AccessPoint, Action, Code, Coded, Object, Participant, Subject, UNKNOWN, criteria, failure,
};
use super::entry::Entry;

mod xml;

use self::xml::{Text, Xml, bounded};

/// Who reports (`AuditSourceIdentification`).
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// What this gateway is called in records (`AuditSourceID`).
    pub id: String,
    /// Where it stands (`AuditEnterpriseSiteID`).
    pub site: Option<String>,
}

/// Writes `entry` as a message to the end of `out`: UTF-8 of at most 32,768 octets without control
/// characters, as receivers have to take (section A.6).
pub(crate) fn write(entry: &Entry, source: &Source, out: &mut String) {
    let coded = Coded::of(entry, &source.id);
    let mut xml = Xml::new(out);
    xml.open("AuditMessage", &[]);
    event(entry, &coded, &mut xml);
    for one in &coded.participants {
        participant(one, &mut xml);
    }
    let site = source.site.as_deref().map(Text::Plain);
    let id = Some(Text::Plain(&source.id));
    xml.open(
        "AuditSourceIdentification",
        &[("AuditEnterpriseSiteID", site), ("AuditSourceID", id)],
    );
    xml.empty("AuditSourceTypeCode", &[("csd-code", Some(Text::Plain(APPLICATION_SERVER)))]);
    xml.close("AuditSourceIdentification");
    for one in &coded.objects {
        object(entry, one, &mut xml);
    }
    xml.close("AuditMessage");
}

fn event(entry: &Entry, coded: &Coded<'_>, xml: &mut Xml<'_>) {
    // Who is not the receiver cannot know whether it had the instances before, and says so by R
    // (section A.5.3.7). Roles and details tell a store from a retrieval.
    let is_store = coded.event.code == INSTANCES_TRANSFERRED && coded.action == Action::Create;
    let action = if is_store { Action::Read } else { coded.action };
    xml.open(
        "EventIdentification",
        &[
            ("EventActionCode", Some(Text::Plain(action.code()))),
            ("EventDateTime", Some(Text::Plain(&entry.time))),
            ("EventOutcomeIndicator", Some(Text::Plain(entry.outcome.indicator()))),
        ],
    );
    code("EventID", coded.event, xml);
    if let Some(kind) = coded.kind {
        code("EventTypeCode", kind, xml);
    }
    if let Some(failure) = failure(entry) {
        xml.text("EventOutcomeDescription", Text::Plain(&failure));
    }
    xml.close("EventIdentification");
}

fn participant(one: &Participant<'_>, xml: &mut Xml<'_>) {
    let address;
    let (access, access_type) = match one.access {
        None => (None, None),
        Some(AccessPoint::Name(name)) => (Some(Text::Plain(name)), Some(Text::Plain("1"))),
        Some(AccessPoint::Address(known)) => {
            address = known.to_string();
            (Some(Text::Plain(&address)), Some(Text::Plain("2")))
        }
        Some(AccessPoint::Uri(uri)) => (Some(Text::Plain(uri)), Some(Text::Plain("5"))),
    };
    let requestor = if one.requestor { "true" } else { "false" };
    xml.open(
        "ActiveParticipant",
        &[
            ("UserID", Some(Text::Plain(&one.id))),
            ("AlternativeUserID", one.alternative.map(Text::Plain)),
            ("UserIsRequestor", Some(Text::Plain(requestor))),
            ("NetworkAccessPointID", access),
            ("NetworkAccessPointTypeCode", access_type),
        ],
    );
    if let Some(role) = one.role {
        code("RoleIDCode", role, xml);
    }
    if let Some(media) = one.media {
        xml.open("MediaIdentifier", &[]);
        code("MediaType", media, xml);
        xml.close("MediaIdentifier");
    }
    xml.close("ActiveParticipant");
}

fn object(entry: &Entry, one: &Object<'_>, xml: &mut Xml<'_>) {
    xml.open(
        "ParticipantObjectIdentification",
        &[
            ("ParticipantObjectID", Some(Text::Plain(&one.id))),
            ("ParticipantObjectTypeCode", Some(Text::Plain(one.subject.type_code()))),
            ("ParticipantObjectTypeCodeRole", one.subject.role().map(Text::Plain)),
        ],
    );
    code("ParticipantObjectIDTypeCode", one.id_type, xml);
    // The schema wants a name or a query of each.
    match one.subject {
        Subject::Query => {
            let query = BASE64_STANDARD.encode(criteria(entry));
            xml.text("ParticipantObjectQuery", Text::Encoded(&query));
        }
        Subject::Study { .. } => xml.text("ParticipantObjectName", Text::Plain("Study")),
        Subject::Patient => xml.text("ParticipantObjectName", Text::Plain(UNKNOWN)),
        Subject::WorkItem => xml.text("ParticipantObjectName", Text::Plain("Work item")),
        Subject::Alert => xml.text("ParticipantObjectName", Text::Plain("Subject of the alert")),
        Subject::Request => xml.text("ParticipantObjectName", Text::Plain("Request")),
    }
    for (name, value) in &one.details {
        let value = BASE64_STANDARD.encode(bounded(value));
        let attributes =
            [("type", Some(Text::Plain(name))), ("value", Some(Text::Encoded(&value)))];
        xml.empty("ParticipantObjectDetail", &attributes);
    }
    if let Subject::Study { instance: Some(instance) } = one.subject {
        xml.open("ParticipantObjectDescription", &[]);
        xml.open("SOPClass", &[("NumberOfInstances", Some(Text::Plain("1")))]);
        xml.empty("Instance", &[("UID", Some(Text::Plain(instance)))]);
        xml.close("SOPClass");
        xml.close("ParticipantObjectDescription");
    }
    xml.close("ParticipantObjectIdentification");
}

fn code(element: &'static str, code: Code, xml: &mut Xml<'_>) {
    let Code { system, code, meaning } = code;
    xml.empty(
        element,
        &[
            ("csd-code", Some(Text::Plain(code))),
            ("codeSystemName", Some(Text::Plain(system.name()))),
            ("originalText", Some(Text::Plain(meaning))),
        ],
    );
}

/// An application server process (section A.5.1.2.1).
const APPLICATION_SERVER: &str = "4";

const INSTANCES_TRANSFERRED: &str = "110104";

#[cfg(test)]
mod tests;
