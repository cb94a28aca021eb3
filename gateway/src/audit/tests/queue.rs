//! What waits for sinks, over restarts and damage.

use std::io::Write;

use super::*;

#[tokio::test]
async fn a_sink_gets_records_in_order_and_again_until_it_acknowledges() {
    let venue = Venue::with_sinks(1);
    let audit = venue.start();
    let mut reader = audit.readers().pop().unwrap();
    (1..=3).for_each(|number| audit.enter(&entry(number)));
    audit.close();
    for _ in 0..2 {
        assert_eq!(numbers(&reader.next().await.unwrap().unwrap()), [1, 2, 3]);
    }
    let batch = reader.next().await.unwrap().unwrap();
    assert_eq!(batch.entries[0].0, entry(1));
    reader.acknowledge(batch.entries[1].1).await.unwrap();
    let batch = reader.next().await.unwrap().unwrap();
    assert_eq!(numbers(&batch), [3]);
    reader.acknowledge(batch.entries[0].1).await.unwrap();
    assert!(reader.next().await.unwrap().is_none());
    let sink = audit.figures().sinks.remove(0);
    assert_eq!((sink.delivered, sink.behind), (3, 0));
}

#[tokio::test]
async fn a_sink_waits_for_records_that_are_yet_to_come() {
    let venue = Venue::with_sinks(1);
    let audit = venue.start();
    let mut reader = audit.readers().pop().unwrap();
    let (batch, ()) = tokio::join!(reader.next(), async {
        tokio::task::yield_now().await;
        audit.enter(&entry(1));
    });
    assert_eq!(numbers(&batch.unwrap().unwrap()), [1]);
    audit.close();
}

#[tokio::test]
async fn each_sink_goes_on_where_it_was_after_a_restart() {
    let venue = Venue::with_sinks(2);
    venue.keep(1..=4);
    let audit = venue.start();
    let [mut one, mut other] = <[Reader; 2]>::try_from(audit.readers()).ok().unwrap();
    let batch = one.next().await.unwrap().unwrap();
    one.acknowledge(batch.entries[2].1).await.unwrap();
    let batch = other.next().await.unwrap().unwrap();
    other.acknowledge(batch.entries[0].1).await.unwrap();
    audit.close();
    drop((audit, one, other));

    venue.keep(5..=5);
    let audit = venue.start();
    let [mut one, mut other] = <[Reader; 2]>::try_from(audit.readers()).ok().unwrap();
    assert_eq!(numbers(&one.next().await.unwrap().unwrap()), [4, 5]);
    assert_eq!(numbers(&other.next().await.unwrap().unwrap()), [2, 3, 4, 5]);
    audit.close();
}

#[tokio::test]
async fn a_batch_has_a_bound() {
    let venue = Venue::with_sinks(1);
    venue.keep(1..=1200);
    let audit = venue.start();
    audit.close();
    let mut reader = audit.readers().pop().unwrap();
    let mut all = Vec::new();
    while let Some(batch) = reader.next().await.unwrap() {
        assert!(batch.entries.len() <= 500);
        all.extend(numbers(&batch));
        reader.acknowledge(batch.entries.last().unwrap().1).await.unwrap();
    }
    assert_eq!(all, (1..=1200).collect::<Vec<_>>());
}

#[tokio::test]
async fn segments_are_removed_once_all_sinks_have_passed_them() {
    let mut venue = Venue::with_sinks(2);
    venue.config.max_queue_bytes = 8 * 1024;
    let audit = venue.start();
    let [one, other] = <[Reader; 2]>::try_from(audit.readers()).ok().unwrap();
    for number in 1..=30 {
        audit.enter(&entry(number));
        venue.settled(&audit);
    }
    let segments = venue.segments();
    assert!(segments.len() >= 3, "{segments:?}");
    audit.close();
    assert_eq!(drained(one).await, (1..=30).collect::<Vec<_>>());
    assert_eq!(venue.segments(), segments);
    assert_eq!(drained(other).await, (1..=30).collect::<Vec<_>>());
    assert_eq!(venue.segments().len(), 1);
    assert!(audit.figures().queue_bytes < 1024);
}

