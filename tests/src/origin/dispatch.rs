//! Which transaction a method on a resource is.

use http::{Method, Response, StatusCode};

use super::answer::{self, Answer, Refusal};
use super::multipart::Incoming;
use super::route::Resource;
use super::stow::Manner;
use super::{Asked, manage, retrieve, search, stow, worklist};

/// Does what the method asks of `resource`; it is one of the resource's.
pub(super) async fn perform(
    asked: &Asked<'_>,
    resource: Resource,
    body: Incoming,
) -> Result<Response<Answer>, Refusal> {
    use Resource as R;

    match (asked.head.method.as_str(), resource) {
        ("GET", R::Collection(level, scope)) => search::answer(asked, level, &scope),
        ("GET", R::Objects(scope)) => retrieve::objects(asked, &scope),
        ("GET", R::Metadata(scope)) => retrieve::metadata(asked, &scope),
        ("GET", R::Frames(scope, wanted)) => retrieve::frames(asked, &scope, &wanted),
        ("GET", R::Rendered(scope, frame)) => retrieve::rendered(asked, &scope, frame),
        ("DELETE", R::Objects(scope)) => match asked.store().remove(asked.partition, &scope) {
            0 => Err(Refusal::not_found()),
            _ => Ok(answer::bare(StatusCode::NO_CONTENT)),
        },
        (_, R::Collection(_, scope) | R::Objects(scope)) => {
            let manner = match asked.head.method {
                Method::PUT => Manner::Upsert,
                _ => Manner::Add,
            };
            stow::answer(asked, scope.study.as_deref(), manner, body).await
        }

        ("POST", R::WorkItems) => worklist::create(asked, body).await,
        ("GET", R::WorkItems) => worklist::search(asked),
        ("GET", R::WorkItem(uid)) => worklist::retrieve(asked, &uid),
        ("POST", R::WorkItem(uid)) => worklist::update(asked, &uid, body).await,
        ("PUT", R::WorkItemState(uid)) => worklist::change_state(asked, &uid, body).await,
        ("POST", R::CancelRequest(uid)) => worklist::request_cancel(asked, &uid),

        ("POST", R::BulkUpdate) => manage::update::start(asked, body).await,
        ("POST", R::Export) => manage::export::start(asked, body).await,
        ("GET", R::ChangeFeed) => manage::change_feed::page(asked),
        ("GET", R::ChangeFeedLatest) => manage::change_feed::latest(asked),
        ("GET", R::Partitions) => manage::partitions(asked),
        ("GET", R::Description(notation)) => Ok(manage::description::answer(notation)),
        ("GET", R::Operation(id)) => manage::operations::answer(asked, &id),
        ("POST", R::Tags) => manage::tags::add(asked, body).await,
        ("GET", R::Tags) => manage::tags::list(asked),
        ("GET", R::Tag(path)) => manage::tags::one(asked, &path),
        ("DELETE", R::Tag(path)) => manage::tags::delete(asked, &path),
        ("PATCH", R::Tag(path)) => manage::tags::change(asked, &path, body).await,
        ("GET", R::TagErrors(path)) => manage::tags::errors(asked, &path),
        _ => Err(Refusal::not_found()),
    }
}
