//! Paths to resources, as ASP.NET reads them: literal segments in any case, percent-encoding undone
//! first, a slash at the end forgiven. Everything this service does not route is `None`; it answers
//! neither preflights nor capability requests.

use std::borrow::Cow;

use super::answer::Refusal;

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    /// The data partition, where the path names one.
    pub(super) partition: Option<String>,
    pub(super) resource: Resource,
}

/// What a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Resource {
    /// A collection to search, and at the study level to store into.
    Collection(Level, Scope),
    /// Whole objects.
    Objects(Scope),
    /// Their attributes without bulk data.
    Metadata(Scope),
    /// Frames of an instance, counted from 1.
    Frames(Scope, Vec<usize>),
    /// A frame as a picture, counted from 1.
    Rendered(Scope, usize),
    /// The command to change attributes of many studies.
    BulkUpdate,
    /// The command to copy objects to a blob storage.
    Export,
    /// The work items, to search and to add to.
    WorkItems,
    /// One of them.
    WorkItem(String),
    /// Its state.
    WorkItemState(String),
    /// Requests to cancel it.
    CancelRequest(String),
    /// The log of stores, updates and deletes.
    ChangeFeed,
    /// Its last entry.
    ChangeFeedLatest,
    /// The data partitions.
    Partitions,
    /// The tags made searchable besides the standard's.
    Tags,
    /// One of them, by keyword or number.
    Tag(String),
    /// What could not be indexed by it.
    TagErrors(String),
    /// A long-running operation.
    Operation(String),
    /// The description of all this: OpenAPI.
    Description(Notation),
}

/// What a description is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notation {
    Json,
    Yaml,
}

/// A level of the information model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Study,
    Series,
    Instance,
}

/// The study, series and instance a path names, as far down as it goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) study: Option<String>,
    pub(super) series: Option<String>,
    pub(super) instance: Option<String>,
}

/// What lies at `path`, all of it.
pub(super) fn resolve(path: &str) -> Result<Option<Route>, Refusal> {
    let path = percent_decoded(path);
    let segments: Vec<&str> = path.trim_end_matches('/').split('/').skip(1).collect();
    let lower: Vec<String> = segments.iter().map(|segment| segment.to_ascii_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    let (partition, named, lower) = match (segments.as_slice(), lower.as_slice()) {
        ([_, _, partition, named @ ..], ["v2", "partitions", _, lower @ ..]) => {
            (Some(*partition), named, lower)
        }
        ([_, named @ ..], ["v2", lower @ ..]) => (None, named, lower),
        _ => return Ok(None),
    };
    let resource = match in_partitions(named, lower)? {
        None if partition.is_none() => beside_partitions(named, lower),
        resource => resource,
    };
    if let (Some(partition), Some(_)) = (partition, &resource)
        && !is_partition(partition)
    {
        return Err(Refusal::bad_request(format!("'{partition}' cannot name a partition.")));
    }
    Ok(resource.map(|resource| Route { partition: partition.map(str::to_owned), resource }))
}

impl Resource {
    /// Whether it lies in a data partition, where there are any.
    pub(super) fn is_partitioned(&self) -> bool {
        !matches!(
            self,
            Self::ChangeFeed
                | Self::ChangeFeedLatest
                | Self::Partitions
                | Self::Tags
                | Self::Tag(_)
                | Self::TagErrors(_)
                | Self::Operation(_)
                | Self::Description(_)
        )
    }

    /// The methods that it answers to, as `Allow` lists them.
    pub(super) fn methods(&self) -> &'static str {
        match self {
            Self::Collection(Level::Study, _) => "GET, POST, PUT",
            Self::Objects(scope) if scope.series.is_none() => "DELETE, GET, POST, PUT",
            Self::Objects(_) => "DELETE, GET",
            Self::BulkUpdate | Self::Export | Self::CancelRequest(_) => "POST",
            Self::WorkItems | Self::WorkItem(_) | Self::Tags => "GET, POST",
            Self::WorkItemState(_) => "PUT",
            Self::Tag(_) => "DELETE, GET, PATCH",
            Self::Collection(..)
            | Self::Metadata(_)
            | Self::Frames(..)
            | Self::Rendered(..)
            | Self::ChangeFeed
            | Self::ChangeFeedLatest
            | Self::Partitions
            | Self::TagErrors(_)
            | Self::Operation(_)
            | Self::Description(_) => "GET",
        }
    }
}