#[tokio::test]
async fn a_full_queue_refuses_transactions_until_a_sink_has_made_room() {
    let mut venue = Venue::with_sinks(1);
    venue.config.max_queue_bytes = 4 * 1024;
    let audit = venue.start();
    let reader = audit.readers().pop().unwrap();
    let open = audit.reserve().unwrap();
    let mut number = 0;
    while audit.reserve().is_ok() {
        number += 1;
        audit.enter(&entry(number));
        wait(|| audit.figures().kept == number);
    }
    assert!(audit.is_refusing() && !audit.figures().is_broken);
    // One that was under way loses nothing.
    let ledger = audit.ledger();
    let _ = add(&ledger, open, number + 1);
    drop(ledger);
    wait(|| audit.figures().kept == number + 1);
    let reading = tokio::spawn(drained(reader));
    wait_async(|| !audit.is_refusing()).await;
    drop(audit.reserve().unwrap());
    audit.close();
    assert_eq!(reading.await.unwrap(), (1..=number + 1).collect::<Vec<_>>());
    assert_eq!(audit.figures().lost, 0);
    assert_eq!(venue.lines().len() as u64, number + 1);
}

#[tokio::test]
async fn a_full_queue_loses_and_counts_what_comes_if_transactions_go_on() {
    let mut venue = Venue::with_sinks(1);
    venue.config.max_queue_bytes = 2 * 1024;
    venue.config.on_failure = OnFailure::Continue;
    let audit = venue.start();
    let reader = audit.readers().pop().unwrap();
    let ledger = audit.ledger();
    for number in 1..=40 {
        let _ = add(&ledger, audit.reserve().unwrap(), number);
        ledger.hand_over();
        venue.settled(&audit);
    }
    drop(ledger);
    audit.close();
    let sent = drained(reader).await.len();
    let lost = audit.figures().lost;
    assert!(lost > 0 && sent > 0);
    assert_eq!(sent as u64 + lost, 40);
    // The file has room.
    assert_eq!(venue.lines().len(), 40);
}

#[tokio::test]
async fn what_a_full_queue_loses_was_not_kept_where_there_is_no_file() {
    let mut venue = Venue::with_sinks(1);
    venue.config.file = None;
    venue.config.max_queue_bytes = 2 * 1024;
    venue.config.on_failure = OnFailure::Continue;
    venue.config.durability = Durability::Synced;
    let audit = venue.start();
    let reader = audit.readers().pop().unwrap();
    let ledger = audit.ledger();
    let mut told = 0;
    for number in 1..=40 {
        let ticket = add(&ledger, audit.reserve().unwrap(), number);
        told += u64::from(ledger.kept(ticket).await);
    }
    drop(ledger);
    audit.close();
    let sent = drained(reader).await.len() as u64;
    let figures = audit.figures();
    assert!(figures.lost > 0);
    assert_eq!((figures.kept, figures.kept + figures.lost, told), (sent, 40, sent));
    assert_eq!(figures.waiting, 0);
}

#[tokio::test]
async fn a_torn_record_is_cut_off_and_the_others_are_sent() {
    let venue = Venue::with_sinks(1);
    venue.keep(1..=3);
    for path in [venue.path("audit.jsonl"), venue.queue().join(&venue.segments()[0])] {
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 5]).unwrap();
    }
    venue.keep(4..=4);
    assert_eq!(venue.sent().await, [1, 2, 4]);
    // What is beside the file remembers the third one.
    assert_eq!(venue.findings(&["audit.jsonl"]), [(3, Some(4), Damage::Missing(3, 3))]);
}

