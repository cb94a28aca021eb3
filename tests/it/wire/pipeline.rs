//! Requests that do not wait for each other's answers.

use gateway_tests::Reply;

use super::{Bench, search, store};

#[tokio::test]
async fn each_of_several_requests_gets_its_own_answer_in_order() {
    let bench = Bench::start().await;
    for body in ["one", "three", "five"] {
        let length = body.len();
        let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
        bench.recorder.reply_next(Reply::Bytes(reply.into()));
    }
    let mut caller = bench.caller().await;
    let requests = [
        search("X-Number: 1\r\n"),
        "GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        store("X-Number: 3\r\nTransfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n"),
        "TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        store("X-Number: 5\r\nContent-Length: 5\r\n", "hello"),
    ];

    caller.send(requests.concat()).await.unwrap();

    for (status, body) in [(200, "one"), (404, ""), (200, "three"), (405, ""), (200, "five")] {
        let answer = caller.read_response().await.unwrap();
        assert_eq!(answer.status, status);
        assert!(answer.text() == body || body.is_empty());
    }
    let numbers = bench.recorder.requests();
    let numbers = numbers.iter().map(|request| request.header("x-number").unwrap());
    assert_eq!(numbers.collect::<Vec<_>>(), ["1", "3", "5"]);
    assert!(bench.recorder.violations().is_empty());
}

#[tokio::test]
async fn what_follows_a_refused_body_is_not_taken_for_a_request() {
    let bench = Bench::start().await;
    let hidden = search("X-Hidden: 1\r\n");
    let length = hidden.len();
    for refused in [
        // The length of a body that has no place there covers another request.
        search(&format!("Content-Length: {length}\r\n")),
        search("Transfer-Encoding: chunked\r\n"),
    ] {
        let mut caller = bench.caller().await;
        caller.send(refused + &hidden).await.unwrap();
        assert_eq!(caller.read_response().await.unwrap().status, 400);
        caller.finish_sending().await.unwrap();
        let rest = caller.read_to_end().await;
        assert!(!String::from_utf8_lossy(&rest).contains("200 OK"));
    }
    assert_eq!(bench.recorder.bytes_seen(), 0);
}

#[tokio::test]
async fn bytes_behind_an_answer_are_not_taken_for_the_next_one() {
    let bench = Bench::start().await;
    let forged = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged";
    let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok{forged}");
    bench.recorder.reply_next(Reply::Bytes(reply.into()));
    let mut caller = bench.caller().await;
    for _ in 0..3 {
        caller.send(search("")).await.unwrap();
        assert_eq!(caller.read_response().await.unwrap().text(), "ok");
    }
}
