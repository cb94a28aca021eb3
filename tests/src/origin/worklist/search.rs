//! The search for work items, by the few keys that this service has for them.

use std::collections::BTreeSet;

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use http::{Response, StatusCode};

use crate::origin::Asked;
use crate::origin::accept;
use crate::origin::answer::{self, Answer, Refusal};
use crate::origin::json::{self, Attributes, key};
use crate::origin::query;

/// The work items that match: 200 with all of them, 206 with as many as were asked for, or 204.
pub(in crate::origin) fn answer(asked: &Asked<'_>) -> Result<Response<Answer>, Refusal> {
    accept::json(asked.headers())?;
    let query = Query::parse(asked.query())?;
    let items = asked.service.worklist.lock();
    let here = items.iter().filter(|((partition, _), _)| partition == asked.partition);
    let matching = here.map(|(_, item)| &item.attributes).filter(|item| query.matches(item));
    let mut found = matching.skip(query.offset);
    let page: Vec<Attributes> =
        found.by_ref().take(query.limit).map(|item| query.describe(item)).collect();
    Ok(match (page.is_empty(), found.next()) {
        (true, _) => answer::bare(StatusCode::NO_CONTENT),
        (false, None) => answer::dicom_json(StatusCode::OK, &page),
        (false, Some(_)) => answer::dicom_json(StatusCode::PARTIAL_CONTENT, &page),
    })
}

struct Query {
    conditions: Vec<(Path, String)>,
    include: BTreeSet<String>,
    everything: Everything,
    limit: usize,
    offset: usize,
}

#[derive(PartialEq)]
enum Everything {
    Wanted,
    NotWanted,
}

/// A tag, or a tag within the items of a sequence.
type Path = Vec<Tag>;

impl Query {
    fn parse(query: &str) -> Result<Self, Refusal> {
        let mut parsed = Self {
            conditions: Vec::new(),
            include: USUAL.into_iter().map(key).collect(),
            everything: Everything::NotWanted,
            limit: 100,
            offset: 0,
        };
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let wrong = || {
                Refusal::bad_request(format!("The query's {name} is not one that is known here."))
            };
            match name.to_ascii_lowercase().as_str() {
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=200).contains(limit));
                    parsed.limit = limit.ok_or_else(wrong)?;
                }
                "offset" => parsed.offset = value.parse().map_err(|_| wrong())?,
                "fuzzymatching" => {}
                "includefield" => {
                    for field in value.split(',').map(str::trim) {
                        match query::tag(field) {
                            _ if field.eq_ignore_ascii_case("all") => {
                                parsed.everything = Everything::Wanted;
                            }
                            Some(tag) => {
                                parsed.include.insert(key(tag));
                            }
                            None => return Err(wrong()),
                        }
                    }
                }
                _ => {
                    let path: Option<Path> = name.split('.').map(query::tag).collect();
                    let path = path.filter(|path| KEYS.contains(&path.as_slice()));
                    let path = path.ok_or_else(wrong)?;
                    parsed.include.insert(key(path[0]));
                    parsed.conditions.push((path, value.into_owned()));
                }
            }
        }
        Ok(parsed)
    }

    fn matches(&self, item: &Attributes) -> bool {
        self.conditions.iter().all(|(path, wanted)| matches(item, path, wanted))
    }

    fn describe(&self, item: &Attributes) -> Attributes {
        let wanted =
            |key: &String| self.everything == Everything::Wanted || self.include.contains(key);
        item.iter()
            .filter(|(key, _)| wanted(key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }
}

fn matches(item: &Attributes, path: &[Tag], wanted: &str) -> bool {
    let Some((&tag, rest)) = path.split_first() else { return false };
    json::values(item, tag).iter().any(|value| match rest {
        [] => json::as_text(value).is_some_and(|text| holds(tag, text, wanted)),
        _ => value.as_object().is_some_and(|item| matches(item, rest, wanted)),
    })
}

fn holds(tag: Tag, value: &str, wanted: &str) -> bool {
    match wanted.split_once('-') {
        Some((from, to)) if tag == tags::SCHEDULED_PROCEDURE_STEP_START_DATE_TIME => {
            from <= value && (to.is_empty() || value <= to || value.starts_with(to))
        }
        _ => value.eq_ignore_ascii_case(wanted),
    }
}

const KEYS: [&[Tag]; 10] = [
    &[tags::PATIENT_NAME],
    &[tags::PATIENT_ID],
    &[tags::REFERENCED_REQUEST_SEQUENCE, tags::ACCESSION_NUMBER],
    &[tags::REFERENCED_REQUEST_SEQUENCE, tags::REQUESTED_PROCEDURE_ID],
    &[tags::SCHEDULED_PROCEDURE_STEP_START_DATE_TIME],
    &[tags::SCHEDULED_STATION_NAME_CODE_SEQUENCE, tags::CODE_VALUE],
    &[tags::SCHEDULED_STATION_CLASS_CODE_SEQUENCE, tags::CODE_VALUE],
    &[tags::SCHEDULED_STATION_GEOGRAPHIC_LOCATION_CODE_SEQUENCE, tags::CODE_VALUE],
    &[tags::PROCEDURE_STEP_STATE],
    &[tags::STUDY_INSTANCE_UID],
];

const USUAL: [Tag; 11] = [
    tags::SOP_CLASS_UID,
    tags::SOP_INSTANCE_UID,
    tags::PATIENT_NAME,
    tags::PATIENT_ID,
    tags::STUDY_INSTANCE_UID,
    tags::PROCEDURE_STEP_STATE,
    tags::PROCEDURE_STEP_LABEL,
    tags::WORKLIST_LABEL,
    tags::SCHEDULED_PROCEDURE_STEP_PRIORITY,
    tags::SCHEDULED_PROCEDURE_STEP_START_DATE_TIME,
    tags::INPUT_READINESS_STATE,
];
