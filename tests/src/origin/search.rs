//! QIDO-RS: which studies, series or instances match, and what is said of each.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use http::{HeaderName, Response, StatusCode};
use serde_json::json;

use super::Asked;
use super::accept;
use super::answer::{self, Answer, Refusal};
use super::json::{self, Attributes};
use super::query::{self, Fields, Query};
use super::route::{Level, Scope};
use super::store::Stored;

/// The answer to a search for `level` within `scope`: 200 with matches, what was stored last first,
/// or 204.
pub(super) fn answer(
    asked: &Asked<'_>,
    level: Level,
    scope: &Scope,
) -> Result<Response<Answer>, Refusal> {
    accept::json(asked.headers())?;
    let managed = &asked.service.managed;
    let query = Query::parse(asked.query(), level, &managed.searchable())?;
    let stored = asked.within(scope);
    let modalities = modalities(&stored);
    let mut groups: BTreeMap<Vec<&str>, Group<'_>> = BTreeMap::new();
    for it in &stored {
        let sop = &it.instance.sop;
        let uids = [&sop.study, &sop.series, &sop.instance];
        let uids = uids.into_iter().take(level as usize + 1).map(String::as_str).collect();
        let group = || Group { members: Vec::new(), modalities: &modalities[sop.study.as_str()] };
        groups.entry(uids).or_insert_with(group).members.push(it);
    }

    let mut groups: Vec<_> = groups.into_values().filter(|group| group.matches(&query)).collect();
    groups.sort_by_key(|group| Reverse(group.members.iter().map(|it| it.watermark).max()));
    let page = groups.iter().skip(query.offset).take(query.limit);
    let found: Vec<Attributes> = page.map(|group| group.describe(&query, level, scope)).collect();
    let response = match found.is_empty() {
        true => answer::bare(StatusCode::NO_CONTENT),
        false => answer::dicom_json(StatusCode::OK, &found),
    };
    let erroneous: Vec<String> =
        query.matched().filter(|&tag| managed.is_erroneous(tag)).map(query::name).collect();
    Ok(match erroneous.is_empty() {
        true => response,
        false => answer::with_field(response, ERRONEOUS, &erroneous.join(",")),
    })
}

/// The instances of one study or series, or one instance.
struct Group<'a> {
    members: Vec<&'a Stored>,
    /// Those of the study.
    modalities: &'a [String],
}

impl Group<'_> {
    fn matches(&self, query: &Query) -> bool {
        self.members.iter().any(|it| query.matches(&it.instance.attributes, self.modalities))
    }

    fn describe(&self, query: &Query, level: Level, scope: &Scope) -> Attributes {
        let attributes = &self.members[0].instance.attributes;
        if query.fields == Fields::All && level == Level::Instance {
            return attributes.clone();
        }
        let mut wanted: Vec<Tag> = COMMON.into_iter().chain(query.extra()).collect();
        if scope.study.is_none() || level == Level::Study {
            wanted.extend(STUDY);
        }
        if level >= Level::Series && (scope.series.is_none() || level == Level::Series) {
            wanted.extend(SERIES);
        }
        match level {
            Level::Study => {}
            Level::Series => wanted.push(tags::STUDY_INSTANCE_UID),
            Level::Instance => wanted.extend(INSTANCE),
        }
        if query.fields == Fields::All {
            wanted.extend(if level == Level::Study { STUDY_MORE } else { SERIES_MORE });
        }
        let known = wanted
            .into_iter()
            .map(json::key)
            .filter_map(|key| attributes.get(&key).cloned().map(|attribute| (key, attribute)));
        known.chain(self.counts(level)).collect()
    }

    /// What is not in any instance.
    fn counts(&self, level: Level) -> Vec<(String, serde_json::Value)> {
        let number = |tag, count| (json::key(tag), json::number("IS", count as u64));
        let instances = self.members.len();
        match level {
            Level::Study => {
                let series = self.members.iter().map(|it| &it.instance.sop.series);
                let mut series: Vec<_> = series.collect();
                series.dedup();
                let modalities = json!({ "vr": "CS", "Value": self.modalities });
                vec![
                    (json::key(tags::MODALITIES_IN_STUDY), modalities),
                    number(tags::NUMBER_OF_STUDY_RELATED_SERIES, series.len()),
                    number(tags::NUMBER_OF_STUDY_RELATED_INSTANCES, instances),
                ]
            }
            Level::Series => vec![number(tags::NUMBER_OF_SERIES_RELATED_INSTANCES, instances)],
            Level::Instance => Vec::new(),
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

const ERRONEOUS: HeaderName = HeaderName::from_static("erroneous-dicom-attributes");

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
