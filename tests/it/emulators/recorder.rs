use gateway_tests::{Ca, RawCaller, RawResponse, Recorder, Reply};

#[tokio::test]
async fn every_byte_and_every_request_is_written_down() {
    let recorder = Recorder::start().await;
    let mut caller = RawCaller::connect(recorder.address()).await.unwrap();
    let get = b"GET /a?b=%20 HTTP/1.1\r\nHost: x:1\r\nAccept: */*\r\n\r\n";
    let post = b"POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\
                 3\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n";

    caller.send(get).await.unwrap();
    assert_eq!(caller.read_response().await.unwrap().body, b"ok");
    caller.send(post).await.unwrap();
    assert_eq!(caller.read_response().await.unwrap().status, 200);

    assert_eq!(recorder.connections(), [[&get[..], &post[..]].concat()]);
    assert_eq!(recorder.bytes_seen(), get.len() + post.len());
    let requests = recorder.requests();
    assert_eq!((requests[0].method.as_str(), requests[0].target.as_str()), ("GET", "/a?b=%20"));
    assert_eq!(requests[0].header("host"), Some("x:1"));
    assert_eq!(requests[1].body, b"abc0123456789");
    assert_eq!(requests[1].trailers, [("X-Sum".to_owned(), "1".to_owned())]);
    assert!(recorder.violations().is_empty());
}

#[tokio::test]
async fn what_could_be_read_in_two_ways_is_a_violation() {
    let cases: [&[u8]; 14] = [
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nAccept: */*\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n",
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\rY: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n  2\r\n\r\n",
        b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.0\r\nHost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
    ];
    for case in cases {
        let recorder = Recorder::start().await;
        let mut caller = RawCaller::connect(recorder.address()).await.unwrap();
        caller.send(case).await.unwrap();

        assert_eq!(caller.read_to_end().await, b"", "{}", String::from_utf8_lossy(case));

        assert_eq!(recorder.violations().len(), 1, "{}", String::from_utf8_lossy(case));
        assert!(recorder.requests().is_empty());
    }
}

#[tokio::test]
async fn the_caller_tells_a_broken_body_from_a_whole_one() {
    let chunked = |rest: &str| {
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n{rest}")
            .into_bytes()
    };
    let to_the_end = || b"HTTP/1.1 200 OK\r\n\r\nabc".to_vec();
    let head = "HTTP/1.1 200 OK\r\n".to_owned();
    let cases = [
        (Reply::Truncate { head, body: b"abc".to_vec(), declared: 4 }, false),
        (Reply::BytesThenClose(chunked("")), false),
        (Reply::BytesThenClose(chunked("3\r\nab")), false),
        (Reply::Bytes(chunked("0\r\n\r\n")), true),
        (Reply::BytesThenClose(to_the_end()), true),
    ];
    let ca = Ca::new();
    for recorder in [Recorder::start().await, Recorder::start_tls(&ca).await] {
        for (reply, complete) in &cases {
            recorder.reply_next(reply.clone());

            let response = get(&recorder, &ca).await;

            assert_eq!(response.body, b"abc", "{reply:?}");
            assert_eq!(response.complete, *complete, "{reply:?}");
        }
    }
}

#[tokio::test]
async fn a_stalled_connection_is_open_until_its_caller_leaves() {
    let recorder = Recorder::start().await;
    recorder.reply_next(Reply::Stall);
    let mut caller = RawCaller::connect(recorder.address()).await.unwrap();
    caller.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    recorder.wait_for_requests(1).await;
    assert_eq!(recorder.open_connections(), 1);

    drop(caller);

    recorder.wait_for_open(0).await;
}

#[tokio::test]
async fn an_early_reply_comes_before_the_body_and_an_interim_one_does_not_end_it() {
    let recorder = Recorder::start().await;
    recorder.reply_next(Reply::Interim(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec()));
    let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n";
    let mut caller = RawCaller::connect(recorder.address()).await.unwrap();
    caller.send(post).await.unwrap();
    assert_eq!(caller.read_response().await.unwrap().status, 100);
    caller.send("x").await.unwrap();
    assert_eq!(caller.read_response().await.unwrap().status, 200);

    recorder.reply_next(Reply::Early(b"HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n".to_vec()));
    caller.send(post).await.unwrap();
    assert_eq!(caller.read_response().await.unwrap().status, 413);
    assert_eq!(recorder.requests().len(), 1);
}

async fn get(recorder: &Recorder, ca: &Ca) -> RawResponse {
    let mut caller = if recorder.url().starts_with("https") {
        RawCaller::connect_tls(recorder.address(), ca, &[b"http/1.1"]).await.unwrap()
    } else {
        RawCaller::connect(recorder.address()).await.unwrap()
    };
    caller.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    caller.read_response().await.unwrap()
}
