//! How it ends: nobody new comes in, nothing under way is lost, and what takes too long can be told
//! from what is whole.

use std::net::SocketAddr;

use gateway_tests::bulk::{Pattern, Sum};
use gateway_tests::paused::paused;
use gateway_tests::world::Toml;
use gateway_tests::{Connection, RawCaller, Recorder, Reply, World};
use http::Version;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::{LARGE, in_bulk, instance, stored, until};

#[tokio::test]
async fn who_is_idle_does_not_hold_it_up() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let listener = "first_byte_timeout_secs = 0.3".to_owned();
    let toml = Toml { listener, ..world.toml(recorder.url()) };
    let gateway = world.start_ready(&toml).await;
    let mut idle = Vec::new();
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let connection = Connection::open(gateway.address(), version).await.unwrap();
        assert_eq!(connection.fetch("/dicom-web/studies").await.unwrap().0, 200);
        idle.push(connection);
    }
    let silent = RawCaller::connect(gateway.address()).await.unwrap();

    let drained = gateway.drain().await;

    assert_eq!(drained.cut_off, 0);
    for mut connection in idle {
        connection.over_at_last().await;
    }
    drop(silent);
}

#[tokio::test]
async fn transfers_of_both_versions_finish_and_their_connections_take_no_more() {
    let (world, bulk) = in_bulk().await;
    let route = "allow = [\"retrieve\", \"store\"]".to_owned();
    let gateway = world.start_ready(&Toml { route, ..world.toml(bulk.base_url()) }).await;
    let address = gateway.address();
    let whole = Pattern::new(LARGE).sum();
    let h1 = Connection::open(address, Version::HTTP_11).await.unwrap();
    let h2 = Connection::open(address, Version::HTTP_2).await.unwrap();
    let mut answers = Vec::new();
    for connection in [&h1, &h2] {
        answers.push(connection.get(&instance("/dicom-web", LARGE)).await.unwrap());
    }
    let storing = Connection::open(address, Version::HTTP_11).await.unwrap();
    let (body, pause) = paused(LARGE);
    let sent = tokio::spawn(async move { storing.send("POST", "/dicom-web/studies", body).await });
    pause.reached().await;

    let draining = tokio::spawn(gateway.drain());
    until("nobody is let in", async || TcpStream::connect(address).await.is_err()).await;
    until("GOAWAY has come", async || h2.fetch("/dicom-web/x").await.is_err()).await;

    for answer in answers {
        assert_eq!(Sum::of(answer.into_body()).await.unwrap(), whole);
    }
    pause.end();
    let answer = sent.await.unwrap().unwrap();
    assert_eq!(answer.headers()["connection"], "close");
    assert_eq!(stored(answer).await, Some(whole));
    assert_eq!(draining.await.unwrap().cut_off, 0);
    assert!(h1.fetch("/dicom-web/x").await.is_err());
}

#[tokio::test]
async fn http_2_ends_with_goaway() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let gateway = world.start_ready(&world.toml(recorder.url())).await;
    let mut frames = Frames::connect(gateway.address()).await;
    frames.wait_for(SETTINGS).await;

    let draining = tokio::spawn(gateway.drain());
    let mut farewells = Vec::new();
    while let Some(frame) = frames.next().await {
        match frame.kind {
            GOAWAY => farewells.push(frame.payload),
            PING => frames.send(PING, ACK, &frame.payload).await,
            _ => {}
        }
    }

    let error = |farewell: &Vec<u8>| farewell[4..8].to_vec();
    assert!(!farewells.is_empty());
    assert!(farewells.iter().all(|farewell| error(farewell) == [0; 4]), "{farewells:?}");
    assert_eq!(farewells[0][..4], [0x7f, 0xff, 0xff, 0xff], "what is on its way is still taken");
    assert_eq!(draining.await.unwrap().cut_off, 0);
}

#[tokio::test]
async fn an_http_2_caller_who_speaks_while_it_reads_loses_nothing() {
    let (world, bulk) = in_bulk().await;
    let gateway = world.start_ready(&world.toml(bulk.base_url())).await;
    let mut frames = Frames::connect(gateway.address()).await;
    // Room for all of it: what is on its way is out of our hands early.
    frames.send(SETTINGS, 0, &[0, 4, 0x7f, 0, 0, 0]).await;
    frames.send(WINDOW_UPDATE, 0, &[0x7f, 0, 0, 0]).await;
    let path = instance("/dicom-web", MOST_AT_ONCE);
    let block = [&[0x82, 0x86, 0x04][..], &literal(&path), &[0x01], &literal("localhost")].concat();
    frames.send_on(1, HEADERS, END_STREAM | END_HEADERS, &block).await;
    frames.wait_for(HEADERS).await;

    let draining = tokio::spawn(gateway.drain());
    let mut received = 0;
    while let Some(frame) = frames.next().await {
        match frame.kind {
            DATA => {
                received += frame.payload.len() as u64;
                frames.send(PING, 0, &[0; 8]).await;
            }
            PING if frame.flags & ACK == 0 => frames.send(PING, ACK, &frame.payload).await,
            _ => {}
        }
    }

    drop(frames);
    assert_eq!(received, MOST_AT_ONCE);
    assert_eq!(draining.await.unwrap().cut_off, 0);
}

