//! What it was done to.

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::super::coded::{Object, Subject, UNKNOWN, criteria};
use super::super::entry::{Entry, Event};
use super::pattern::{Data, Pattern};
use super::resource::{Detail, Entity, Reference};
use super::text::sound;
use super::words::*;

/// All of it: for a pattern its one datum or query, and the request last.
pub(super) fn of<'e>(
    entry: &'e Entry,
    objects: Vec<Object<'e>>,
    pattern: Option<&Pattern>,
) -> Vec<Entity<'e>> {
    let searches = pattern.is_some_and(|pattern| pattern.data == Data::Query);
    let entity = |object: Object<'e>| match object.subject {
        // Nobody is better than somebody unknown, as FHIR goes.
        Subject::Patient => None,
        Subject::Query => Some(if searches { query(entry) } else { thing(object) }),
        Subject::Study { instance } => Some(study(object, instance, searches)),
        Subject::WorkItem => Some(Entity { role: Some(JOB), ..thing(object) }),
        Subject::Alert => Some(alert(object)),
        Subject::Request => Some(request(entry, object)),
    };
    let mut entities = objects.into_iter().filter_map(entity).collect::<Vec<_>>();
    let has_datum = entities.iter().any(|entity| entity.kind == Some(SYSTEM_OBJECT));
    if pattern.is_some() && !has_datum {
        let resource = entry.resource.as_deref().unwrap_or(UNKNOWN);
        entities.insert(0, datum(Reference::called(resource)));
    }
    entities
}

/// Whoever reads this has to know that there was more: what was searched for may be a patient's name.
fn query(entry: &Entry) -> Entity<'_> {
    let asked = entry.resource.as_deref().unwrap_or(UNKNOWN);
    let asked = match criteria(entry) {
        criteria if criteria.is_empty() => asked.to_owned(),
        criteria => format!("{asked}?{criteria}"),
    };
    Entity {
        kind: Some(SYSTEM_OBJECT),
        role: Some(QUERY),
        description: Some("What the query searched for is not recorded".into()),
        query: Some(BASE64_STANDARD.encode(asked)),
        ..Entity::default()
    }
}

/// In the pattern of queries the one system object is the query, so there a study is named by its kind.
fn study<'e>(object: Object<'e>, instance: Option<&'e str>, searches: bool) -> Entity<'e> {
    let details = object.details.into_iter();
    let details = details.chain(instance.map(|uid| ("SOPInstanceUID", uid.into())));
    let what = match object.id {
        id if id == UNKNOWN => Reference::called(id),
        id => identified(&id),
    };
    Entity {
        kind: Some(if searches { IMAGING_STUDY } else { SYSTEM_OBJECT }),
        detail: details.map(detail).collect(),
        ..datum(Reference { kind: Some("ImagingStudy"), ..what })
    }
}

fn thing(object: Object<'_>) -> Entity<'_> {
    datum(match object.id.strip_prefix(OID) {
        Some(uid) => identified(uid),
        None => Reference::called(object.id),
    })
}

fn alert(object: Object<'_>) -> Entity<'_> {
    let said = object.details.into_iter().map(|(_, said)| sound(said)).next();
    Entity {
        role: Some(SECURITY_RESOURCE),
        description: said,
        ..datum(Reference::identified(None, object.id))
    }
}

/// What it is told apart by. What is no request has no request's id, but one of its own.
fn request<'e>(entry: &Entry, object: Object<'e>) -> Entity<'e> {
    let is_request = entry.event == Event::Transaction;
    Entity {
        what: Some(Reference::identified(None, object.id)),
        kind: Some(if is_request { object.id_type.into() } else { OTHER }),
        detail: object.details.into_iter().map(detail).collect(),
        ..Entity::default()
    }
}

fn datum(what: Reference<'_>) -> Entity<'_> {
    Entity {
        what: Some(what),
        kind: Some(SYSTEM_OBJECT),
        role: Some(DOMAIN_RESOURCE),
        ..Entity::default()
    }
}

/// By a UID, in the form that FHIR has for DICOM's. Azure takes letters in them, URNs do not.
fn identified(uid: &str) -> Reference<'static> {
    let is_oid = uid.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let value = if is_oid { format!("{OID}{uid}") } else { uid.to_owned() };
    Reference::identified(Some(UID), value)
}

fn detail<'e>((kind, value): (&'static str, Cow<'e, str>)) -> Detail<'e> {
    Detail { kind, value: sound(value) }
}

const OID: &str = "urn:oid:";
