//! Records on real files, with disks that fill up, processes that are killed, and files that rot.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs;
use std::io::Write;
use std::ops::RangeInclusive;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use config::{AuditSyslog, Durability, OnFailure};
use tempfile::TempDir;

use super::chain::{Head, Link, Seal};
use super::entry::{Entry, Event};
use super::reader::Batch;
use super::*;

mod cost;
mod faults;
mod ledger;
mod queue;
pub(super) mod sync;
mod verify;

#[test]
fn a_record_comes_to_the_file_with_its_number_and_hashes() {
    let place = Venue::new();
    let audit = place.start();
    audit.enter(&entry(1));
    audit.close();
    let line = place.lines().pop().unwrap();
    let value = serde_json::from_str::<serde_json::Value>(&line).unwrap();
    assert_eq!((&value["seq"], &value["id"]), (&1.into(), &"0000000000000001".into()));
    assert_eq!(value["prev"], "0".repeat(64));
    let (hashed, hash) = line.split_once(",\"hash\":\"").unwrap();
    let expected = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, hashed.as_bytes());
    assert_eq!(hash, format!("{}\"}}", hex(expected.as_ref())));
}

/// A folder with a file and a queue.
pub(super) struct Venue {
    folder: PathBuf,
    _temporary: Option<TempDir>,
    pub(super) config: config::Audit,
}

impl Venue {
    /// With a file and no sink.
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let venue = Self::at(folder.path());
        Self { _temporary: Some(folder), ..venue }
    }

    /// The same in a folder that is there.
    pub(super) fn at(folder: &Path) -> Self {
        let config = config::Audit {
            file: Some(folder.join("audit.jsonl")),
            chain_key: None,
            queue: None,
            max_queue_bytes: 1 << 30,
            max_waiting: 65_536,
            durability: Durability::Written,
            on_failure: OnFailure::Refuse,
            source: "dicom-gateway".to_owned(),
            site: None,
            alert_after: 60,
            syslog: Vec::new(),
            fhir: Vec::new(),
        };
        Self { folder: folder.to_owned(), _temporary: None, config }
    }

    /// With a file, a queue, and as many sinks.
    pub(super) fn with_sinks(sinks: u16) -> Self {
        Self::new().and_sinks(sinks)
    }

    /// The same with a queue and as many sinks.
    pub(super) fn and_sinks(mut self, sinks: u16) -> Self {
        self.config.queue = Some(self.queue());
        self.config.syslog = (0..sinks)
            .map(|index| AuditSyslog {
                host: "arr.example".to_owned(),
                port: 6514 + index,
                anchors: None,
                identity: None,
                timeout: Duration::from_secs(1),
                danger_bare_end: false,
            })
            .collect();
        self
    }

    pub(super) fn start(&self) -> Arc<Audit> {
        Audit::start(&self.config).unwrap()
    }

    /// Keeps records of these numbers, in one life of the gateway.
    pub(super) fn keep(&self, numbers: RangeInclusive<u64>) {
        let audit = self.start();
        numbers.for_each(|number| audit.enter(&entry(number)));
        audit.close();
    }

    /// Waits until all that was handed over is written.
    pub(super) fn settled(&self, audit: &Audit) {
        wait(|| audit.figures().waiting == 0);
    }

    /// From now on with this key.
    pub(super) fn key(&mut self, key: &[u8]) {
        let path = self.path("key");
        private(&path, key);
        self.config.chain_key = Some(PrivateFile::new(path));
    }

    /// What is found in these files: line, record, damage.
    pub(super) fn findings(&self, files: &[&str]) -> Vec<(u64, Option<u64>, Damage)> {
        let files = files.iter().map(|name| self.path(name)).collect::<Vec<_>>();
        let mut found = Vec::new();
        verify(&files, None, &mut |finding| {
            found.push((finding.line, finding.record, finding.damage));
        })
        .unwrap();
        found
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The file's lines.
    pub(super) fn lines(&self) -> Vec<String> {
        lines(&self.path("audit.jsonl"))
    }

    /// The numbers of the records in the file.
    pub(super) fn ids(&self) -> Vec<u64> {
        self.lines().iter().map(|line| number(line)).collect()
    }

    /// The numbers of the records in the queue.
    pub(super) fn queued(&self) -> Vec<u64> {
        let mut segments = fs::read_dir(self.queue())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
            .collect::<Vec<_>>();
        segments.sort();
        let all = segments.iter().flat_map(|path| lines(path));
        all.map(|line| number(&line)).collect()
    }

    /// The folder of the queue.
    pub(super) fn queue(&self) -> PathBuf {
        self.path("queue")
    }
}

pub(super) fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

/// Writes a file for its owner alone.
pub(super) fn private(path: &Path, content: &[u8]) {
    let file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    file.unwrap().write_all(content).unwrap();
}

/// Waits for a state.
pub(super) fn wait(is_so: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < until, "it does not come about");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A record with this number as its id.
pub(super) fn entry(number: u64) -> Entry {
    Entry {
        time: "2026-11-23T14:00:00.123Z".to_owned(),
        id: format!("{number:016}"),
        event: Event::Transaction,
        study: Some("1.2.840.113619.2.55.3".to_owned()),
        ..Entry::default()
    }
}

/// Adds a record as a request does.
pub(super) fn add(ledger: &Ledger, place: Place, number: u64) -> Ticket {
    ledger.add(place, |out| {
        serde_json::to_writer(&mut *out, &entry(number)).unwrap();
        out.push(b'\n');
    })
}

/// The numbers of records, by their ids.
pub(super) fn numbers(batch: &Batch) -> Vec<u64> {
    batch.entries.iter().map(|(entry, _)| entry.id.parse().unwrap()).collect()
}

fn number(line: &str) -> u64 {
    let value = serde_json::from_str::<serde_json::Value>(line).unwrap();
    value["id"].as_str().unwrap().parse().unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
