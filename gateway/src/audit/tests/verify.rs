//! Every change of what was written is found, at its place.

use std::os::unix::fs::FileExt;

use super::*;

#[test]
fn what_was_written_is_found_whole() {
    let venue = Venue::new();
    venue.keep(1..=5);
    assert_eq!(venue.findings(&["audit.jsonl"]), []);
    let whole = verify(&[venue.path("audit.jsonl")], None, &mut |_| {}).unwrap();
    assert_eq!(whole, Verified { records: 5, range: Some((1, 5)), is_end_known: true });
}

#[test]
fn a_chain_goes_on_after_a_restart() {
    let venue = Venue::new();
    venue.keep(1..=2);
    venue.keep(3..=4);
    assert_eq!(venue.findings(&["audit.jsonl"]), []);
    assert_eq!(venue.lines().len(), 4);
}

#[test]
fn an_edited_field_is_found() {
    let found = damaged(|lines| lines[2] = lines[2].replace("840", "841"));
    assert_eq!(found, [(3, Some(3), Damage::Edited)]);
}

#[test]
fn a_removed_record_is_found_wherever_it_was() {
    let found = damaged(|lines| drop(lines.remove(0)));
    assert_eq!(found, [(1, Some(2), Damage::NoBegin)]);
    let found = damaged(|lines| drop(lines.drain(1..3)));
    assert_eq!(found, [(2, Some(4), Damage::Missing(2, 3))]);
    let found = damaged(|lines| drop(lines.pop()));
    assert_eq!(found, [(4, Some(4), Damage::CutOff(5))]);
    let found = damaged(|lines| lines.clear());
    assert_eq!(found, [(0, None, Damage::CutOff(5))]);
}

#[test]
fn swapped_records_are_found() {
    let found = damaged(|lines| lines.swap(1, 2));
    let expected = [(2, Some(3), Damage::Missing(2, 2)), (3, Some(2), Damage::OutOfOrder(3))];
    assert_eq!(found, expected);
}

#[test]
fn a_record_that_was_put_in_is_found() {
    let found = damaged(|lines| lines.insert(2, lines[1].clone()));
    assert_eq!(found, [(3, Some(2), Damage::OutOfOrder(2))]);

    // One whose hash fits: who has no key can do as much where there is none.
    let found = damaged(|lines| {
        let mut head = Link::parse(lines[1].as_bytes()).unwrap().head;
        let mut forged = Vec::new();
        let record = serde_json::to_vec(&entry(99)).unwrap();
        Hasher::new(None).link(&mut head, false, (&record, &mut forged));
        lines.insert(2, String::from_utf8(forged).unwrap().trim_end().to_owned());
    });
    let expected = [(4, Some(3), Damage::OutOfOrder(3)), (5, Some(4), Damage::OtherPast)];
    assert_eq!(found, expected);
}

#[test]
fn a_last_record_that_was_written_anew_is_found() {
    let found = damaged(|lines| {
        let mut head = Link::parse(lines[3].as_bytes()).unwrap().head;
        let mut forged = Vec::new();
        let record = serde_json::to_vec(&entry(99)).unwrap();
        Hasher::new(None).link(&mut head, false, (&record, &mut forged));
        lines[4] = String::from_utf8(forged).unwrap().trim_end().to_owned();
    });
    assert_eq!(found, [(5, Some(5), Damage::Replaced)]);
}

#[test]
fn a_file_that_ends_within_a_line_is_found() {
    let venue = Venue::new();
    venue.keep(1..=3);
    let path = venue.path("audit.jsonl");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 7]).unwrap();
    let expected = [(3, None, Damage::Torn), (3, Some(2), Damage::CutOff(3))];
    assert_eq!(venue.findings(&["audit.jsonl"]), expected);
}

