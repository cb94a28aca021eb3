//! Disks that take what is written and then lose it: the thread that writes is this one.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll, Waker};

use super::super::append::{Appender, make_folder};
use super::*;

#[test]
fn a_batch_that_the_disk_lost_is_written_anew_before_anyone_is_told() {
    for lost in ["audit.jsonl", "queue/00000000000000000001.jsonl"] {
        let scene = Scene::new();
        scene.write(1..=2);
        let path = scene.venue.path(lost);
        let before = fs::metadata(&path).unwrap().len();
        // The file is synced first, then the queue.
        fail_at(if lost == "audit.jsonl" { 0 } else { 1 }, move || rot(&path, before));
        assert!(scene.write(3..=4), "{lost}");
        assert_eq!(scene.venue.ids(), [1, 2, 3, 4], "{lost}");
        assert_eq!(scene.venue.queued(), [1, 2, 3, 4], "{lost}");
        assert_eq!(scene.venue.findings(&["audit.jsonl"]), [], "{lost}");
        assert_eq!((scene.room.kept_so_far(), scene.room.lost_so_far()), (4, 0));
    }
}

#[test]
fn for_who_waits_the_disk_is_asked_for_file_and_queue() {
    let scene = Scene::new();
    let before = SYNCS.get();
    assert!(scene.write(1..=1));
    // Once for the record, and once for the end.
    assert_eq!(SYNCS.get() - before, 4);
}

#[test]
fn what_a_thread_that_panics_had_to_write_is_counted_as_lost() {
    let scene = Scene::new();
    assert!(scene.write(1..=1));
    fail_at(0, || panic!("a bug"));
    let panicked = catch_unwind(AssertUnwindSafe(|| scene.write(2..=4)));
    assert!(panicked.is_err());
    assert_eq!((scene.room.kept_so_far(), scene.room.lost_so_far()), (1, 3));
    assert_eq!(scene.room.waiting(), 0);
    assert!(scene.room.is_refusing());
}

#[test]
fn a_name_that_could_not_be_made_to_last_is_seen_to_at_the_next_opening() {
    let venue = Venue::new();
    let open = || Appender::open(&venue.path("audit.jsonl"));
    FOLDERS_FAIL.set(true);
    assert!(open().is_err());
    assert!(venue.path("audit.jsonl").exists());
    let before = FOLDER_SYNCS.get();
    open().unwrap();
    open().unwrap();
    assert_eq!(FOLDER_SYNCS.get() - before, 2);
}

#[test]
fn the_names_of_new_folders_last_too() {
    let venue = Venue::new();
    let count = |folder: PathBuf| {
        let before = FOLDER_SYNCS.get();
        make_folder(&folder).unwrap();
        FOLDER_SYNCS.get() - before
    };
    assert_eq!(count(venue.path("a/b/c")), 3);
    assert_eq!(count(venue.path("a/b/c")), 1);
}

/// Asks the disk for a folder, or fails if it is to.
pub(crate) fn disk_folder(ask: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    if FOLDERS_FAIL.take() {
        return Err(io::Error::other("the disk is broken"));
    }
    ask()?;
    FOLDER_SYNCS.set(FOLDER_SYNCS.get() + 1);
    Ok(())
}

/// Asks the disk, or does what a test wants to happen instead.
pub(crate) fn disk(ask: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    if let Some(Some(fail)) = FAILURES.with_borrow_mut(VecDeque::pop_front) {
        fail();
        return Err(io::Error::other("the disk is broken"));
    }
    ask()?;
    SYNCS.set(SYNCS.get() + 1);
    Ok(())
}

/// The next time, or as many times later, the disk fails, and this happens.
fn fail_at(later: usize, happens: impl FnOnce() + 'static) {
    FAILURES.with_borrow_mut(|failures| {
        failures.extend(std::iter::repeat_with(|| None).take(later));
        failures.push_back(Some(Box::new(happens)));
    });
}

/// What a file has from there on is lost.
fn rot(path: &Path, from: u64) {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    let length = file.metadata().unwrap().len();
    assert!(length > from);
    file.write_all_at(&vec![0; (length - from) as usize], from).unwrap();
}

struct Scene {
    venue: Venue,
    room: Arc<Room>,
}

impl Scene {
    fn new() -> Self {
        let venue = Venue::with_sinks(1);
        let room = Arc::new(Room::new(&venue.config));
        Self { venue, room }
    }

    /// Writes a chunk of these in one life of the gateway; whether it is told that it is kept.
    fn write(&self, numbers: RangeInclusive<u64>) -> bool {
        // The life before has ended.
        self.room.mends();
        let (messages, received) = channel();
        let ledger = Ledger::new((messages.clone(), self.room.clone()), Durability::Synced);
        let mut ticket = None;
        for number in numbers {
            ticket = Some(add(&ledger, self.room.reserve().unwrap(), number));
        }
        ledger.hand_over();
        self.run(&messages, received);
        let mut kept = pin!(ledger.kept(ticket.unwrap()));
        kept.as_mut().poll(&mut Context::from_waker(Waker::noop())) == Poll::Ready(true)
    }

    /// The life of the thread that writes.
    fn run(&self, messages: &Sender<Message>, received: Receiver<Message>) {
        let file = RecordFile::open(&self.venue.path("audit.jsonl"), Hasher::new(None)).unwrap();
        let sinks = sink_names(&self.venue.config).into_iter().map(SinkCounts::new).map(Arc::new);
        let sinks = sinks.collect::<Vec<_>>();
        let queue = Queue::open(&self.venue.queue(), &sinks, (self.room.clone(), 1 << 30)).unwrap();
        let (told, _) = sync_channel(1);
        messages.send(Message::Close(told)).unwrap();
        Writer::new(self.room.clone(), received, (Some(file), Some(queue))).run();
    }
}

/// What happens when the disk fails.
type Failure = Box<dyn FnOnce()>;

thread_local! {
    /// How often the disk was asked.
    static SYNCS: Cell<usize> = const { Cell::new(0) };
    /// How often it was for a folder, and whether it fails the next time.
    static FOLDER_SYNCS: Cell<usize> = const { Cell::new(0) };
    static FOLDERS_FAIL: Cell<bool> = const { Cell::new(false) };
    /// What becomes of the next times.
    static FAILURES: RefCell<VecDeque<Option<Failure>>> = RefCell::default();
}
