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
            | Self::BulkUpdate
            | Self::Export => Place::Partition(split(path).0),
        }
    }

    /// Whether `method` searches it.
    pub(crate) fn is_searched_by(self, method: &Method) -> bool {
        matches!(self, Self::Studies | Self::Searched | Self::WorkItems)
            && matches!(*method, Method::GET | Method::HEAD)
    }
}

/// What a path names of DICOM's hierarchy, and in which partition.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Uids<'p> {
    /// The data partition.
    pub partition: Option<&'p str>,
    /// Study Instance UID (0020,000D).
    pub study: Option<&'p str>,
    /// Series Instance UID (0020,000E).
    pub series: Option<&'p str>,
    /// SOP Instance UID (0008,0018), that of a work item among them.
    pub instance: Option<&'p str>,
}

impl<'p> Uids<'p> {
    /// Those in `path`, below a route's prefix, which has `resource`. What stands in a query is none
    /// of them.
    pub(crate) fn of(resource: Resource, path: &'p str) -> Self {
        let (partition, rest) = split(path);
        let mut uids = Self { partition, ..Self::default() };
        if resource == Resource::BulkUpdate {
            return uids;
        }
        let mut segments = rest.split('/').skip(1);
        let mut level = segments.next();
        if level == Some("studies") {
            uids.study = segments.next();
            level = segments.next();
        }
        if level == Some("series") {
            uids.series = segments.next();
            level = segments.next();
        }
        if matches!(level, Some("instances" | "workitems")) {
            uids.instance = segments.next();
        }
        uids
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
