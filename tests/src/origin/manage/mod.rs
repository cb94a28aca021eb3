//! The service's own resources beside DICOMweb. Extended query tags, bulk update and export start
//! operations, which are what this module remembers; the change feed and the partitions are the
//! store's.

pub(super) mod change_feed;
pub(super) mod description;
pub(super) mod export;
mod indexing;
pub(super) mod operations;
pub(super) mod tags;
pub(super) mod update;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use dicom_core::Tag;
use dicom_core::chrono::{DateTime, SecondsFormat, Utc};
use http::{Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::answer::{self, Answer, Refusal};
use super::multipart::{self, Incoming};
use super::query::Added;
use super::store::Partitions;
use super::{Asked, accept};

use self::operations::Operation;
use self::tags::QueryTag;

/// The operations of one service and the tags it was told to search by.
#[derive(Debug, Default)]
pub(super) struct Managed {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    operations: Vec<Operation>,
    tags: Vec<QueryTag>,
}

impl Managed {
    /// The added tags that may be searched by now.
    pub(super) fn searchable(&self) -> Vec<Added> {
        let inner = self.lock();
        let ready = inner.tags.iter().filter(|tag| tag.is_searchable());
        ready.map(|tag| Added { tag: tag.tag, vr: tag.vr, level: tag.level }).collect()
    }

    /// Whether some objects could not be indexed by this added tag.
    pub(super) fn is_erroneous(&self, tag: Tag) -> bool {
        self.lock().tags.iter().any(|it| it.tag == tag && !it.errors.is_empty())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The partitions that something was put in: 200, 204 if there are none, 400 if there cannot be any.
pub(super) fn partitions(asked: &Asked<'_>) -> Result<Response<Answer>, Refusal> {
    if asked.store().partitions_are() == Partitions::Off {
        return Err(Refusal::bad_request("Data partitions are not switched on."));
    }
    let partitions = asked.store().partitions();
    if partitions.is_empty() {
        return Ok(answer::bare(StatusCode::NO_CONTENT));
    }
    let numbered = partitions.iter().zip(1..);
    let told = numbered.map(|(partition, key)| {
        json!({
            "partitionKey": key,
            "partitionName": partition.name,
            "createdDate": timestamp(partition.created),
        })
    });
    Ok(answer::json(StatusCode::OK, &told.collect()))
}

/// What a health probe is told.
pub(super) fn health() -> Response<Answer> {
    let details = json!([{ "name": "DataStore", "status": "Healthy", "description": "" }]);
    let health = json!({ "overallStatus": "Healthy", "details": details });
    answer::json(StatusCode::OK, &health)
}

/// What a request's JSON says.
async fn told<T: DeserializeOwned>(asked: &Asked<'_>, body: Incoming) -> Result<T, Refusal> {
    let kind = accept::content_type(asked.headers());
    if kind.is_none_or(|kind| kind.name() != "application/json") {
        return Err(Refusal::unsupported());
    }
    let body = multipart::whole(body).await?;
    serde_json::from_slice(&body)
        .map_err(|_| Refusal::bad_request("The body is not the JSON that is wanted here."))
}

/// The part of a list that the query's `offset` and `limit` ask for: 100 of it unless they say.
fn page(asked: &Asked<'_>, list: Vec<Value>) -> Result<Value, Refusal> {
    let offset = number(asked, "offset", 0, 0..=usize::MAX)?;
    let limit = number(asked, "limit", 100, 1..=200)?;
    Ok(list.into_iter().skip(offset).take(limit).collect())
}

/// The query's number `name`, or `otherwise`.
fn number(
    asked: &Asked<'_>,
    name: &str,
    otherwise: usize,
    range: std::ops::RangeInclusive<usize>,
) -> Result<usize, Refusal> {
    let Some(value) = asked.parameter(name) else { return Ok(otherwise) };
    let number = value.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| Refusal::bad_request(format!("The query's {name} is out of range.")))
}

/// RFC 3339 in UTC.
fn timestamp(at: SystemTime) -> String {
    DateTime::<Utc>::from(at).to_rfc3339_opts(SecondsFormat::Micros, true)
}
