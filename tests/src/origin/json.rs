//! DICOM JSON (PS3.18 annex F) without bulk data, which this service never puts into it: the value
//! representations that hold bytes are left out, and there are no bulk data URIs.
//!
//! `dicom-json` writes decimal and integer strings as strings; the service, and what viewers
//! expect of it, are numbers.

use dicom_core::header::Header;
use dicom_core::{DicomValue, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use dicom_object::mem::InMemElement;
use serde_json::{Map, Value, json};

/// Attributes by tag, as DICOM JSON has them.
pub(super) type Attributes = Map<String, Value>;

/// The key of `tag`: eight upper-case hexadecimal digits.
pub(super) fn key(tag: Tag) -> String {
    format!("{:04X}{:04X}", tag.group(), tag.element())
}

/// All of `object` that is not bulk data.
pub(super) fn attributes(object: &InMemDicomObject) -> Attributes {
    object
        .iter()
        .filter(|element| element.tag().element() != 0 && !is_bulk(element.vr()))
        .map(|element| (key(element.tag()), attribute(element)))
        .collect()
}

/// One attribute with string values.
pub(super) fn strings(vr: &str, values: &[&str]) -> Value {
    json!({ "vr": vr, "Value": values })
}

/// One attribute with a number.
pub(super) fn number(vr: &str, value: u64) -> Value {
    json!({ "vr": vr, "Value": [value] })
}

/// A sequence.
pub(super) fn sequence(items: Vec<Attributes>) -> Value {
    json!({ "vr": "SQ", "Value": items })
}

/// The first value of `tag` as text; of a person's name, its alphabetic group.
pub(super) fn text(attributes: &Attributes, tag: Tag) -> Option<&str> {
    values(attributes, tag).first().and_then(as_text)
}

/// A value as text; of a person's name, its alphabetic group.
pub(super) fn as_text(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value.get("Alphabetic")?.as_str())
}

/// The first value of `tag` as a number.
pub(super) fn float(attributes: &Attributes, tag: Tag) -> Option<f64> {
    values(attributes, tag).first()?.as_f64()
}

/// The first value of `tag` as a count.
pub(super) fn count(attributes: &Attributes, tag: Tag) -> Option<usize> {
    usize::try_from(values(attributes, tag).first()?.as_u64()?).ok()
}

/// All values of `tag`.
pub(super) fn values(attributes: &Attributes, tag: Tag) -> &[Value] {
    attributes
        .get(&key(tag))
        .and_then(|attribute| attribute.get("Value")?.as_array())
        .map_or(&[], Vec::as_slice)
}

fn attribute(element: &InMemElement) -> Value {
    let values = match element.value() {
        // JSON is UTF-8, whatever the object was.
        _ if element.tag() == tags::SPECIFIC_CHARACTER_SET => vec![json!("ISO_IR 192")],
        DicomValue::Sequence(sequence) => {
            sequence.items().iter().map(|item| Value::Object(attributes(item))).collect()
        }
        DicomValue::PixelSequence(_) => Vec::new(),
        DicomValue::Primitive(value) => primitive(element.vr(), value),
    };
    if values.iter().all(Value::is_null) {
        json!({ "vr": element.vr().to_string() })
    } else {
        json!({ "vr": element.vr().to_string(), "Value": values })
    }
}

fn primitive(vr: VR, value: &PrimitiveValue) -> Vec<Value> {
    match value {
        PrimitiveValue::Empty => Vec::new(),
        PrimitiveValue::U8(numbers) => numbers.iter().map(|n| json!(n)).collect(),
        PrimitiveValue::I16(numbers) => numbers.iter().map(|n| json!(n)).collect(),
        PrimitiveValue::U16(numbers) => numbers.iter().map(|n| json!(n)).collect(),
        PrimitiveValue::I32(numbers) => numbers.iter().map(|n| json!(n)).collect(),
        PrimitiveValue::U32(numbers) => numbers.iter().map(|n| json!(n)).collect(),
        PrimitiveValue::I64(numbers) => numbers.iter().map(|n| json!(n)).collect(),
        PrimitiveValue::U64(numbers) => numbers.iter().map(|n| json!(n)).collect(),
        // By way of text, so that 0.1 does not become 0.10000000149.
        PrimitiveValue::F32(numbers) => numbers.iter().map(|n| decimal(&n.to_string())).collect(),
        PrimitiveValue::F64(numbers) => numbers.iter().map(|n| json!(n)).collect(),
        PrimitiveValue::Tags(tags) => tags.iter().map(|&tag| json!(key(tag))).collect(),
        _ => value.to_multi_str().iter().map(|text| string(vr, text)).collect(),
    }
}

fn string(vr: VR, text: &str) -> Value {
    let text = match vr {
        VR::LT | VR::ST | VR::UT => text.trim_end_matches([' ', '\0']),
        _ => text.trim_matches([' ', '\0']),
    };
    match vr {
        _ if text.is_empty() => Value::Null,
        VR::PN => name(text),
        VR::DS | VR::IS => text.parse::<i64>().map_or_else(|_| decimal(text), Value::from),
        _ => Value::from(text),
    }
}

fn name(text: &str) -> Value {
    let groups = ["Alphabetic", "Ideographic", "Phonetic"].into_iter().zip(text.split('='));
    let groups = groups.map(|(group, name)| (group.to_owned(), name.trim()));
    let named = groups.filter(|(_, name)| !name.is_empty());
    named.map(|(group, name)| (group, Value::from(name))).collect::<Map<_, _>>().into()
}

/// A number if JSON has it, else the text: NaN, infinities and what is not a number at all.
fn decimal(text: &str) -> Value {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Value::from(number),
        _ => Value::from(text),
    }
}

fn is_bulk(vr: VR) -> bool {
    matches!(vr, VR::OB | VR::OD | VR::OF | VR::OL | VR::OV | VR::OW | VR::UN)
}
