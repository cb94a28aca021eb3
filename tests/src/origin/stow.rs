//! STOW-RS: objects in, and a report on each of them in the service's words.

use std::sync::Arc;

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use http::header::{CONTENT_TYPE, WARNING};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;

use super::accept::{self, MediaRange};
use super::answer::{self, Answer, Refusal};
use super::instance::{Instance, Unreadable};
use super::json::{self, Attributes};
use super::links::Links;
use super::multipart::{Malformed, Multipart, Part};
use super::store::Store;

/// Stores what `body` holds, into `study` if the path named one: 200 if all of it was, 202 if some
/// of it or not without complaint, 409 if none, 204 if there was nothing.
pub(super) async fn answer(
    store: &Store,
    study: Option<&str>,
    request: &Parts,
    body: Incoming,
    links: &Links,
) -> Result<Response<Answer>, Refusal> {
    accept::json(&request.headers)?;
    let kind = request
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| MediaRange::parse_forgiving(value.to_str().ok()?))
        .ok_or_else(unsupported)?;
    let mut report = Report::default();
    match (kind.name(), kind.parameter("boundary")) {
        ("multipart/related", Some(boundary)) => {
            let mut parts = Multipart::new(body, boundary);
            while let Some(Part { kind, content }) = parts.next().await.map_err(malformed)? {
                match kind.as_str() {
                    "" | DICOM => report.store(store, study, content, links),
                    _ => return Err(unsupported()),
                }
            }
        }
        (DICOM, _) => {
            let content = body.collect().await.map_err(|_| malformed(Malformed))?.to_bytes();
            if !content.is_empty() {
                report.store(store, study, content, links);
            }
        }
        _ => return Err(unsupported()),
    }
    Ok(report.answer(study, links))
}

#[derive(Debug, Default)]
struct Report {
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

impl Report {
    fn store(&mut self, store: &Store, study: Option<&str>, file: bytes::Bytes, links: &Links) {
        let instance = match Instance::read(file) {
            Ok(instance) => Arc::new(instance),
            Err(Unreadable::NotDicom) => {
                return self.fail(None, PROCESSING_FAILURE);
            }
            Err(Unreadable::Incomplete(_)) => {
                return self.fail(None, VALIDATION_FAILURE);
            }
        };
        if study.is_some_and(|study| study != instance.sop.study) {
            return self.fail(Some(&instance), OTHER_STUDY);
        }
        if store.add(instance.clone()).is_err() {
            return self.fail(Some(&instance), ALREADY_STORED);
        }
        let mut item = names(&instance, [tags::REFERENCED_SOP_CLASS_UID, SOP_INSTANCE]);
        item.insert(
            json::key(RETRIEVE_URL),
            json::strings("UR", &[&links.instance(&instance.sop)]),
        );
        let comments: Vec<Attributes> =
            DATES.iter().filter_map(|&tag| invalid_date(&instance.attributes, tag)).collect();
        if !comments.is_empty() {
            self.complaints.invalid_values = true;
            item.insert(json::key(tags::WARNING_REASON), json::number("US", 1));
            item.insert(json::key(tags::FAILED_ATTRIBUTES_SEQUENCE), json::sequence(comments));
        }
        self.complaints.several_values |=
            SINGLE_VALUED.iter().any(|&tag| json::values(&instance.attributes, tag).len() > 1);
        self.referenced.push(item);
    }

    fn fail(&mut self, instance: Option<&Instance>, reason: u64) {
        let mut item = instance
            .map(|it| names(it, [tags::REFERENCED_SOP_CLASS_UID, SOP_INSTANCE]))
            .unwrap_or_default();
        item.insert(json::key(tags::FAILURE_REASON), json::number("US", reason));
        self.failed.push(item);
    }

    fn answer(self, study: Option<&str>, links: &Links) -> Response<Answer> {
        let status = match (self.referenced.is_empty(), self.failed.is_empty()) {
            (true, true) => return answer::bare(StatusCode::NO_CONTENT),
            (true, false) => StatusCode::CONFLICT,
            (false, true) if !self.complaints.invalid_values => StatusCode::OK,
            (false, _) => StatusCode::ACCEPTED,
        };
        let mut report = Attributes::new();
        if let (Some(study), false) = (study, self.referenced.is_empty()) {
            report.insert(json::key(RETRIEVE_URL), json::strings("UR", &[&links.study(study)]));
        }
        let sequences = [
            (tags::FAILED_SOP_SEQUENCE, self.failed),
            (tags::REFERENCED_SOP_SEQUENCE, self.referenced),
        ];
        for (tag, items) in sequences.into_iter().filter(|(_, items)| !items.is_empty()) {
            report.insert(json::key(tag), json::sequence(items));
        }
        let mut response = answer::dicom_json(status, &report);
        if self.complaints.several_values
            && let Ok(warning) = HeaderValue::try_from(format!(
                "299 {}: \"Of a searchable attribute with several values only the first is searched.\"",
                links.host()
            ))
        {
            response.headers_mut().insert(WARNING, warning);
        }
        response
    }
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

fn unsupported() -> Refusal {
    Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "This media type cannot be stored.")
}

fn malformed(_: Malformed) -> Refusal {
    Refusal::bad_request("The body is cut short or is not multipart.")
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
