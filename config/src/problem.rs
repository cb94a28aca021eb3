//! What is wrong with a configuration, said so that it can be put right.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::path::{Path, PathBuf};

use crate::files::Files;

/// One thing that is wrong, or worth a warning.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// The line, from 1; none if the configuration is not a file or could not be read.
    pub line: Option<usize>,
    /// The key with its path, `route[0].allow`, or the variable; empty if it is about the file.
    pub key: String,
    /// What is wrong, and after a semicolon what would be right. Never holds a secret.
    pub message: String,
}

/// Everything that is wrong with one configuration, in the order of its lines.
///
/// `Display` gives one line for each: `gateway.toml:12: route[0].allow: …`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problems {
    file: PathBuf,
    list: Vec<Problem>,
}

impl Problems {
    /// Sorts by line. Without a file, `file` is empty.
    pub(crate) fn new(file: &Path, mut list: Vec<Problem>) -> Self {
        list.sort_by_key(|problem| problem.line);
        Self { file: file.to_owned(), list }
    }

    /// Each of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.list.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl<'p> IntoIterator for &'p Problems {
    type Item = &'p Problem;
    type IntoIter = std::slice::Iter<'p, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            if !self.file.as_os_str().is_empty() {
                write!(f, "{}", self.file.display())?;
                if let Some(line) = problem.line {
                    write!(f, ":{line}")?;
                }
                f.write_str(": ")?;
            }
            if !problem.key.is_empty() {
                write!(f, "{}: ", problem.key)?;
            }
            f.write_str(&problem.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Gives a variable of the environment by its name.
pub(crate) type Environment<'e> = &'e dyn Fn(&str) -> Option<String>;

/// Where the reader of a file writes down what it finds.
pub(crate) struct Report<'t> {
    /// Where the text's lines end.
    line_ends: Vec<usize>,
    /// What relative paths are relative to.
    pub(crate) folder: &'t Path,
    /// Whether the files that are named have to be there.
    pub(crate) files: Files,
    files_may_be_open: Cell<bool>,
    environment: Environment<'t>,
    broken_lines: Vec<usize>,
    problems: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<Problem>>,
}

impl<'t> Report<'t> {
    /// An empty report on `text`.
    pub(crate) fn new(
        text: &str,
        folder: &'t Path,
        files: Files,
        environment: Environment<'t>,
    ) -> Self {
        Self {
            line_ends: text.match_indices('\n').map(|(offset, _)| offset).collect(),
            folder,
            files,
            files_may_be_open: Cell::new(false),
            environment,
            broken_lines: Vec::new(),
            problems: RefCell::default(),
            warnings: RefCell::default(),
        }
    }

    /// Lets files with secrets be open to others: what names them is read after this.
    pub(crate) fn let_files_be_open(&self) {
        self.files_may_be_open.set(true);
    }

    /// Whether files with secrets may be open to others.
    pub(crate) fn files_may_be_open(&self) -> bool {
        self.files_may_be_open.get()
    }

    /// A variable of the environment; an empty one is none.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        let value = (self.environment)(name)?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// The line of a byte of the text.
    pub(crate) fn line(&self, offset: usize) -> usize {
        1 + self.line_ends.partition_point(|end| *end < offset)
    }

    /// Notes a breach of TOML's grammar; all else has to be noted after these.
    pub(crate) fn broken(&mut self, offset: usize, message: &str) {
        let line = self.line(offset);
        // One slip makes the parser stumble more than once: the first stumble is the slip.
        if !self.broken_lines.contains(&line) {
            self.problem(line, "", format!("not TOML: {message}"));
            self.broken_lines.push(line);
        }
    }

    /// Whether all of the file could be read; if not, something may seem missing that is there.
    pub(crate) fn is_whole(&self) -> bool {
        self.broken_lines.is_empty()
    }

    /// Whether nothing has been found wrong with this key so far.
    pub(crate) fn is_fine(&self, key: &str) -> bool {
        !self.problems.borrow().iter().any(|problem| problem.key == key)
    }

    /// Notes something wrong.
    pub(crate) fn problem(&self, line: usize, key: &str, message: String) {
        if !self.broken_lines.contains(&line) {
            push(&self.problems, line, key, message);
        }
    }

    /// Notes something that works, but should not stay so.
    pub(crate) fn warning(&self, line: usize, key: &str, message: String) {
        push(&self.warnings, line, key, message);
    }

    /// All problems, and all warnings.
    pub(crate) fn finish(self, file: &Path) -> (Problems, Problems) {
        (
            Problems::new(file, self.problems.into_inner()),
            Problems::new(file, self.warnings.into_inner()),
        )
    }
}

fn push(list: &RefCell<Vec<Problem>>, line: usize, key: &str, message: String) {
    list.borrow_mut().push(Problem { line: Some(line), key: key.to_owned(), message });
}
