//! The service's own resources beside DICOMweb: change feed, partitions, extended query tags and
//! health.

use std::time::SystemTime;

use dicom_core::chrono::{DateTime, Utc};
use http::{HeaderMap, Response};
use serde_json::{Value, json};

use super::accept;
use super::answer::{self, Answer, Refusal};
use super::instance::Sop;
use super::route::Scope;
use super::store::{Action, Change, Store};

/// A page of the change feed, oldest first.
pub(super) fn change_feed(
    store: &Store,
    query: &str,
    headers: &HeaderMap,
) -> Result<Response<Answer>, Refusal> {
    accept::json(headers)?;
    let number = |name, default, highest| match url::form_urlencoded::parse(query.as_bytes())
        .find(|(it, _)| it == name)
    {
        None => Ok(default),
        Some((_, value)) => value
            .parse::<usize>()
            .ok()
            .filter(|&number| number <= highest)
            .ok_or_else(|| Refusal::bad_request(format!("The {name} value is out of range."))),
    };
    let (offset, limit) = (number("offset", 0, usize::MAX)?, number("limit", 100, 200)?);
    let metadata = metadata(query);
    let feed = store.feed();
    let page = feed.iter().skip(offset).take(limit);
    Ok(answer::json(&page.map(|change| entry(store, change, metadata)).collect()))
}

/// The last entry of the change feed.
pub(super) fn change_feed_latest(
    store: &Store,
    query: &str,
    headers: &HeaderMap,
) -> Result<Response<Answer>, Refusal> {
    accept::json(headers)?;
    let feed = store.feed();
    Ok(match feed.last() {
        Some(change) => answer::json(&entry(store, change, metadata(query))),
        None => answer::bare(http::StatusCode::NO_CONTENT),
    })
}

/// The one partition there is.
pub(super) fn partitions() -> Response<Answer> {
    answer::json(&json!([{
        "partitionKey": 1,
        "partitionName": "Microsoft.Default",
        "createdDate": timestamp(SystemTime::UNIX_EPOCH),
    }]))
}

/// The extended query tags: none can be added here.
pub(super) fn extended_query_tags() -> Response<Answer> {
    answer::json(&json!([]))
}

/// What a health probe is told.
pub(super) fn health() -> Response<Answer> {
    answer::json(&json!({
        "overallStatus": "Healthy",
        "details": [{ "name": "DataStore", "status": "Healthy", "description": "" }],
    }))
}

/// Whether the metadata of objects that still exist is wanted.
#[derive(Clone, Copy, PartialEq)]
enum Metadata {
    Included,
    LeftOut,
}

fn metadata(query: &str) -> Metadata {
    let left_out = url::form_urlencoded::parse(query.as_bytes())
        .any(|(name, value)| name == "includeMetadata" && value.eq_ignore_ascii_case("false"));
    if left_out { Metadata::LeftOut } else { Metadata::Included }
}

fn entry(store: &Store, change: &Change, metadata: Metadata) -> Value {
    let Sop { study, series, instance } = &change.sop;
    let scope = Scope {
        study: Some(study.clone()),
        series: Some(series.clone()),
        instance: Some(instance.clone()),
    };
    let now = store.within(&scope).pop();
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
            Action::Delete => "delete",
        },
        "timestamp": timestamp(change.at),
        "state": state,
    });
    if let (Some(now), "current", Metadata::Included) = (now, state, metadata) {
        entry["metadata"] = Value::Object(now.instance.attributes.clone());
    }
    entry
}

/// RFC 3339 in UTC.
fn timestamp(at: SystemTime) -> String {
    DateTime::<Utc>::from(at).to_rfc3339()
}
