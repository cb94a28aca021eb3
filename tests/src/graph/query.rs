//! `$filter`, `$select` and pages: of OData, what registrations need.

use serde_json::{Value, json};

use super::refusal::Refusal;

/// The options of a query.
#[derive(Default)]
pub(super) struct Query {
    filter: Vec<Condition>,
    select: Vec<String>,
    skip: usize,
    top: Option<usize>,
}

enum Condition {
    Equals(String, Value),
    HasName(String),
}

impl Query {
    pub(super) fn read(text: &str) -> Result<Self, Refusal> {
        let mut query = Self::default();
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            match &*name {
                "$filter" => query.filter = conditions(&value)?,
                "$select" => query.select = value.split(',').map(str::to_owned).collect(),
                "$top" => query.top = value.parse().ok(),
                "$skiptoken" => query.skip = value.parse().unwrap_or_default(),
                "$count" => {}
                other => return Err(Refusal::bad(format!("Query option '{other}' is unknown."))),
            }
        }
        Ok(query)
    }

    pub(super) fn selects(&self, property: &str) -> bool {
        self.select.iter().any(|it| it == property)
    }

    pub(super) fn fits(&self, object: &Value) -> bool {
        self.filter.iter().all(|condition| match condition {
            Condition::Equals(property, value) => match (&object[property], value) {
                // Without regard to case, as the directory compares names.
                (Value::String(one), Value::String(other)) => one.eq_ignore_ascii_case(other),
                (one, other) => one == other,
            },
            Condition::HasName(name) => {
                let names = object["servicePrincipalNames"].as_array();
                names.is_some_and(|names| names.iter().any(|it| it == name.as_str()))
            }
        })
    }

    /// What was selected of an object; all of it where nothing was.
    pub(super) fn project(&self, object: &Value) -> Value {
        if self.select.is_empty() {
            return object.clone();
        }
        let of = |name: &String| (name.clone(), object[name].clone());
        Value::Object(self.select.iter().map(of).collect())
    }

    /// One page of these objects, and where the next one is: `next` with a token.
    pub(super) fn page(&self, objects: &[Value], size: usize, next: &str) -> Value {
        let size = self.top.unwrap_or(size);
        let page = objects.iter().skip(self.skip).take(size);
        let mut answer = json!({ "value": page.map(|it| self.project(it)).collect::<Vec<_>>() });
        if self.skip + size < objects.len() {
            let without = next.split("$skiptoken=").next().unwrap_or(next);
            let without = without.trim_end_matches(['&', '?']);
            let joint = if without.contains('?') { '&' } else { '?' };
            let token = self.skip + size;
            answer["@odata.nextLink"] = format!("{without}{joint}$skiptoken={token}").into();
        }
        answer
    }
}

fn conditions(text: &str) -> Result<Vec<Condition>, Refusal> {
    let invalid = || Refusal::bad("Invalid filter clause.");
    text.split(" and ")
        .map(|clause| {
            if let Some(rest) = clause.strip_prefix("servicePrincipalNames/any(n:n eq ") {
                let name = rest.strip_suffix(')').and_then(quoted).ok_or_else(invalid)?;
                return Ok(Condition::HasName(name));
            }
            let (property, value) = clause.split_once(" eq ").ok_or_else(invalid)?;
            if !FILTERABLE.contains(&property) {
                return Err(Refusal::new(
                    400,
                    "Request_UnsupportedQuery",
                    format!(
                        "Unsupported or invalid query filter clause for property '{property}'."
                    ),
                ));
            }
            let value = quoted(value).ok_or_else(invalid)?;
            Ok(Condition::Equals(property.to_owned(), value.into()))
        })
        .collect()
}

/// An OData string: a quote in it is doubled.
fn quoted(text: &str) -> Option<String> {
    let inner = text.strip_prefix('\'')?.strip_suffix('\'')?;
    let single = inner.replace("''", "");
    (!single.contains('\'')).then(|| inner.replace("''", "'"))
}

const FILTERABLE: [&str; 7] =
    ["displayName", "appId", "id", "clientId", "consentType", "resourceId", "principalId"];
