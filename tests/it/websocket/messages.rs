//! What goes through an open WebSocket.

use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::{Scene, Socket, hear, heard, say, soon};

#[tokio::test]
async fn events_flow_as_they_happen() {
    let scene = Scene::new().await;
    let (mut caller, mut opened) = scene.open().await;
    for number in 0..100 {
        let event = format!("{{\"00000002\":{{\"Value\":[\"1.2.{number}\"]}}}}");
        say(&mut opened.socket, event.as_str()).await;
        assert_eq!(heard(&mut caller).await, Message::text(event));
    }
    say(&mut caller, "a word from the caller").await;
    assert_eq!(heard(&mut opened.socket).await, Message::text("a word from the caller"));
    assert!(scene.gateway.log().is_empty(), "it is still under way");
}

#[tokio::test]
async fn messages_of_a_mebibyte_go_both_ways_at_once() {
    let scene = Scene::new().await;
    let (caller, opened) = scene.open().await;
    let message = (0..1 << 20).map(|i: u32| (i * 7 % 251) as u8).collect::<Vec<_>>();
    let passes = async |from: Socket, message: Vec<u8>| {
        let (mut sink, mut stream) = from.split();
        let sent = async {
            for _ in 0..8 {
                sink.send(Message::binary(message.clone())).await.unwrap();
            }
        };
        let received = async {
            for _ in 0..8 {
                let next = stream.next().await.unwrap().unwrap();
                assert!(next.into_data() == message, "not the same bytes");
            }
        };
        tokio::join!(sent, received);
    };
    soon(async { tokio::join!(passes(caller, message.clone()), passes(opened.socket, message)) })
        .await;
}

#[tokio::test]
async fn pings_are_the_other_end_s_to_answer() {
    let scene = Scene::new().await;
    let (mut caller, mut opened) = scene.open().await;
    say(&mut caller, Message::Ping("are you there?".into())).await;
    assert_eq!(heard(&mut opened.socket).await, Message::Ping("are you there?".into()));
    tokio::select! {
        pong = heard(&mut caller) => assert_eq!(pong, Message::Pong("are you there?".into())),
        // It sends its answer while it listens.
        more = hear(&mut opened.socket) => panic!("{more:?}"),
    }
}

#[tokio::test]
async fn why_it_is_closed_is_told_both_ways() {
    let scene = Scene::new().await;
    for code in [CloseCode::Normal, CloseCode::Restart, CloseCode::Library(4711)] {
        for caller_first in [true, false] {
            let (caller, opened) = scene.open().await;
            let ends = (caller, opened.socket);
            let (mut first, second) = if caller_first { ends } else { (ends.1, ends.0) };
            let frame = CloseFrame { code, reason: "so it is".into() };
            soon(first.close(Some(frame.clone()))).await.unwrap();
            let (answer, told) = soon(async { tokio::join!(rest(first), rest(second)) }).await;
            let close = [Message::Close(Some(frame))];
            assert_eq!((&answer[..], &told[..]), (&close[..], &close[..]));
        }
    }
    let line = scene.line().await;
    assert!(line.contains("status=101") && !line.contains("blame"), "{line}");
}

#[tokio::test]
async fn a_hundred_at_once_each_have_their_own() {
    let scene = Scene::new().await;
    let asked = join_all((0..100).map(async |number| {
        let path = format!("/dicom-web/subscribers/AET{number}");
        let (mut caller, _) = scene.ask(&path, &[]).await.unwrap();
        say(&mut caller, format!("from {number}")).await;
        assert_eq!(heard(&mut caller).await, Message::text(format!("to {number}")));
        caller
    }));
    let answered = async {
        let mut open = Vec::new();
        for _ in 0..100 {
            let mut opened = scene.notifier.next().await;
            let number = opened.target.strip_prefix("/ws/subscribers/AET").unwrap().to_owned();
            assert_eq!(heard(&mut opened.socket).await, Message::text(format!("from {number}")));
            say(&mut opened.socket, format!("to {number}")).await;
            open.push(opened);
        }
        open
    };
    let (callers, open) = tokio::join!(asked, answered);
    let metrics = scene.gateway.admin("/metrics").await.1;
    for side in ["caller", "origin"] {
        let line = format!("dicom_gateway_connections{{side=\"{side}\"}} 100\n");
        assert!(metrics.contains(&line), "{metrics}");
    }
    drop(callers);
    for mut opened in open {
        assert!(hear(&mut opened.socket).await.is_none_or(|heard| heard.is_err()));
    }
}

#[tokio::test]
async fn who_does_not_read_keeps_the_other_from_sending() {
    let scene = Scene::new().await;
    let (mut caller, mut opened) = scene.open().await;
    let (caller, origin) = (caller.get_mut(), opened.socket.get_mut());
    for to_caller in [true, false] {
        let (reader, writer) =
            if to_caller { (&mut *caller, &mut *origin) } else { (&mut *origin, &mut *caller) };
        let (chunk, mut sent) = ([0; 64 << 10], 0);
        let limit = Duration::from_millis(500);
        while let Ok(count) = timeout(limit, writer.write(&chunk)).await {
            sent += count.unwrap();
            assert!(sent < 64 << 20, "somebody holds all of it");
        }
        let mut all = vec![1; sent];
        soon(reader.read_exact(&mut all)).await.unwrap();
        assert!(all.iter().all(|byte| *byte == 0));
    }
}

/// All that is still to be heard; whoever is done hangs up.
async fn rest(mut socket: Socket) -> Vec<Message> {
    let mut messages = Vec::new();
    while let Some(message) = socket.next().await {
        messages.push(message.unwrap());
    }
    messages
}