#[tokio::test]
async fn what_takes_too_long_is_cut_and_no_caller_takes_it_for_whole() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let more = "[drain]\ntimeout_secs = 0.5\n".to_owned();
    let gateway = world.start_ready(&Toml { more, ..world.toml(recorder.url()) }).await;
    let half = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
    recorder.reply_with(Reply::Bytes(half.into()));
    let mut callers = Vec::new();
    for version in ["1.0", "1.1"] {
        let mut caller = RawCaller::connect(gateway.address()).await.unwrap();
        let request = format!("GET /dicom-web/studies HTTP/{version}\r\nHost: localhost\r\n\r\n");
        caller.send(request).await.unwrap();
        caller.read_head().await.unwrap();
        callers.push((version, caller));
    }
    let h2 = Connection::open(gateway.address(), Version::HTTP_2).await.unwrap();
    let answer = h2.get("/dicom-web/studies").await.unwrap();

    let drained = gateway.drain().await;

    assert_eq!(drained.cut_off, 3);
    for (version, mut caller) in callers {
        let response = caller.read_response().await.unwrap();
        assert_eq!((response.status, response.complete), (200, false), "HTTP/{version}");
    }
    assert!(Sum::of(answer.into_body()).await.is_err());
}

#[tokio::test]
async fn a_whole_answer_to_an_old_caller_ends_without_a_reset() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let gateway = world.start_ready(&world.toml(recorder.url())).await;
    let whole = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    recorder.reply_with(Reply::Bytes(whole.into()));

    let mut caller = RawCaller::connect(gateway.address()).await.unwrap();
    caller.send("GET /dicom-web/studies HTTP/1.0\r\nHost: localhost\r\n\r\n").await.unwrap();
    let response = caller.read_response().await.unwrap();

    assert_eq!((response.status, response.complete), (200, true));
    assert_eq!(response.body, b"hello");
}

#[tokio::test]
async fn an_upload_that_is_cut_does_not_look_whole_to_the_origin_server() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let more = "[drain]\ntimeout_secs = 0.5\n".to_owned();
    let route = "allow = [\"store\"]".to_owned();
    let gateway = world.start_ready(&Toml { more, route, ..world.toml(recorder.url()) }).await;
    let mut pauses = Vec::new();
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let connection = Connection::open(gateway.address(), version).await.unwrap();
        let (body, pause) = paused(1 << 20);
        tokio::spawn(async move { connection.send("POST", "/dicom-web/studies", body).await });
        pause.reached().await;
        pauses.push(pause);
    }
    recorder.wait_for_bytes(1 << 20).await;

    let drained = gateway.drain().await;

    assert_eq!(drained.cut_off, 2);
    recorder.wait_for_open(0).await;
    assert_eq!(recorder.requests().len(), 0);
}

/// A caller of HTTP/2 that sees every frame.
struct Frames(TcpStream);

struct Frame {
    kind: u8,
    flags: u8,
    payload: Vec<u8>,
}

impl Frames {
    async fn connect(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        // What is sent waits at the gateway's side.
        socket.set_recv_buffer_size(16 << 10).unwrap();
        let mut stream = socket.connect(address).await.unwrap();
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        let mut frames = Self(stream);
        frames.send(SETTINGS, 0, b"").await;
        frames
    }

    async fn send(&mut self, kind: u8, flags: u8, payload: &[u8]) {
        self.send_on(0, kind, flags, payload).await;
    }

    async fn send_on(&mut self, stream: u8, kind: u8, flags: u8, payload: &[u8]) {
        let length = u8::try_from(payload.len()).unwrap();
        let head = [0, 0, length, kind, flags, 0, 0, 0, stream];
        // The other side may have gone; what it said before is still to be read.
        let _ = self.0.write_all(&[&head, payload].concat()).await;
    }

    /// The next frame; none when the connection has ended.
    async fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        self.0.read_exact(&mut payload).await.ok()?;
        Some(Frame { kind: head[3], flags: head[4], payload })
    }

    async fn wait_for(&mut self, kind: u8) {
        while self.next().await.expect("more frames").kind != kind {}
    }
}

/// A string of HPACK, without Huffman's code (RFC 7541, section 5.2).
fn literal(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    assert!(length < 127);
    [&[length], text.as_bytes()].concat()
}

/// As much as the kernel may take from the gateway before anyone reads it, and more.
const MOST_AT_ONCE: u64 = 8 << 20;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;
