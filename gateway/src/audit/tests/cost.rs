//! What records cost. Figures, which say little of a build without optimizations:
//! `cargo test -p dicom-gateway --profile race --lib audit::tests::cost -- --ignored --nocapture`

use super::ledger::RECORD;
use super::*;

#[test]
#[ignore = "a figure"]
fn fifty_thousand_records_a_second_are_kept_by_one_thread() {
    for (name, sinks, key, durability) in [
        ("file", 0, false, Durability::Written),
        ("file and queue", 1, false, Durability::Written),
        ("file with key, and queue", 1, true, Durability::Written),
        ("file and queue, synced", 1, false, Durability::Synced),
    ] {
        let mut venue = Venue::new();
        if sinks > 0 {
            venue = venue.and_sinks(sinks);
        }
        venue.config.durability = durability;
        if key {
            venue.key(b"a key that nobody guesses");
        }
        let audit = venue.start();
        let began = Instant::now();
        let ledger = audit.ledger();
        for _ in 0..RECORDS {
            let place = loop {
                match audit.reserve() {
                    Ok(place) => break place,
                    Err(NoRoom) => std::thread::yield_now(),
                }
            };
            let _ = ledger.add(place, |out| out.extend_from_slice(RECORD));
        }
        drop(ledger);
        wait(|| audit.figures().kept == RECORDS);
        let (took, cpu) = (began.elapsed(), writer_cpu());
        audit.close();
        let rate = RECORDS as f64 / took.as_secs_f64();
        let share = 100.0 * 50_000.0 / RECORDS as f64 * cpu.as_secs_f64();
        println!(
            "{name}: {rate:.0} records a second; 50,000 a second keep the thread busy for \
             {share:.0} % of a core"
        );
        assert!(rate > 50_000.0);
    }
}

#[test]
#[ignore = "for callgrind, which counts instructions"]
fn a_thousand_records() {
    let venue = Venue::new();
    let audit = venue.start();
    let ledger = audit.ledger();
    for _ in 0..1000 {
        put(&audit, &ledger);
    }
}

/// As a request does it; a function of its own, for callgrind to find.
#[inline(never)]
fn put(audit: &Audit, ledger: &Ledger) {
    let place = audit.reserve().unwrap();
    let _ = ledger.add(place, |out| out.extend_from_slice(RECORD));
}

/// The time that the thread which writes has had so far.
fn writer_cpu() -> Duration {
    let tasks = fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    let is_writer = |task: &PathBuf| {
        fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim() == "audit")
    };
    let task = tasks.filter(is_writer).last().unwrap();
    let spent = fs::read_to_string(task.join("schedstat")).unwrap();
    Duration::from_nanos(spent.split(' ').next().unwrap().parse().unwrap())
}

const RECORDS: u64 = 500_000;
