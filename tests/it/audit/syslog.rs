//! Records for a repository that takes syslog over TLS: each of them, whatever becomes of it on the way.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use gateway_tests::repository::{Manner, Session};
use gateway_tests::world::Toml;
use gateway_tests::{Ca, Program, Recorder, Repository, Running, World};

#[tokio::test]
async fn each_transaction_is_one_message() {
    let scene = Scene::new().await;
    let gateway = scene.start().await;
    scene.retrieve(&gateway, 1..=50).await;
    scene.wait_for_all(50).await;
    let messages = scene.repository.delivered();
    for message in &messages {
        let (header, xml) = message.split_once('\u{feff}').unwrap();
        let words = header.split(' ').collect::<Vec<_>>();
        assert_eq!((words[0], words[3]), ("<85>1", "dicom-gateway"), "{header}");
        assert_eq!(words[4], std::process::id().to_string(), "{header}");
        assert_eq!(&words[5..], ["IHE+RFC-3881", "-", ""], "{header}");
        assert!(xml.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?><AuditMessage>"));
        assert!(xml.contains(r#"AuditEnterpriseSiteID="ward 7" AuditSourceID="gate""#), "{xml}");
    }
    let started = messages.iter().filter(|message| message.contains("\"110120\"")).count();
    assert_eq!((started, messages.len()), (1, 51));
    gateway.drain().await;
    scene.repository.wait_for_delivered(52).await;
    assert!(scene.repository.delivered()[51].contains("\"110121\""), "the stop is told, too");
}

#[tokio::test]
async fn an_outage_loses_nothing_and_tells_nothing_twice() {
    let scene = Scene::new().await;
    let gateway = scene.start().await;
    scene.retrieve(&gateway, 1..=10).await;
    scene.wait_for_all(10).await;
    scene.repository.stop().await;
    scene.retrieve(&gateway, 11..=200).await;
    scene.repository.behave(Manner::CloseAtOnce);
    scene.repository.restart().await;
    scene.fail(2).await;
    scene.retrieve(&gateway, 201..=210).await;
    scene.repository.behave(Manner::Take);
    scene.wait_for_all(210).await;
}

#[tokio::test]
async fn what_could_not_be_sent_is_sent_after_a_restart() {
    let scene = Scene::new().await;
    scene.repository.stop().await;
    let gateway = scene.start().await;
    scene.retrieve(&gateway, 1..=20).await;
    let began = std::time::Instant::now();
    gateway.drain().await;
    assert!(began.elapsed().as_secs() < 20, "a sink that is down holds up no drain");
    let gateway = scene.start().await;
    scene.retrieve(&gateway, 21..=30).await;
    scene.repository.restart().await;
    scene.wait_for_all(30).await;
    let told = |code| scene.repository.delivered().iter().filter(|m| m.contains(code)).count();
    assert_eq!((told("\"110120\""), told("\"110121\"")), (2, 1));
}

#[tokio::test]
async fn who_hangs_up_without_a_word_has_received_nothing() {
    survives(&[Manner::Swallow]).await;
}

#[tokio::test]
async fn a_repository_that_hangs_up_without_a_word_is_believed_where_that_is_allowed() {
    let scene = Scene::new().await;
    scene.repository.behave(Manner::TakeAndHangUp);
    let gateway = scene.start_with("danger_bare_end = true").await;
    scene.retrieve(&gateway, 1..=10).await;
    scene.wait_for_all(10).await;
    scene.retrieve(&gateway, 11..=20).await;
    scene.wait_for_all(20).await;
}

#[tokio::test]
async fn what_breaks_off_on_the_way_is_sent_again() {
    survives(&[Manner::CloseAfter(1), Manner::ResetAfter(3), Manner::CloseAfter(7)]).await;
}

#[tokio::test]
async fn what_came_to_closed_ears_is_sent_again() {
    survives(&[Manner::CloseAtOnce]).await;
}

#[tokio::test]
async fn who_stops_reading_has_received_nothing() {
    survives(&[Manner::Stall]).await;
}

#[tokio::test]
async fn who_does_not_end_the_connection_has_received_nothing() {
    survives(&[Manner::Hang]).await;
}

#[tokio::test]
async fn who_reads_slowly_is_given_less_at_once() {
    let scene = Scene::new().await;
    scene.repository.behave(Manner::Stall);
    let gateway = scene.start().await;
    scene.retrieve(&gateway, 1..=40).await;
    scene.fail(1).await;
    scene.repository.behave(Manner::TakeSlowly);
    // What did not end in time is sent again, so some may come twice.
    let has_all = |sessions: &[Session]| {
        studies(sessions).into_iter().collect::<BTreeSet<_>>() == (1..=40).collect()
    };
    scene.repository.wait_for("all studies", has_all).await;
    scene.retrieve(&gateway, 41..=45).await;
    let has_last = |sessions: &[Session]| studies(sessions).contains(&45);
    scene.repository.wait_for("the last study", has_last).await;
    let last = scene.repository.sessions().pop().unwrap();
    assert!(last.messages.len() < 20, "{}", last.messages.len());
}

#[tokio::test]
async fn who_answers_garbage_is_no_repository() {
    survives(&[Manner::Garbage, Manner::Answer]).await;
}

#[tokio::test]
async fn records_are_for_whom_the_certificate_names_alone() {
    let scene = Scene::new().await;
    let other = Ca::new();
    let wrong = [
        scene.world.ca.expired(&["localhost"]),
        scene.world.ca.issue(&["localhost.example"]),
        other.issue(&["localhost"]),
    ];
    scene.repository.present(wrong[0].server_config(&[]));
    let gateway = scene.start().await;
    scene.retrieve(&gateway, 1..=5).await;
    for wrong in &wrong {
        scene.repository.present(wrong.server_config(&[]));
        scene.fail(1).await;
    }
    assert!(scene.repository.sessions().iter().all(|session| session.messages.is_empty()));
    // Whom to believe is read anew for each connection.
    scene.world.scratch.file("arr-ca.pem", other.pem());
    scene.wait_for_all(5).await;
}

#[tokio::test]
async fn the_gateway_shows_its_certificate_and_learns_if_it_is_refused() {
    let scene = Scene::new().await;
    let (ca, other) = (&scene.world.ca, Ca::new());
    let tls = ca.issue(&["localhost"]).server_config_that_asks(&[], ca);
    scene.repository.present(tls);
    // With TLS 1.3 that is refused when the sender has long begun to send.
    let shown = other.issue(&["gateway"]);
    scene.world.scratch.file("gateway.crt", &shown.chain_pem);
    scene.world.scratch.file("gateway.key", &shown.key_pem);
    let identity = "identity = { chain = \"gateway.crt\", key = \"gateway.key\" }";
    let gateway = scene.start_with(identity).await;
    scene.retrieve(&gateway, 1..=5).await;
    scene.fail(2).await;
    assert_eq!(scene.repository.delivered().len(), 0);
    let shown = ca.issue(&["gateway"]);
    scene.world.scratch.file("gateway.key", &shown.key_pem);
    scene.world.scratch.file("gateway.crt", &shown.chain_pem);
    scene.wait_for_all(5).await;
    assert!(scene.repository.sessions().last().unwrap().is_known);
}

#[tokio::test]
async fn the_log_has_two_lines_of_an_outage_and_nothing_of_a_record() {
    let scene = Scene::new().await;
    scene.repository.stop().await;
    let configuration = scene.world.scratch.file("gateway.toml", scene.toml("").text());
    let mut program = Program::start(&["serve".as_ref(), configuration.as_os_str()], &[]);
    let (callers, _) = program.addresses().await;
    let http = reqwest::Client::new();
    for number in 1..=5 {
        let url = format!("http://{callers}/dicom-web/studies/1.2.{number}");
        assert_eq!(http.get(url).send().await.unwrap().status(), 200);
    }
    program.wait_for_line("takes no records").await;
    scene.repository.behave(Manner::CloseAtOnce);
    scene.repository.restart().await;
    scene.fail(2).await;
    scene.repository.behave(Manner::Take);
    scene.wait_for_all(5).await;
    program.wait_for_line("takes records again").await;
    let words = program.stderr();
    let told = |part: &str| words.lines().filter(|line| line.contains(part)).count();
    assert_eq!((told("takes no records"), told("takes records again")), (1, 1), "{words}");
    let line = program.wait_for_line("takes no records").await;
    assert!(line.contains("syslog") && line.contains("no connection"), "{line}");
    assert!(!words.contains("1.2."), "{words}");
}

/// Whatever a repository does with some connections: once it takes what it is sent, it has everything,
/// and nothing twice.
async fn survives(manners: &[Manner]) {
    let scene = Scene::new().await;
    scene.repository.behave(manners[0]);
    let gateway = scene.start().await;
    scene.retrieve(&gateway, 1..=20).await;
    for manner in manners {
        scene.repository.behave(*manner);
        scene.fail(1).await;
    }
    scene.repository.behave(Manner::Take);
    scene.wait_for_all(20).await;
}

struct Scene {
    world: World,
    origin: Recorder,
    repository: Repository,
}

impl Scene {
    async fn new() -> Self {
        let (world, origin) = (World::new().await, Recorder::start().await);
        world.scratch.file("arr-ca.pem", world.ca.pem());
        let repository = Repository::start(&world.ca).await;
        Self { world, origin, repository }
    }

    fn toml(&self, sink: &str) -> Toml {
        let mut toml = self.world.toml(self.origin.url());
        toml.more = format!(
            "[audit]\nqueue = \"queue\"\nsource = \"gate\"\nsite = \"ward 7\"\n\n[audit.syslog]\n\
             address = \"localhost:{}\"\nanchors = \"arr-ca.pem\"\ntimeout_secs = 1\n{sink}\n",
            self.repository.address().port()
        );
        toml
    }

    async fn start(&self) -> Running {
        self.start_with("").await
    }

    /// With more lines of `[audit.syslog]`.
    async fn start_with(&self, sink: &str) -> Running {
        self.world.start_ready(&self.toml(sink)).await
    }

    /// Retrieves a study of each of these numbers.
    async fn retrieve(&self, gateway: &Running, numbers: RangeInclusive<u32>) {
        let http = reqwest::Client::new();
        for number in numbers {
            let url = gateway.url(&format!("/dicom-web/studies/1.2.{number}"));
            assert_eq!(http.get(url).send().await.unwrap().status(), 200);
        }
    }

    /// Waits until as many more connections have come to a repository as it is now.
    async fn fail(&self, count: usize) {
        self.repository.wait_for_sessions(self.repository.sessions().len() + count).await;
    }

    /// Waits until the repository may be believed to have each study up to this number, each once.
    async fn wait_for_all(&self, most: u32) {
        let expected = (1..=most).collect::<Vec<_>>();
        let has_all = |sessions: &[Session]| {
            let told = studies(sessions);
            let known = told.iter().copied().collect::<BTreeSet<_>>();
            expected.iter().all(|number| known.contains(number))
        };
        self.repository.wait_for("all studies", has_all).await;
        let mut told = studies(&self.repository.sessions());
        told.sort_unstable();
        assert_eq!(told, expected);
    }
}

/// The studies that messages tell of which were read from connections that ended well.
fn studies(sessions: &[Session]) -> Vec<u32> {
    let whole = sessions.iter().filter(|session| session.is_whole);
    let messages = whole.flat_map(|session| &session.messages);
    let number = |message: &String| {
        let (_, rest) = message.split_once("ParticipantObjectID=\"1.2.")?;
        rest.split_once('"')?.0.parse().ok()
    };
    messages.filter_map(number).collect()
}
