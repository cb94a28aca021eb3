//! The change feed: what was stored, updated and deleted, in all partitions, oldest first.

use std::time::SystemTime;

use dicom_core::chrono::DateTime;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::{number, timestamp};
use crate::origin::Asked;
use crate::origin::answer::{self, Answer, Refusal};
use crate::origin::instance::Sop;
use crate::origin::route::Scope;
use crate::origin::store::{Action, Change, Partitions, Store};

/// A page of it, of a span of time if the query names one (its start is part of it, its end not).
pub(in crate::origin) fn page(asked: &Asked<'_>) -> Result<Response<Answer>, Refusal> {
    let offset = number(asked, "offset", 0, 0..=usize::MAX)?;
    let limit = number(asked, "limit", 100, 1..=200)?;
    let (start, end) = (time(asked, "startTime")?, time(asked, "endTime")?);
    if let (Some(start), Some(end)) = (start, end)
        && start >= end
    {
        return Err(Refusal::bad_request("The span of time ends before it starts."));
    }
    let metadata = metadata(asked)?;
    let feed = asked.store().feed();
    let within = feed.iter().filter(|change| {
        start.is_none_or(|start| start <= change.at) && end.is_none_or(|end| change.at < end)
    });
    let page = within.skip(offset).take(limit);
    let page = page.map(|change| entry(asked.store(), change, metadata)).collect();
    Ok(answer::json(StatusCode::OK, &page))
}

/// Its last entry.
pub(in crate::origin) fn latest(asked: &Asked<'_>) -> Result<Response<Answer>, Refusal> {
    let metadata = metadata(asked)?;
    let feed = asked.store().feed();
    Ok(match feed.last() {
        Some(change) => answer::json(StatusCode::OK, &entry(asked.store(), change, metadata)),
        None => answer::bare(StatusCode::NO_CONTENT),
    })
}

/// Whether the metadata of objects that still exist is wanted.
#[derive(Clone, Copy, PartialEq)]
enum Metadata {
    Included,
    LeftOut,
}

fn metadata(asked: &Asked<'_>) -> Result<Metadata, Refusal> {
    match asked.parameter("includeMetadata").map(|value| value.to_ascii_lowercase()).as_deref() {
        None | Some("true") => Ok(Metadata::Included),
        Some("false") => Ok(Metadata::LeftOut),
        Some(_) => Err(Refusal::bad_request("includeMetadata must be true or false.")),
    }
}

fn time(asked: &Asked<'_>, name: &str) -> Result<Option<SystemTime>, Refusal> {
    let Some(text) = asked.parameter(name) else { return Ok(None) };
    // A plus sign that nobody encoded has become a space.
    let time = DateTime::parse_from_rfc3339(&text.replace(' ', "+"));
    time.map(|time| Some(time.into()))
        .map_err(|_| Refusal::bad_request(format!("The query's {name} is no time with an offset.")))
}

fn entry(store: &Store, change: &Change, metadata: Metadata) -> Value {
    let Sop { study, series, instance } = &change.sop;
    let scope = Scope {
        study: Some(study.clone()),
        series: Some(series.clone()),
        instance: Some(instance.clone()),
    };
    let now = store.within(&change.partition, &scope).pop();
    let state = match &now {
        None => "deleted",
        Some(now) if now.watermark == change.sequence => "current",
        Some(_) => "replaced",
    };
    let mut entry = json!({
        "sequence": change.sequence,
        "studyInstanceUid": study,
        "seriesInstanceUid": series,
        "sopInstanceUid": instance,
        "action": match change.action {
            Action::Create => "create",
            Action::Update => "update",
            Action::Delete => "delete",
        },
        "timestamp": timestamp(change.at),
        "state": state,
    });
    if store.partitions_are() == Partitions::On {
        entry["partitionName"] = change.partition.as_str().into();
    }
    if let (Some(now), "current", Metadata::Included) = (now, state, metadata) {
        entry["metadata"] = Value::Object(now.instance.attributes.clone());
    }
    entry
}
