//! What of an origin server's answer goes on.

use gateway_tests::Reply;

use crate::wire::{Bench, is_our_problem, search};

#[tokio::test]
async fn an_answer_that_could_be_read_in_two_ways_is_502() {
    let bench = Bench::start().await;
    let ok = |lines: &str, body: &str| format!("HTTP/1.1 200 OK\r\n{lines}\r\n{body}");
    let status = |line: &str| format!("{line}\r\nContent-Length: 2\r\n\r\nok");
    let chunks = "3\r\nabc\r\n0\r\n\r\n";
    let rows = [
        (
            "101",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n".into(),
        ),
        ("101 to h2c", "HTTP/1.1 101 S\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\nok".into()),
        ("length and coding", ok("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", chunks)),
        ("coding and length", ok("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", chunks)),
        (
            "chunks of HTTP/1.0",
            format!("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"),
        ),
        ("gzip", ok("Transfer-Encoding: gzip\r\n", "abc")),
        ("gzip, chunked", ok("Transfer-Encoding: gzip, chunked\r\n", chunks)),
        ("chunked twice", ok("Transfer-Encoding: chunked, chunked\r\n", chunks)),
        (
            "chunked on two lines",
            ok("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", chunks),
        ),
        ("identity", ok("Transfer-Encoding: identity\r\n", "abc")),
        ("lengths that differ", ok("Content-Length: 2\r\nContent-Length: 3\r\n", "abc")),
        ("a list of lengths", ok("Content-Length: 2, 3\r\n", "abc")),
        ("a negative length", ok("Content-Length: -3\r\n", "abc")),
        ("a signed length", ok("Content-Length: +3\r\n", "abc")),
        ("999", status("HTTP/1.1 999 X")),
        ("600", status("HTTP/1.1 600 X")),
        ("099", status("HTTP/1.1 099 X")),
        ("two digits", status("HTTP/1.1 20 X")),
        ("letters", status("HTTP/1.1 OK OK")),
        ("version 2", status("HTTP/2.0 200 OK")),
        ("no version", "ok\r\n\r\n".into()),
        ("another protocol", "SSH-2.0-OpenSSH_9.2\r\n\r\n".into()),
        ("a folded line", ok("X-A: b\r\n c\r\nContent-Length: 0\r\n", "")),
        ("NUL", ok("X-A: b\0c\r\nContent-Length: 0\r\n", "")),
        ("a carriage return", ok("X-A: b\rX-B: c\r\nContent-Length: 0\r\n", "")),
        ("no colon", ok("X-A\r\nContent-Length: 0\r\n", "")),
        ("an endless line", ok(&format!("X-A: {}\r\n", "a".repeat(1 << 20)), "")),
        ("too many lines", ok(&"X-A: b\r\n".repeat(10_000), "")),
    ];
    let mut failures = Vec::new();
    for (name, reply) in &rows {
        bench.recorder.reply_next(Reply::BytesThenClose(reply.as_bytes().to_vec()));
        let answer = bench.ask(search("")).await;
        if answer.status != 502 {
            failures.push(format!("{name}: {}", answer.status));
        } else if let Err(failure) = is_our_problem(&answer) {
            failures.push(format!("{name}: {failure}"));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
    assert_eq!(bench.recorder.requests().len(), rows.len(), "none of them is worth another try");
    assert_eq!(bench.ask(search("")).await.status, 200);
}

#[tokio::test]
async fn a_length_goes_on_as_one_plain_number() {
    let bench = Bench::start().await;
    for lines in [
        "Content-Length: 2\r\nContent-Length: 2\r\n",
        "Content-Length: 02\r\n",
        "Content-Length: 2, 2\r\n",
    ] {
        let reply = format!("HTTP/1.1 200 OK\r\n{lines}\r\nok");
        bench.recorder.reply_next(Reply::BytesThenClose(reply.into()));
        let answer = bench.ask(search("")).await;
        assert_eq!((answer.status, answer.header("content-length")), (200, Some("2")), "{lines}");
        // A length without its body is read by nobody on the way.
        let head = format!("HTTP/1.1 200 OK\r\n{lines}\r\n");
        bench.recorder.reply_next(Reply::BytesThenClose(head.into()));
        let answer = bench.ask(search("").replace("GET", "HEAD")).await;
        assert_eq!((answer.status, answer.header("content-length")), (200, Some("2")), "{lines}");
    }
}

/// RFC 9110, section 15.2, would have the gateway pass them on; hyper's server cannot.
#[tokio::test]
async fn interim_answers_end_here() {
    let bench = Bench::start().await;
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n\
                   HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n\
                   HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    bench.recorder.reply_next(Reply::Bytes(interim.into()));
    let answer = bench.ask(search("")).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "ok"));
    assert!(answer.values("link").is_empty());
}