#[test]
fn every_change_of_a_byte_is_found() {
    let venue = Venue::new();
    venue.keep(1..=3);
    let path = venue.path("audit.jsonl");
    let good = fs::read(&path).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    let is_found = |bytes: &[u8], what: &str, at: usize| {
        file.write_all_at(bytes, 0).unwrap();
        file.set_len(bytes.len() as u64).unwrap();
        assert_ne!(venue.findings(&["audit.jsonl"]), [], "byte {at} {what}");
    };
    for at in 0..good.len() {
        for new in [good[at] ^ 1, b'\n'] {
            let mut bytes = good.clone();
            if std::mem::replace(&mut bytes[at], new) != new {
                is_found(&bytes, "changed", at);
            }
        }
        let mut bytes = good.clone();
        bytes.remove(at);
        is_found(&bytes, "removed", at);
        bytes.insert(at, good[at]);
        bytes.insert(at, good[at]);
        is_found(&bytes, "doubled", at);
    }
    is_found(&[&good[..], b"\n"].concat(), "added", good.len());
}

#[test]
fn every_change_of_what_lies_beside_the_file_is_found() {
    for hasher in [Hasher::new(None), Hasher::new(Some(KEY))] {
        let mut head = Head::default();
        hasher.link(&mut head, true, (b"{\"a\":1}", &mut Vec::new()));
        let seal = Seal { head, begins: 1 };
        let text = hasher.seal(&seal);
        assert_eq!(hasher.unseal(&text), Some(seal));
        for at in 0..text.len() {
            for bit in 0..8 {
                let mut changed = text.clone();
                changed[at] ^= 1 << bit;
                assert_eq!(hasher.unseal(&changed), None, "byte {at}, bit {bit}");
            }
            assert_eq!(hasher.unseal(&text[..at]), None);
        }
    }
}

#[test]
fn a_chain_with_a_key_is_found_whole_by_that_key_alone() {
    let mut venue = Venue::new();
    venue.key(KEY);
    venue.keep(1..=2);
    venue.keep(3..=3);
    let path = [venue.path("audit.jsonl")];
    let found = |key: Option<&Path>| {
        let mut found = Vec::new();
        verify(&path, key, &mut |finding| found.push(finding.damage)).unwrap();
        found
    };
    assert_eq!(found(Some(&venue.path("key"))), []);
    let all_wrong = [Damage::Edited, Damage::Edited, Damage::Edited, Damage::Seal];
    assert_eq!(found(None), all_wrong);
    let other = Venue::new();
    let other_key = other.path("key");
    private(&other_key, b"another key of a chain");
    assert_eq!(found(Some(&other_key)), all_wrong);
}

#[test]
fn a_key_that_can_be_guessed_is_refused() {
    let mut venue = Venue::new();
    venue.key(b"fifteen letters\n");
    assert!(matches!(Audit::check(&venue.config), Err(AuditError::ShortKey(_))));
    assert!(matches!(Audit::start(&venue.config), Err(AuditError::ShortKey(_))));
    assert!(!venue.path("audit.jsonl").exists());
}

#[test]
fn rotation_keeps_the_chain() {
    let venue = Venue::new();
    let audit = venue.start();
    audit.enter(&entry(1));
    venue.settled(&audit);
    fs::rename(venue.path("audit.jsonl"), venue.path("audit.jsonl.2")).unwrap();
    // Until it is told, it goes on in the old one.
    audit.enter(&entry(2));
    venue.settled(&audit);
    audit.reopen();
    audit.enter(&entry(3));
    venue.settled(&audit);
    fs::rename(venue.path("audit.jsonl"), venue.path("audit.jsonl.1")).unwrap();
    audit.reopen();
    audit.close();

    let files = ["audit.jsonl.2", "audit.jsonl.1", "audit.jsonl"];
    assert_eq!(venue.findings(&files), []);
    assert_eq!(files.map(|file| lines(&venue.path(file)).len()), [2, 1, 0]);
    // An older file may be gone, and each is good alone.
    assert_eq!(venue.findings(&files[1..]), []);
    assert_eq!(venue.findings(&files[2..]), []);
    let found = venue.findings(&["audit.jsonl.1", "audit.jsonl.2"]);
    assert_eq!(found[0], (1, Some(1), Damage::OutOfOrder(3)));
    venue.keep(4..=4);
    assert_eq!(venue.findings(&files), []);
    let found = venue.findings(&["audit.jsonl.2", "audit.jsonl"]);
    assert_eq!(found, [(1, Some(4), Damage::Missing(3, 3))]);
}

