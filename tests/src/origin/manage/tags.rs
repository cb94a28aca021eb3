//! Extended query tags: what to search by besides the standard's keys.

use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::StandardDataDictionary;
use http::header::LOCATION;
use http::{HeaderValue, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::operations::{self, Work};
use super::{Inner, page, timestamp, told};
use crate::origin::Asked;
use crate::origin::answer::{self, Answer, Refusal};
use crate::origin::json::key;
use crate::origin::links::Links;
use crate::origin::multipart::Incoming;
use crate::origin::query;
use crate::origin::route::Level;

pub(super) use super::indexing::IndexError;

/// A tag that was added.
#[derive(Debug)]
pub(super) struct QueryTag {
    pub(super) tag: Tag,
    pub(super) vr: VR,
    pub(super) level: Level,
    pub(super) creator: Option<String>,
    /// The operation that indexes the objects there are, while it runs.
    pub(super) operation: Option<String>,
    pub(super) query_status: QueryStatus,
    pub(super) errors: Vec<IndexError>,
}

/// Whether searches may name a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum QueryStatus {
    #[serde(alias = "enabled")]
    Enabled,
    #[serde(alias = "disabled")]
    Disabled,
}

/// Adds tags: 202 and an operation that indexes what is there. While one does, 409 and where it is;
/// 409 also for a tag that can be searched by already.
pub(in crate::origin) async fn add(
    asked: &Asked<'_>,
    body: Incoming,
) -> Result<Response<Answer>, Refusal> {
    let entries: Vec<Entry> = told(asked, body).await?;
    let mut inner = asked.service.managed.lock();
    if let Some(running) = inner.running(|work| matches!(work, Work::Reindex(_))) {
        let location = HeaderValue::try_from(asked.links.operation(&running.id)).ok();
        let text = "An operation already indexes by other tags; wait for its end.";
        return Err(Refusal::conflict(text).with(LOCATION, location));
    }
    let tags = entries.into_iter().map(Entry::understood).collect::<Result<Vec<_>, _>>()?;
    if tags.is_empty() || inner.tags.len() + tags.len() > MOST {
        return Err(Refusal::bad_request("There may be 1 to 128 extended query tags."));
    }
    if let Some(known) = tags.iter().find(|tag| inner.tag(tag.tag).is_some()) {
        let text = format!("There is an extended query tag {} already.", key(known.tag));
        return Err(Refusal::conflict(text));
    }
    let paths: Vec<String> = tags.iter().map(|tag| key(tag.tag)).collect();
    inner.tags.extend(tags);
    let id = inner.start(asked, Work::Reindex(paths.clone()));
    if inner.running(|work| matches!(work, Work::Reindex(_))).is_some() {
        for tag in inner.tags.iter_mut().filter(|tag| paths.contains(&key(tag.tag))) {
            tag.operation = Some(id.clone());
        }
    }
    let response = answer::json(StatusCode::ACCEPTED, &operations::reference(&asked.links, &id));
    Ok(answer::with_field(response, LOCATION, &asked.links.operation(&id)))
}

/// All of them, a page at a time.
pub(in crate::origin) fn list(asked: &Asked<'_>) -> Result<Response<Answer>, Refusal> {
    let inner = asked.service.managed.lock();
    let tags = inner.tags.iter().map(|tag| tag.describe(&asked.links)).collect();
    Ok(answer::json(StatusCode::OK, &page(asked, tags)?))
}

/// One of them.
pub(in crate::origin) fn one(asked: &Asked<'_>, path: &str) -> Result<Response<Answer>, Refusal> {
    let inner = asked.service.managed.lock();
    let tag = inner.tag(named(path)?).ok_or_else(Refusal::not_found)?;
    Ok(answer::json(StatusCode::OK, &tag.describe(&asked.links)))
}

/// Forgets one; not while objects are being indexed by it.
pub(in crate::origin) fn delete(
    asked: &Asked<'_>,
    path: &str,
) -> Result<Response<Answer>, Refusal> {
    let mut inner = asked.service.managed.lock();
    let wanted = named(path)?;
    let tag = inner.tag(wanted).ok_or_else(Refusal::not_found)?;
    if tag.operation.is_some() {
        return Err(Refusal::bad_request("Objects are being indexed by this tag."));
    }
    inner.tags.retain(|tag| tag.tag != wanted);
    Ok(answer::bare(StatusCode::NO_CONTENT))
}

/// Says whether searches may name one.
pub(in crate::origin) async fn change(
    asked: &Asked<'_>,
    path: &str,
    body: Incoming,
) -> Result<Response<Answer>, Refusal> {
    let wanted = named(path)?;
    let change: Change = told(asked, body).await?;
    let mut inner = asked.service.managed.lock();
    let tag = inner.tags.iter_mut().find(|tag| tag.tag == wanted);
    let tag = tag.ok_or_else(Refusal::not_found)?;
    tag.query_status = change.query_status;
    Ok(answer::json(StatusCode::OK, &tag.describe(&asked.links)))
}

