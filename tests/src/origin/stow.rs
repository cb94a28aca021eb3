//! STOW-RS: objects in, and a report on each of them in the service's words.

use std::sync::Arc;

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use http::header::WARNING;
use http::{Response, StatusCode};
use serde_json::Value;

use super::Asked;
use super::accept;
use super::answer::{self, Answer, Refusal};
use super::instance::{Instance, Sop, Unreadable};
use super::json::{self, Attributes};
use super::multipart::{self, Incoming, Multipart, Part};
use super::route;

/// What becomes of an instance that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// It stays, and the new one is told as failed.
    Add,
    /// It is replaced.
    Upsert,
}

/// Stores what `body` holds, into `study` if the path named one: 200 if all of it was, 202 if some
/// of it or not without complaint, 409 if none, 204 if there was nothing.
pub(super) async fn answer(
    asked: &Asked<'_>,
    study: Option<&str>,
    manner: Manner,
    body: Incoming,
) -> Result<Response<Answer>, Refusal> {
    accept::json(asked.headers())?;
    let kind = accept::content_type(asked.headers()).ok_or_else(Refusal::unsupported)?;
    let mut report = Report { asked, study, manner, told: Told::default() };
    match (kind.name(), kind.parameter("boundary")) {
        ("multipart/related", Some(boundary)) => {
            let mut parts = Multipart::new(body, boundary);
            while let Some(Part { kind, content }) = parts.next().await? {
                match kind.as_str() {
                    "" | DICOM => report.store(content),
                    _ => return Err(Refusal::unsupported()),
                }
            }
        }
        (DICOM, _) => {
            let content = multipart::whole(body).await?;
            if !content.is_empty() {
                report.store(content);
            }
        }
        _ => return Err(Refusal::unsupported()),
    }
    Ok(report.answer())
}

/// A store under way.
struct Report<'a> {
    asked: &'a Asked<'a>,
    study: Option<&'a str>,
    manner: Manner,
    told: Told,
}

/// What is said of each instance.
#[derive(Debug, Default)]
struct Told {
    referenced: Vec<Attributes>,
    failed: Vec<Attributes>,
    complaints: Complaints,
}

/// What was stored though something about it is odd.
#[derive(Debug, Default)]
struct Complaints {
    invalid_values: bool,
    several_values: bool,
}

impl Report<'_> {
    fn store(&mut self, file: bytes::Bytes) {
        let instance = match Instance::read(file) {
            Ok(instance) => Arc::new(instance),
            Err(Unreadable::NotDicom) => {
                return self.fail(None, PROCESSING_FAILURE);
            }
            Err(Unreadable::Incomplete(_)) => {
                return self.fail(None, VALIDATION_FAILURE);
            }
        };
        if !is_valid(&instance) {
            return self.fail(Some(&instance), VALIDATION_FAILURE);
        }
        if self.study.is_some_and(|study| study != instance.sop.study) {
            return self.fail(Some(&instance), OTHER_STUDY);
        }
        let (store, partition) = (self.asked.store(), self.asked.partition);
        match self.manner {
            Manner::Upsert => store.replace(partition, instance.clone()),
            Manner::Add => {
                if store.put(partition, instance.clone()).is_err() {
                    return self.fail(Some(&instance), ALREADY_STORED);
                }
            }
        }
        let mut item = names(&instance, [tags::REFERENCED_SOP_CLASS_UID, SOP_INSTANCE]);
        let url = self.asked.links.instance(&instance.sop);
        item.insert(json::key(RETRIEVE_URL), json::strings("UR", &[&url]));
        let comments: Vec<Attributes> =
            DATES.iter().filter_map(|&tag| invalid_date(&instance.attributes, tag)).collect();
        if !comments.is_empty() {
            self.told.complaints.invalid_values = true;
            item.insert(json::key(tags::WARNING_REASON), json::number("US", 1));
            item.insert(json::key(tags::FAILED_ATTRIBUTES_SEQUENCE), json::sequence(comments));
        }
        self.told.complaints.several_values |=
            SINGLE_VALUED.iter().any(|&tag| json::values(&instance.attributes, tag).len() > 1);
        self.told.referenced.push(item);
    }

    fn fail(&mut self, instance: Option<&Instance>, reason: u64) {
        let mut item = instance
            .map(|it| names(it, [tags::REFERENCED_SOP_CLASS_UID, SOP_INSTANCE]))
            .unwrap_or_default();
        item.insert(json::key(tags::FAILURE_REASON), json::number("US", reason));
        self.told.failed.push(item);
    }

    fn answer(self) -> Response<Answer> {
        let Told { referenced, failed, complaints } = self.told;
        let status = match (referenced.is_empty(), failed.is_empty()) {
            (true, true) => return answer::bare(StatusCode::NO_CONTENT),
            (true, false) => StatusCode::CONFLICT,
            (false, true) if !complaints.invalid_values => StatusCode::OK,
            (false, _) => StatusCode::ACCEPTED,
        };
        let mut report = Attributes::new();
        if let (Some(study), false) = (self.study, referenced.is_empty()) {
            let url = self.asked.links.study(study);
            report.insert(json::key(RETRIEVE_URL), json::strings("UR", &[&url]));
        }
        let sequences =
            [(tags::FAILED_SOP_SEQUENCE, failed), (tags::REFERENCED_SOP_SEQUENCE, referenced)];
        for (tag, items) in sequences.into_iter().filter(|(_, items)| !items.is_empty()) {
            report.insert(json::key(tag), json::sequence(items));
        }
        let mut response = answer::dicom_json(status, &report);
        if let Some(warning) = complaints.text().and_then(|text| self.asked.links.warning(text)) {
            response.headers_mut().insert(WARNING, warning);
        }
        response
    }
}

