//! What a DICOMweb request asks for, in the words of PS3.18.
//!
//! A path below a route's prefix names a [`Resource`] or nothing. The table is a closed list: what it
//! does not name is not forwarded. Case matters, UIDs are checked, and `$bulkUpdate` is matched before
//! any study could bear that name, else leave to store would be leave to change patients' data.

use std::borrow::Cow;

use config::Transaction;
use http::Method;

use crate::error::{Allowed, Error};

mod place;

pub(crate) use self::place::{Place, Uids, names_study};

/// What a path names, by what may be done with it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Resource {
    /// The service itself: its capabilities (PS3.18, section 8.9).
    Service,
    /// A machine-readable description of the service.
    Description,
    /// A collection that is searched: series, instances.
    Searched,
    /// The studies: searched and stored to.
    Studies,
    /// One study: retrieved, stored to, deleted.
    Study,
    /// One series or instance: retrieved, deleted.
    Part,
    /// What describes a study or a part of it, without its bulk data.
    Metadata,
    /// Frames of one instance, one by one.
    Frames,
    /// A study or a part of it as pictures: rendered or thumbnail.
    Rendered,
    /// Bulk data by reference, pixel data among them.
    BulkData,
    /// Any object by its UIDs in the query (WADO-URI, PS3.18 section 9).
    ByQuery,
    /// The channel by which work items are notified (PS3.18, section 8.10.4).
    Notifications,
    /// The work items (PS3.18, section 11).
    WorkItems,
    /// One work item.
    WorkItem,
    /// A work item's state.
    WorkItemState,
    /// A request to cancel a work item, or to stop a subscription for a while.
    WorkItemRequest,
    /// A subscription to work items.
    Subscription,
    /// `$bulkUpdate`: the command to change data of many studies.
    BulkUpdate,
    /// `export`: the command to copy data to somewhere else.
    Export,
    /// What an administrator reads: change feed, partitions, a tag's errors.
    Administered,
    /// How a command that takes its time is getting on.
    Operation,
    /// The extended query tags.
    Tags,
    /// One extended query tag.
    Tag,
}

/// Whether a WebSocket may be opened at `path`, below a route's prefix: at the service itself, or at
/// what editions before 2019 call a subscriber's.
pub(crate) fn notifies(path: &str) -> bool {
    match path.strip_prefix("/subscribers/") {
        Some(title) => !title.contains('/') && is_title(title),
        None => matches!(path, "" | "/"),
    }
}

/// The resource that `path`, below a route's prefix, and `query` name. The path is canonical.
pub(crate) fn resource(path: &str, query: Option<&str>) -> Option<Resource> {
    if matches!(path, "" | "/" | "/wado") && query.is_some_and(asks_for_object) {
        return Some(Resource::ByQuery);
    }
    let (partition, rest) = place::split(path);
    let mut segments = [""; SEGMENTS_MOST];
    let mut count = 0;
    for segment in rest.split('/').skip(1) {
        *segments.get_mut(count)? = segment;
        count += 1;
    }
    let segments = &segments[..count];
    match partition {
        Some(name) => is_partition(name).then(|| partitioned(segments)).flatten(),
        None => partitioned(segments).or_else(|| unpartitioned(segments)),
    }
}

impl Resource {
    /// What `method` asks of it.
    pub(crate) fn transaction(self, method: &Method) -> Result<Transaction, Error> {
        use Transaction::{Delete, Manage, Retrieve, Search, Store, Worklist};
        let transaction = match (self, method.as_str()) {
            (_, "OPTIONS") => Some(Retrieve),
            (
                Self::Description
                | Self::Study
                | Self::Part
                | Self::Metadata
                | Self::Frames
                | Self::Rendered
                | Self::BulkData
                | Self::ByQuery,
                "GET" | "HEAD",
            ) => Some(Retrieve),
            (Self::Searched | Self::Studies, "GET" | "HEAD") => Some(Search),
            (Self::Studies | Self::Study, "POST" | "PUT") => Some(Store),
            (Self::Study | Self::Part, "DELETE") => Some(Delete),
            (Self::WorkItems | Self::WorkItem, "GET" | "HEAD" | "POST")
            | (Self::WorkItemState, "PUT")
            | (Self::WorkItemRequest, "POST")
            | (Self::Subscription, "GET" | "POST" | "DELETE")
            | (Self::Notifications, "GET") => Some(Worklist),
            (Self::BulkUpdate | Self::Export, "POST")
            | (Self::Administered | Self::Operation, "GET" | "HEAD")
            | (Self::Tags, "GET" | "HEAD" | "POST")
            | (Self::Tag, "GET" | "HEAD" | "DELETE" | "PATCH") => Some(Manage),
            _ => None,
        };
        transaction.ok_or(Error::WrongMethod(Allowed(self.methods())))
    }

