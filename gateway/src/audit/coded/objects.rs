//! What a record is about.

use std::borrow::Cow;

use super::codes::*;
use super::{Entry, Event, UNKNOWN, failure};

/// What it is about (`ParticipantObjectIdentification`).
pub(crate) struct Object<'e> {
    /// What that is.
    pub subject: Subject<'e>,
    /// `ParticipantObjectIDTypeCode`.
    pub id_type: Code,
    /// `ParticipantObjectID`; never empty.
    pub id: Cow<'e, str>,
    /// `ParticipantObjectDetail`, in this order.
    pub details: Vec<(&'static str, Cow<'e, str>)>,
}

/// The things that records are about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Subject<'e> {
    /// A study, or the one instance of it that the path names.
    Study {
        /// SOP Instance UID.
        instance: Option<&'e str>,
    },
    /// Whose study that is; nobody knows.
    Patient,
    /// A work item.
    WorkItem,
    /// A search. What it was for in the query is not recorded.
    Query,
    /// What a security alert is about.
    Alert,
    /// The request itself.
    Request,
}

impl Subject<'_> {
    /// `ParticipantObjectTypeCode`.
    pub(crate) const fn type_code(self) -> &'static str {
        if matches!(self, Self::Patient) { "1" } else { "2" }
    }

    /// `ParticipantObjectTypeCodeRole`.
    pub(crate) const fn role(self) -> Option<&'static str> {
        match self {
            Self::Study { .. } | Self::Query => Some("3"),
            Self::Patient => Some("1"),
            Self::WorkItem => Some("20"),
            Self::Alert => Some("13"),
            Self::Request => None,
        }
    }
}

/// What it is about, in the number and the roles that PS3.15 has in its tables of section A.5.3, and
/// the request.
pub(super) fn of(entry: &Entry, event: Code) -> Vec<Object<'_>> {
    let mut all = Vec::new();
    match event {
        INSTANCES_TRANSFERRED | INSTANCES_ACCESSED | STUDY_DELETED => {
            all.extend([study(entry), patient()]);
        }
        EXPORT => all.push(patient()),
        PROCEDURE_RECORD => {
            all.extend(entry.instance.as_deref().map(work_item));
            all.push(patient());
        }
        QUERY => {
            all.push(query(entry));
            all.extend(entry.study.is_some().then(|| study(entry)));
        }
        SECURITY_ALERT => all.push(alert(entry)),
        _ => {}
    }
    all.push(request(entry));
    all
}

fn study(entry: &Entry) -> Object<'_> {
    let series = entry.series.as_deref();
    Object {
        subject: Subject::Study { instance: entry.instance.as_deref() },
        id_type: STUDY_INSTANCE_UID,
        id: entry.study.as_deref().unwrap_or(UNKNOWN).into(),
        details: series.map(|series| ("SeriesInstanceUID", series.into())).into_iter().collect(),
    }
}

fn patient() -> Object<'static> {
    object(Subject::Patient, PATIENT_NUMBER, UNKNOWN)
}

fn work_item(uid: &str) -> Object<'_> {
    object(Subject::WorkItem, URI, format!("urn:oid:{uid}"))
}

fn query(entry: &Entry) -> Object<'_> {
    object(Subject::Query, SEARCH_CRITERIA, entry.resource.as_deref().unwrap_or(UNKNOWN))
}

/// The part of a search that stands in the path, in the form that it would have in a query.
pub(crate) fn criteria(entry: &Entry) -> String {
    let keys = [("StudyInstanceUID", &entry.study), ("SeriesInstanceUID", &entry.series)];
    let keys = keys.iter().filter_map(|(key, uid)| Some(format!("{key}={}", uid.as_deref()?)));
    keys.collect::<Vec<_>>().join("&")
}

fn alert(entry: &Entry) -> Object<'_> {
    let mut about = match (entry.event, entry.address) {
        (Event::Alert, Some(address)) => object(Subject::Alert, NODE_ID, address.to_string()),
        _ => {
            let route = entry.route.as_deref().filter(|route| !route.is_empty());
            object(Subject::Alert, URI, route.unwrap_or("/"))
        }
    };
    about.details.push(("Alert Description", description(entry)));
    about
}

fn description(entry: &Entry) -> Cow<'_, str> {
    match entry.event {
        Event::Alert => format!("{} requests were refused", entry.refusals.unwrap_or(0)).into(),
        Event::Reload => "The configuration was replaced".into(),
        Event::EmergencyStart | Event::EmergencyStop => {
            entry.emergency.as_deref().unwrap_or(UNKNOWN).into()
        }
        Event::Start | Event::Stop | Event::Transaction => match failure(entry) {
            Some(failure) => failure.into(),
            None => entry.resource.as_deref().unwrap_or(UNKNOWN).into(),
        },
    }
}

fn request(entry: &Entry) -> Object<'_> {
    let principal = entry.principal.as_ref();
    let number = |number: Option<u64>| number.map(|number| number.to_string().into());
    let details: [(&'static str, Option<Cow<'_, str>>); 21] = [
        ("Transaction", text(&entry.transaction)),
        ("Resource", text(&entry.resource)),
        ("Method", text(&entry.method)),
        ("Route", text(&entry.route)),
        ("Origin", text(&entry.origin)),
        ("Partition", text(&entry.partition)),
        ("Client", text(&entry.client)),
        ("PrincipalKind", principal.map(|known| known.kind.as_str().into())),
        ("Application", principal.and_then(|known| known.application.as_deref()).map(Cow::from)),
        ("Tenant", principal.and_then(|known| known.tenant).map(|id| id.to_string().into())),
        ("Status", number(entry.status.map(u64::from))),
        ("Code", text(&entry.code)),
        ("Blame", text(&entry.blame)),
        ("BytesReceived", number(entry.received)),
        ("BytesSent", number(entry.sent)),
        ("DurationMicroseconds", number(entry.duration_us)),
        ("TraceID", text(&entry.trace_id)),
        ("Vouched", entry.vouched.then(|| "true".into())),
        ("Emergency", text(&entry.emergency)),
        ("Refusals", number(entry.refusals)),
        ("Version", text(&entry.version)),
    ];
    let known = details.into_iter().filter_map(|(name, value)| Some((name, value?)));
    // An attribute without a value tells nothing: the route at the root has an empty prefix.
    let details = known.filter(|(_, value)| !value.is_empty()).collect();
    Object { details, ..object(Subject::Request, REQUEST_ID, entry.id.as_str()) }
}

fn text(text: &Option<String>) -> Option<Cow<'_, str>> {
    text.as_deref().map(Cow::Borrowed)
}

fn object<'e>(subject: Subject<'e>, id_type: Code, id: impl Into<Cow<'e, str>>) -> Object<'e> {
    Object { subject, id_type, id: id.into(), details: Vec::new() }
}
