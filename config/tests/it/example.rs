//! `gateway.toml`, the schema and the reader know the same.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use toml::Table;

use crate::support::{Folder, replace};

#[test]
fn the_example_is_right_as_it_stands() {
    let folder = Folder::new();
    let loaded = folder.parse(EXAMPLE).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
}

#[test]
fn the_example_is_right_with_every_option_in_use() {
    let folder = Folder::new();
    for name in [
        "tls.crt",
        "tls.key",
        "authority-ca.crt",
        "origin-ca.crt",
        "client.crt",
        "client.key",
        "client.pfx",
        "client-pfx-password",
        "next-client-secret",
        "service-account.json",
        "federated-token",
        "issuer-ca.crt",
        "callers-ca.crt",
        "callers-ca.crl",
        "api-keys",
        "chain-key",
        "arr-ca.crt",
        "fhir-ca.crt",
        "audit.crt",
        "audit.key",
    ] {
        folder.write(name, "-----BEGIN");
    }
    let token = folder.path("federated-token");
    let variables = [("AZURE_FEDERATED_TOKEN_FILE", token.to_str().unwrap())];
    for text in uncommented() {
        let loaded = folder.parse_with(&text, &variables);
        let loaded = loaded.unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    }
}

#[test]
fn the_example_has_every_key_that_the_reader_knows_and_no_other() {
    let known = schema_keys().into_keys().collect::<BTreeSet<_>>();
    let shown = shown().into_keys().collect::<BTreeSet<_>>();
    assert_eq!(shown, known);
    assert!(known.len() > 45, "the schema was not walked");
}

#[test]
fn the_example_shows_each_default_behind_a_number_sign() {
    let shown = shown();
    let in_force = keys_of(EXAMPLE);
    for (key, property) in schema_keys() {
        if let Some(default) = property.get("default") {
            assert_eq!(&shown[&key], default, "{key}");
            assert!(!in_force.contains_key(&key), "{key} is a default, and need not be written");
        }
    }
}

#[test]
fn every_option_of_the_example_has_a_sentence_before_it() {
    let lines = EXAMPLE.lines().collect::<Vec<_>>();
    for pair in lines.windows(2) {
        let [before, line] = pair else { unreachable!() };
        if option(line).is_some() || (!line.is_empty() && !line.starts_with(['#', '['])) {
            assert!(before.starts_with("# ") && option(before).is_none(), "{line}");
        }
    }
}

#[test]
fn what_must_be_there_and_has_no_default_is_in_force_in_the_example() {
    let in_force = keys_of(EXAMPLE);
    for key in ["client.id", "client.credential.secret_file", "route.prefix", "route.callers"] {
        assert!(in_force.contains_key(key), "{key}");
    }
}

#[test]
fn the_schema_says_of_every_key_what_it_is_for() {
    let schema = config::schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    for (key, property) in schema_keys() {
        let description = property["description"].as_str().unwrap_or_default();
        assert!(description.len() > 10, "{key}: {property}");
        assert!(property["type"].is_string(), "{key}: {property}");
    }
}

#[test]
fn the_schema_refuses_unknown_keys_everywhere() {
    fn walk(schema: &Value) {
        if schema.get("properties").is_some() {
            assert_eq!(schema["additionalProperties"], false, "{schema}");
        }
        for part in schema.as_object().into_iter().flat_map(|object| object.values()) {
            walk(part);
        }
        for part in schema.as_array().into_iter().flatten() {
            walk(part);
        }
    }
    walk(&config::schema());
}

