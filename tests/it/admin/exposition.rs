//! Prometheus' text form (version 0.0.4), read to the letter.

use std::collections::{BTreeMap, BTreeSet};

/// The samples of one answer.
#[derive(Debug)]
pub(super) struct Exposition {
    pub(super) samples: Vec<Sample>,
}

/// One line.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) value: f64,
}

impl Exposition {
    /// Reads an answer; panics at what Prometheus would not take, or could take in two ways.
    pub(super) fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line has no end");
        let mut families = BTreeSet::new();
        let mut lines = text.lines().peekable();
        let mut all = Vec::new();
        while let Some(line) = lines.next() {
            let help = line.strip_prefix("# HELP ").unwrap_or_else(|| panic!("no HELP: {line}"));
            let (family, help) = help.split_once(' ').unwrap();
            assert!(is_name(family) && !help.is_empty(), "{line}");
            assert!(families.insert(family.to_owned()), "{family} is there twice");
            let line = lines.next().unwrap_or_default();
            let kind = line.strip_prefix(&format!("# TYPE {family} "));
            let kind = kind.unwrap_or_else(|| panic!("no TYPE after the HELP of {family}: {line}"));
            let mut samples = Vec::new();
            while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
                samples.push(sample(line));
            }
            check(family, kind, &samples);
            all.extend(samples);
        }
        let mut seen = BTreeSet::new();
        for sample in &all {
            assert!(seen.insert((&sample.name, &sample.labels)), "twice: {sample:?}");
        }
        Self { samples: all }
    }

    /// The sum of all samples of this name whose labels are among these.
    pub(super) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.of(name, labels).map(|sample| sample.value).sum()
    }

    /// The only sample of this name with these labels, whatever further labels it has.
    pub(super) fn only(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let mut found = self.of(name, labels).map(|sample| sample.value);
        let first = found.next();
        assert!(found.next().is_none(), "several {name} {labels:?}");
        first
    }

    fn of(&self, name: &str, labels: &[(&str, &str)]) -> impl Iterator<Item = &Sample> {
        let name = format!("dicom_gateway_{name}");
        let fits = move |sample: &&Sample| {
            let has = |(key, value): &(&str, &str)| {
                sample.labels.get(*key).is_some_and(|found| found == value)
            };
            sample.name == name && labels.iter().all(has)
        };
        self.samples.iter().filter(fits)
    }
}

fn check(family: &str, kind: &str, samples: &[Sample]) {
    match kind {
        "counter" => {
            assert!(family.ends_with("_total"), "{family} is a counter");
            assert!(samples.iter().all(|s| s.name == family && s.value >= 0.0), "{samples:?}");
        }
        "gauge" => assert!(samples.iter().all(|s| s.name == family), "{samples:?}"),
        "histogram" => check_histogram(family, samples),
        other => panic!("{family} is a {other}"),
    }
}

fn check_histogram(family: &str, samples: &[Sample]) {
    let mut series = BTreeMap::<_, Vec<&Sample>>::new();
    for sample in samples {
        let mut labels = sample.labels.clone();
        labels.remove("le");
        series.entry(labels).or_default().push(sample);
    }
    for (labels, samples) in series {
        let [buckets @ .., sum, count] = &samples[..] else { panic!("{family} {labels:?}") };
        assert_eq!(sum.name, format!("{family}_sum"));
        assert_eq!(count.name, format!("{family}_count"));
        let mut before = (f64::NEG_INFINITY, 0.0);
        for bucket in buckets {
            assert_eq!(bucket.name, format!("{family}_bucket"));
            let bound = number(&bucket.labels["le"]);
            assert!(bound > before.0, "bounds rise: {buckets:?}");
            assert!(bucket.value >= before.1, "buckets hold those before them: {buckets:?}");
            before = (bound, bucket.value);
        }
        assert_eq!(before, (f64::INFINITY, count.value), "{family} {labels:?}");
        assert!(sum.value >= 0.0);
    }
}

fn sample(line: &str) -> Sample {
    let end = line.find(['{', ' ']).unwrap_or_else(|| panic!("{line}"));
    let (name, rest) = line.split_at(end);
    assert!(is_name(name), "{line}");
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest),
        None => (BTreeMap::new(), rest),
    };
    let value = rest.strip_prefix(' ').unwrap_or_else(|| panic!("{line}"));
    Sample { name: name.to_owned(), labels, value: number(value) }
}

/// The labels up to the brace that closes them, and what follows it.
fn labels(mut rest: &str) -> (BTreeMap<String, String>, &str) {
    let mut labels = BTreeMap::new();
    loop {
        let (name, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("{rest}"));
        assert!(is_name(name) && !name.contains(':'), "{name}");
        let mut value = String::new();
        let mut characters = after.char_indices();
        let end = loop {
            match characters.next().unwrap_or_else(|| panic!("no end of {after}")) {
                (at, '"') => break at + 1,
                (_, '\\') => value.push(match characters.next() {
                    Some((_, '\\')) => '\\',
                    Some((_, '"')) => '"',
                    Some((_, 'n')) => '\n',
                    other => panic!("the escape {other:?}"),
                }),
                (_, plain) => value.push(plain),
            }
        };
        assert!(labels.insert(name.to_owned(), value).is_none(), "{name} is there twice");
        match after[end..].split_at(1) {
            (",", after) => rest = after,
            ("}", after) => return (labels, after),
            (other, _) => panic!("{other} after a label"),
        }
    }
}

fn is_name(text: &str) -> bool {
    let mark = |byte: u8| byte == b'_' || byte == b':';
    !text.is_empty()
        && !text.starts_with(|first: char| first.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || mark(byte))
}

fn number(text: &str) -> f64 {
    match text {
        "+Inf" => f64::INFINITY,
        text => {
            let plain = text.bytes().all(|byte| byte.is_ascii_digit() || b".e+-".contains(&byte));
            text.parse().ok().filter(|_| plain).unwrap_or_else(|| panic!("{text:?} is no number"))
        }
    }
}