impl Complaints {
    fn text(&self) -> Option<&'static str> {
        match self {
            Self { several_values: true, .. } => {
                Some("Of a searchable attribute with several values only the first is searched.")
            }
            Self { invalid_values: true, .. } => {
                Some("Attributes that are not valid were stored and cannot be searched for.")
            }
            _ => None,
        }
    }
}

/// Whether all that an instance must have is as this service wants it.
fn is_valid(instance: &Instance) -> bool {
    let Sop { study, series, instance: uid } = &instance.sop;
    [study, series, uid, &instance.class].into_iter().all(|uid| route::is_uid(uid))
        && json::text(&instance.attributes, tags::PATIENT_ID).is_some()
}

fn names(instance: &Instance, [class, uid]: [Tag; 2]) -> Attributes {
    Attributes::from_iter([
        (json::key(class), json::strings("UI", &[&instance.class])),
        (json::key(uid), json::strings("UI", &[&instance.sop.instance])),
    ])
}

/// A comment on `tag` if it is not a date; it quotes the value, as the service's does.
fn invalid_date(attributes: &Attributes, tag: Tag) -> Option<Attributes> {
    let value = json::values(attributes, tag).first().and_then(Value::as_str)?;
    if value.len() == 8 && value.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let comment = format!("{tag} - Content \"{value}\" does not validate VR DA");
    Some(Attributes::from_iter([(json::key(ERROR_COMMENT), json::strings("LO", &[&comment]))]))
}

const DICOM: &str = "application/dicom";

const RETRIEVE_URL: Tag = tags::RETRIEVE_URL;
const SOP_INSTANCE: Tag = tags::REFERENCED_SOP_INSTANCE_UID;
const ERROR_COMMENT: Tag = Tag(0x0000, 0x0902);

const PROCESSING_FAILURE: u64 = 272;
const VALIDATION_FAILURE: u64 = 43264;
const OTHER_STUDY: u64 = 43265;
const ALREADY_STORED: u64 = 45070;

const DATES: [Tag; 2] = [tags::STUDY_DATE, tags::PATIENT_BIRTH_DATE];

const SINGLE_VALUED: [Tag; 6] = [
    tags::PATIENT_ID,
    tags::PATIENT_NAME,
    tags::ACCESSION_NUMBER,
    tags::STUDY_DESCRIPTION,
    tags::MODALITY,
    tags::MANUFACTURER_MODEL_NAME,
];
