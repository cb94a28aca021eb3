//! QIDO-RS: which studies, series or instances match, and what is said of each.

use std::collections::BTreeMap;

use dicom_core::Tag;
use dicom_core::dictionary::DataDictionary;
use dicom_dictionary_std::{StandardDataDictionary, tags};
use http::{Response, StatusCode};
use serde_json::{Map, Value, json};

use super::answer::{self, Answer, Refusal};
use super::json::{self, Attributes};
use super::route::{Level, Scope};
use super::store::{Store, Stored};

/// The answer to a search for `level` within `scope`: 200 with matches, or 204.
pub(super) fn answer(
    store: &Store,
    level: Level,
    scope: &Scope,
    query: &str,
) -> Result<Response<Answer>, Refusal> {
    let query = Query::parse(query)?;
    let mut groups: BTreeMap<Vec<&str>, Vec<&Stored>> = BTreeMap::new();
    let stored = store.within(scope);
    let modalities = modalities(&stored);
    for it in &stored {
        let of_study = &modalities[it.instance.sop.study.as_str()];
        if query.matches(&it.instance.attributes, of_study) {
            let sop = &it.instance.sop;
            let uids = [&sop.study, &sop.series, &sop.instance];
            let uids = uids.into_iter().take(level as usize + 1).map(String::as_str).collect();
            groups.entry(uids).or_default().push(it);
        }
    }

    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, of)| std::cmp::Reverse(of.iter().map(|it| it.watermark).max()));
    let found: Vec<Attributes> = groups
        .iter()
        .skip(query.offset)
        .take(query.limit)
        .map(|(uids, of)| {
            let whole: Vec<&Stored> = stored
                .iter()
                .filter(|it| {
                    let sop = &it.instance.sop;
                    let own = [&sop.study, &sop.series, &sop.instance];
                    uids.iter().zip(own).all(|(uid, own)| uid == own)
                })
                .collect();
            let of_study = &modalities[of[0].instance.sop.study.as_str()];
            query.describe(&whole, of_study, level, scope)
        })
        .collect();
    Ok(match found.is_empty() {
        true => answer::bare(StatusCode::NO_CONTENT),
        false => answer::dicom_json(StatusCode::OK, &found),
    })
}

#[derive(Debug)]
struct Query {
    conditions: Vec<(Tag, Match)>,
    include: Vec<Tag>,
    include_all: bool,
    limit: usize,
    offset: usize,
}

#[derive(Debug)]
enum Match {
    /// One of these, literally.
    OneOf(Vec<String>),
    /// `*` and `?` stand for anything; case does not matter. Held in lower case.
    Pattern(String),
    /// Dates from and to, both included.
    Between(String, String),
}