#[test]
fn two_rotations_in_a_row_leave_an_empty_file_between() {
    let venue = Venue::new();
    let audit = venue.start();
    audit.enter(&entry(1));
    venue.settled(&audit);
    for number in [2, 1] {
        let name = format!("audit.jsonl.{number}");
        fs::rename(venue.path("audit.jsonl"), venue.path(&name)).unwrap();
        audit.reopen();
        wait(|| venue.path("audit.jsonl").exists());
    }
    // A signal without a rotation changes nothing.
    audit.reopen();
    audit.enter(&entry(2));
    audit.close();
    assert_eq!(venue.findings(&["audit.jsonl.2", "audit.jsonl.1", "audit.jsonl"]), []);
    assert_eq!(venue.findings(&["audit.jsonl"]), []);
}

#[test]
fn rotation_keeps_the_chain_while_the_gateway_is_down() {
    let venue = Venue::new();
    venue.keep(1..=2);
    fs::rename(venue.path("audit.jsonl"), venue.path("audit.jsonl.1")).unwrap();
    fs::write(venue.path("audit.jsonl"), "").unwrap();
    let files = ["audit.jsonl.1", "audit.jsonl"];
    assert_eq!(venue.findings(&files), []);
    venue.keep(3..=3);
    assert_eq!(venue.findings(&files), []);
    assert_eq!(venue.findings(&files[1..]), []);
}

#[test]
fn records_that_are_removed_while_the_gateway_is_down_are_missed_for_ever() {
    let venue = Venue::new();
    venue.keep(1..=5);
    let kept = venue.lines()[..3].join("\n") + "\n";
    fs::write(venue.path("audit.jsonl"), kept).unwrap();
    venue.keep(6..=6);
    assert_eq!(venue.findings(&["audit.jsonl"]), [(4, Some(6), Damage::Missing(4, 5))]);
}

#[test]
fn where_nothing_tells_of_the_end_any_more_a_number_is_missing_for_ever() {
    for seal in [None, Some("garbage\n")] {
        let venue = Venue::new();
        venue.keep(1..=5);
        venue.cut(3);
        venue.reseal(seal);
        venue.keep(6..=6);
        venue.keep(7..=7);
        // How many there were is not known.
        let expected = [(4, Some(5), Damage::Missing(4, 4))];
        assert_eq!(venue.findings(&["audit.jsonl"]), expected);
        assert_eq!(venue.ids(), [1, 2, 3, 6, 7]);
    }
}

#[test]
fn a_file_that_was_emptied_and_its_seal_damaged_does_not_begin_anew() {
    let venue = Venue::new();
    venue.keep(1..=5);
    venue.cut(0);
    venue.reseal(Some("garbage\n"));
    venue.keep(6..=7);
    assert_eq!(venue.findings(&["audit.jsonl"]), [(1, Some(2), Damage::NoBegin)]);
}

#[test]
fn a_last_record_that_was_changed_is_not_gone_on_with() {
    for seal in [None, Some("garbage\n")] {
        let venue = Venue::new();
        venue.keep(1..=3);
        venue.edit_last();
        venue.reseal(seal);
        venue.keep(4..=4);
        let expected = [(3, Some(3), Damage::Edited), (4, Some(5), Damage::Missing(4, 4))];
        assert_eq!(venue.findings(&["audit.jsonl"]), expected);
    }
    // Where the end is known, the chain goes on from there.
    let venue = Venue::new();
    venue.keep(1..=3);
    venue.edit_last();
    venue.keep(4..=4);
    assert_eq!(venue.findings(&["audit.jsonl"]), [(3, Some(3), Damage::Edited)]);
}

