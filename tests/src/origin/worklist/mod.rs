//! The worklist (UPS-RS, PS3.18 section 11) as this service does it: push and pull, nothing to subscribe
//! to. Refusals to change a work item say why in a `Warning` too.

mod item;
mod search;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use dicom_dictionary_std::tags;
use http::header::{CONTENT_LOCATION, LOCATION, WARNING};
use http::{HeaderMap, Response, StatusCode};

use super::answer::{self, Answer, Refusal};
use super::json::{self, Attributes};
use super::multipart::{self, Incoming};
use super::{Asked, accept, route};

pub(super) use self::search::answer as search;

use self::item::{Rejected, State, WorkItem};

/// The work items of one service, by partition and UID.
#[derive(Debug, Default)]
pub(super) struct Worklist {
    items: Mutex<Items>,
}

type Items = BTreeMap<(String, String), WorkItem>;

/// Makes a work item: 201 and where it is. Its UID is the query, or else in the data set.
pub(super) async fn create(asked: &Asked<'_>, body: Incoming) -> Result<Response<Answer>, Refusal> {
    accept::json(asked.headers())?;
    let mut attributes = data_set(asked.headers(), body).await?;
    let inside = json::text(&attributes, tags::SOP_INSTANCE_UID).map(str::to_owned);
    let uid = match (named_by_query(asked), inside) {
        (Some(named), Some(inside)) if named != inside => None,
        (named, inside) => named.or(inside),
    };
    let uid = uid.filter(|uid| route::is_uid(uid)).ok_or_else(|| {
        Refusal::bad_request("A work item has one UID, in the query or in the data set.")
    })?;
    attributes.insert(json::key(tags::SOP_INSTANCE_UID), json::strings("UI", &[&uid]));
    let item = WorkItem::new(attributes).map_err(|wrong| rejected(asked, wrong))?;

    let mut items = asked.service.worklist.lock();
    let key = (asked.partition.to_owned(), uid);
    if items.contains_key(&key) {
        return Err(Refusal::conflict("There is a work item of this UID already."));
    }
    let url = asked.links.work_item(&key.1);
    asked.store().create_partition(asked.partition);
    items.insert(key, item);
    let response = answer::bare(StatusCode::CREATED);
    let response = answer::with_field(response, CONTENT_LOCATION, &url);
    Ok(answer::with_field(response, LOCATION, &url))
}

/// A work item without its transaction's UID, which only its owner knows.
pub(super) fn retrieve(asked: &Asked<'_>, uid: &str) -> Result<Response<Answer>, Refusal> {
    accept::json(asked.headers())?;
    let mut items = asked.service.worklist.lock();
    let item = find(&mut items, asked, uid)?;
    Ok(answer::dicom_json(StatusCode::OK, &[&item.attributes]))
}

/// Changes attributes of a work item; while somebody owns it, the query is the transaction's UID.
pub(super) async fn update(
    asked: &Asked<'_>,
    uid: &str,
    body: Incoming,
) -> Result<Response<Answer>, Refusal> {
    let changes = data_set(asked.headers(), body).await?;
    let transaction = named_by_query(asked);
    let mut items = asked.service.worklist.lock();
    let item = find(&mut items, asked, uid)?;
    item.update(changes, transaction.as_deref()).map_err(|wrong| rejected(asked, wrong))?;
    let response = answer::bare(StatusCode::OK);
    Ok(answer::with_field(response, CONTENT_LOCATION, &asked.links.work_item(uid)))
}

/// Takes a work item on, completes it or gives it up.
pub(super) async fn change_state(
    asked: &Asked<'_>,
    uid: &str,
    body: Incoming,
) -> Result<Response<Answer>, Refusal> {
    accept::json(asked.headers())?;
    let wanted = data_set(asked.headers(), body).await?;
    let transaction = json::text(&wanted, tags::TRANSACTION_UID).unwrap_or_default();
    let state = json::text(&wanted, tags::PROCEDURE_STEP_STATE).and_then(State::named);
    let state = state.filter(|_| route::is_uid(transaction)).ok_or_else(|| {
        Refusal::bad_request("A change of state has a new state and a transaction's UID.")
    })?;
    let mut items = asked.service.worklist.lock();
    let item = find(&mut items, asked, uid)?;
    let warning = item.change_state(state, transaction).map_err(|wrong| rejected(asked, wrong))?;
    let mut response = answer::bare(StatusCode::OK);
    if let Some(warning) = warning.and_then(|text| asked.links.warning(text)) {
        response.headers_mut().insert(WARNING, warning);
    }
    Ok(response)
}

/// Cancels a work item that nobody has taken on: 202. Its owner, if it has one, is not told.
pub(super) fn request_cancel(asked: &Asked<'_>, uid: &str) -> Result<Response<Answer>, Refusal> {
    is_dicom_json(asked.headers())?;
    let mut items = asked.service.worklist.lock();
    let item = find(&mut items, asked, uid)?;
    item.request_cancel().map_err(|wrong| rejected(asked, wrong))?;
    Ok(answer::bare(StatusCode::ACCEPTED))
}

impl Worklist {
    fn lock(&self) -> MutexGuard<'_, Items> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn find<'a>(
    items: &'a mut Items,
    asked: &Asked<'_>,
    uid: &str,
) -> Result<&'a mut WorkItem, Refusal> {
    items.get_mut(&(asked.partition.to_owned(), uid.to_owned())).ok_or_else(Refusal::not_found)
}

/// The query's first name, by which this service is told a UID.
fn named_by_query(asked: &Asked<'_>) -> Option<String> {
    let (name, _) = url::form_urlencoded::parse(asked.query().as_bytes()).next()?;
    Some(name.into_owned())
}

/// The only data set of a body.
async fn data_set(headers: &HeaderMap, body: Incoming) -> Result<Attributes, Refusal> {
    is_dicom_json(headers)?;
    let body = multipart::whole(body).await?;
    let sets: Option<Vec<Attributes>> = serde_json::from_slice(&body).ok();
    match sets.as_deref() {
        Some([only]) => Ok(only.clone()),
        _ => Err(Refusal::bad_request("The body is not DICOM JSON of one data set.")),
    }
}

fn is_dicom_json(headers: &HeaderMap) -> Result<(), Refusal> {
    match accept::content_type(headers) {
        Some(kind) if kind.name() == "application/dicom+json" => Ok(()),
        _ => Err(Refusal::unsupported()),
    }
}

fn rejected(asked: &Asked<'_>, wrong: Rejected) -> Refusal {
    let (status, text) = match wrong {
        Rejected::Wrong(text) => (StatusCode::BAD_REQUEST, text),
        Rejected::Conflicting(text) => (StatusCode::CONFLICT, text),
    };
    Refusal::new(status, text).with(WARNING, asked.links.warning(text))
}
