//! Disks that fill up and processes that are killed: each in a process of its own, which is this test
//! again, told by its environment.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::*;

#[test]
fn on_a_full_disk_transactions_are_refused_and_nothing_is_lost() {
    alone("on_a_full_disk_transactions_are_refused_and_nothing_is_lost", || {
        let venue = Venue::with_sinks(1);
        let audit = venue.start();
        let ledger = audit.ledger();
        for number in 1..=3 {
            let _ = add(&ledger, audit.reserve().unwrap(), number);
        }
        ledger.hand_over();
        venue.settled(&audit);
        let open = (4..=40).map(|number| (number, audit.reserve().unwrap())).collect::<Vec<_>>();

        // Room for one and a half.
        limit(Some(fs::metadata(venue.path("audit.jsonl")).unwrap().len() + 500));
        for (number, place) in open {
            let _ = add(&ledger, place, number);
        }
        ledger.hand_over();
        wait(|| audit.is_refusing());
        assert_eq!(audit.reserve().unwrap_err(), NoRoom);
        assert!(audit.figures().is_broken);
        assert_eq!(audit.figures().waiting, 37);
        // What was written before is whole, and nothing of what was not.
        assert_eq!(venue.findings(&["audit.jsonl"]), []);
        assert_eq!(venue.lines().len(), 3);

        limit(None);
        wait(|| !audit.is_refusing());
        let _ = add(&ledger, audit.reserve().unwrap(), 41);
        drop(ledger);
        audit.close();
        assert_eq!(audit.figures().lost, 0);
        assert_eq!(venue.ids(), (1..=41).collect::<Vec<_>>());
        assert_eq!(venue.queued(), (1..=41).collect::<Vec<_>>());
        assert_eq!(venue.findings(&["audit.jsonl"]), []);
    });
}

#[test]
fn what_only_the_queue_has_no_room_for_is_in_the_file_once() {
    alone("what_only_the_queue_has_no_room_for_is_in_the_file_once", || {
        let venue = Venue::with_sinks(1);
        venue.keep(1..=50);
        fs::rename(venue.path("audit.jsonl"), venue.path("audit.jsonl.1")).unwrap();
        let audit = venue.start();
        let segment = venue.queue().join(format!("{:020}.jsonl", 1));
        limit(Some(fs::metadata(segment).unwrap().len() + 50));
        audit.enter(&entry(51));
        wait(|| audit.is_refusing());
        assert_eq!(venue.ids(), [51]);
        // It may take some tries, and a rotation comes between.
        fs::rename(venue.path("audit.jsonl"), venue.path("audit.jsonl.2")).unwrap();
        audit.reopen();
        audit.enter(&entry(52));
        wait(|| venue.path("audit.jsonl").exists());
        limit(None);
        audit.close();
        assert_eq!(venue.ids(), [52]);
        assert_eq!(venue.queued(), (1..=52).collect::<Vec<_>>());
        assert_eq!(venue.findings(&["audit.jsonl.1", "audit.jsonl.2", "audit.jsonl"]), []);
    });
}

#[test]
fn on_a_full_disk_the_loss_is_counted_if_transactions_go_on() {
    alone("on_a_full_disk_the_loss_is_counted_if_transactions_go_on", || {
        let mut venue = Venue::new();
        venue.config.on_failure = OnFailure::Continue;
        venue.config.durability = Durability::Synced;
        venue.config.max_waiting = 8;
        let audit = venue.start();
        let ledger = audit.ledger();
        limit(Some(200));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for number in 1..=20 {
            let ticket = add(&ledger, audit.reserve().unwrap(), number);
            // Told at once that it is not: nobody waits for a disk that takes nothing.
            assert!(!runtime.block_on(ledger.kept(ticket)));
        }
        assert_eq!((audit.figures().waiting, audit.figures().lost), (8, 12));
        limit(None);
        wait(|| audit.figures().waiting == 0);
        let ticket = add(&ledger, audit.reserve().unwrap(), 21);
        assert!(runtime.block_on(ledger.kept(ticket)));
        drop(ledger);
        audit.close();
        assert_eq!((audit.figures().kept, audit.figures().lost), (9, 12));
        assert_eq!(venue.ids(), (1..=8).chain([21]).collect::<Vec<_>>());
        assert_eq!(venue.findings(&["audit.jsonl"]), []);
    });
}