    /// Its name in records of accesses.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Description => "description",
            Self::Searched => "searched",
            Self::Studies => "studies",
            Self::Study => "study",
            Self::Part => "part",
            Self::Metadata => "metadata",
            Self::Frames => "frames",
            Self::Rendered => "rendered",
            Self::BulkData => "bulk-data",
            Self::ByQuery => "by-query",
            Self::Notifications => "notifications",
            Self::WorkItems => "work-items",
            Self::WorkItem => "work-item",
            Self::WorkItemState => "work-item-state",
            Self::WorkItemRequest => "work-item-request",
            Self::Subscription => "subscription",
            Self::BulkUpdate => "bulk-update",
            Self::Export => "export",
            Self::Administered => "administered",
            Self::Operation => "operation",
            Self::Tags => "tags",
            Self::Tag => "tag",
        }
    }

    /// The methods that go with it, as `Allow` lists them.
    pub(crate) fn methods(self) -> &'static str {
        match self {
            Self::Service => "OPTIONS",
            Self::Notifications => "GET",
            Self::Description
            | Self::Searched
            | Self::Metadata
            | Self::Frames
            | Self::Rendered
            | Self::BulkData
            | Self::ByQuery
            | Self::Administered
            | Self::Operation => "GET, HEAD, OPTIONS",
            Self::Studies => "GET, HEAD, POST, PUT, OPTIONS",
            Self::Study => "GET, HEAD, POST, PUT, DELETE, OPTIONS",
            Self::Part => "GET, HEAD, DELETE, OPTIONS",
            Self::WorkItems | Self::WorkItem | Self::Tags => "GET, HEAD, POST, OPTIONS",
            Self::WorkItemState => "PUT, OPTIONS",
            Self::WorkItemRequest | Self::BulkUpdate | Self::Export => "POST, OPTIONS",
            Self::Subscription => "GET, POST, DELETE, OPTIONS",
            Self::Tag => "GET, HEAD, PATCH, DELETE, OPTIONS",
        }
    }
}

/// Resources that may lie in a data partition.
fn partitioned(segments: &[&str]) -> Option<Resource> {
    match segments {
        ["studies"] => Some(Resource::Studies),
        ["series" | "instances"] => Some(Resource::Searched),
        ["studies", command] if is_bulk_update(command) => Some(Resource::BulkUpdate),
        ["export"] => Some(Resource::Export),
        ["studies", study, rest @ ..] if is_uid(study) => in_study(rest),
        ["workitems", rest @ ..] => work_items(rest),
        _ => None,
    }
}

/// Resources of the service as a whole.
fn unpartitioned(segments: &[&str]) -> Option<Resource> {
    match segments {
        [] | [""] => Some(Resource::Service),
        ["api.json" | "api.yaml"] => Some(Resource::Description),
        ["changefeed" | "partitions"] | ["changefeed", "latest"] => Some(Resource::Administered),
        ["operations", id] if is_uid(id) => Some(Resource::Operation),
        ["extendedquerytags"] => Some(Resource::Tags),
        ["extendedquerytags", tag] if is_tag(tag) => Some(Resource::Tag),
        ["extendedquerytags", tag, "errors"] if is_tag(tag) => Some(Resource::Administered),
        _ => None,
    }
}

fn in_study(segments: &[&str]) -> Option<Resource> {
    match segments {
        [] => Some(Resource::Study),
        ["series" | "instances"] => Some(Resource::Searched),
        ["series", series, rest @ ..] if is_uid(series) => in_series(rest),
        ["instances", instance, rest @ ..] if is_uid(instance) => in_instance(rest),
        rest => form(rest),
    }
}

fn in_series(segments: &[&str]) -> Option<Resource> {
    match segments {
        [] => Some(Resource::Part),
        ["instances"] => Some(Resource::Searched),
        ["instances", instance, rest @ ..] if is_uid(instance) => in_instance(rest),
        rest => form(rest),
    }
}

