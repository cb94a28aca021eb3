//! Words that stand nowhere else, and the search for them in all their dresses.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use memchr::memmem;
use uuid::Uuid;

/// What must not be found, and what it is.
#[derive(Default)]
pub(crate) struct Canaries(Vec<(&'static str, String)>);

impl Canaries {
    /// A new word of letters and digits.
    pub(crate) fn plant(&mut self, kind: &'static str) -> String {
        let word = format!("Canary{}", &Uuid::new_v4().simple().to_string()[..16]);
        self.add(kind, &word);
        word
    }

    /// A new UID.
    pub(crate) fn plant_uid(&mut self) -> String {
        let uid = format!("2.25.{}", Uuid::new_v4().as_u128());
        self.add("UID", &uid);
        uid
    }

    /// Adds a word.
    pub(crate) fn add(&mut self, kind: &'static str, word: &str) {
        self.0.push((kind, word.to_owned()));
    }

    /// Adds those of another list.
    pub(crate) fn extend(&mut self, others: &Self) {
        self.0.extend(others.0.iter().cloned());
    }

    pub(crate) fn all(&self) -> &[(&'static str, String)] {
        &self.0
    }
}

/// Which of them are in `text`: as they are, whatever the case; in hexadecimal digits; with percent
/// signs; as a list of numbers, which is how bytes are printed by `Debug`; in either base64, wherever
/// they begin in it.
pub(crate) fn hits(text: &[u8], canaries: &[(&'static str, String)]) -> Vec<String> {
    let lower = text.to_ascii_lowercase();
    let mut found = Vec::new();
    for (kind, canary) in canaries {
        let hex = canary.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
        let percent = canary.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
        let mut hit = |dress: &str| found.push(format!("{kind}, {dress}: {canary}"));
        if holds(&lower, &canary.to_ascii_lowercase()) {
            hit("as it is");
        }
        if holds(&lower, &hex) {
            hit("in hexadecimal digits");
        }
        if holds(&lower, &percent) {
            hit("with percent signs");
        }
        if holds(&lower, &numbers(canary)) {
            hit("as numbers");
        }
        if base64s(canary.as_bytes()).iter().any(|base64| holds(text, base64)) {
            hit("in base64");
        }
    }
    found
}

fn holds(text: &[u8], word: &str) -> bool {
    memmem::find(text, word.as_bytes()).is_some()
}

fn numbers(canary: &str) -> String {
    canary.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ")
}

/// What is certain of its base64 form, for each of the places in which it may begin.
fn base64s(bytes: &[u8]) -> Vec<String> {
    let mut all = Vec::new();
    for (before, uncertain) in [(0, 0), (1, 2), (2, 3)] {
        let padded = [&vec![0; before][..], bytes].concat();
        let certain = uncertain..padded.len() * 8 / 6;
        all.push(STANDARD_NO_PAD.encode(&padded)[certain.clone()].to_owned());
        all.push(URL_SAFE_NO_PAD.encode(&padded)[certain].to_owned());
    }
    all
}

#[test]
fn a_canary_is_found_in_every_dress() {
    let mut canaries = Canaries::default();
    let canary = canaries.plant("test");
    let dresses = [
        canary.clone(),
        canary.to_uppercase(),
        canary.bytes().map(|byte| format!("{byte:02X}")).collect(),
        canary.bytes().map(|byte| format!("%{byte:02X}")).collect(),
        format!("{:?}", canary.as_bytes()),
        STANDARD_NO_PAD.encode(format!("{canary}:pass")),
        STANDARD_NO_PAD.encode(format!("u:{canary}")),
        URL_SAFE_NO_PAD.encode(format!("user:{canary}.")),
        URL_SAFE_NO_PAD.encode(format!("{{\"user\":\"{canary}\"}}")),
    ];
    for dress in dresses {
        let text = format!("before {dress} after");
        assert_eq!(hits(text.as_bytes(), canaries.all()).len(), 1, "{dress}");
    }
    assert!(hits(b"before something else after", canaries.all()).is_empty());
}