#[test]
fn a_disk_that_stays_full_does_not_keep_the_process_from_its_end() {
    alone("a_disk_that_stays_full_does_not_keep_the_process_from_its_end", || {
        let venue = Venue::new();
        let audit = venue.start();
        limit(Some(200));
        (1..=3).for_each(|number| audit.enter(&entry(number)));
        audit.close();
        assert_eq!((audit.figures().kept, audit.figures().lost), (0, 3));
        limit(None);
        assert_eq!(venue.lines(), [""; 0]);
    });
}

#[test]
fn a_sink_that_acknowledges_shortens_the_queue_on_a_full_disk_too() {
    alone("a_sink_that_acknowledges_shortens_the_queue_on_a_full_disk_too", || {
        let mut venue = Venue::with_sinks(1);
        venue.config.max_queue_bytes = 8 * 1024;
        venue.config.file = None;
        let audit = venue.start();
        for number in 1..=20 {
            audit.enter(&entry(number));
            wait(|| audit.figures().kept == number);
        }
        limit(Some(200));
        let before = audit.figures().queue_bytes;
        let mut reader = audit.readers().pop().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            for _ in 0..2 {
                let batch = reader.next().await.unwrap().unwrap();
                reader.acknowledge(batch.entries.last().unwrap().1).await.unwrap();
            }
        });
        assert!(audit.figures().queue_bytes < before);
        limit(None);
        audit.close();
    });
}

#[test]
fn of_a_killed_process_every_record_that_was_kept_is_there() {
    if let (Some(folder), Some(round)) = (std::env::var_os(FOLDER), std::env::var_os(ROUND)) {
        let first = round.to_str().unwrap().parse::<u64>().unwrap() * 1_000_000;
        keep_until_killed(&synced(Path::new(&folder)), first);
    }
    let folder = tempfile::tempdir().unwrap();
    let mut kept = Vec::new();
    for round in 1..=10_u64 {
        let mut child = this_test("of_a_killed_process_every_record_that_was_kept_is_there")
            .env(FOLDER, folder.path())
            .env(ROUND, round.to_string())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let mut count = 0;
        for line in said {
            // One that was being said just then may be torn.
            if let Some(number) = line.strip_prefix("kept ").and_then(|n| n.strip_suffix('.')) {
                kept.push(number.parse::<u64>().unwrap());
                count += 1;
            }
            if count == 10 * round {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(count >= 10 * round, "it ended by itself");
    }
    let venue = synced(folder.path());
    venue.start().close();
    assert_eq!(venue.findings(&["audit.jsonl"]), []);
    let (file, queue) = (venue.ids(), venue.queued());
    for number in kept {
        assert_eq!(file.iter().filter(|id| **id == number).count(), 1);
        assert_eq!(queue.iter().filter(|id| **id == number).count(), 1);
    }
}

/// What a process does that is to be killed: says of each record when it is kept.
fn keep_until_killed(venue: &Venue, first: u64) -> ! {
    let audit = venue.start();
    for worker in 0..2 {
        let audit = audit.clone();
        std::thread::spawn(move || {
            let ledger = audit.ledger();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            for number in (first + worker * 500_000).. {
                let ticket = add(&ledger, audit.reserve().unwrap(), number);
                assert!(runtime.block_on(ledger.kept(ticket)));
                eprintln!("kept {number}.");
            }
        });
    }
    loop {
        std::thread::park();
    }
}

fn synced(folder: &Path) -> Venue {
    let mut venue = Venue::at(folder).and_sinks(1);
    venue.config.durability = Durability::Synced;
    venue
}

/// Does `work` in a process of its own, where a full disk is nobody else's.
fn alone(test: &str, work: impl FnOnce()) {
    if std::env::var_os(FOLDER).is_some() {
        return work();
    }
    let output = this_test(test).env(FOLDER, "").stdout(Stdio::piped()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// This program again with one test, where a write beyond the limit is an error and no signal.
fn this_test(name: &str) -> Command {
    let mut command = Command::new("sh");
    let script = "trap '' XFSZ; exec \"$0\" --exact --nocapture \"$1\"";
    command.args(["-c", script]).arg(std::env::current_exe().unwrap());
    command.arg(format!("audit::tests::faults::{name}")).stdout(Stdio::null());
    command
}

/// How large files may be: what a full disk is like. `None`: as large as they like.
fn limit(most: Option<u64>) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: most.or(maximum), maximum }).unwrap();
}

/// Tell this program that it is the one that is to work, and where.
const FOLDER: &str = "AUDIT_TEST_FOLDER";
const ROUND: &str = "AUDIT_TEST_ROUND";