#[test]
fn wherever_a_killed_process_stopped_within_its_last_batch_the_chain_goes_on() {
    let venue = Venue::with_sinks(1);
    venue.keep(1..=2);
    let known = fs::read(venue.path("audit.jsonl.chain")).unwrap();
    let before = fs::read(venue.path("audit.jsonl")).unwrap().len();
    let before_queued = fs::read(venue.queue().join(&venue.segments()[0])).unwrap().len();
    venue.keep(3..=4);
    let all = fs::read(venue.path("audit.jsonl")).unwrap();
    let segment = venue.queue().join(&venue.segments()[0]);
    let all_queued = fs::read(&segment).unwrap();
    for cut in (before..=all.len()).step_by(13) {
        fs::write(venue.path("audit.jsonl.chain"), &known).unwrap();
        fs::write(venue.path("audit.jsonl"), &all[..cut]).unwrap();
        let cut_queued = (before_queued + cut - before).min(all_queued.len());
        fs::write(&segment, &all_queued[..cut_queued]).unwrap();
        venue.keep(5..=5);
        assert_eq!(venue.findings(&["audit.jsonl"]), [], "cut at {cut}");
        for kept in [venue.ids(), venue.queued()] {
            assert!(kept == [1, 2, 5] || kept == [1, 2, 3, 5] || kept == [1, 2, 3, 4, 5]);
        }
    }
}

#[tokio::test]
async fn a_lost_cursor_sends_all_there_is() {
    let garbage = [
        b"".as_slice(),
        b"garbage\n",
        b"00000000000000000001 00000000000000000003\n",
        b"00000000000000000009 00000000000000000000\n",
        b"00000000000000000001 00000000000000999999\n",
        &[0; 42],
        &[b'x'; 4096],
    ];
    for garbage in garbage {
        let venue = Venue::with_sinks(1);
        venue.keep(1..=2);
        assert_eq!(venue.sent().await, [1, 2]);
        assert_eq!(venue.sent().await, NONE);
        let cursor = venue.queue_file(".cursor");
        fs::write(&cursor, garbage).unwrap();
        assert_eq!(venue.sent().await, [1, 2], "{garbage:?}");
        assert_eq!(venue.sent().await, NONE, "{garbage:?}");
    }
}

#[tokio::test]
async fn a_line_of_garbage_is_set_aside_and_the_rest_goes_on() {
    let venue = Venue::with_sinks(1);
    venue.keep(1..=2);
    let segment = venue.queue().join(&venue.segments()[0]);
    let mut file = fs::OpenOptions::new().append(true).open(&segment).unwrap();
    file.write_all(b"{\"time\":\n\n\xff\xfe\0garbage\n{}\n").unwrap();
    file.write_all(&[b'x'; 300 << 10]).unwrap();
    file.write_all(b"\n").unwrap();
    drop(file);
    venue.keep(3..=4);
    let audit = venue.start();
    let reader = audit.readers().pop().unwrap();
    audit.close();
    assert_eq!(drained(reader).await, [1, 2, 3, 4]);
    let sink = audit.figures().sinks.remove(0);
    assert_eq!((sink.delivered, sink.set_aside), (4, 5));
    let aside = fs::read(venue.queue_file("refused-")).unwrap();
    assert!(aside.starts_with(b"{\"time\":\n\n\xff\xfe\0garbage\n{}\nxxx"));
    drop(audit);
    assert_eq!(venue.sent().await, NONE);
}

#[tokio::test]
async fn a_record_that_a_sink_refuses_is_set_aside_and_counted() {
    let venue = Venue::with_sinks(1);
    venue.keep(1..=3);
    let audit = venue.start();
    let mut reader = audit.readers().pop().unwrap();
    audit.close();
    let batch = reader.next().await.unwrap().unwrap();
    reader.set_aside(&batch.entries[1].0).await.unwrap();
    reader.acknowledge(batch.entries[2].1).await.unwrap();
    reader.failed();
    let sink = audit.figures().sinks.remove(0);
    assert_eq!((sink.delivered, sink.set_aside, sink.failed), (2, 1, 1));
    let aside = lines(&venue.queue_file("refused-"));
    assert_eq!(aside, [serde_json::to_string(&entry(2)).unwrap()]);
}

