//! How a WebSocket ends when nobody closes it in the ordinary way, and what is told of it.

use std::time::{Duration, Instant};

use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::{Scene, Socket, hear, heard, say, toml};

#[tokio::test]
async fn what_stands_still_is_told_and_ended() {
    let scene = Scene::with("websocket_idle_timeout_secs = 0.4", "").await;
    let (mut caller, mut opened) = scene.open().await;
    // Each way alone keeps it open.
    for _ in 0..8 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        say(&mut caller, "up").await;
        assert_eq!(heard(&mut opened.socket).await, Message::text("up"));
    }
    for _ in 0..8 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        say(&mut opened.socket, "down").await;
        assert_eq!(heard(&mut caller).await, Message::text("down"));
    }
    for end in [&mut caller, &mut opened.socket] {
        assert_going_away(end).await;
    }
    let line = scene.line().await;
    assert!(line.contains("status=101") && !line.contains("blame"), "{line}");
}

#[tokio::test]
async fn a_drain_does_not_wait_for_it_and_tells_both_ends() {
    let scene = Scene::new().await;
    let (mut caller, mut opened) = scene.open().await;
    say(&mut opened.socket, "an event").await;
    assert_eq!(heard(&mut caller).await, Message::text("an event"));
    let began = Instant::now();
    let Scene { world: _world, notifier: _notifier, gateway } = scene;

    let ends = async { tokio::join!(ended(caller), ended(opened.socket)) };
    let (drained, ends) = tokio::join!(gateway.drain(), ends);

    assert_eq!(drained.cut_off, 0);
    assert_eq!(ends, (Some(1001), Some(1001)));
    assert!(began.elapsed() < Duration::from_secs(20), "the transfers' limit is two minutes");
}

#[tokio::test]
async fn a_drain_ends_one_whose_ends_say_nothing() {
    let scene = Scene::new().await;
    let both = scene.open().await;
    let began = Instant::now();
    let Scene { world: _world, notifier: _notifier, gateway } = scene;
    assert_eq!(gateway.drain().await.cut_off, 0);
    assert!(began.elapsed() < Duration::from_secs(20), "the transfers' limit is two minutes");
    drop(both);
}

#[tokio::test]
async fn a_farewell_stands_between_frames_and_in_none() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let scene = Scene::new().await;
    let (mut caller, mut opened) = scene.open().await;
    // Half a frame of 300 bytes.
    let wire = opened.socket.get_mut();
    let frame = [&[0x82, 126, 1, 44][..], &[7; 300]].concat();
    wire.write_all(&frame[..100]).await.unwrap();
    wire.flush().await.unwrap();
    let mut seen = vec![0; 100];
    super::soon(caller.get_mut().read_exact(&mut seen)).await.unwrap();
    let Scene { world: _world, notifier: _notifier, gateway } = scene;

    let rest = async {
        // The farewell on the other way tells when the gateway has been told.
        let mut close = [0; 8];
        super::soon(wire.read_exact(&mut close)).await.unwrap();
        assert_eq!(close[..2], [0x88, 0x82]);
        wire.write_all(&frame[100..]).await.unwrap();
        wire.write_all(&[0x82, 1, 9]).await.unwrap();
        wire.flush().await.unwrap();
        let mut more = Vec::new();
        super::soon(caller.get_mut().read_to_end(&mut more)).await.unwrap();
        more
    };
    let (_, more) = tokio::join!(gateway.drain(), rest);

    seen.extend(more);
    assert_eq!(seen, [&frame[..], &[0x88, 2, 3, 0xe9]].concat());
}

#[tokio::test]
async fn an_origin_server_that_dies_is_seen_by_the_caller() {
    let scene = Scene::new().await;
    let (mut caller, opened) = scene.open().await;
    drop(opened);
    assert!(hear(&mut caller).await.is_none_or(|heard| heard.is_err()), "no farewell");
    drop(caller);
    let line = scene.line().await;
    assert!(line.contains("blame=origin") && line.contains("origin-broke-off"), "{line}");
}

#[tokio::test]
async fn a_caller_who_dies_is_seen_by_the_origin_server() {
    let scene = Scene::new().await;
    let (caller, mut opened) = scene.open().await;
    drop(caller);
    assert!(hear(&mut opened.socket).await.is_none_or(|heard| heard.is_err()), "no farewell");
    drop(opened);
    let line = scene.line().await;
    assert!(line.contains("blame=caller") && line.contains("caller-left"), "{line}");
}

#[tokio::test]
async fn its_record_has_the_bytes_of_both_ways() {
    let scene = Scene::with("", "[log]\nformat = \"json\"\n").await;
    let (mut caller, mut opened) = scene.open().await;
    say(&mut caller, "x".repeat(1000)).await;
    heard(&mut opened.socket).await;
    say(&mut opened.socket, "y".repeat(100)).await;
    heard(&mut caller).await;
    caller.close(None).await.unwrap();
    tokio::join!(ended(caller), ended(opened.socket));

    let line = scene.gateway.wait_for_line("\"worklist\"").await;
    let line = serde_json::from_str::<serde_json::Value>(&line).unwrap();
    // Heads of 8 and 2 bytes, and Close frames of 6 and 2.
    assert_eq!((&line["received"], &line["sent"]), (&1014.into(), &104.into()), "{line}");
    assert_eq!((&line["status"], &line["method"]), (&101.into(), &"GET".into()));
    let metrics = scene.gateway.admin("/metrics").await.1;
    let counted = metrics.lines().any(|line| {
        line.contains("transaction=\"worklist\"")
            && line.contains("status=\"101\"")
            && line.ends_with(" 1")
    });
    assert!(counted, "{metrics}");
    assert!(metrics.contains("dicom_gateway_connections{side=\"origin\"} 0\n"), "{metrics}");
}

#[tokio::test]
async fn it_counts_against_the_connections_that_may_be_open() {
    let scene = Scene::new().await;
    let mut toml = toml(&scene.world, &scene.notifier, "", "");
    toml.listener = "max_connections = 2".into();
    scene.gateway.reload(scene.world.config(&toml)).unwrap();
    let first = scene.open().await;
    let _second = scene.open().await;
    assert!(scene.ask("/dicom-web", &[]).await.is_err());
    drop(first);
    let again = async {
        while scene.ask("/dicom-web", &[]).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    super::soon(again).await;
}

#[tokio::test]
async fn it_outlives_its_token_and_a_reload_that_takes_its_leave_away() {
    let scene = Scene::new().await;
    let (mut caller, mut opened) = scene.open().await;
    let mut toml = toml(&scene.world, &scene.notifier, "", "");
    toml.route = "allow = [\"search\"]".into();
    scene.gateway.reload(scene.world.config(&toml)).unwrap();
    assert_eq!(scene.refusal("/dicom-web", &[]).await.0, 403);
    say(&mut opened.socket, "an event").await;
    assert_eq!(heard(&mut caller).await, Message::text("an event"));
}

async fn assert_going_away(socket: &mut Socket) {
    let Message::Close(Some(CloseFrame { code, .. })) = heard(socket).await else {
        panic!("no farewell")
    };
    assert_eq!(code, CloseCode::Away);
    assert!(hear(socket).await.is_none());
}

/// The code by which it was closed, once it has ended.
async fn ended(mut socket: Socket) -> Option<u16> {
    let mut code = None;
    while let Some(Ok(message)) = hear(&mut socket).await {
        if let Message::Close(Some(frame)) = message {
            code = Some(u16::from(frame.code));
        }
    }
    code
}
