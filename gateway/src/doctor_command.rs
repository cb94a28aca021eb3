//! `dicom-gateway doctor`: what is wrong, and what to do about it.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use clap::Args;
use gateway::{Examination, ExamineError, Finding, Verdict, examine};

use super::{FAILED, USAGE, fail};

/// What is to be examined, and how it is told.
#[derive(Args)]
pub(crate) struct Doctor {
    /// The configuration file
    file: PathBuf,
    /// Look at this route alone, and at what it needs
    #[arg(long, value_name = "PREFIX")]
    route: Option<String>,
    /// Tell whether browsers let web pages of this origin (scheme, host and port) call
    #[arg(long, value_name = "URL")]
    origin: Option<String>,
    /// A file with a user's access token for the gateway, for routes that act on behalf of users
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// One JSON object a line for each check
    #[arg(long)]
    json: bool,
}

/// Examines, and tells; fails if anything does not work.
pub(crate) fn run(doctor: Doctor) -> Result<(), u8> {
    let Doctor { file, route, origin, token_file, json } = doctor;
    let asked = Examination { file, route, page: origin, user_token: token_file };
    let mut told =
        Told { json, marks: Marks::for_this_output(), subject: String::new(), counts: [0; 4] };
    let mut broken = None;
    let outcome = examine(&asked, &mut |finding| {
        if let Err(error) = told.tell(&finding) {
            broken.get_or_insert(error);
        }
    });
    match outcome {
        Err(error @ ExamineError::NoSuchRoute { .. }) => {
            eprintln!("dicom-gateway: {error}");
            return Err(USAGE);
        }
        Err(error) => return Err(fail(&error)),
        Ok(()) => {}
    }
    let ended = if json { Ok(()) } else { told.sum() };
    if broken.is_some() || ended.is_err() || told.counts[Verdict::Fail as usize] > 0 {
        return Err(FAILED);
    }
    Ok(())
}

/// What was told so far.
struct Told {
    json: bool,
    marks: Marks,
    subject: String,
    /// By verdict.
    counts: [usize; 4],
}

/// What stands before a line: signs on a terminal that has them, words elsewhere.
#[derive(Clone, Copy)]
struct Marks {
    verdicts: [&'static str; 4],
    remedy: &'static str,
}

impl Told {
    fn tell(&mut self, finding: &Finding) -> io::Result<()> {
        self.counts[finding.verdict as usize] += 1;
        let mut out = io::stdout().lock();
        if self.json {
            let line = serde_json::to_string(finding).map_err(io::Error::other)?;
            writeln!(out, "{line}")?;
            return out.flush();
        }
        if self.subject != finding.subject {
            if !self.subject.is_empty() {
                writeln!(out)?;
            }
            self.subject.clone_from(&finding.subject);
            writeln!(out, "{}", finding.subject)?;
        }
        let mark = self.marks.verdicts[finding.verdict as usize];
        let took = match (finding.verdict, finding.took.as_millis()) {
            (Verdict::Skip, _) => String::new(),
            (_, 0) => "  (<1 ms)".to_owned(),
            (_, took) => format!("  ({took} ms)"),
        };
        writeln!(out, "  {mark} {:<13} {}{took}", finding.check, finding.says)?;
        for (index, line) in finding.remedy.iter().flat_map(|text| text.lines()).enumerate() {
            let arrow = if index == 0 { self.marks.remedy } else { "" };
            writeln!(out, "       {arrow:<2} {line}")?;
        }
        // Someone watches, and the next check may take its time.
        out.flush()
    }

    fn sum(&self) -> io::Result<()> {
        let [ok, warned, failed, skipped] = self.counts;
        let mut out = io::stdout().lock();
        writeln!(
            out,
            "\n{ok} good, {warned} to be seen to, {failed} failed, {skipped} not looked at"
        )?;
        out.flush()
    }
}

impl Marks {
    fn for_this_output() -> Self {
        let has_signs = io::stdout().is_terminal() && is_utf8(|name| env::var(name).ok());
        if has_signs { SIGNS } else { WORDS }
    }
}

/// Whether text is UTF-8 here: the first of these variables that says something decides.
fn is_utf8(variable: impl Fn(&str) -> Option<String>) -> bool {
    let said = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable);
    let said = said.filter(|value| !value.is_empty()).map(|value| value.to_lowercase()).next();
    said.is_some_and(|it| it.contains("utf-8") || it.contains("utf8"))
}

/// In the order of [`Verdict`].
const SIGNS: Marks = Marks { verdicts: ["✓", "!", "✗", "-"], remedy: "→" };

/// As wide as one another, and plain ASCII.
const WORDS: Marks = Marks { verdicts: ["ok  ", "warn", "FAIL", "skip"], remedy: "->" };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_for_places_that_can_show_them() {
        for (variables, expected) in [
            (&[("LANG", "en_US.UTF-8")][..], true),
            (&[("LANG", "C.utf8")], true),
            (&[("LANG", "de_DE.UTF-8"), ("LC_ALL", "C")], false),
            (&[("LANG", "C"), ("LC_CTYPE", "en_US.UTF-8"), ("LC_ALL", "")], true),
            (&[("LANG", "de_DE@euro")], false),
            (&[], false),
        ] {
            let variable = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(is_utf8(variable), expected, "{variables:?}");
        }
        assert!(WORDS.verdicts.iter().all(|word| word.len() == 4 && word.is_ascii()));
    }
}