impl Query {
    fn parse(query: &str) -> Result<Self, Refusal> {
        let mut parsed = Self {
            conditions: Vec::new(),
            include: Vec::new(),
            include_all: false,
            limit: 100,
            offset: 0,
        };
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match name.to_ascii_lowercase().as_str() {
                "limit" => {
                    parsed.limit = value
                        .parse()
                        .ok()
                        .filter(|limit| (1..=200).contains(limit))
                        .ok_or_else(|| out_of_range("limit", &value, "1 and 200"))?;
                }
                "offset" => {
                    parsed.offset = value
                        .parse()
                        .map_err(|_| out_of_range("offset", &value, "0 and 2147483647"))?;
                }
                "fuzzymatching" => {
                    if !["true", "false"].contains(&value.to_ascii_lowercase().as_str()) {
                        return Err(Refusal::bad_request(format!(
                            "Invalid query: specified fuzzymatching value '{value}' is not a valid \
                             boolean."
                        )));
                    }
                }
                "includefield" => {
                    for field in value.split(',').map(str::trim) {
                        match tag(field) {
                            _ if field.eq_ignore_ascii_case("all") => parsed.include_all = true,
                            Some(tag) => parsed.include.push(tag),
                            None => return Err(unknown_attribute(field)),
                        }
                    }
                }
                _ => {
                    let tag = tag(&name).ok_or_else(|| unknown_attribute(&name))?;
                    if parsed.conditions.iter().any(|(it, _)| *it == tag) {
                        return Err(Refusal::bad_request(format!(
                            "Invalid query: attribute '{name}' is specified more than once."
                        )));
                    }
                    if let Some(condition) = condition(tag, &value)? {
                        parsed.conditions.push((tag, condition));
                    }
                }
            }
        }
        Ok(parsed)
    }

    fn matches(&self, attributes: &Attributes, modalities: &[String]) -> bool {
        self.conditions.iter().all(|(tag, condition)| match *tag {
            tags::MODALITIES_IN_STUDY => modalities.iter().any(|it| condition.holds(it)),
            tag => json::values(attributes, tag)
                .iter()
                .filter_map(json::as_text)
                .any(|value| condition.holds(value)),
        })
    }

    fn describe(
        &self,
        of: &[&Stored],
        modalities: &[String],
        level: Level,
        scope: &Scope,
    ) -> Attributes {
        let attributes = &of[0].instance.attributes;
        if self.include_all && level == Level::Instance {
            return attributes.clone();
        }
        let asked = self.include.iter().chain(self.conditions.iter().map(|(tag, _)| tag)).copied();
        let mut wanted: Vec<Tag> = COMMON.iter().copied().chain(asked).collect();
        if scope.study.is_none() || level == Level::Study {
            wanted.extend(STUDY);
        }
        if level >= Level::Series && (scope.series.is_none() || level == Level::Series) {
            wanted.extend(SERIES);
        }
        match level {
            Level::Study => wanted.push(tags::STUDY_INSTANCE_UID),
            Level::Series => wanted.extend([tags::STUDY_INSTANCE_UID, tags::SERIES_INSTANCE_UID]),
            Level::Instance => wanted.extend(INSTANCE),
        }
        if self.include_all {
            wanted.extend(match level {
                Level::Study => STUDY_MORE,
                Level::Series | Level::Instance => SERIES_MORE,
            });
        }
        let mut described: Attributes = wanted
            .into_iter()
            .filter_map(|tag| Some((json::key(tag), attributes.get(&json::key(tag))?.clone())))
            .collect();
        self.count(&mut described, of, modalities, level);
        described
    }

    fn count(
        &self,
        described: &mut Map<String, Value>,
        of: &[&Stored],
        modalities: &[String],
        level: Level,
    ) {
        let instances = of.len() as u64;
        match level {
            Level::Study => {
                let mut series: Vec<_> = of.iter().map(|it| &it.instance.sop.series).collect();
                series.dedup();
                let modalities = json!({ "vr": "CS", "Value": modalities });
                described.insert(json::key(tags::MODALITIES_IN_STUDY), modalities);
                described.insert(
                    json::key(tags::NUMBER_OF_STUDY_RELATED_SERIES),
                    json::number("IS", series.len() as u64),
                );
                described.insert(
                    json::key(tags::NUMBER_OF_STUDY_RELATED_INSTANCES),
                    json::number("IS", instances),
                );
            }
            Level::Series => {
                described.insert(
                    json::key(tags::NUMBER_OF_SERIES_RELATED_INSTANCES),
                    json::number("IS", instances),
                );
            }
            Level::Instance => {}
        }
    }
}

impl Match {
    fn holds(&self, value: &str) -> bool {
        match self {
            Self::OneOf(wanted) => wanted.iter().any(|it| it == value),
            Self::Pattern(pattern) => matches_pattern(pattern, &value.to_lowercase()),
            Self::Between(from, to) => from.as_str() <= value && value <= to.as_str(),
        }
    }
}

fn modalities(stored: &[Stored]) -> BTreeMap<String, Vec<String>> {
    let mut of_study: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for Stored { instance, .. } in stored {
        let list = of_study.entry(instance.sop.study.clone()).or_default();
        if let Some(modality) = json::text(&instance.attributes, tags::MODALITY)
            && !list.iter().any(|it| it == modality)
        {
            list.push(modality.to_owned());
        }
    }
    of_study
}

