//! A head without anything behind it, or with all of it, that waits for the record of the access.

use http::{Method, Response, StatusCode};

use super::{Body, Source};
use crate::error::Error;
use crate::local::Local;
use crate::problem;
use crate::record::{Asker, Keeping};

/// Done when the answer may go: once its record is kept, where it has to wait for that, with `durability =
/// "synced"`. One whose record is not kept becomes a refusal.
pub(crate) async fn recorded(response: &mut Response<Body>, local: &Local) {
    let Some(keeping) = keep(response) else { return };
    if keeping.await {
        return;
    }
    let Some(mut record) = response.body_mut().record.take() else { return };
    let error = Error::AuditUnavailable;
    let mut refusal = problem::answer(&error, local.request_id(record.request_id));
    // A proxy's question has a body in its answer, whatever it asks about.
    if record.asker == Asker::Caller && record.method() == Method::HEAD {
        problem::head_only(&mut refusal);
    }
    record.failed(error);
    *response = refusal.map(|bytes| Body::whole(bytes, Some(record)));
}

fn keep(response: &mut Response<Body>) -> Option<Keeping> {
    let status = response.status();
    let Body { source, record } = response.body_mut();
    let record = record.as_mut()?;
    let has_none = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        || record.method() == Method::HEAD;
    let origin = match source {
        Source::Whole(whole) => return record.keep(whole.left()),
        Source::Origin(origin) => origin,
        Source::Kept(kept) => &kept.origin,
    };
    if has_none || origin.is_ended() { record.keep(0) } else { None }
}