#[test]
fn a_last_record_that_was_written_anew_is_found_after_a_restart_too() {
    let venue = Venue::new();
    venue.keep(1..=3);
    venue.forge_last(2);
    venue.keep(4..=4);
    assert_eq!(venue.findings(&["audit.jsonl"]), [(4, Some(4), Damage::OtherPast)]);
}

#[test]
fn the_greatest_number_there_is_stops_nothing() {
    let venue = Venue::new();
    venue.keep(1..=3);
    venue.forge_last(u64::MAX - 1);
    venue.keep(4..=5);
    assert_eq!(venue.ids(), [1, 2, 99, 4, 5]);
    let last = Damage::OutOfOrder(u64::MAX);
    assert_eq!(venue.findings(&["audit.jsonl"]).last().unwrap().2, last);
}

#[test]
fn a_file_that_was_rolled_back_together_with_its_seal_is_not_found() {
    let venue = Venue::new();
    venue.keep(1..=3);
    let names = ["audit.jsonl", "audit.jsonl.chain"];
    let earlier = names.map(|name| fs::read(venue.path(name)).unwrap());
    venue.keep(4..=5);
    for (name, content) in names.iter().zip(earlier) {
        fs::write(venue.path(name), content).unwrap();
    }
    venue.keep(6..=6);
    // The page on audit says so: a copy elsewhere is what stands against it.
    assert_eq!(venue.findings(&["audit.jsonl"]), []);
}

#[test]
fn a_file_that_cannot_be_read_is_an_error() {
    assert!(verify(&[PathBuf::from("/nonexistent/audit.jsonl")], None, &mut |_| {}).is_err());
}

#[test]
fn a_finding_says_where_it_is_and_what_is_wrong() {
    let damage = Damage::Missing(4, 6);
    let finding = Damaged { path: "audit.jsonl".into(), line: 3, record: Some(7), damage };
    assert_eq!(
        finding.to_string(),
        "audit.jsonl:3: record 7: records 4 to 6 are missing before it"
    );
}

impl Venue {
    /// Keeps so many of the file's lines.
    fn cut(&self, lines: usize) {
        self.rewrite(self.lines()[..lines].to_vec());
    }

    fn edit_last(&self) {
        let mut lines = self.lines();
        let last = lines.last_mut().unwrap();
        *last = last.replace("840", "841");
        self.rewrite(lines);
    }

    /// Puts another record in the last one's place, as if it came after number `seq`.
    fn forge_last(&self, seq: u64) {
        let mut lines = self.lines();
        lines.pop();
        let hash = Link::parse(lines.last().unwrap().as_bytes()).unwrap().head.hash;
        let mut forged = Vec::new();
        let record = serde_json::to_vec(&entry(99)).unwrap();
        Hasher::new(None).link(&mut Head { seq, hash }, false, (&record, &mut forged));
        lines.push(String::from_utf8(forged).unwrap().trim_end().to_owned());
        self.rewrite(lines);
    }

    fn rewrite(&self, lines: Vec<String>) {
        let text = lines.into_iter().map(|line| line + "\n").collect::<String>();
        fs::write(self.path("audit.jsonl"), text).unwrap();
    }

    /// Removes `.chain`, or writes something else to it.
    fn reseal(&self, content: Option<&str>) {
        let path = self.path("audit.jsonl.chain");
        content
            .map_or_else(|| fs::remove_file(&path), |content| fs::write(&path, content))
            .unwrap();
    }
}

/// What is found in a file of five records after `change`.
fn damaged(change: impl FnOnce(&mut Vec<String>)) -> Vec<(u64, Option<u64>, Damage)> {
    let venue = Venue::new();
    venue.keep(1..=5);
    let mut lines = venue.lines();
    change(&mut lines);
    let text = lines.into_iter().map(|line| line + "\n").collect::<String>();
    fs::write(venue.path("audit.jsonl"), text).unwrap();
    venue.findings(&["audit.jsonl"])
}

const KEY: &[u8] = b"a key that nobody guesses";
