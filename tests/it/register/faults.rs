//! Each request of a run fails once, in each way; the next run goes on.

use std::process::Command;

use futures_util::future::join_all;
use gateway_tests::Program;
use gateway_tests::graph::Fault;

use super::{RESOURCE, Scene, good};

#[tokio::test]
async fn a_run_that_was_denied_half_way_goes_on() {
    everywhere(Fault::Denied, "--secret").await;
}

#[tokio::test]
async fn a_run_whose_connection_ended_goes_on() {
    everywhere(Fault::Gone, "--secret").await;
}

#[tokio::test]
async fn a_run_whose_answer_was_lost_makes_nothing_twice() {
    everywhere(Fault::Lost, "--secret").await;
}

#[tokio::test]
async fn a_run_that_met_an_outage_goes_on() {
    everywhere(Fault::Unavailable, "--secret").await;
}

#[tokio::test]
async fn a_slow_directory_that_did_what_it_says_it_could_not_do_has_nothing_twice() {
    let faults = [Fault::Done(503), Fault::Lost];
    join_all(faults.map(|fault| everywhere_in(2, fault, "--secret"))).await;
}

#[tokio::test]
async fn an_answer_with_nothing_in_it_is_none() {
    // The requests that make application, principal and secret.
    join_all([4, 6, 7].map(|nth| once((nth, 0), Fault::Bare, "--secret"))).await;
}

#[tokio::test]
async fn a_certificate_whose_answer_was_lost_is_uploaded_once() {
    everywhere(Fault::Lost, "--certificate").await;
}

#[tokio::test]
async fn the_command_that_is_printed_goes_on_where_the_name_is_not_found_yet() {
    let scene = Scene::new().await;
    scene.graph.set_lag(3);
    let arguments = ["--secret", "--description", "it's $(ward) 7"];
    // The application is made, and its principal refused.
    scene.graph.fail(6, Fault::Denied);
    let first = scene.register(&arguments).await;
    assert_eq!(first.code, Some(1), "{}", first.stderr);
    let id = scene.application()["appId"].as_str().unwrap().to_owned();
    let (_, line) = first.stderr.split_once("This goes on from here:\n  dicom-gateway ").unwrap();
    let line = line.lines().next().unwrap();
    assert!(line.ends_with(&format!(" --app-id {id}")), "{line}");

    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(format!("exec \"$0\" {line}")).arg(Program::path());
    let run = tokio::task::spawn_blocking(move || shell.output().unwrap()).await.unwrap();
    let told = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(run.status.success(), "{told}");
    assert!(told.contains("kept: application"), "{told}");
    let secret = &scene.application()["passwordCredentials"][0];
    assert!(secret["displayName"].as_str().unwrap().starts_with("it's $(ward) 7 "), "{secret}");
}

#[tokio::test]
async fn a_directory_that_heals_within_a_run_is_not_noticed() {
    let scene = Scene::new().await;
    let at_first = scene.graph.seen().len();
    (1..=2).for_each(|nth| scene.graph.fail(nth, Fault::Unavailable));
    (3..=200).for_each(|nth| scene.graph.fail(nth, Fault::Throttled(1)));
    let mut arguments = scene.unsigned(&["--secret"]);
    arguments.extend(scene.tokens());
    let program = Program::start(&arguments, &[]);
    while scene.graph.seen().len() < at_first + 4 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    scene.graph.heal();
    good(&program.ended().await);
    scene.application();
}

/// Fails the first request of a run, the second, and so on; several at a time.
async fn everywhere(fault: Fault, credential: &'static str) {
    everywhere_in(0, fault, credential).await;
}

/// The same in a directory that is this late.
async fn everywhere_in(lag: usize, fault: Fault, credential: &'static str) {
    let mut nth = 1;
    loop {
        let tried = (nth..nth + 4).map(|nth| once((nth, lag), fault, credential));
        let tried = join_all(tried).await;
        if tried.contains(&Reached::Nothing) {
            return;
        }
        nth += 4;
    }
}

#[derive(PartialEq)]
enum Reached {
    Request,
    Nothing,
}

async fn once((nth, lag): (usize, usize), fault: Fault, credential: &str) -> Reached {
    let scene = Scene::new().await;
    scene.graph.set_lag(lag);
    let arguments = [credential, "--admin-consent", "--role", "reader", "--resource", RESOURCE];
    scene.graph.fail(nth, fault);
    let first = scene.register(&arguments).await;
    if scene.graph.seen().len() < nth {
        good(&first);
        return Reached::Nothing;
    }
    if first.code != Some(0) {
        assert_eq!(first.code, Some(1), "request {nth}: {}", first.stderr);
        assert!(first.stderr.contains("dicom-gateway: "), "request {nth}: {}", first.stderr);
        let has_made = !scene.graph.applications().is_empty();
        let says_so = first.stderr.contains("Done before that");
        assert_eq!(has_made, says_so, "request {nth}: {}", first.stderr);
    }

    if matches!(fault, Fault::Done(_)) {
        good(&first);
    }
    // Somebody has read what the first one says.
    scene.graph.forget_lag();

    let second = scene.register(&arguments).await;
    assert_eq!(second.code, Some(0), "request {nth}: {}\n{}", first.stderr, second.stderr);
    let application = scene.application();
    let list = if credential == "--secret" { "passwordCredentials" } else { "keyCredentials" };
    let credentials = application[list].as_array().unwrap().len();
    assert_eq!(credentials, 1, "request {nth}: {}\n{}", first.stderr, second.stderr);
    assert_eq!(scene.graph.principals().len(), 2, "request {nth}");
    assert_eq!(scene.graph.grants().len(), 1, "request {nth}");
    assert_eq!(scene.graph.assignments().len(), 1, "request {nth}");
    assert_eq!(scene.graph.federated().len(), 0);
    good(&scene.check().await);
    for secret in scene.graph.secrets() {
        for ended in [&first, &second] {
            assert!(!ended.stderr.contains(&secret) && !ended.stdout.contains(&secret));
        }
    }
    Reached::Request
}
