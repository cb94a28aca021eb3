//! Deliveries from a real queue to a sink that does as it is told. Time stands still but for pauses.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::super::tests::Venue;
use super::*;

/// Does what its script says, and takes all once that is over.
pub(crate) struct Scripted {
    script: VecDeque<Step>,
    log: Arc<Mutex<Vec<String>>>,
}

enum Step {
    /// Takes so many.
    Take(usize),
    /// Takes all, and those of these ids never.
    Refuse(&'static [&'static str]),
    /// Takes nothing.
    Fail,
}

impl Scripted {
    pub(super) fn send(&mut self, entries: &[Entry]) -> Sent {
        let step = self.script.pop_front().unwrap_or(Step::Take(entries.len()));
        let told = |entries: &[Entry]| {
            let ids = entries.iter().map(|entry| entry.id.as_str());
            ids.collect::<Vec<_>>().join(" ")
        };
        let (line, sent) = match step {
            Step::Take(count) => {
                let acknowledged = count.min(entries.len());
                let line = format!("took {}", told(&entries[..acknowledged]));
                (line, Sent { acknowledged, ..Sent::default() })
            }
            Step::Refuse(ids) => {
                let refused = entries.iter().enumerate();
                let refused = refused.filter(|(_, entry)| ids.contains(&entry.id.as_str()));
                let refused = refused.map(|(index, _)| index).collect();
                let acknowledged = entries.len();
                let line = format!("refused some of {}", told(entries));
                (line, Sent { acknowledged, refused, failure: None })
            }
            Step::Fail => {
                let failure = Some(Failure::of(std::io::Error::other("not now")));
                (format!("failed at {}", told(entries)), Sent { failure, ..Sent::default() })
            }
        };
        self.log.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        sent
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_sink_took_it_never_gets_again_and_all_else_it_does() {
    let scene = Scene::new();
    scene.enter(&["a", "b", "c"]);
    let told = scene.deliver([Step::Fail, Step::Fail, Step::Take(1), Step::Fail]).await;
    let expected = ["failed at a b c", "failed at a b c", "took a", "failed at b c", "took b c"];
    assert_eq!(told, expected);
    assert_eq!(scene.figures(), (3, 0, 3));
}

#[tokio::test(start_paused = true)]
async fn what_a_sink_refuses_for_ever_is_set_aside_and_holds_up_nothing() {
    let scene = Scene::new();
    scene.enter(&["a", "b", "c"]);
    let told = scene.deliver([Step::Refuse(&["b"])]).await;
    assert_eq!(told, ["refused some of a b c"]);
    assert_eq!(scene.figures(), (2, 1, 0));
    let aside = std::fs::read_to_string(scene.refused()).unwrap();
    assert!(aside.contains("\"id\":\"b\"") && aside.lines().count() == 1, "{aside:?}");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_set_aside_yet_holds_up_the_next_and_nothing_is_sent_again() {
    let scene = Scene::new();
    scene.enter(&["a", "b", "c", "d"]);
    // Nothing can be written there, as if the disk were full.
    let refused = scene.refused();
    std::fs::create_dir(&refused).unwrap();
    let (told, ()) = tokio::join!(scene.deliver([Step::Refuse(&["b", "d"])]), async {
        sleep(Duration::from_secs(10)).await;
        assert_eq!(scene.figures().0, 1, "what comes before it is noted");
        std::fs::remove_dir(&refused).unwrap();
    });
    assert_eq!(told, ["refused some of a b c d"]);
    let (delivered, aside, failed) = scene.figures();
    assert_eq!((delivered, aside), (2, 2));
    assert!(failed > 1, "{failed}");
    let aside = std::fs::read_to_string(&refused).unwrap();
    let ids = ["\"id\":\"b\"", "\"id\":\"d\""];
    assert!(ids.iter().zip(aside.lines()).all(|(id, line)| line.contains(id)), "{aside}");
    assert_eq!(aside.lines().count(), 2, "{aside}");
}

#[tokio::test(start_paused = true)]
async fn what_was_not_acknowledged_is_sent_at_the_next_start() {
    let scene = Scene::new();
    scene.enter(&["a", "b"]);
    let told = scene.end_amid([Step::Take(1), Step::Fail, Step::Fail]).await;
    assert_eq!(told, ["took a", "failed at b"]);
    let scene = scene.again();
    scene.enter(&["c"]);
    assert_eq!(scene.deliver([]).await, ["took b c"]);
}

#[tokio::test(start_paused = true)]
async fn pauses_grow_and_have_an_end() {
    let scene = Scene::new();
    scene.enter(&["a"]);
    let began = tokio::time::Instant::now();
    scene.deliver(std::iter::repeat_with(|| Step::Fail).take(10)).await;
    // 1, 2, 4, 8, 16, 30 × 5, each at least half of that.
    let waited = began.elapsed().as_secs();
    assert!((90..=182).contains(&waited), "{waited}");
}

struct Scene {
    venue: Venue,
    audit: Arc<Audit>,
}

impl Scene {
    fn new() -> Self {
        let venue = Venue::with_sinks(1);
        let audit = venue.start();
        Self { venue, audit }
    }

    /// The same place after a restart.
    fn again(self) -> Self {
        let Self { venue, audit } = self;
        drop(audit);
        Self { audit: venue.start(), venue }
    }

    /// Where what the sink refuses is set aside.
    fn refused(&self) -> PathBuf {
        let name = &self.audit.figures().sinks[0].name;
        self.venue.path("queue").join(format!("refused-{name}.jsonl"))
    }

    fn enter(&self, ids: &[&str]) {
        for id in ids {
            self.audit.enter(&Entry { id: (*id).to_owned(), ..Entry::default() });
        }
    }

    /// Delivers everything; what the sink was asked.
    async fn deliver(&self, script: impl IntoIterator<Item = Step>) -> Vec<String> {
        self.close().await;
        let (delivery, _ending, log) = self.delivery(script);
        delivery.run().await;
        told(&log)
    }

    /// The same, while the process ends.
    async fn end_amid(&self, script: impl IntoIterator<Item = Step>) -> Vec<String> {
        self.close().await;
        let (delivery, ending, log) = self.delivery(script);
        ending.send_replace(true);
        delivery.run().await;
        told(&log)
    }

    async fn close(&self) {
        let audit = self.audit.clone();
        tokio::task::spawn_blocking(move || audit.close()).await.unwrap();
    }

    fn delivery(
        &self,
        script: impl IntoIterator<Item = Step>,
    ) -> (Delivery, watch::Sender<bool>, Arc<Mutex<Vec<String>>>) {
        let log = Arc::<Mutex<Vec<String>>>::default();
        let sink = Scripted { script: script.into_iter().collect(), log: log.clone() };
        let (sender, ending) = watch::channel(false);
        let delivery = Delivery {
            name: Name { kind: "scripted", index: 0 },
            sink: Sink::Scripted(sink),
            reader: self.audit.readers().remove(0),
            unnoted: VecDeque::new(),
            ending,
            failures: 0,
        };
        (delivery, sender, log)
    }

    /// Delivered, set aside, failed.
    fn figures(&self) -> (u64, u64, u64) {
        let figures = self.audit.figures().sinks.remove(0);
        (figures.delivered, figures.set_aside, figures.failed)
    }
}

fn told(log: &Mutex<Vec<String>>) -> Vec<String> {
    log.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
