//! Paths to resources. Everything this service does not route is `None`, OPTIONS included: it
//! answers neither preflights nor capability requests.

use super::answer::Refusal;

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
    /// The log of stores and deletes.
    ChangeFeed,
    /// Its last entry.
    ChangeFeedLatest,
    /// The data partitions.
    Partitions,
    /// The tags made searchable besides the standard's.
    ExtendedQueryTags,
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

/// The resource at `path`, which starts after the service's base.
pub(super) fn resolve(path: &str) -> Result<Option<Resource>, Refusal> {
    use Level::{Instance, Series, Study};
    use Resource::{Collection, Frames, Metadata, Objects, Rendered};

    let segments: Vec<&str> = path.trim_end_matches('/').split('/').skip(1).collect();
    Ok(Some(match segments.as_slice() {
        ["studies"] => Collection(Study, Scope::default()),
        ["series"] => Collection(Series, Scope::default()),
        ["instances"] => Collection(Instance, Scope::default()),
        ["studies", study, below @ ..] => match below {
            [] => Objects(scope(&[study])?),
            ["metadata"] => Metadata(scope(&[study])?),
            ["series"] => Collection(Series, scope(&[study])?),
            ["instances"] => Collection(Instance, scope(&[study])?),
            ["series", series, below @ ..] => match below {
                [] => Objects(scope(&[study, series])?),
                ["metadata"] => Metadata(scope(&[study, series])?),
                ["instances"] => Collection(Instance, scope(&[study, series])?),
                ["instances", instance, below @ ..] => {
                    let scope = scope(&[study, series, instance])?;
                    match below {
                        [] => Objects(scope),
                        ["metadata"] => Metadata(scope),
                        ["rendered"] => Rendered(scope, 1),
                        ["frames", list] => Frames(scope, frames(list)?),
                        ["frames", frame, "rendered"] => match frames(frame)?.as_slice() {
                            [frame] => Rendered(scope, *frame),
                            _ => return Ok(None),
                        },
                        _ => return Ok(None),
                    }
                }
                _ => return Ok(None),
            },
            _ => return Ok(None),
        },
        ["changefeed"] => Resource::ChangeFeed,
        ["changefeed", "latest"] => Resource::ChangeFeedLatest,
        ["partitions"] => Resource::Partitions,
        ["extendedquerytags"] => Resource::ExtendedQueryTags,
        _ => return Ok(None),
    }))
}

fn scope(uids: &[&str]) -> Result<Scope, Refusal> {
    if let Some(bad) = uids.iter().find(|uid| !is_uid(uid)) {
        return Err(Refusal::bad_request(format!(
            "'{bad}' is no identifier: those are 1 to 64 letters, digits, dots and hyphens."
        )));
    }
    let mut uids = uids.iter().map(|&uid| uid.to_owned());
    Ok(Scope { study: uids.next(), series: uids.next(), instance: uids.next() })
}

fn is_uid(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
}

fn frames(list: &str) -> Result<Vec<usize>, Refusal> {
    list.split(',')
        .map(|frame| frame.parse().ok().filter(|&frame| frame > 0))
        .collect::<Option<_>>()
        .ok_or_else(|| {
            Refusal::bad_request("The frames must be numbers from 1 on, with commas between them.")
        })
}
