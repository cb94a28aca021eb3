//! The indexing of objects by added tags. Searches look at the objects themselves; what an index
//! brings is the list of those whose values are not of the tag's kind.

use std::time::SystemTime;

use dicom_core::VR;
use serde_json::Value;

use super::Inner;
use super::operations::Outcome;
use super::tags::QueryStatus;
use crate::origin::instance::Sop;
use crate::origin::json::{self, as_text, key};
use crate::origin::query::is_date;
use crate::origin::store::Store;

/// An object that could not be indexed.
#[derive(Debug)]
pub(super) struct IndexError {
    pub(super) sop: Sop,
    pub(super) at: SystemTime,
    pub(super) message: &'static str,
}

impl Inner {
    /// Indexes all objects by the tags at `paths`. Searches by a tag with errors are switched off
    /// until an operator switches them on.
    pub(super) fn index(&mut self, store: &Store, paths: &[String]) -> Outcome {
        let instances = store.instances();
        for tag in self.tags.iter_mut().filter(|tag| paths.contains(&key(tag.tag))) {
            let faulty = instances.iter().filter_map(|instance| {
                let values = json::values(&instance.attributes, tag.tag);
                let message = values.first().and_then(|value| fault(tag.vr, value))?;
                Some(IndexError { sop: instance.sop.clone(), at: SystemTime::now(), message })
            });
            tag.errors = faulty.collect();
            tag.operation = None;
            if !tag.errors.is_empty() {
                tag.query_status = QueryStatus::Disabled;
            }
        }
        Ok(None)
    }
}

/// What keeps `value` out of an index.
fn fault(vr: VR, value: &Value) -> Option<&'static str> {
    let text = as_text(value).unwrap_or_default();
    match vr {
        VR::DA if !is_date(text) => Some("The value is not a date."),
        VR::AS if !is_age(text) => Some("The value is not an age."),
        VR::DS | VR::IS if !value.is_number() => Some("The value is not a number."),
        VR::AE | VR::CS | VR::SH if text.len() > 16 => Some("The value is too long."),
        VR::LO | VR::PN | VR::UI if text.len() > 64 => Some("The value is too long."),
        _ => None,
    }
}

/// Three digits and a unit (PS3.5, section 6.2).
fn is_age(text: &str) -> bool {
    text.len() == 4
        && text.bytes().take(3).all(|byte| byte.is_ascii_digit())
        && text.ends_with(['D', 'W', 'M', 'Y'])
}
