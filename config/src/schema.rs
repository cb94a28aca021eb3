//! The file's JSON Schema, for editors.
//!
//! It is written from the reader's own table of keys. What a schema can say of a value it says;
//! what takes a look at the disk or at a second key stays with the reader (`check`).

use serde_json::{Map, Value, json};
use toml::de::DeValue;

use crate::keys::{Key, Kind, MOST_SECONDS, Presence, Section};
use crate::options::ROOT;

/// The JSON Schema (draft 2020-12) of a configuration file.
pub fn schema() -> Value {
    let mut schema = object(&ROOT);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("dicom-gateway configuration");
    schema
}

fn object(section: &Section) -> Value {
    let properties = section.keys.iter().map(|key| (key.name.to_owned(), property(key)));
    let required = section.keys.iter().filter(|key| matches!(key.presence, Presence::Required(_)));
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties.collect::<Map<_, _>>(),
        "required": required.map(|key| key.name).collect::<Vec<_>>(),
    })
}

fn property(key: &Key) -> Value {
    let mut property = match key.kind {
        Kind::Text
        | Kind::File
        | Kind::SecretFile
        | Kind::TokenFile
        | Kind::KeyStore
        | Kind::OwnFile
        | Kind::OwnFolder => json!({"type": "string", "minLength": 1}),
        Kind::HostAndPort => json!({"type": "string", "pattern": "^.+:[0-9]+$"}),
        Kind::Parameters => json!({
            "type": "object",
            "additionalProperties": {"type": "string", "minLength": 1},
        }),
        Kind::Address => json!({"type": "string", "pattern": "^(unix:.+|.+:[0-9]+)$"}),
        Kind::Url => url(),
        Kind::Urls => json!({"type": "array", "items": url(), "minItems": 1}),
        Kind::WebOrigins => json!({
            "type": "array",
            "items": {"type": "string", "pattern": "^https?://[^/?#]+$"},
            "minItems": 1,
            "uniqueItems": true,
        }),
        Kind::FieldNames => json!({
            "type": "array",
            "items": {"type": "string", "pattern": "^[A-Za-z0-9!#$%&'+.^`|~-]+$"},
        }),
        Kind::Prefix => json!({"type": "string", "pattern": "^(/|(/[A-Za-z0-9._~-]+)*)$"}),
        Kind::Date => json!({"type": "string", "format": "date", "pattern": DATE}),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Seconds(least) => {
            json!({"type": "number", "minimum": least, "maximum": MOST_SECONDS})
        }
        Kind::Count(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
        Kind::OneOf(_, names) => json!({"type": "string", "enum": names()}),
        Kind::ManyOf(_, names) => json!({
            "type": "array",
            "items": {"type": "string", "enum": names()},
            "minItems": 1,
            "uniqueItems": true,
        }),
        Kind::AnyOf(_, names) => json!({
            "type": "array",
            "items": {"type": "string", "enum": names()},
            "uniqueItems": true,
        }),
        Kind::Hosts => json!({
            "type": "array",
            "items": {"type": "string", "minLength": 1},
            "minItems": 1,
        }),
        Kind::Texts | Kind::Files => texts(),
        Kind::TextOrTexts => json!({"anyOf": [{"type": "string", "minLength": 1}, texts()]}),
        Kind::WordOr(words, section) => json!({"anyOf": [
            {"type": "string", "enum": words},
            object(section),
        ]}),
        Kind::Table(section) => object(section),
        Kind::OneOrMore(section) => json!({"anyOf": [
            object(section),
            {"type": "array", "items": object(section), "minItems": 1},
        ]}),
        Kind::Tables(section) => json!({"type": "array", "items": object(section), "minItems": 1}),
        Kind::Named(section) => json!({"anyOf": [
            object(section),
            {"type": "object", "additionalProperties": object(section), "minProperties": 1},
        ]}),
    };
    property["description"] = json!(key.doc);
    match key.presence {
        Presence::Default(text) => property["default"] = value(text),
        // An empty table or list is a place holder, and no example to follow.
        Presence::Required("{}" | "[]") | Presence::Optional("{}" | "[]") => {}
        Presence::Required(text) | Presence::Optional(text) => {
            property["examples"] = json!([value(text)]);
        }
    }
    property
}

fn texts() -> Value {
    let text = json!({"type": "string", "minLength": 1});
    json!({"type": "array", "items": text, "minItems": 1, "uniqueItems": true})
}

fn url() -> Value {
    json!({"type": "string", "format": "uri", "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://"})
}

/// A TOML value of the table of keys as JSON.
fn value(text: &str) -> Value {
    DeValue::parse(text).map_or(Value::Null, |value| json_of(value.get_ref()))
}

fn json_of(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => json!(text),
        DeValue::Integer(number) => json!(number.as_str().parse::<i64>().ok()),
        DeValue::Float(number) => json!(number.as_str().parse::<f64>().ok()),
        DeValue::Boolean(flag) => json!(flag),
        DeValue::Datetime(time) => json!(time.to_string()),
        DeValue::Array(list) => list.iter().map(|entry| json_of(entry.get_ref())).collect(),
        DeValue::Table(entries) => entries
            .iter()
            .map(|(name, value)| (name.get_ref().to_string(), json_of(value.get_ref())))
            .collect(),
    }
}

const DATE: &str = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$";