fn in_partitions(named: &[&str], lower: &[&str]) -> Result<Option<Resource>, Refusal> {
    use Level::{Instance, Series, Study};
    use Resource::{Collection, Frames, Metadata, Objects, Rendered};

    Ok(Some(match lower {
        ["studies"] => Collection(Study, Scope::default()),
        ["series"] => Collection(Series, Scope::default()),
        ["instances"] => Collection(Instance, Scope::default()),
        ["studies", "$bulkupdate"] => Resource::BulkUpdate,
        ["export"] => Resource::Export,
        ["workitems"] => Resource::WorkItems,
        ["workitems", _] => Resource::WorkItem(uid(named[1])?),
        ["workitems", _, "state"] => Resource::WorkItemState(uid(named[1])?),
        ["workitems", _, "cancelrequest"] => Resource::CancelRequest(uid(named[1])?),
        ["studies", _] => Objects(scope(&[named[1]])?),
        ["studies", _, "metadata"] => Metadata(scope(&[named[1]])?),
        ["studies", _, "series"] => Collection(Series, scope(&[named[1]])?),
        ["studies", _, "instances"] => Collection(Instance, scope(&[named[1]])?),
        ["studies", _, "series", _] => Objects(scope(&[named[1], named[3]])?),
        ["studies", _, "series", _, "metadata"] => Metadata(scope(&[named[1], named[3]])?),
        ["studies", _, "series", _, "instances"] => {
            Collection(Instance, scope(&[named[1], named[3]])?)
        }
        ["studies", _, "series", _, "instances", _, form @ ..] => {
            let scope = || scope(&[named[1], named[3], named[5]]);
            match form {
                [] => Objects(scope()?),
                ["metadata"] => Metadata(scope()?),
                ["rendered"] => Rendered(scope()?, 1),
                ["frames", list] => Frames(scope()?, frames(list)?),
                ["frames", frame, "rendered"] => match frames(frame)?.as_slice() {
                    [frame] => Rendered(scope()?, *frame),
                    _ => return Ok(None),
                },
                _ => return Ok(None),
            }
        }
        _ => return Ok(None),
    }))
}

fn beside_partitions(named: &[&str], lower: &[&str]) -> Option<Resource> {
    Some(match lower {
        ["changefeed"] => Resource::ChangeFeed,
        ["changefeed", "latest"] => Resource::ChangeFeedLatest,
        ["partitions"] => Resource::Partitions,
        ["extendedquerytags"] => Resource::Tags,
        ["extendedquerytags", _] => Resource::Tag(named[1].to_owned()),
        ["extendedquerytags", _, "errors"] => Resource::TagErrors(named[1].to_owned()),
        ["operations", id] => Resource::Operation(operation_id(id)?),
        ["api.json"] => Resource::Description(Notation::Json),
        ["api.yaml"] => Resource::Description(Notation::Yaml),
        _ => return None,
    })
}

/// `path` with its percent-encoding undone, but for slashes.
fn percent_decoded(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return Cow::Borrowed(path);
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|it| std::str::from_utf8(it).ok());
        let encoded = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let (byte, after) = match encoded {
            Some(byte) if first == b'%' && byte != b'/' => (byte, &after[2..]),
            _ => (first, after),
        };
        bytes.push(byte);
        rest = after;
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn scope(uids: &[&str]) -> Result<Scope, Refusal> {
    let mut uids = uids.iter().map(|text| uid(text)).collect::<Result<Vec<_>, _>>()?.into_iter();
    Ok(Scope { study: uids.next(), series: uids.next(), instance: uids.next() })
}

fn uid(text: &str) -> Result<String, Refusal> {
    if is_uid(text) {
        return Ok(text.to_owned());
    }
    Err(Refusal::bad_request(format!(
        "'{text}' is no identifier: those are 1 to 64 letters, digits, dots and hyphens."
    )))
}

/// Whether this service takes `text` for an identifier.
pub(super) fn is_uid(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
}

fn is_partition(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

/// 32 digits, however the caller grouped them.
fn operation_id(text: &str) -> Option<String> {
    uuid::Uuid::parse_str(text).ok().map(|id| id.simple().to_string())
}

fn frames(list: &str) -> Result<Vec<usize>, Refusal> {
    list.split(',')
        .map(|frame| frame.parse().ok().filter(|&frame| frame > 0))
        .collect::<Option<_>>()
        .ok_or_else(|| {
            Refusal::bad_request("The frames must be numbers from 1 on, with commas between them.")
        })
}
