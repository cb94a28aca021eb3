//! What a check found, and how it is told.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::terminal::obeys;

/// What one check found. Holds no secret, no token, and nothing of what a DICOM service keeps.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// What was looked at: `file`, `keys`, `client default`, `route /dicom-web`, `listener`.
    pub subject: String,
    /// The check, in a word of a closed list.
    pub check: &'static str,
    /// What it came to.
    pub verdict: Verdict,
    /// How long it took, in milliseconds where it is JSON.
    #[serde(rename = "took_ms", serialize_with = "milliseconds")]
    pub took: Duration,
    /// What was found, in one line.
    pub says: String,
    /// What it means and what to do, where something is to be done. Commands stand on lines of
    /// their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// The same for programs: names and values that [`Self::says`] is made of.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<&'static str, Value>,
}

/// What a check came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// All is well.
    Ok,
    /// It works, and should not stay so.
    Warn,
    /// It does not work.
    Fail,
    /// It could not be looked at.
    Skip,
}

/// What a check has to say.
#[derive(Debug)]
pub(super) struct Said {
    verdict: Verdict,
    says: String,
    remedy: Option<String>,
    facts: BTreeMap<&'static str, Value>,
}

/// The findings about one subject, told as they come.
pub(super) struct Section<'t> {
    subject: String,
    /// When the latest finding was told: what the next one takes begins then.
    since: Instant,
    tell: &'t mut dyn FnMut(Finding),
}

impl Said {
    /// That all is well.
    pub(super) fn ok(says: impl Into<String>) -> Self {
        Self::new(Verdict::Ok, says, None)
    }

    /// That something should not stay so.
    pub(super) fn warn(says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(Verdict::Warn, says, Some(remedy.into()))
    }

    /// That something does not work.
    pub(super) fn fail(says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(Verdict::Fail, says, Some(remedy.into()))
    }

    /// That nobody could look.
    pub(super) fn skip(because: impl Into<String>) -> Self {
        Self::new(Verdict::Skip, because, None)
    }

    /// The same, with a fact for programs.
    pub(super) fn fact(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.facts.insert(name, value.into());
        self
    }

    /// The same failure, where something else makes up for it.
    pub(super) fn made_up_for(mut self) -> Self {
        if self.verdict == Verdict::Fail {
            self.verdict = Verdict::Warn;
        }
        self
    }

    fn new(verdict: Verdict, says: impl Into<String>, remedy: Option<String>) -> Self {
        Self { verdict, says: says.into(), remedy, facts: BTreeMap::new() }
    }
}

impl<'t> Section<'t> {
    /// None yet.
    pub(super) fn new(subject: impl Into<String>, tell: &'t mut dyn FnMut(Finding)) -> Self {
        Self { subject: subject.into(), since: Instant::now(), tell }
    }

    /// Tells what a check found that was begun when the one before was told.
    pub(super) fn say(&mut self, check: &'static str, said: Said) {
        self.say_after(check, self.since.elapsed(), said);
    }

    /// Tells what a check found that took so long.
    pub(super) fn say_after(&mut self, check: &'static str, took: Duration, said: Said) {
        let Said { verdict, says, remedy, facts } = said;
        let subject = self.subject.clone();
        (self.tell)(Finding { subject, check, verdict, took, says, remedy, facts });
        self.since = Instant::now();
    }

    /// Makes a check, tells what it found, and gives what later ones need; nothing of one that
    /// failed.
    pub(super) async fn check<T>(
        &mut self,
        check: &'static str,
        work: impl Future<Output = Result<(Said, T), Said>>,
    ) -> Option<T> {
        self.since = Instant::now();
        let (said, found) = match work.await {
            Ok((said, found)) => (said, Some(found)),
            Err(said) => (said, None),
        };
        self.say(check, said);
        found
    }

    /// Tells that these checks were not made.
    pub(super) fn skip(&mut self, checks: &[&'static str], because: &str) {
        for check in checks {
            self.say_after(check, Duration::ZERO, Said::skip(because));
        }
    }
}

/// What came from outside, fit for a line of a terminal: short, and without characters that control
/// one.
pub(super) fn plain(text: &str) -> String {
    let mut plain = text.chars().map(|c| if obeys(c) { '?' } else { c });
    let mut shown = plain.by_ref().take(SHOWN_MOST).collect::<String>();
    if plain.next().is_some() {
        shown.push('…');
    }
    shown
}

/// An error with all that caused it, in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let all = std::iter::successors(Some(error), |error| error.source());
    let mut words = Vec::<String>::new();
    for word in all.map(ToString::to_string) {
        // Some say what their source says.
        if !words.last().is_some_and(|before| before.ends_with(&word)) {
            words.push(word);
        }
    }
    plain(&words.join(": "))
}

/// A number of things: `1 key`, `2 keys`.
pub(super) fn count(number: usize, of: &str) -> String {
    let plural = match of.strip_suffix('y') {
        _ if number == 1 => of.to_owned(),
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ => format!("{of}s"),
    };
    format!("{number} {plural}")
}

fn milliseconds<S: Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(took.as_millis()).unwrap_or(u64::MAX))
}

/// Characters of what came from outside.
const SHOWN_MOST: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_cannot_control_a_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\r\nc\u{202e}d\u{9b}e"), "a?[2Jb??c?d?e");
        assert_eq!(plain(&"ä".repeat(301)).chars().count(), 301);
        assert_eq!(plain(&"ä".repeat(300)).chars().count(), 300);
    }

    #[test]
    fn numbers_go_with_their_nouns() {
        assert_eq!(
            [count(1, "key"), count(2, "key"), count(0, "study"), count(1, "study")],
            ["1 key", "2 keys", "0 studies", "1 study"]
        );
    }

    #[test]
    fn an_error_is_told_with_its_causes_and_each_once() {
        let inner = std::io::Error::other("no way");
        let outer = std::io::Error::other(Wrapped(inner));
        assert_eq!(chain(&outer), "wrapped: no way");
    }

    #[derive(Debug, thiserror::Error)]
    #[error("wrapped")]
    struct Wrapped(#[source] std::io::Error);
}
