//! What a worker does to put a record on its way, and what it waits for.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::*;

#[test]
fn a_record_on_its_way_allocates_nothing() {
    let venue = Venue::new();
    let audit = venue.start();
    let ledger = audit.ledger();
    let seen = allocation_counter::measure(|| {
        for _ in 0..20 {
            let place = audit.reserve().unwrap();
            let _ = ledger.add(place, |out| out.extend_from_slice(RECORD));
        }
    });
    assert_eq!(seen.count_total, 0);
    drop(ledger);
    audit.close();
    assert_eq!(venue.lines().len(), 20);
}

#[test]
fn transactions_and_records_on_their_way_are_bounded() {
    let mut venue = Venue::new();
    venue.config.max_waiting = 3;
    let audit = venue.start();
    let ledger = audit.ledger();
    let mut places = (0..3).map(|_| audit.reserve().unwrap()).collect::<Vec<_>>();
    assert_eq!(audit.reserve().unwrap_err(), NoRoom);
    // One that was not used is free again.
    drop(places.pop());
    let place = audit.reserve().unwrap();
    let _ = add(&ledger, place, 1);
    assert_eq!(audit.reserve().unwrap_err(), NoRoom);
    ledger.hand_over();
    wait(|| audit.figures().waiting == 2);
    places.push(audit.reserve().unwrap());
    drop(places);
    assert_eq!(audit.figures().waiting, 0);
}

#[test]
fn what_finds_no_room_is_counted_as_lost_if_transactions_go_on() {
    let mut venue = Venue::new();
    venue.config.max_waiting = 2;
    venue.config.on_failure = OnFailure::Continue;
    let audit = venue.start();
    let ledger = audit.ledger();
    let places = (0..4).map(|_| audit.reserve().unwrap()).collect::<Vec<_>>();
    for (place, number) in places.into_iter().zip(1..) {
        let _ = add(&ledger, place, number);
    }
    drop(ledger);
    audit.close();
    assert_eq!((audit.figures().kept, audit.figures().lost), (2, 2));
    assert_eq!(venue.lines().len(), 2);
}

#[tokio::test]
async fn who_waits_is_told_when_the_record_is_in_file_and_queue() {
    let mut venue = Venue::with_sinks(1);
    venue.config.durability = Durability::Synced;
    let audit = venue.start();
    let ledger = audit.ledger();
    let waiting = (1..=200).map(|number| {
        let (venue, ledger) = (&venue, &ledger);
        let place = audit.reserve().unwrap();
        async move {
            let ticket = add(ledger, place, number);
            assert!(ledger.kept(ticket).await);
            let id = format!("\"id\":\"{number:016}\"");
            let segment = venue.queue().join(format!("{:020}.jsonl", 1));
            for path in [venue.path("audit.jsonl"), segment] {
                assert!(fs::read_to_string(path).unwrap().contains(&id));
            }
        }
    });
    all(waiting).await;
    drop(ledger);
    audit.close();
    assert_eq!(venue.findings(&["audit.jsonl"]), []);
}

#[tokio::test]
async fn nobody_waits_for_a_disk_without_having_asked_for_it() {
    let venue = Venue::new();
    let audit = venue.start();
    let ledger = audit.ledger();
    let ticket = add(&ledger, audit.reserve().unwrap(), 1);
    let mut kept = pin!(ledger.kept(ticket));
    assert_eq!(kept.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(true));
}

#[tokio::test]
async fn who_waits_is_told_when_nothing_is_written_any_more() {
    let mut venue = Venue::new();
    venue.config.durability = Durability::Synced;
    let audit = venue.start();
    let ledger = audit.ledger();
    let place = audit.reserve().unwrap();
    audit.close();
    assert!(audit.is_refusing());
    assert_eq!(audit.reserve().unwrap_err(), NoRoom);
    let ticket = add(&ledger, place, 1);
    assert!(!ledger.kept(ticket).await);
}

#[test]
fn dropped_without_an_end_everything_is_written_all_the_same() {
    let venue = Venue::new();
    let audit = venue.start();
    let ledger = audit.ledger();
    let _ = add(&ledger, audit.reserve().unwrap(), 1);
    drop(audit);
    drop(ledger);
    wait(|| venue.lines().len() == 1);
    // Its files are free for the next one.
    wait(|| Audit::start(&venue.config).is_ok());
}

#[test]
fn a_panic_within_a_record_harms_no_other() {
    let venue = Venue::new();
    let audit = venue.start();
    let ledger = audit.ledger();
    let _ = add(&ledger, audit.reserve().unwrap(), 1);
    let place = audit.reserve().unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = ledger.add(place, |out| {
            out.extend_from_slice(b"{\"half");
            panic!("a bug");
        });
    }));
    assert!(panicked.is_err());
    assert_eq!(audit.figures().waiting, 1);
    let _ = add(&ledger, audit.reserve().unwrap(), 2);
    drop(ledger);
    audit.close();
    assert_eq!(venue.ids(), [1, 2]);
    assert_eq!(venue.findings(&["audit.jsonl"]), []);
}

async fn all(futures: impl Iterator<Item: Future<Output = ()>>) {
    let mut futures = futures.map(Box::pin).collect::<Vec<_>>();
    std::future::poll_fn(|cx| {
        futures.retain_mut(|future| future.as_mut().poll(cx).is_pending());
        if futures.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Of the length that a retrieved frame's has.
pub(super) const RECORD: &[u8] =
    b"{\"time\":\"2026-11-23T14:00:00.123Z\",\"id\":\"0123456789abcdef\",\
    \"event\":\"transaction\",\"outcome\":\"success\",\"principal\":{\"kind\":\"token\",\
    \"id\":\"11111111-2222-3333-4444-555555555555\",\
    \"issuer\":\"https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0\",\
    \"tenant\":\"11111111-2222-3333-4444-555555555555\",\
    \"application\":\"11111111-2222-3333-4444-555555555555\"},\"address\":\"192.0.2.17\",\
    \"route\":\"/dicom-web\",\"origin\":\"workspace-service.dicom.azurehealthcareapis.com:443\",\
    \"client\":\"default\",\"transaction\":\"retrieve\",\"resource\":\"frames\",\"method\":\"GET\",\
    \"study\":\"1.3.6.1.4.1.14519.5.2.1.6279.6001.298806137288633453246975630178\",\
    \"series\":\"1.3.6.1.4.1.14519.5.2.1.6279.6001.179049373636438705059720603192\",\
    \"instance\":\"1.3.6.1.4.1.14519.5.2.1.6279.6001.143451261327128179989900675595\",\
    \"status\":200,\"received\":0,\"sent\":524288,\"duration_us\":12345,\
    \"trace_id\":\"0123456789abcdef0123456789abcdef\"}\n";