fn condition(tag: Tag, value: &str) -> Result<Option<Match>, Refusal> {
    if value.is_empty() || value == "*" {
        return Ok(None);
    }
    Ok(Some(match tag {
        tags::STUDY_INSTANCE_UID | tags::SERIES_INSTANCE_UID | tags::SOP_INSTANCE_UID => {
            Match::OneOf(value.split([',', '\\']).map(|uid| uid.trim().to_owned()).collect())
        }
        tags::MODALITY | tags::MODALITIES_IN_STUDY => {
            Match::OneOf(value.split([',', '\\']).map(|it| it.trim().to_uppercase()).collect())
        }
        tags::STUDY_DATE | tags::PATIENT_BIRTH_DATE | tags::PERFORMED_PROCEDURE_STEP_START_DATE => {
            let (from, to) = value.split_once('-').unwrap_or((value, value));
            if ![from, to].iter().all(|date| date.is_empty() || is_date(date)) {
                return Err(Refusal::bad_request(format!(
                    "Invalid query: specified Date value '{value}' is invalid for attribute \
                     '{}'. Date should be valid and formatted as yyyyMMdd.",
                    json::key(tag)
                )));
            }
            let to = if to.is_empty() { "99999999" } else { to };
            Match::Between(from.to_owned(), to.to_owned())
        }
        tags::PATIENT_ID
        | tags::PATIENT_NAME
        | tags::ACCESSION_NUMBER
        | tags::REFERRING_PHYSICIAN_NAME
        | tags::STUDY_DESCRIPTION
        | tags::SERIES_DESCRIPTION
        | tags::STUDY_ID
        | tags::MANUFACTURER_MODEL_NAME => Match::Pattern(value.to_lowercase()),
        other => return Err(unknown_attribute(&json::key(other))),
    }))
}

/// Whether `text` is what `pattern` describes with `*` (any run) and `?` (any character).
fn matches_pattern(pattern: &str, text: &str) -> bool {
    let mut pattern_rest = pattern.chars();
    match pattern_rest.next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = pattern_rest.as_str();
            text.char_indices().any(|(at, _)| matches_pattern(rest, &text[at..]))
                || matches_pattern(rest, "")
        }
        Some(wanted) => {
            let mut text_rest = text.chars();
            text_rest.next().is_some_and(|found| wanted == '?' || wanted == found)
                && matches_pattern(pattern_rest.as_str(), text_rest.as_str())
        }
    }
}

fn tag(name: &str) -> Option<Tag> {
    StandardDataDictionary.parse_tag(name)
}

fn is_date(text: &str) -> bool {
    text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit())
}

fn unknown_attribute(name: &str) -> Refusal {
    Refusal::bad_request(format!(
        "Invalid query: unknown query parameter '{name}'. If the parameter is an attribute \
         keyword, check the casing as they are case-sensitive."
    ))
}

fn out_of_range(name: &str, value: &str, range: &str) -> Refusal {
    Refusal::bad_request(format!(
        "Invalid query: specified {name} value '{value}' is outside the allowed range of {range}."
    ))
}

const COMMON: [Tag; 2] = [tags::SPECIFIC_CHARACTER_SET, tags::TIMEZONE_OFFSET_FROM_UTC];

const STUDY: [Tag; 11] = [
    tags::STUDY_INSTANCE_UID,
    tags::STUDY_DATE,
    tags::STUDY_TIME,
    tags::ACCESSION_NUMBER,
    tags::REFERRING_PHYSICIAN_NAME,
    tags::STUDY_DESCRIPTION,
    tags::PATIENT_NAME,
    tags::PATIENT_ID,
    tags::PATIENT_BIRTH_DATE,
    tags::PATIENT_SEX,
    tags::STUDY_ID,
];

const STUDY_MORE: &[Tag] = &[tags::PATIENT_AGE, tags::PATIENT_SIZE, tags::PATIENT_WEIGHT];

const SERIES: [Tag; 6] = [
    tags::SERIES_INSTANCE_UID,
    tags::MODALITY,
    tags::SERIES_DESCRIPTION,
    tags::SERIES_NUMBER,
    tags::PERFORMED_PROCEDURE_STEP_START_DATE,
    tags::MANUFACTURER_MODEL_NAME,
];

const SERIES_MORE: &[Tag] = &[
    tags::MANUFACTURER,
    tags::BODY_PART_EXAMINED,
    tags::PATIENT_POSITION,
    tags::FRAME_OF_REFERENCE_UID,
];

const INSTANCE: [Tag; 9] = [
    tags::STUDY_INSTANCE_UID,
    tags::SERIES_INSTANCE_UID,
    tags::SOP_CLASS_UID,
    tags::SOP_INSTANCE_UID,
    tags::INSTANCE_NUMBER,
    tags::ROWS,
    tags::COLUMNS,
    tags::BITS_ALLOCATED,
    tags::NUMBER_OF_FRAMES,
];