/// The objects that could not be indexed by one, a page at a time.
pub(in crate::origin) fn errors(
    asked: &Asked<'_>,
    path: &str,
) -> Result<Response<Answer>, Refusal> {
    let inner = asked.service.managed.lock();
    let tag = inner.tag(named(path)?).ok_or_else(Refusal::not_found)?;
    let errors = tag.errors.iter().map(|error| {
        json!({
            "studyInstanceUid": error.sop.study,
            "seriesInstanceUid": error.sop.series,
            "sopInstanceUid": error.sop.instance,
            "createdTime": timestamp(error.at),
            "errorMessage": error.message,
        })
    });
    Ok(answer::json(StatusCode::OK, &page(asked, errors.collect())?))
}

impl QueryTag {
    /// Whether searches find by it.
    pub(super) fn is_searchable(&self) -> bool {
        self.operation.is_none() && self.query_status == QueryStatus::Enabled
    }

    fn describe(&self, links: &Links) -> Value {
        let path = key(self.tag);
        let mut told = json!({
            "path": path,
            "vr": self.vr.to_string(),
            "level": format!("{:?}", self.level),
            "status": if self.operation.is_some() { "Adding" } else { "Ready" },
            "queryStatus": format!("{:?}", self.query_status),
        });
        if let Some(creator) = &self.creator {
            told["privateCreator"] = creator.as_str().into();
        }
        if let Some(id) = &self.operation {
            told["operation"] = operations::reference(links, id);
        }
        if !self.errors.is_empty() {
            let href = format!("{}/errors", links.tag(&path));
            told["errors"] = json!({ "count": self.errors.len(), "href": href });
        }
        told
    }
}

impl Inner {
    fn tag(&self, wanted: Tag) -> Option<&QueryTag> {
        self.tags.iter().find(|tag| tag.tag == wanted)
    }
}

/// A tag to add, as a caller writes it. ASP.NET does not mind the case of members.
#[derive(Deserialize)]
struct Entry {
    #[serde(alias = "Path")]
    path: String,
    #[serde(alias = "VR", alias = "Vr")]
    vr: Option<String>,
    #[serde(alias = "PrivateCreator")]
    #[serde(rename = "privateCreator")]
    private_creator: Option<String>,
    #[serde(alias = "Level")]
    level: String,
}

#[derive(Deserialize)]
struct Change {
    #[serde(alias = "QueryStatus")]
    #[serde(rename = "queryStatus")]
    query_status: QueryStatus,
}

impl Entry {
    fn understood(self) -> Result<QueryTag, Refusal> {
        let tag = named(&self.path)?;
        let level = match self.level.to_ascii_lowercase().as_str() {
            "study" => Level::Study,
            "series" => Level::Series,
            "instance" => Level::Instance,
            _ => return Err(Refusal::bad_request("A level is Study, Series or Instance.")),
        };
        let is_private = tag.group() % 2 == 1;
        let told = self.vr.as_deref().map(str::parse::<VR>);
        let vr = match (told, StandardDataDictionary.by_tag(tag)) {
            (Some(Ok(vr)), None) if is_private => Some(vr),
            (None, Some(entry)) if !is_private => entry.vr().exact(),
            (Some(Ok(vr)), Some(entry)) if !is_private => entry.vr().exact().filter(|it| *it == vr),
            _ => None,
        };
        let vr = vr.filter(|vr| SEARCHABLE.contains(vr)).ok_or_else(|| {
            Refusal::bad_request(format!("{} has no searchable representation.", self.path))
        })?;
        if is_private != self.private_creator.is_some() {
            return Err(Refusal::bad_request("A private tag has a creator, and no other has."));
        }
        Ok(QueryTag {
            tag,
            vr,
            level,
            creator: self.private_creator,
            operation: None,
            query_status: QueryStatus::Enabled,
            errors: Vec::new(),
        })
    }
}

fn named(path: &str) -> Result<Tag, Refusal> {
    query::tag(path).ok_or_else(|| Refusal::bad_request(format!("'{path}' names no tag.")))
}

const MOST: usize = 128;

const SEARCHABLE: [VR; 18] = [
    VR::AE,
    VR::AS,
    VR::CS,
    VR::DA,
    VR::DS,
    VR::DT,
    VR::FD,
    VR::FL,
    VR::IS,
    VR::LO,
    VR::PN,
    VR::SH,
    VR::SL,
    VR::SS,
    VR::TM,
    VR::UI,
    VR::UL,
    VR::US,
];
