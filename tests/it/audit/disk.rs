//! A disk that takes no more: accesses are refused, or go on and their records are counted as lost.

use std::collections::BTreeSet;

use gateway_tests::{Connection, Program, RawCaller};
use http::Version;
use http_body_util::BodyExt;

use super::{Scene, ask};

#[tokio::test]
async fn without_room_accesses_are_refused_until_there_is_some() {
    let scene = Scene::new().await;
    let stage = Stage::new(&scene, "").await;
    let mut answered = BTreeSet::new();
    let problem = loop {
        match stage.search(&scene).await {
            (200, id, _) => drop(answered.insert(id)),
            (503, _, problem) => break problem,
            other => panic!("{other:?}"),
        }
        assert!(answered.len() < 1000, "32 KiB hold no thousand records");
    };
    assert!(problem.contains("\"code\":\"audit-unavailable\""), "{problem}");
    let (status, readiness) = stage.told("/ready").await;
    assert_eq!(status, 503);
    assert!(readiness.contains("no records of accesses can be kept"), "{readiness}");

    stage.program.let_files_grow();
    while stage.told("/ready").await.0 != 200 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let (status, id, _) = stage.search(&scene).await;
    assert_eq!(status, 200);
    answered.insert(id);

    let records = scene.accesses(answered.len()).await;
    let recorded = records.iter().map(|record| record["id"].as_str().unwrap().to_owned());
    assert_eq!(recorded.collect::<BTreeSet<_>>(), answered, "none is lost, and none there twice");
    assert!(stage.told("/metrics").await.1.contains("dicom_gateway_audit_lost_total 0\n"));
}

#[tokio::test]
async fn without_room_accesses_go_on_where_that_is_wanted_and_losses_are_counted() {
    let scene = Scene::new().await;
    let stage = Stage::new(&scene, "on_failure = \"continue\"\nmax_waiting = 10").await;
    let lost = async || {
        let metrics = stage.told("/metrics").await.1;
        let value =
            metrics.lines().find_map(|it| it.strip_prefix("dicom_gateway_audit_lost_total "));
        value.unwrap().parse::<usize>().unwrap()
    };
    let mut answered = 0;
    while lost().await == 0 {
        assert_eq!(stage.search(&scene).await.0, 200);
        answered += 1;
    }
    assert_eq!(stage.told("/ready").await.0, 200);

    stage.program.let_files_grow();
    super::until(|| scene.accesses_so_far().len() + 1 >= answered).await;
    let lost = lost().await;
    assert_eq!(scene.accesses(answered - lost).await.len() + lost, answered);
    assert_eq!(stage.search(&scene).await.0, 200);
    scene.accesses(answered - lost + 1).await;
}

#[tokio::test]
async fn what_waits_for_a_full_disk_breaks_off_or_becomes_a_refusal() {
    // What has its head out can only break off.
    for (request, breaks_off) in [("GET /studies/1.2", true), ("HEAD /studies/1.2", false)] {
        let scene = Scene::new().await;
        let stage = Stage::new(&scene, "durability = \"synced\"").await;
        let key = scene.key();
        let answered = async {
            loop {
                let answer = ask(&stage.caller, request, (&key, "")).await.ok()?;
                let status = answer.status().as_u16();
                match (status, answer.into_body().collect().await) {
                    (200, Ok(_)) => {}
                    (200, Err(_)) => return None,
                    (status, _) => return Some(status),
                }
            }
        };
        let end = tokio::time::timeout(std::time::Duration::from_secs(60), answered).await;
        assert_eq!(end.expect("an end"), (!breaks_off).then_some(503), "{request}");
        let line = stage.program.wait_for_line("audit-unavailable").await;
        assert!(line.contains("gateway"), "{line}");
    }
}

/// A gateway of its own process, whose files may not grow.
struct Stage {
    program: Program,
    caller: Connection,
    operators: std::net::SocketAddr,
}

impl Stage {
    async fn new(scene: &Scene, audit: &str) -> Self {
        let path = scene.world.scratch.file("gateway.toml", scene.toml(audit).text());
        let mut program = Program::start_short_of_room(&["serve".as_ref(), path.as_os_str()]);
        let (callers, operators) = program.addresses().await;
        let caller = Connection::open(callers, Version::HTTP_11).await.unwrap();
        Self { program, caller, operators }
    }

    /// The status, the request's id and the body.
    async fn search(&self, scene: &Scene) -> (u16, String, String) {
        let answer = ask(&self.caller, "GET /studies/1.2", (&scene.key(), "")).await.unwrap();
        let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
        let status = answer.status().as_u16();
        assert_eq!(answer.headers().contains_key("retry-after"), status == 503);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, id, String::from_utf8_lossy(&body).into_owned())
    }

    async fn told(&self, path: &str) -> (u16, String) {
        let mut operator = RawCaller::connect(self.operators).await.unwrap();
        operator.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await.unwrap();
        let answer = operator.read_response().await.unwrap();
        (answer.status, answer.text())
    }
}