#[tokio::test]
async fn an_answer_loses_what_was_for_this_hop_or_not_for_callers() {
    let bench = Bench::start().await;
    let lines = "Server: Kestrel\r\nX-Powered-By: ASP.NET\r\nX-AspNet-Version: 4\r\n\
                 WWW-Authenticate: Bearer authorization_uri=\"https://login.example\"\r\n\
                 Proxy-Authenticate: Basic\r\nProxy-Authentication-Info: x\r\n\
                 Authentication-Info: x\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n\
                 Set-Cookie2: e=f\r\nAlt-Svc: h3=\":443\"\r\n\
                 Strict-Transport-Security: max-age=1\r\n\
                 Clear-Site-Data: \"*\"\r\nAccess-Control-Allow-Origin: *\r\n\
                 Keep-Alive: timeout=5\r\n\
                 Proxy-Connection: keep-alive\r\nTE: trailers\r\nTrailer: X-Sum\r\nUpgrade: h2c\r\n\
                 Connection: X-One, upgrade\r\nX-One: 1\r\nX-Two: 2\r\nX-Three: 3\r\n\
                 Connection: x-two, content-type, content-length\r\n\
                 Content-Type: application/dicom+json\r\n\
                 X-Request-Id: theirs\r\nContent-Length: 2\r\n";
    let reply = format!("HTTP/1.1 200 OK\r\n{lines}\r\nok");
    bench.recorder.reply_next(Reply::Bytes(reply.into()));
    let answer = bench.ask(search("Accept: application/dicom+json\r\n")).await;
    let request_id = answer.header("x-request-id").unwrap();
    assert!(request_id.len() == 16 && request_id != "theirs");
    let mut names: Vec<_> = answer.headers.iter().map(|(name, _)| name.to_lowercase()).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "content-type", "date", "x-request-id", "x-three"]);
}

#[tokio::test]
async fn what_a_browser_would_run_is_no_page_of_ours() {
    let bench = Bench::start().await;
    for (lines, expected) in [
        ("Content-Type: text/html\r\n", &["sandbox"][..]),
        ("Content-Type: image/svg+xml\r\n", &["sandbox"]),
        ("", &["sandbox"]),
        (
            "Content-Type: text/html\r\nContent-Security-Policy: script-src *\r\n",
            &["script-src *", "sandbox"],
        ),
        ("Content-Type: application/dicom+json\r\n", &[]),
        ("Content-Type: application/pdf\r\n", &[]),
    ] {
        let reply = format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 2\r\n\r\nhi");
        bench.recorder.reply_next(Reply::Bytes(reply.into()));
        let answer = bench.ask(search("")).await;
        assert_eq!(answer.values("content-security-policy"), expected, "{lines}");
    }
}

