//! Bulk update: the attributes of patients and studies changed in every object of up to fifty studies,
//! one operation at a time. The objects as they were stored can still be had.

use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::tags;
use http::{Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::operations::{self, Outcome, Work};
use super::told;
use crate::origin::Asked;
use crate::origin::answer::{self, Answer, Refusal};
use crate::origin::instance::Instance;
use crate::origin::json::Attributes;
use crate::origin::multipart::Incoming;
use crate::origin::route::{self, Scope};
use crate::origin::store::Store;

/// An update, understood.
#[derive(Debug, Clone)]
pub(super) struct Update {
    partition: String,
    studies: Vec<String>,
    changes: Vec<(Tag, VR, String)>,
}

/// Starts one: 202 and the operation.
pub(in crate::origin) async fn start(
    asked: &Asked<'_>,
    body: Incoming,
) -> Result<Response<Answer>, Refusal> {
    let wanted: Specification = told(asked, body).await?;
    let update = wanted.understood(asked.partition)?;
    let mut inner = asked.service.managed.lock();
    if inner.running(|work| matches!(work, Work::Update(_))).is_some() {
        return Err(Refusal::bad_request("Another update runs; there can be one at a time."));
    }
    let id = inner.start(asked, Work::Update(update));
    Ok(answer::json(StatusCode::ACCEPTED, &operations::reference(&asked.links, &id)))
}

impl Update {
    pub(super) fn perform(&self, store: &Store) -> Outcome {
        let (mut studies, mut instances, mut errors) = (0, 0, Vec::new());
        for study in &self.studies {
            let scope = Scope { study: Some(study.clone()), ..Scope::default() };
            match store.update(&self.partition, &scope, |instance| self.edited(instance)) {
                0 => errors.push(format!("Nothing of the study {study} could be updated.")),
                updated => {
                    studies += 1;
                    instances += updated;
                }
            }
        }
        let mut results = json!({ "studyUpdated": studies, "instanceUpdated": instances });
        if errors.is_empty() {
            return Ok(Some(results));
        }
        results["studyFailed"] = errors.len().into();
        results["errors"] = errors.into();
        Err(results)
    }

    fn edited(&self, instance: &Instance) -> Option<Instance> {
        instance.edited(|object| {
            for (tag, vr, value) in &self.changes {
                object.put(DataElement::new(*tag, *vr, PrimitiveValue::from(value.as_str())));
            }
        })
    }
}

#[derive(Deserialize)]
struct Specification {
    #[serde(rename = "studyInstanceUids", alias = "StudyInstanceUids")]
    studies: Vec<String>,
    #[serde(rename = "changeDataset", alias = "ChangeDataset")]
    changes: Attributes,
}

impl Specification {
    fn understood(self, partition: &str) -> Result<Update, Refusal> {
        let Self { studies, changes } = self;
        if !(1..=50).contains(&studies.len()) || !studies.iter().all(|uid| route::is_uid(uid)) {
            return Err(Refusal::bad_request("An update is of 1 to 50 studies, by their UIDs."));
        }
        let changes = changes.iter().map(|(key, attribute)| change(key, attribute));
        let changes = changes.collect::<Option<Vec<_>>>().filter(|changes| !changes.is_empty());
        let changes = changes.ok_or_else(|| {
            Refusal::bad_request("The data set to change has what cannot be changed, or nothing.")
        })?;
        Ok(Update { partition: partition.to_owned(), studies, changes })
    }
}

/// The tag, representation and values of one attribute in DICOM JSON, if it is one of the
/// changeable.
fn change(key: &str, attribute: &Value) -> Option<(Tag, VR, String)> {
    let tag = key.parse::<Tag>().ok().filter(|tag| CHANGEABLE.contains(tag))?;
    let vr = attribute["vr"].as_str()?.parse::<VR>().ok()?;
    let values = attribute["Value"].as_array().map(Vec::as_slice).unwrap_or_default();
    let values: Vec<String> = values.iter().map(text).collect::<Option<_>>()?;
    Some((tag, vr, values.join("\\")))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Object(name) => {
            let groups = ["Alphabetic", "Ideographic", "Phonetic"];
            let groups = groups.map(|group| name.get(group).and_then(Value::as_str));
            let joined = groups.map(Option::unwrap_or_default).join("=");
            Some(joined.trim_end_matches('=').to_owned())
        }
        _ => None,
    }
}

/// The single attributes of patient and study; those without a name here are retired.
const CHANGEABLE: [Tag; 36] = [
    tags::PATIENT_NAME,
    tags::PATIENT_ID,
    Tag(0x0010, 0x1000),
    tags::TYPE_OF_PATIENT_ID,
    tags::OTHER_PATIENT_NAMES,
    tags::PATIENT_BIRTH_NAME,
    tags::PATIENT_MOTHER_BIRTH_NAME,
    Tag(0x0010, 0x1090),
    tags::ISSUER_OF_PATIENT_ID,
    tags::PATIENT_AGE,
    tags::OCCUPATION,
    tags::CONFIDENTIALITY_CONSTRAINT_ON_PATIENT_DATA_DESCRIPTION,
    tags::PATIENT_BIRTH_DATE,
    tags::PATIENT_BIRTH_TIME,
    tags::PATIENT_SEX,
    tags::QUALITY_CONTROL_SUBJECT,
    tags::PATIENT_SIZE,
    tags::PATIENT_WEIGHT,
    tags::PATIENT_ADDRESS,
    tags::MILITARY_RANK,
    tags::BRANCH_OF_SERVICE,
    tags::COUNTRY_OF_RESIDENCE,
    tags::REGION_OF_RESIDENCE,
    tags::PATIENT_TELEPHONE_NUMBERS,
    Tag(0x0010, 0x2160),
    tags::PATIENT_RELIGIOUS_PREFERENCE,
    tags::PATIENT_COMMENTS,
    tags::RESPONSIBLE_PERSON,
    tags::RESPONSIBLE_PERSON_ROLE,
    tags::RESPONSIBLE_ORGANIZATION,
    tags::PATIENT_SPECIES_DESCRIPTION,
    tags::PATIENT_BREED_DESCRIPTION,
    tags::BREED_REGISTRATION_NUMBER,
    tags::REFERRING_PHYSICIAN_NAME,
    tags::ACCESSION_NUMBER,
    tags::STUDY_DESCRIPTION,
];
