//! Connections to origin servers are used again, and what was closed meanwhile fails nobody.

use bytes::Bytes;
use gateway_tests::{Recorder, Reply, World};
use http::Request;
use http_body_util::{BodyExt, Full};

use super::speaker::Speaker;
use super::{H2Caller, store_toml};
use crate::wire::{Bench, search, store};

#[tokio::test]
async fn fifty_requests_need_one_connection_of_each_worker() {
    let bench = Bench::start().await;
    let mut caller = bench.caller().await;
    for _ in 0..50 {
        caller.send(search("")).await.unwrap();
        assert_eq!(caller.read_response().await.unwrap().status, 200);
    }
    assert_eq!(bench.recorder.connections().len(), 1);
    for _ in 0..50 {
        assert_eq!(bench.ask(store("Content-Length: 3\r\n", "abc")).await.status, 200);
    }
    assert!(bench.recorder.connections().len() <= 2, "more than one of each worker");
    assert_eq!(bench.recorder.requests().len(), 100);
}

#[tokio::test]
async fn a_connection_serves_again_after_a_body_of_any_framing() {
    let bench = Bench::start().await;
    let large = "a".repeat(500_000);
    let mut caller = bench.caller().await;
    for reply in [
        "Content-Length: 0\r\n\r\n".to_owned(),
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".to_owned(),
        format!("Content-Length: 500000\r\n\r\n{large}"),
        format!("Transfer-Encoding: chunked\r\n\r\n7a120\r\n{large}\r\n0\r\n\r\n"),
    ] {
        bench.recorder.reply_next(Reply::Bytes(format!("HTTP/1.1 200 OK\r\n{reply}").into()));
        caller.send(search("")).await.unwrap();
        assert!(caller.read_response().await.unwrap().complete);
    }
    bench.recorder.reply_next(Reply::Bytes(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()));
    caller.send(search("")).await.unwrap();
    assert_eq!(caller.read_response().await.unwrap().status, 204);
    caller.send(search("")).await.unwrap();
    assert_eq!(caller.read_response().await.unwrap().status, 200);
    assert_eq!(bench.recorder.connections().len(), 1);
}

#[tokio::test]
async fn a_burst_by_http_2_shares_a_connection() {
    let world = World::new().await;
    let config = world.ca.issue(&["localhost"]).server_config(&[b"h2"]);
    let speaker = Speaker::start(config).await;
    let gateway = world.start_ready(&store_toml(&world, speaker.url())).await;
    let caller = H2Caller::connect(gateway.address()).await;
    let answers = (0..50).map(|number| {
        let mut sender = caller.sender();
        async move {
            let body = Bytes::from(number.to_string());
            let post = Request::post("http://localhost/dicom-web/studies");
            let post = post.body(Full::new(body.clone()).boxed()).unwrap();
            let answer = sender.send_request(post).await.unwrap();
            assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), body);
        }
    });
    futures_util::future::join_all(answers).await;
    assert_eq!(speaker.requests().len(), 50);
    assert_eq!(speaker.connections(), 1);
}

#[tokio::test]
async fn a_connection_that_the_origin_server_closed_fails_no_search() {
    let bench = Bench::start().await;
    let reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let mut caller = bench.caller().await;
    // It closes without having said so, now before the next request is out, now after.
    bench.recorder.reply_with(Reply::BytesThenClose(reply.into()));
    for number in 0..100 {
        caller.send(search("")).await.unwrap();
        let answer = caller.read_response().await.unwrap();
        assert_eq!(answer.status, 200, "request {number}");
    }
}

#[tokio::test]
async fn a_search_that_met_a_closing_connection_goes_out_once_more() {
    let bench = Bench::start().await;
    for close in [Reply::Close, Reply::Reset] {
        let before = bench.recorder.requests().len();
        let mut caller = bench.caller().await;
        bench.recorder.reply_next(Reply::Ok);
        bench.recorder.reply_next(close);
        for _ in 0..2 {
            caller.send(search("")).await.unwrap();
            assert_eq!(caller.read_response().await.unwrap().status, 200);
        }
        assert_eq!(bench.recorder.requests().len() - before, 3);
    }
}

#[tokio::test]
async fn a_store_that_met_a_closing_connection_is_never_sent_twice() {
    let bench = Bench::start().await;
    for lines in ["Content-Length: 3\r\n", "Content-Length: 0\r\n"] {
        let before = bench.recorder.requests().len();
        let mut caller = bench.caller().await;
        bench.recorder.reply_next(Reply::Ok);
        bench.recorder.reply_next(Reply::Close);
        caller.send(search("")).await.unwrap();
        assert_eq!(caller.read_response().await.unwrap().status, 200);
        let body = if lines.contains('3') { "abc" } else { "" };
        caller.send(store(lines, body)).await.unwrap();
        assert_eq!(caller.read_response().await.unwrap().status, 502);
        assert_eq!(bench.recorder.requests().len() - before, 2);
    }
}

#[tokio::test]
async fn a_search_is_tried_no_more_than_twice() {
    let bench = Bench::start().await;
    let mut caller = bench.caller().await;
    caller.send(search("")).await.unwrap();
    assert_eq!(caller.read_response().await.unwrap().status, 200);
    bench.recorder.reply_with(Reply::Close);
    caller.send(search("")).await.unwrap();
    assert_eq!(caller.read_response().await.unwrap().status, 502);
    assert_eq!(bench.recorder.requests().len(), 3);
}

#[tokio::test]
async fn an_early_answer_comes_before_the_body_has_gone() {
    let world = World::new().await;
    let recorder = Recorder::start().await;
    let gateway = world.start_ready(&store_toml(&world, recorder.url() + "/v2")).await;
    let bench = Bench { world, recorder, gateway };
    let early = "HTTP/1.1 409 Conflict\r\nContent-Length: 2\r\n\r\nno";
    bench.recorder.reply_next(Reply::Early(early.into()));
    let mut caller = bench.caller().await;
    caller.send(store("Content-Length: 6\r\n", "abc")).await.unwrap();
    let answer = caller.read_response().await.unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (409, "no"));
    drop(caller);
    bench.recorder.wait_for_open(0).await;
    assert_eq!(bench.ask(search("")).await.status, 200);
}