/// The example with every option in force: once for each of the credentials, which exclude each
/// other, and for one that nothing is said of; and once with callers that are known.
fn uncommented() -> Vec<String> {
    let lines = EXAMPLE.lines().map(|line| option(line).or_else(|| section(line)).unwrap_or(line));
    let lines = lines.collect::<Vec<_>>();
    let is_credential = |line: &str| line.starts_with("credential");
    let of_secret = |line: &str| {
        ["secret_file", "secret_method", "expires"]
            .iter()
            .any(|key| line.starts_with(&format!("credential.{key}")))
    };
    let with = |kept: &dyn Fn(&str) -> bool| {
        let lines = lines.iter().filter(|line| !is_credential(line) || kept(line));
        let lines = lines.filter(|line| !KNOWN.iter().any(|key| line.starts_with(key)));
        let text = lines.map(|line| format!("{line}\n")).collect::<String>();
        // Nor has what vouches for callers to others.
        let (before, from) = text.split_once("[forward_auth]").unwrap();
        let (_, after) = from.split_once("[client]").unwrap();
        format!("{before}[client]{after}")
    };
    let known = || {
        let lines = lines.iter().filter(|line| !is_credential(line) || of_secret(line));
        let lines = lines.filter(|line| !line.starts_with("callers = "));
        let text = lines.map(|line| format!("{line}\n")).collect::<String>();
        replace(&text, "grant = \"client_credentials\"", "grant = \"on_behalf_of\"")
    };
    let others = lines.iter().filter(|line| is_credential(line) && !of_secret(line));
    let others = others.map(|other| with(&|line| line == *other));
    [known(), with(&of_secret)].into_iter().chain(others).collect()
}

/// What has no place beside `callers = "anyone"`.
const KNOWN: [&str; 4] = ["callers.", "emergency.", "on_behalf_of.", "permits "];

/// The head of a table behind a number sign.
fn section(line: &str) -> Option<&str> {
    line.strip_prefix("# ").filter(|rest| rest.starts_with('[') && rest.ends_with(']'))
}

/// Every key that the example has.
fn shown() -> BTreeMap<String, Value> {
    uncommented().iter().flat_map(|text| keys_of(text)).collect()
}

/// The option behind a number sign, if it is one and not a sentence.
fn option(line: &str) -> Option<&str> {
    let option = line.strip_prefix("# ")?;
    let (key, _) = option.split_once(" = ")?;
    key.chars().all(|c| c.is_ascii_lowercase() || "_.0123456789".contains(c)).then_some(option)
}

/// Each key of a file by its path, with its value as JSON; array indices left out.
fn keys_of(text: &str) -> BTreeMap<String, Value> {
    fn walk(path: &str, value: Value, keys: &mut BTreeMap<String, Value>) {
        match value {
            // Its names are the operator's.
            Value::Object(entries) if path != "client.parameters" => {
                for (name, value) in entries {
                    let path = if path.is_empty() { name } else { format!("{path}.{name}") };
                    walk(&path, value, keys);
                }
            }
            Value::Array(list) if list.iter().any(Value::is_object) => {
                list.into_iter().for_each(|value| walk(path, value, keys));
            }
            value => {
                keys.insert(path.to_owned(), value);
            }
        }
    }
    let table = text.parse::<Table>().unwrap();
    let mut keys = BTreeMap::new();
    walk("", serde_json::to_value(table).unwrap(), &mut keys);
    keys
}

/// Each key of the schema that is not a table, by its path.
fn schema_keys() -> BTreeMap<String, Value> {
    fn walk(path: &str, schema: &Value, keys: &mut BTreeMap<String, Value>) {
        let any = schema.get("anyOf").and_then(Value::as_array);
        let mut any = any.map_or_else(|| std::slice::from_ref(schema), Vec::as_slice).iter();
        if let Some(word) = any.clone().find(|one| one["type"] == "string") {
            let described = schema["description"].clone();
            keys.insert(path.to_owned(), json!({"type": word["type"], "description": described}));
        }
        let or_object = any.clone().any(|one| one["type"] == "string");
        let schema = any.find(|one| if or_object { one["type"] == "object" } else { true });
        let Some(schema) = schema else { return };
        let schema =
            schema.get("items").filter(|items| items["type"] == "object").unwrap_or(schema);
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            keys.insert(path.to_owned(), schema.clone());
            return;
        };
        for (name, property) in properties {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            walk(&path, property, keys);
        }
    }
    let mut keys = BTreeMap::new();
    walk("", &config::schema(), &mut keys);
    keys
}

const EXAMPLE: &str = include_str!("../../gateway.toml");
