//! The query of a search: what to look for, what to say, how much of it.

use dicom_core::dictionary::DataDictionary;
use dicom_core::{Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags};
use serde_json::Value;

use super::answer::Refusal;
use super::json::{self, Attributes};
use super::route::Level;

/// A query, understood.
#[derive(Debug)]
pub(super) struct Query {
    conditions: Vec<(Tag, Match)>,
    include: Vec<Tag>,
    pub(super) fields: Fields,
    pub(super) limit: usize,
    pub(super) offset: usize,
}

/// How much is said of what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fields {
    /// What is always said, and what was asked for.
    Usual,
    /// Everything known at the level.
    All,
}

/// A tag that may be searched by because an operator added it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Added {
    pub(super) tag: Tag,
    pub(super) vr: VR,
    pub(super) level: Level,
}

#[derive(Debug)]
enum Match {
    /// One of these, literally.
    OneOf(Vec<String>),
    /// `*` and `?` stand for anything; case does not matter. Held in lower case.
    Pattern(String),
    /// A word of the name begins with each of these. Held in lower case.
    Fuzzy(Vec<String>),
    /// Dates or times from and to, both included.
    Between(String, String),
    /// This number.
    Number(f64),
}

impl Query {
    /// The query of a search for `level`, which may also ask for the tags `added`.
    pub(super) fn parse(query: &str, level: Level, added: &[Added]) -> Result<Self, Refusal> {
        let fuzzy = url::form_urlencoded::parse(query.as_bytes()).any(|(name, value)| {
            name.eq_ignore_ascii_case("fuzzymatching") && value.eq_ignore_ascii_case("true")
        });
        let mut parsed = Self {
            conditions: Vec::new(),
            include: Vec::new(),
            fields: Fields::Usual,
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
                            "The query's fuzzymatching is '{value}'; it must be true or false."
                        )));
                    }
                }
                "includefield" => {
                    for field in value.split(',').map(str::trim) {
                        match tag(field) {
                            _ if field.eq_ignore_ascii_case("all") => parsed.fields = Fields::All,
                            Some(tag) => parsed.include.push(tag),
                            None => return Err(unknown_attribute(field)),
                        }
                    }
                }
                _ => {
                    let tag = tag(&name).ok_or_else(|| unknown_attribute(&name))?;
                    if parsed.conditions.iter().any(|(it, _)| *it == tag) {
                        return Err(Refusal::bad_request(format!(
                            "The query names '{name}' twice."
                        )));
                    }
                    let added = added.iter().find(|it| it.tag == tag && it.level <= level);
                    if let Some(condition) = condition(tag, &value, added)? {
                        let condition = if fuzzy { condition.fuzzy(tag) } else { condition };
                        parsed.conditions.push((tag, condition));
                    }
                }
            }
        }
        Ok(parsed)
    }

    /// Whether an instance of such attributes, in a study of such modalities, is meant.
    pub(super) fn matches(&self, attributes: &Attributes, modalities: &[String]) -> bool {
        self.conditions.iter().all(|(tag, condition)| match *tag {
            tags::MODALITIES_IN_STUDY => modalities.iter().any(|it| condition.holds(it)),
            tag => json::values(attributes, tag).iter().any(|value| condition.holds_of(value)),
        })
    }

    /// What is matched on.
    pub(super) fn matched(&self) -> impl Iterator<Item = Tag> {
        self.conditions.iter().map(|(tag, _)| *tag)
    }

    /// The attributes to say of what was found beside the usual ones: those asked for and those
    /// matched on.
    pub(super) fn extra(&self) -> impl Iterator<Item = Tag> {
        self.include.iter().copied().chain(self.matched())
    }
}

impl Match {
    fn fuzzy(self, tag: Tag) -> Self {
        match self {
            Self::Pattern(name) if NAMES.contains(&tag) => {
                Self::Fuzzy(words(&name).map(str::to_owned).collect())
            }
            other => other,
        }
    }

