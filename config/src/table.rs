//! Takes a table of the document apart, key by key.
//!
//! Opening a [`Table`] reports what does not belong into it; each of its methods reads one key by
//! what `options.rs` says of it, reports what is wrong with the value, and then gives the default, so
//! that reading goes on and finds the next problem. What is read while there are problems is never
//! used.

use std::fmt::Display;
use std::path::Path;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::keys::{Key, Kind, MOST_SECONDS, Presence, Section};
use crate::problem::Report;
use crate::words::{integer, unknown, word, wrong};

mod lists;

/// A table of the document, or the absence of one.
pub(crate) struct Table<'d> {
    report: &'d Report<'d>,
    section: &'static Section,
    path: String,
    line: usize,
    entries: Option<&'d DeTable<'d>>,
}

impl<'d> Table<'d> {
    /// The document itself.
    pub(crate) fn root(
        report: &'d Report<'d>,
        section: &'static Section,
        entries: &'d DeTable<'d>,
    ) -> Self {
        let table = Self { report, section, path: String::new(), line: 1, entries: Some(entries) };
        table.report_strangers();
        table
    }

    /// Whether the file has this key.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    /// Whether the file has a key that does not belong here, and was reported.
    pub(crate) fn has_stranger(&self) -> bool {
        let known = |name: &str| self.section.keys.iter().any(|key| key.name == name);
        let mut names = self.entries.into_iter().flat_map(DeTable::keys);
        names.any(|name| !known(name.get_ref()))
    }

    /// Whether the file has this key; if not, that is reported.
    pub(crate) fn has_or_missing(&self, name: &str) -> bool {
        let key = self.section.key(name);
        if let (false, Presence::Required(example)) = (self.has(name), &key.presence) {
            self.missing(name, format!("write {name} = {example}: {}", key.doc));
        }
        self.has(name)
    }

    /// Where everything that is found is written down.
    pub(crate) fn report(&self) -> &'d Report<'d> {
        self.report
    }

    /// What a key's value must be.
    pub(crate) fn kind(&self, name: &str) -> Kind {
        self.section.key(name).kind
    }