fn in_instance(segments: &[&str]) -> Option<Resource> {
    match segments {
        [] => Some(Resource::Part),
        ["frames", frames, rest @ ..] if is_frames(frames) => match rest {
            [] => Some(Resource::Frames),
            ["rendered" | "thumbnail"] => Some(Resource::Rendered),
            ["pixeldata"] => Some(Resource::BulkData),
            _ => None,
        },
        rest => form(rest),
    }
}

fn work_items(segments: &[&str]) -> Option<Resource> {
    match segments {
        [] => Some(Resource::WorkItems),
        [item, rest @ ..] if is_uid(item) => match rest {
            [] => Some(Resource::WorkItem),
            ["state"] => Some(Resource::WorkItemState),
            ["cancelrequest"] => Some(Resource::WorkItemRequest),
            ["subscribers", title] if is_title(title) => Some(Resource::Subscription),
            ["subscribers", title, "suspend"] if is_title(title) => Some(Resource::WorkItemRequest),
            _ => None,
        },
        _ => None,
    }
}

/// What every level of the hierarchy has (PS3.18, table 10.4.1-1). `bulk` is Orthanc's word; below
/// it and the standard's stands what the server itself wrote, so any canonical segments go.
fn form(segments: &[&str]) -> Option<Resource> {
    match segments {
        ["metadata"] => Some(Resource::Metadata),
        ["rendered" | "thumbnail"] => Some(Resource::Rendered),
        ["pixeldata"] => Some(Resource::BulkData),
        ["bulk" | "bulkdata", reference @ ..] => {
            let sound = |segment: &&str| !segment.is_empty() && !segment.contains('%');
            reference.iter().all(sound).then_some(Resource::BulkData)
        }
        _ => None,
    }
}

/// Whether a query is one of WADO-URI: exactly one `requestType`, and that is `WADO` (PS3.18, section
/// 9.1.2.1.1). Another value, or a second one, might mean anything to an origin server.
fn asks_for_object(query: &str) -> bool {
    let mut types = query.split('&').filter_map(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        decoded(name).eq_ignore_ascii_case("requestType").then(|| decoded(value))
    });
    types.next().is_some_and(|value| value == "WADO") && types.next().is_none()
}

/// Also in its percent-encoded form, which origin servers decode.
fn is_bulk_update(segment: &str) -> bool {
    matches!(decoded(segment).as_ref(), "$bulkUpdate")
}

/// Letters are no part of a UID, but Azure takes them.
fn is_uid(segment: &str) -> bool {
    (1..=64).contains(&segment.len())
        && !is_dots(segment)
        && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
}

fn is_partition(segment: &str) -> bool {
    (1..=64).contains(&segment.len())
        && !is_dots(segment)
        && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn is_dots(segment: &str) -> bool {
    matches!(segment, "." | "..")
}

/// `1`, or `1,2,7`; as a comma may also be percent-encoded, both forms go.
fn is_frames(segment: &str) -> bool {
    decoded(segment).split(',').all(|frame| {
        (1..=10).contains(&frame.len()) && frame.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// A tag path: eight hexadecimal digits, a keyword, or several of them with dots between.
fn is_tag(segment: &str) -> bool {
    (1..=256).contains(&segment.len())
        && segment
            .split('.')
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// An application entity title: up to sixteen printable characters (PS3.5, section 6.2).
fn is_title(segment: &str) -> bool {
    (1..=16).contains(&decoded(segment).len())
}

/// A canonical segment's characters, or a query's; percent signs that encode nothing are replaced.
pub(crate) fn decoded(segment: &str) -> Cow<'_, str> {
    if !segment.contains('%') {
        return Cow::Borrowed(segment);
    }
    let mut text = String::with_capacity(segment.len());
    let mut rest = segment;
    while let Some((before, after)) = rest.split_once('%') {
        text.push_str(before);
        let (digits, after) = after.split_at_checked(2).unwrap_or((after, ""));
        text.push(u8::from_str_radix(digits, 16).map_or('\u{fffd}', char::from));
        rest = after;
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// Partition, study, series, instance, and a bulk data reference with room to spare.
const SEGMENTS_MOST: usize = 24;

#[cfg(test)]
mod tests;