    fn holds_of(&self, value: &Value) -> bool {
        match self {
            Self::Number(wanted) => value.as_f64() == Some(*wanted),
            _ => json::as_text(value).is_some_and(|text| self.holds(text)),
        }
    }

    fn holds(&self, value: &str) -> bool {
        match self {
            Self::OneOf(wanted) => wanted.iter().any(|it| it == value),
            Self::Pattern(pattern) => matches_pattern(pattern, &value.to_lowercase()),
            Self::Fuzzy(wanted) => {
                let value = value.to_lowercase();
                wanted.iter().all(|part| words(&value).any(|word| word.starts_with(part)))
            }
            Self::Between(from, to) => from.as_str() <= value && value <= to.as_str(),
            Self::Number(_) => false,
        }
    }
}

fn condition(tag: Tag, value: &str, added: Option<&Added>) -> Result<Option<Match>, Refusal> {
    if value.is_empty() || value == "*" {
        return Ok(None);
    }
    if let Some(added) = added {
        return by_kind(added, value).map(Some);
    }
    Ok(Some(match tag {
        tags::STUDY_INSTANCE_UID | tags::SERIES_INSTANCE_UID | tags::SOP_INSTANCE_UID => {
            Match::OneOf(value.split([',', '\\']).map(|uid| uid.trim().to_owned()).collect())
        }
        tags::MODALITY | tags::MODALITIES_IN_STUDY => {
            Match::OneOf(value.split([',', '\\']).map(|it| it.trim().to_uppercase()).collect())
        }
        tags::STUDY_DATE | tags::PATIENT_BIRTH_DATE | tags::PERFORMED_PROCEDURE_STEP_START_DATE => {
            between(tag, value)?
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

/// The condition that a value of the added tag's representation makes.
fn by_kind(added: &Added, value: &str) -> Result<Match, Refusal> {
    match added.vr {
        VR::DA => between(added.tag, value),
        VR::DT | VR::TM => {
            let (from, to) = value.split_once('-').unwrap_or((value, value));
            Ok(Match::Between(from.to_owned(), if to.is_empty() { "~" } else { to }.to_owned()))
        }
        VR::DS | VR::IS | VR::FD | VR::FL | VR::SL | VR::SS | VR::UL | VR::US => {
            value.parse().map(Match::Number).map_err(|_| {
                let key = json::key(added.tag);
                Refusal::bad_request(format!("The value '{value}' of {key} is no number."))
            })
        }
        _ => Ok(Match::Pattern(value.to_lowercase())),
    }
}

fn between(tag: Tag, value: &str) -> Result<Match, Refusal> {
    let (from, to) = value.split_once('-').unwrap_or((value, value));
    if value == "-" || ![from, to].iter().all(|date| date.is_empty() || is_date(date)) {
        return Err(Refusal::bad_request(format!(
            "The value '{value}' of {} is neither a date nor a range of dates (yyyyMMdd).",
            json::key(tag)
        )));
    }
    let to = if to.is_empty() { "99999999" } else { to };
    Ok(Match::Between(from.to_owned(), to.to_owned()))
}

/// The words of a name, or of what is looked for in names.
fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(['^', ' ', '=']).filter(|word| !word.is_empty())
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

/// The tag that `name` names, by keyword or number.
pub(super) fn tag(name: &str) -> Option<Tag> {
    StandardDataDictionary.parse_tag(name)
}

/// The keyword of `tag`, or its number if it has none.
pub(super) fn name(tag: Tag) -> String {
    let known = StandardDataDictionary.by_tag(tag);
    known.map_or_else(|| json::key(tag), |entry| entry.alias.to_owned())
}

pub(super) fn is_date(text: &str) -> bool {
    text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit())
}

fn unknown_attribute(name: &str) -> Refusal {
    Refusal::bad_request(format!("The query names '{name}', which cannot be searched for."))
}

fn out_of_range(name: &str, value: &str, range: &str) -> Refusal {
    Refusal::bad_request(format!("The query's {name} is '{value}'; it must lie between {range}."))
}

const NAMES: [Tag; 2] = [tags::PATIENT_NAME, tags::REFERRING_PHYSICIAN_NAME];
