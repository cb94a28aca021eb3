//! What is said while it goes on, and at its end.

use std::io::{self, IsTerminal, Write};

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::error::Error;
use crate::terminal::lines;

/// Tells people on standard error, a line a step, and scripts on standard output, all at the end.
pub(super) struct Report {
    json: bool,
    terminal: bool,
    /// Whether nothing is really done.
    imagines: bool,
    /// What was done, or found done.
    steps: Vec<Value>,
    made: Vec<String>,
    /// What scripts are told.
    pub(super) told: serde_json::Map<String, Value>,
    next: Vec<String>,
    /// The command that goes on where this one fails.
    goes_on: Option<String>,
}

/// What became of a step.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Outcome {
    Made,
    Changed,
    Kept,
    Removed,
}

impl Report {
    pub(super) fn new(json: bool) -> Self {
        Self {
            json,
            terminal: io::stderr().is_terminal(),
            imagines: false,
            steps: Vec::new(),
            made: Vec::new(),
            told: serde_json::Map::new(),
            next: Vec::new(),
            goes_on: None,
        }
    }

    /// Says of everything that it would be done.
    pub(super) fn imagine(&mut self) {
        self.imagines = true;
    }

    /// Whether nothing is really done.
    pub(super) fn imagines(&self) -> bool {
        self.imagines
    }

    /// What is under way; on a terminal only, where it is replaced by what became of it.
    pub(super) fn begin(&self, what: &str) {
        if self.terminal {
            eprint!("\r\x1b[K… {}", lines(what));
            let _ = io::stderr().flush();
        }
    }

    /// What became of it.
    pub(super) fn done(&mut self, outcome: Outcome, what: &str) {
        let word = match outcome {
            Outcome::Made if self.imagines => "would be made",
            Outcome::Changed if self.imagines => "would be changed",
            Outcome::Removed if self.imagines => "would be removed",
            outcome => outcome.word(),
        };
        self.line(&if self.terminal {
            format!("{} {word}: {what}", if outcome == Outcome::Kept { "·" } else { "✓" })
        } else {
            format!("{word}: {what}")
        });
        self.steps.push(json!({ "outcome": word, "what": what }));
        if outcome != Outcome::Kept && !self.imagines {
            self.made.push(format!("{word}: {what}"));
        }
    }

    /// Something that somebody should know.
    pub(super) fn note(&mut self, text: &str) {
        self.line(&format!("{}{text}", if self.terminal { "! " } else { "note: " }));
        let notes = self.told.entry("notes").or_insert_with(|| json!([]));
        if let Some(notes) = notes.as_array_mut() {
            notes.push(text.into());
        }
    }

    /// Something that only people need.
    pub(super) fn line(&self, text: &str) {
        if self.terminal {
            eprint!("\r\x1b[K");
        }
        eprintln!("{}", lines(text));
    }

    /// For scripts.
    pub(super) fn tell(&mut self, name: &str, value: impl Into<Value>) {
        self.told.insert(name.to_owned(), value.into());
    }

    /// What to do afterwards.
    pub(super) fn next(&mut self, command: impl Into<String>) {
        self.next.push(command.into());
    }

    /// The command to go on with from here, if something fails from now on.
    pub(super) fn goes_on(&mut self, command: String) {
        self.goes_on = Some(command);
    }

    /// What standard output is for, where scripts do not have it.
    pub(super) fn print(&self, text: &str) {
        if !self.json {
            let mut stdout = io::stdout().lock();
            let _ = writeln!(stdout, "{}", lines(text)).and_then(|()| stdout.flush());
        }
    }

    /// Because it was asked for, and for nothing else.
    pub(super) fn print_secret(&self, secret: &SecretString) {
        let mut out = io::stdout().lock();
        let _ = writeln!(out, "{}", secret.expose_secret()).and_then(|()| out.flush());
    }

    /// The end.
    pub(super) fn end(&mut self, failed: Option<&Error>) {
        if let Some(error) = failed {
            self.line(&format!("dicom-gateway: {}", error.text()));
            if !self.made.is_empty() {
                self.line("Done before that, and still there:");
                self.made.iter().for_each(|made| self.line(&format!("  {made}")));
                match &self.goes_on {
                    Some(command) => self.line(&format!("This goes on from here:\n  {command}")),
                    None => self.line("The same command goes on from here."),
                }
                if let Some(command) = self.goes_on.take() {
                    self.next = vec![command];
                }
            }
            self.told.insert("error".to_owned(), error.text().into());
        } else if !self.next.is_empty() {
            self.line("Next:");
            self.next.iter().for_each(|next| self.line(&format!("  {next}")));
        }
        if self.json {
            self.told.insert("steps".to_owned(), self.steps.clone().into());
            self.told.insert("next".to_owned(), self.next.clone().into());
            let text = serde_json::to_string_pretty(&self.told).unwrap_or_default();
            let mut stdout = io::stdout().lock();
            let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
        }
    }
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Changed => "changed",
            Self::Kept => "kept",
            Self::Removed => "removed",
        }
    }
}