#[tokio::test]
async fn the_rest_of_an_answer_goes_on_as_it_is() {
    let bench = Bench::start().await;
    let lines = "ETag: 12-3\r\nX-Unknown: b\r\nWarning: 299 pacs.example:443 \"It's a warning\"\r\n\
                 X-Unknown: a , c\r\nContent-Type: multipart/mixed; boundary=x\r\n\
                 Vary: Accept\r\n\
                 Cache-Control: max-age=60\r\nDate: Tue, 01 Jan 2019 00:00:00 GMT\r\n\
                 Retry-After: 7\r\n\
                 Content-Encoding: gzip\r\nLast-Modified: x\r\n\
                 Location: http://pacs.example/studies\r\n";
    for status in [
        200, 202, 206, 301, 302, 307, 308, 400, 403, 404, 406, 409, 412, 416, 424, 429, 500, 503,
        504,
    ] {
        let reply =
            format!("HTTP/1.1 {status} Whatever\r\n{lines}Content-Length: 2\r\n\r\n\x1f\u{8}");
        bench.recorder.reply_next(Reply::Bytes(reply.into()));
        let answer = bench.ask(search("")).await;
        assert_eq!((answer.status, &answer.body[..]), (status, &b"\x1f\x08"[..]));
        assert_eq!(answer.values("x-unknown"), ["b", "a , c"]);
        for (name, value) in [
            ("etag", "12-3"),
            ("warning", "299 pacs.example:443 \"It's a warning\""),
            ("content-type", "multipart/mixed; boundary=x"),
            ("vary", "Accept"),
            ("cache-control", "max-age=60"),
            ("date", "Tue, 01 Jan 2019 00:00:00 GMT"),
            ("retry-after", "7"),
            ("content-encoding", "gzip"),
            ("location", "http://pacs.example/studies"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{status}");
        }
    }
    // None of the redirects was followed.
    assert_eq!(bench.recorder.requests().len(), 19);
}

#[tokio::test]
async fn answers_without_a_body_have_none() {
    let bench = Bench::start().await;
    let head = "HEAD /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for (raw, reply, status, length) in [
        (head.to_owned(), "200 OK\r\nContent-Length: 12345", 200, Some("12345")),
        (head.to_owned(), "200 OK\r\nTransfer-Encoding: chunked", 200, None),
        (search(""), "204 No Content", 204, None),
        (search(""), "304 Not Modified\r\nETag: 12-3", 304, None),
        (search(""), "304 Not Modified\r\nContent-Length: 5\r\nETag: 12-3", 304, None),
    ] {
        let mut caller = bench.caller().await;
        bench.recorder.reply_next(Reply::Bytes(format!("HTTP/1.1 {reply}\r\n\r\n").into()));
        caller.send(&raw).await.unwrap();
        let answer = caller.read_response_to(&raw[..4]).await.unwrap();
        assert_eq!((answer.status, answer.header("content-length")), (status, length), "{reply}");
        assert!(status == 200 || answer.values("transfer-encoding").is_empty(), "{reply}");
        // No byte of a body stands before the next answer.
        caller.send(search("")).await.unwrap();
        assert_eq!(caller.read_response().await.unwrap().text(), "ok", "{reply}");
    }
}

#[tokio::test]
async fn a_caller_of_http_1_0_may_stay() {
    let bench = Bench::start().await;
    let mut caller = bench.caller().await;
    for _ in 0..3 {
        let raw = "GET /dicom-web/studies HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
        caller.send(raw).await.unwrap();
        let answer = caller.read_response().await.unwrap();
        assert_eq!(
            (answer.text().as_str(), answer.header("connection")),
            ("ok", Some("keep-alive"))
        );
    }
    caller.send("GET /dicom-web/studies HTTP/1.0\r\n\r\n").await.unwrap();
    assert_eq!(caller.read_response().await.unwrap().text(), "ok");
    assert_eq!(caller.read_to_end().await, b"");
}

#[tokio::test]
async fn bodies_come_whole_in_every_framing() {
    let bench = Bench::start().await;
    let chunked = "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    for (version, reply) in [
        ("1.1", "Content-Length: 5\r\n\r\nabcde"),
        ("1.1", chunked),
        ("1.1", "Connection: close\r\n\r\nabcde"),
        ("1.0", "\r\nabcde"),
        ("1.0", "Content-Length: 5\r\n\r\nabcde"),
    ] {
        for caller in ["1.0", "1.1"] {
            let reply = format!("HTTP/{version} 200 OK\r\n{reply}");
            bench.recorder.reply_next(Reply::BytesThenClose(reply.clone().into()));
            let raw = format!("GET /dicom-web/studies HTTP/{caller}\r\nHost: localhost\r\n\r\n");
            let answer = bench.ask(raw).await;
            assert_eq!((answer.status, answer.text().as_str()), (200, "abcde"), "{reply}");
            assert!(answer.complete, "{reply}");
            let is_chunked = !answer.values("transfer-encoding").is_empty();
            assert!(!(caller == "1.0" && is_chunked), "{reply}");
        }
    }
}