    /// What relative paths are relative to.
    pub(crate) fn folder(&self) -> &'d Path {
        self.report.folder
    }

    /// The key's value as it is written.
    pub(crate) fn entry(&self, name: &str) -> Option<&'d Spanned<DeValue<'d>>> {
        self.entries?.get(name)
    }

    /// The line of a key, or of the table if the key is absent.
    pub(crate) fn line(&self, name: &str) -> usize {
        self.entries
            .and_then(|entries| entries.get_key_value(name))
            .map_or(self.line, |(key, _)| self.report.line(key.span().start))
    }

    /// Whether nothing is wrong with this key so far.
    pub(crate) fn is_fine(&self, name: &str) -> bool {
        self.report.is_fine(&self.path(name))
    }

    /// Reports a problem with this key.
    pub(crate) fn problem(&self, name: &str, message: impl Display) {
        self.report.problem(self.line(name), &self.path(name), message.to_string());
    }

    /// Reports a problem with the table as a whole.
    pub(crate) fn problem_here(&self, message: &str) {
        self.report.problem(self.line, &self.path, message.to_owned());
    }

    /// Reports something to think about with this key.
    pub(crate) fn warning(&self, name: &str, message: impl Display) {
        self.report.warning(self.line(name), &self.path(name), message.to_string());
    }

    /// Reports that this key has to be there, unless it may be in a part that could not be read, or
    /// the whole table is something else.
    pub(crate) fn missing(&self, name: &str, advice: impl Display) {
        if self.report.is_whole() && self.report.is_fine(&self.path) {
            self.report.problem(self.line, &self.path(name), format!("missing; {advice}"));
        }
    }

    /// A string that is not empty.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.parsed(name, |text| Ok(text.to_owned()))
    }

    /// A string that `parse` understands.
    pub(crate) fn parsed<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.value(name, |key, value| match (value.as_str(), key.kind) {
            (Some(""), kind) if !matches!(kind, Kind::Prefix) => Err("is empty".to_owned()),
            (Some(text), _) => parse(text),
            (None, _) => Err(wrong(value, "a string")),
        })
    }

    /// A boolean; the key has a default. Danger is told of.
    pub(crate) fn flag(&self, name: &str) -> bool {
        let is_set = self.choice(name).unwrap_or_default();
        if is_set && name.starts_with("danger_") {
            self.warning(name, format!("is true, which {}", self.section.key(name).doc));
        }
        is_set
    }

    /// A boolean, if it is there.
    pub(crate) fn choice(&self, name: &str) -> Option<bool> {
        self.value(name, |_, value| {
            value.as_bool().ok_or_else(|| wrong(value, "true or false, without quotes"))
        })
    }

    /// A time; the key has a default.
    pub(crate) fn seconds(&self, name: &str) -> Duration {
        self.value(name, |key, value| {
            let Kind::Seconds(least) = key.kind else { return Err(String::new()) };
            let number = match value {
                DeValue::Integer(_) => integer(value).map(|number| number as f64),
                DeValue::Float(float) => float.as_str().parse().ok(),
                _ => return Err(wrong(value, "a number of seconds, such as 10 or 0.5")),
            };
            number
                .filter(|number| (least..=MOST_SECONDS).contains(number))
                .map(Duration::from_secs_f64)
                .ok_or_else(|| format!("out of range; from {least} to {MOST_SECONDS} seconds"))
        })
        .unwrap_or_default()
    }

    /// An integer in the range of its key.
    pub(crate) fn count<T: TryFrom<i128>>(&self, name: &str) -> Option<T> {
        self.value(name, |key, value| {
            let Kind::Count(least, most) = key.kind else { return Err(String::new()) };
            if !value.is_integer() {
                return Err(wrong(value, "an integer"));
            }
            integer(value)
                .filter(|number| (i128::from(least)..=i128::from(most)).contains(number))
                .and_then(|number| T::try_from(number).ok())
                .ok_or_else(|| format!("out of range; from {least} to {most}"))
        })
    }

    /// One of `all`.
    pub(crate) fn one<T: Copy>(
        &self,
        name: &str,
        all: &[T],
        named: fn(T) -> &'static str,
    ) -> Option<T> {
        self.value(name, |key, value| word(key, value, all, named))
    }

    /// A table that may be absent: all of its keys are then.
    pub(crate) fn table(&self, name: &str) -> Self {
        let absent = Self {
            report: self.report,
            section: self.section,
            path: self.path(name),
            line: self.line,
            entries: None,
        };
        let Kind::Table(section) = self.section.key(name).kind else { return absent };
        let absent = Self { section, ..absent };
        match self.entry(name) {
            None => absent,
            Some(value) => self.open(name, section, value).unwrap_or(absent),
        }
    }

    /// A table that has to be there, or the tables of an array, at least one, in the order of the
    /// file.
    pub(crate) fn one_or_more(&self, name: &str) -> Vec<Self> {
        let Kind::OneOrMore(section) = self.section.key(name).kind else { return Vec::new() };
        if !self.has_or_missing(name) {
            return Vec::new();
        }
        let Some(value) = self.entry(name) else { return Vec::new() };
        match value.get_ref().as_array() {
            None => self.open(name, section, value).into_iter().collect(),
            Some(list) if list.is_empty() => {
                self.problem(name, "is empty; write at least one");
                Vec::new()
            }
            Some(list) => {
                let open = |(index, value)| self.open(&format!("{name}[{index}]"), section, value);
                list.iter().enumerate().filter_map(open).collect()
            }
        }
    }

    /// What the process was given beside the file.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        self.report.variable(name)
    }

    /// The tables of an array, in the order of the file.
    pub(crate) fn tables(&self, name: &str) -> Vec<Self> {
        let Kind::Tables(section) = self.section.key(name).kind else { return Vec::new() };
        let Some(value) = self.entry(name) else { return Vec::new() };
        let Some(list) = value.get_ref().as_array() else {
            self.problem(name, format!("must be written [[{name}]], with two brackets"));
            return Vec::new();
        };
        let open = |(index, value)| self.open(&format!("{name}[{index}]"), section, value);
        list.iter().enumerate().filter_map(open).collect()
    }

    /// Opens `value` as a table of this kind, and reports what does not belong into it.
    pub(crate) fn open(
        &self,
        name: &str,
        section: &'static Section,
        value: &'d Spanned<DeValue<'d>>,
    ) -> Option<Self> {
        let line = self.report.line(value.span().start);
        let path = self.path(name);
        let Some(entries) = value.get_ref().as_table() else {
            let example = match self.section.keys.iter().find(|key| key.name == name) {
                Some(Key { presence: Presence::Required(e) | Presence::Optional(e), .. }) => e,
                _ => "{}",
            };
            let right = format!("a table, such as {example}");
            self.report.problem(line, &path, wrong(value.get_ref(), &right));
            return None;
        };
        let table = Self { report: self.report, section, path, line, entries: Some(entries) };
        table.report_strangers();
        Some(table)
    }

    fn value<T>(
        &self,
        name: &str,
        read: impl Fn(&Key, &DeValue<'_>) -> Result<T, String>,
    ) -> Option<T> {
        let key = self.section.key(name);
        if let Some(value) = self.entry(name) {
            match read(key, value.get_ref()) {
                Ok(read) => return Some(read),
                Err(message) => self.problem(name, message),
            }
        }
        match key.presence {
            Presence::Default(text) => {
                DeValue::parse(text).ok().and_then(|value| read(key, value.get_ref()).ok())
            }
            Presence::Required(_) => {
                self.has_or_missing(name);
                None
            }
            Presence::Optional(_) => None,
        }
    }

    fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    fn report_strangers(&self) {
        for name in self.entries.into_iter().flat_map(DeTable::keys).map(Spanned::get_ref) {
            if self.section.keys.iter().any(|key| key.name == name) {
                continue;
            }
            let later = self.section.later;
            let message = match later.iter().find(|later| later.name == name) {
                Some(later) => later.message(),
                None if self.section.keys.is_empty() => {
                    unknown("key", name, later.iter().map(|later| later.name))
                }
                None => unknown("key", name, self.section.keys.iter().map(|key| key.name)),
            };
            self.problem(name, message);
        }
    }
}
