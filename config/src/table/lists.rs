//! Values of a table that are several: lists of words, strings and paths, and tables of strings.

use std::path::PathBuf;

use super::Table;
use crate::files::{self, Content, Files};
use crate::words::{known, word, wrong};

impl Table<'_> {
    /// Some of `all`, each once.
    pub(crate) fn many<T: Copy + PartialEq>(
        &self,
        name: &str,
        all: &[T],
        named: fn(T) -> &'static str,
    ) -> Vec<T> {
        let read = self.value(name, |key, value| {
            let list = value.as_array().ok_or_else(|| wrong(value, "a list of words"))?;
            if list.is_empty() {
                return Err(format!("is empty; {}", known(all.iter().map(|one| named(*one)))));
            }
            Ok(list.iter().map(|entry| word(key, entry.get_ref(), all, named)).collect::<Vec<_>>())
        });
        let mut found = Vec::new();
        for word in read.unwrap_or_default() {
            match word {
                Ok(one) if found.contains(&one) => {
                    self.problem(name, format!("{:?} stands twice; once is enough", named(one)));
                }
                Ok(one) => found.push(one),
                Err(message) => self.problem(name, message),
            }
        }
        found
    }

    /// A list of strings, each understood by `parse`; none if the key is absent.
    pub(crate) fn list<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        self.value(name, |_, value| {
            let list = value.as_array().ok_or_else(|| wrong(value, "a list of strings"))?;
            let read = list.iter().map(|entry| match entry.get_ref().as_str() {
                Some(text) => parse(text),
                None => Err(wrong(entry.get_ref(), "a string")),
            });
            read.collect()
        })
    }

    /// Strings that are not empty, each once and understood by `parse`; none if the key is absent.
    pub(crate) fn texts<T: PartialEq>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let checked =
            |text: &str| if text.is_empty() { Err(BLANK.to_owned()) } else { parse(text) };
        let Some(read) = self.list(name, checked) else { return Vec::new() };
        if read.is_empty() {
            self.problem(name, "is an empty list; write at least one, or leave it out");
        }
        if (1..read.len()).any(|index| read[..index].contains(&read[index])) {
            self.problem(name, "has an entry twice; once is enough");
        }
        read
    }

    /// A string that is not empty, or several.
    pub(crate) fn text_or_texts(&self, name: &str) -> Option<Vec<String>> {
        let is_list = self.entry(name).is_some_and(|value| value.get_ref().is_array());
        if !is_list {
            return Some(vec![self.text(name)?]);
        }
        Some(self.texts(name, |text| Ok(text.to_owned()))).filter(|read| !read.is_empty())
    }

    /// The paths of files that are there; none if the key is absent.
    pub(crate) fn files(&self, name: &str) -> Vec<PathBuf> {
        self.texts(name, |text| {
            let path = self.report.folder.join(text);
            if self.report.files == Files::Checked {
                files::check(&path, Content::Text)
                    .map_err(|message| format!("the file {} {message}", path.display()))?;
            }
            Ok(path)
        })
    }

    /// A table of strings, none empty, in the order of the file; each name has to please `check`.
    pub(crate) fn parameters(
        &self,
        name: &str,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> Vec<(String, String)> {
        let read = self.value(name, |_, value| {
            let entries = value.as_table().ok_or_else(|| wrong(value, "a table of strings"))?;
            let mut entries = entries.iter().collect::<Vec<_>>();
            entries.sort_by_key(|(name, _)| name.span().start);
            let read = entries.into_iter().map(|(name, value)| {
                check(name.get_ref())
                    .map_err(|message| format!("{:?} {message}", name.get_ref()))?;
                match value.get_ref().as_str() {
                    Some("") => Err(format!("{:?} is empty; leave it out", name.get_ref())),
                    Some(text) => Ok((name.get_ref().to_string(), text.to_owned())),
                    None => {
                        Err(format!("{:?} {}", name.get_ref(), wrong(value.get_ref(), "a string")))
                    }
                }
            });
            read.collect()
        });
        read.unwrap_or_default()
    }
}

const BLANK: &str = "has an empty entry; leave it out";
