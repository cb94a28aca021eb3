//! Where in a service a request acts: Azure keeps data in partitions, and names them in paths.

use http::Method;

use super::Resource;

/// Which data a request touches.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Place<'p> {
    /// That of one partition, or of the service's own where the path names none.
    Partition(Option<&'p str>),
    /// That of the service as a whole, whatever partitions it has.
    Everywhere,
    /// Nobody's: what the service says of itself, or of an operation to who has its unguessable id.
    Nowhere,
}

impl Resource {
    /// Where `path`, below a route's prefix, has this resource.
    pub(crate) fn place(self, path: &str) -> Place<'_> {
        match self {
            Self::Service | Self::Description | Self::Operation => Place::Nowhere,
            Self::Administered | Self::Tags | Self::Tag | Self::Notifications => Place::Everywhere,
            Self::Searched
            | Self::Studies
            | Self::Study
            | Self::Part
            | Self::Metadata
            | Self::Frames
            | Self::Rendered
            | Self::BulkData
            | Self::ByQuery
            | Self::WorkItems
            | Self::WorkItem
            | Self::WorkItemState
            | Self::WorkItemRequest
            | Self::Subscription
            | Self::Command => Place::Partition(split(path).0),
        }
    }

    /// Whether `method` searches it.
    pub(crate) fn is_searched_by(self, method: &Method) -> bool {
        matches!(self, Self::Studies | Self::Searched | Self::WorkItems)
            && matches!(*method, Method::GET | Method::HEAD)
    }
}

/// Whether a known resource's path names a study, within which alone it is searched then.
pub(crate) fn names_study(path: &str) -> bool {
    split(path).1.starts_with("/studies/")
}

/// The partition that a path names, and what follows.
pub(super) fn split(path: &str) -> (Option<&str>, &str) {
    let Some(rest) = path.strip_prefix("/partitions/") else { return (None, path) };
    match rest.find('/') {
        Some(end) => (Some(&rest[..end]), &rest[end..]),
        None => (None, path),
    }
}