#[tokio::test]
async fn what_was_set_aside_is_a_part_of_the_queue_until_it_is_taken_away() {
    let mut venue = Venue::with_sinks(1);
    venue.config.max_queue_bytes = 4 * 1024;
    let audit = venue.start();
    let mut reader = audit.readers().pop().unwrap();
    let mut number = 0;
    while !audit.is_refusing() {
        number += 1;
        audit.enter(&entry(number));
        wait_async(|| audit.figures().kept == number).await;
        let batch = reader.next().await.unwrap().unwrap();
        reader.set_aside(&batch.entries[0].0).await.unwrap();
        reader.acknowledge(batch.entries[0].1).await.unwrap();
        assert!(number < 100, "it has no bound");
    }
    audit.close();
    drop((audit, reader));
    // A restart does not make room, but who takes it away does.
    let audit = venue.start();
    assert!(audit.is_refusing());
    fs::rename(venue.queue_file("refused-"), venue.path("elsewhere")).unwrap();
    audit.reopen();
    wait_async(|| !audit.is_refusing()).await;
    audit.close();
    assert_eq!(lines(&venue.path("elsewhere")).len() as u64, number);
}

#[test]
fn files_of_another_process_are_left_alone() {
    let mut venue = Venue::with_sinks(1);
    let audit = venue.start();
    assert!(matches!(Audit::start(&venue.config), Err(AuditError::Held(_))));
    venue.config.file = None;
    assert!(matches!(Audit::start(&venue.config), Err(AuditError::Held(_))));
    audit.close();
}

#[test]
fn nobody_else_may_read_records() {
    use std::os::unix::fs::PermissionsExt;
    let venue = Venue::with_sinks(1);
    venue.keep(1..=1);
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(venue.queue()), 0o700);
    assert_eq!(mode(venue.path("audit.jsonl")), 0o600);
    assert_eq!(mode(venue.path("audit.jsonl.chain")), 0o600);
    for entry in fs::read_dir(venue.queue()).unwrap() {
        assert_eq!(mode(entry.unwrap().path()), 0o600);
    }
}

#[test]
fn sinks_have_names_of_their_own_that_do_not_depend_on_their_order() {
    let mut venue = Venue::with_sinks(3);
    let names = sink_names(&venue.config);
    assert!(names.iter().all(|name| name.starts_with("syslog-arr.example-")), "{names:?}");
    venue.config.syslog.swap(0, 2);
    let [a, b, c] = <[String; 3]>::try_from(names).unwrap();
    assert!(a != b && b != c && a != c);
    assert_eq!(sink_names(&venue.config), [c, b, a]);
}

/// All numbers that a sink gets and acknowledges, until there are no more.
async fn drained(mut reader: Reader) -> Vec<u64> {
    let mut all = Vec::new();
    while let Some(batch) = reader.next().await.unwrap() {
        all.extend(numbers(&batch));
        reader.acknowledge(batch.entries.last().unwrap().1).await.unwrap();
    }
    all
}

async fn wait_async(is_so: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < until, "it does not come about");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

impl Venue {
    /// What the first sink gets in one life of the gateway.
    async fn sent(&self) -> Vec<u64> {
        let audit = self.start();
        audit.close();
        drained(audit.readers().remove(0)).await
    }

    fn segments(&self) -> Vec<String> {
        let mut names = self.queue_names();
        names.retain(|name| name.starts_with("0000"));
        names.sort();
        names
    }

    fn queue_file(&self, part: &str) -> PathBuf {
        let names = self.queue_names();
        self.queue().join(names.into_iter().find(|name| name.contains(part)).unwrap())
    }

    fn queue_names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.queue()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

const NONE: [u64; 0] = [];
