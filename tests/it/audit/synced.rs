//! With `durability = "synced"` nobody has the last byte of an answer before its record is on the disk.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use gateway_tests::program::Signal;
use gateway_tests::{Connection, Program, RawCaller, Reply};
use http_body_util::BodyExt;

use super::{Scene, VERSIONS, ask, connect};

#[tokio::test]
async fn whoever_has_all_of_an_answer_finds_it_on_record() {
    let scene = Scene::new().await;
    let gateway = scene.world.start_ready(&rewriting(&scene)).await;
    let mut count = 0;
    for version in VERSIONS {
        let caller = connect(&gateway, version).await;
        for (request, reply) in [
            ("GET /studies/1.2", of_length("multipart/related", 5)),
            ("GET /studies/1.2", of_length("multipart/related", 500_000)),
            ("GET /studies/1.2", of_length("multipart/related", 0)),
            ("GET /studies/1.2", chunked("multipart/related", &["hello", "world"])),
            ("GET /studies/1.2", chunked("multipart/related", &[])),
            // What may hold a URL is looked through on its way.
            ("GET /studies", chunked("application/dicom+json", &["[{}", "]"])),
            ("GET /studies", of_length("application/dicom+json", 50_000)),
            ("HEAD /studies/1.2", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n".into()),
            ("GET /studies/1.2", b"HTTP/1.1 204 No Content\r\n\r\n".into()),
            ("GET /studies/1.2", b"HTTP/1.1 304 Not Modified\r\n\r\n".into()),
            ("GET /nothing", b"HTTP/1.1 200 OK\r\n\r\n".into()),
            ("POST /studies", of_length("application/dicom+json", 10)),
        ] {
            if request != "GET /nothing" {
                scene.recorder.reply_next(Reply::Bytes(reply.clone()));
            }
            let mut answer = ask(&caller, request, (&scene.key(), "")).await.unwrap();
            count += 1;
            // The end itself is not waited for where the length tells that it was the last byte.
            let mut left = answer
                .headers()
                .get("content-length")
                .map_or(u64::MAX, |length| length.to_str().unwrap().parse().unwrap());
            let mut sent = 0;
            while left > 0
                && let Some(frame) = answer.body_mut().frame().await
            {
                let length = frame.unwrap().into_data().unwrap().len() as u64;
                (left, sent) = (left - length, sent + length);
            }
            let record = scene.accesses_so_far().pop().unwrap();
            assert_eq!(scene.accesses_so_far().len(), count, "{version:?} {request} {reply:?}");
            assert_eq!(record["sent"], sent, "{request}");
        }
    }
}

#[tokio::test]
async fn an_answer_by_http_1_0_that_ends_with_its_connection_waits_too() {
    let scene = Scene::new().await;
    let gateway = scene.start("durability = \"synced\"").await;
    for count in 1..=5 {
        let reply = chunked("multipart/related", &["hello", "world"]);
        scene.recorder.reply_next(Reply::Bytes(reply));
        let mut caller = RawCaller::connect(gateway.address()).await.unwrap();
        let request = format!(
            "GET /dicom-web/studies/1.2 HTTP/1.0\r\nHost: localhost\r\nAuthorization: {}\r\n\r\n",
            scene.key()
        );
        caller.send(request).await.unwrap();
        let answer = caller.read_response().await.unwrap();
        assert_eq!((answer.text().as_str(), answer.complete), ("helloworld", true));
        assert_eq!(scene.accesses_so_far().len(), count);
    }
}

#[tokio::test]
async fn what_breaks_off_at_the_origin_server_still_looks_broken() {
    let scene = Scene::new().await;
    let gateway = scene.start("durability = \"synced\"").await;
    for (count, version) in VERSIONS.into_iter().enumerate() {
        let mut half = chunked("multipart/related", &["hello", "world"]);
        half.truncate(half.len() - 5);
        scene.recorder.reply_next(Reply::BytesThenClose(half));
        let caller = connect(&gateway, version).await;
        let answer = ask(&caller, "GET /studies/1.2", (&scene.key(), "")).await.unwrap();
        assert!(answer.into_body().collect().await.is_err());
        assert_eq!(scene.last(count + 1).await["code"], "origin-broke-off");
    }
}

#[tokio::test]
async fn callers_who_do_not_wait_for_their_record_harm_nobody() {
    let scene = Scene::new().await;
    let gateway = scene.start("durability = \"synced\"").await;
    for _ in 0..50 {
        let mut caller = RawCaller::connect(gateway.address()).await.unwrap();
        let request = format!(
            "GET /dicom-web/studies/1.2 HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\n\r\n",
            scene.key()
        );
        caller.send(request).await.unwrap();
        caller.reset();
    }
    let caller = connect(&gateway, VERSIONS[0]).await;
    let answer = ask(&caller, "GET /studies/1.3", (&scene.key(), "")).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "ok");
    let records = scene.accesses_so_far();
    assert_eq!(records.iter().filter(|record| record["study"] == "1.3").count(), 1);
    let free =
        async || gateway.admin("/metrics").await.1.contains("dicom_gateway_audit_waiting 0\n");
    while !free().await {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_gateway_that_is_killed_has_every_answered_access_on_record() {
    let scene = Scene::new().await;
    let path = scene.world.scratch.file("gateway.toml", rewriting(&scene).text());
    let mut answered = BTreeSet::new();
    for round in 0..ROUNDS {
        let mut program = Program::start(&["serve".as_ref(), path.as_os_str()], &[]);
        let (callers, _) = program.addresses().await;
        let ids = Arc::<Mutex<BTreeSet<String>>>::default();
        let load = (0..8).map(|index| {
            let (ids, key) = (ids.clone(), scene.key());
            tokio::spawn(async move {
                let Ok(caller) = Connection::open(callers, VERSIONS[index % 2]).await else {
                    return;
                };
                let request = KINDS[index % KINDS.len()];
                while let Ok(answer) = ask(&caller, request, (&key, "")).await {
                    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
                    if answer.into_body().collect().await.is_err() {
                        return;
                    }
                    ids.lock().unwrap().insert(id);
                }
            })
        });
        let load = load.collect::<Vec<_>>();
        // Each time at another moment, and always with answers on their way.
        let enough = 20 + round * 7;
        super::until(|| ids.lock().unwrap().len() >= enough).await;
        program.signal(Signal::KILL);
        for task in load {
            task.await.unwrap();
        }
        program.ended().await;
        answered.append(&mut ids.lock().unwrap());
    }

    let records = scene.accesses_so_far();
    let recorded = records.iter().map(|record| record["id"].as_str().unwrap().to_owned());
    let recorded = recorded.collect::<BTreeSet<_>>();
    assert_eq!(recorded.len(), records.len(), "none is there twice");
    let lost = answered.difference(&recorded).collect::<Vec<_>>();
    assert!(lost.is_empty(), "{} of {}: {lost:?}", lost.len(), answered.len());
    assert!(answered.len() > ROUNDS * 20);
}

/// A route that puts URLs right, with records that are synced.
fn rewriting(scene: &Scene) -> gateway_tests::world::Toml {
    let mut toml = scene.toml("durability = \"synced\"");
    toml.route += "urls = \"rewrite\"\npublic_url = \"https://imaging.example/dicom-web\"\n";
    toml
}

fn of_length(kind: &str, length: usize) -> Vec<u8> {
    let body = "x".repeat(length);
    format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}")
        .into()
}

fn chunked(kind: &str, chunks: &[&str]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n");
    let chunks = chunks.iter().map(|chunk| format!("{:x}\r\n{chunk}\r\n", chunk.len()));
    (head + &chunks.collect::<String>() + "0\r\n\r\n").into()
}

/// Answers with a body, without one, and of the gateway's own.
const KINDS: [&str; 4] = ["GET /studies/1.2", "GET /studies", "HEAD /studies/1.2", "GET /nothing"];

/// How often it is killed.
const ROUNDS: usize = 20;
