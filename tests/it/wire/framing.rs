//! Where a body ends: one reading for everyone, or none.

use super::Expected::{Broken, Malformed, Passed, Refused};
use super::{Bench, Row, STUDIES, search, store};

#[tokio::test]
async fn a_length_is_one_number() {
    let bench = Bench::start().await;
    let row =
        |name, lines: &str, body: &str, expected| Row::new(name, store(lines, body), expected);
    bench
        .check(vec![
            row("plain", "Content-Length: 3\r\n", "abc", Passed(STUDIES, b"abc")),
            row("zero", "Content-Length: 0\r\n", "", Passed(STUDIES, b"")),
            row("none", "", "", Passed(STUDIES, b"")),
            row("a leading zero", "Content-Length: 03\r\n", "abc", Passed(STUDIES, b"abc")),
            row(
                "twice the same",
                "Content-Length: 3\r\nContent-Length: 3\r\n",
                "abc",
                Passed(STUDIES, b"abc"),
            ),
            row("two that differ", "Content-Length: 3\r\nContent-Length: 4\r\n", "abcd", Malformed),
            row("a list", "Content-Length: 3, 3\r\n", "abc", Malformed),
            row("negative", "Content-Length: -3\r\n", "abc", Malformed),
            row("signed", "Content-Length: +3\r\n", "abc", Malformed),
            row("hexadecimal", "Content-Length: 0x3\r\n", "abc", Malformed),
            row("with a space", "Content-Length: 1 3\r\n", "abc", Malformed),
            row("with a fraction", "Content-Length: 3.0\r\n", "abc", Malformed),
            row("empty", "Content-Length: \r\n", "abc", Malformed),
            row(
                "too large for 64 bits",
                "Content-Length: 18446744073709551619\r\n",
                "abc",
                Malformed,
            ),
        ])
        .await;
}

#[tokio::test]
async fn chunked_is_the_only_transfer_coding() {
    let bench = Bench::start().await;
    let body = "3\r\nabc\r\n0\r\n\r\n";
    let row = |lines: &str, expected| Row::new(lines, store(lines, body), expected);
    let passed = || Passed(STUDIES, b"abc");
    bench
        .check(vec![
            row("Transfer-Encoding: chunked\r\n", passed()),
            row("transfer-encoding: Chunked\r\n", passed()),
            row("Transfer-Encoding: \tchunked \r\n", passed()),
            row("Transfer-Encoding: gzip, chunked\r\n", Refused(501)),
            row("Transfer-Encoding: chunked, chunked\r\n", Refused(501)),
            row("Transfer-Encoding: identity, chunked\r\n", Refused(501)),
            row("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", Refused(501)),
            row("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", Refused(501)),
            row("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", Refused(501)),
            row("Transfer-Encoding: ,chunked\r\n", Refused(501)),
            row("Transfer-Encoding: identity\r\n", Malformed),
            row("Transfer-Encoding: xchunked\r\n", Malformed),
            row("Transfer-Encoding: chunked, identity\r\n", Malformed),
            row("Transfer-Encoding: chunked;q=1\r\n", Malformed),
            row("Transfer-Encoding: \"chunked\"\r\n", Malformed),
            row("Transfer-Encoding: \x0bchunked\r\n", Malformed),
            row("Transfer-Encoding: \r\n chunked\r\n", Malformed),
            row("Transfer-Encoding : chunked\r\n", Malformed),
            row("Transfer_Encoding: chunked\r\nContent-Length: 0\r\n", Refused(400)),
            row("Content-Length: 3\r\nTransfer-Encoding: identity\r\n", Malformed),
        ])
        .await;
}

#[tokio::test]
async fn http_1_0_has_no_transfer_coding() {
    let bench = Bench::start().await;
    let raw = "POST /dicom-web/studies HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    bench.check(vec![Row::new("chunked by HTTP/1.0", raw, Malformed)]).await;
}

/// RFC 9112, section 6.1: the coding counts, the length goes, and so does the connection.
#[tokio::test]
async fn a_length_beside_a_coding_does_not_count_and_is_the_connection_s_end() {
    let bench = Bench::start().await;
    let hidden = search("X-Hidden: 1\r\n");
    let lengths =
        ["Content-Length: 3\r\n".to_owned(), format!("Content-Length: {}\r\n", 5 + hidden.len())];
    for length in lengths {
        for lines in [
            format!("{length}Transfer-Encoding: chunked\r\n"),
            format!("Transfer-Encoding: chunked\r\n{length}"),
        ] {
            let before = bench.recorder.requests().len();
            let mut caller = bench.caller().await;
            caller.send(store(&lines, "0\r\n\r\n") + &hidden).await.unwrap();
            let answer = caller.read_response().await.unwrap();
            assert!(matches!(answer.status, 200 | 400), "{lines}: {}", answer.status);
            assert_eq!(caller.read_to_end().await, b"", "{lines}");
            let requests = bench.recorder.requests();
            assert_eq!(requests.len() - before, usize::from(answer.status == 200), "{lines}");
            assert!(requests.iter().all(|request| request.values("x-hidden").is_empty()));
        }
    }
    assert!(bench.recorder.violations().is_empty());
}

#[tokio::test]
async fn chunks_are_what_they_say() {
    let bench = Bench::start().await;
    let row = |name, body: &str, expected| {
        Row::new(name, store("Transfer-Encoding: chunked\r\n", body), expected)
    };
    let broken = || Broken(400);
    let long = format!("3;{}\r\nabc\r\n0\r\n\r\n", "x".repeat(100_000));
    bench
        .check(vec![
            row("one", "3\r\nabc\r\n0\r\n\r\n", Passed(STUDIES, b"abc")),
            row("two", "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", Passed(STUDIES, b"abcde")),
            row("none", "0\r\n\r\n", Passed(STUDIES, b"")),
            row("zeros before", "0003\r\nabc\r\n000\r\n\r\n", Passed(STUDIES, b"abc")),
            row("an extension", "3;a=\"b\"\r\nabc\r\n0;c\r\n\r\n", Passed(STUDIES, b"abc")),
            row("an endless extension", &long, broken()),
            row("no number", "zz\r\nabc\r\n0\r\n\r\n", broken()),
            row("no size", "\r\nabc\r\n0\r\n\r\n", broken()),
            row("with a prefix", "0x3\r\nabc\r\n0\r\n\r\n", broken()),
            row("signed", "+3\r\nabc\r\n0\r\n\r\n", broken()),
            row("negative", "-3\r\nabc\r\n0\r\n\r\n", broken()),
            row("too large for 64 bits", "10000000000000003\r\nabc\r\n0\r\n\r\n", broken()),
            row("shorter than its data", "2\r\nabc\r\n0\r\n\r\n", broken()),
            row("longer than its data", "4\r\nabc\r\n0\r\n\r\n", broken()),
            row("a line feed alone behind the size", "3\nabc\r\n0\r\n\r\n", broken()),
            row("a line feed alone behind the data", "3\r\nabc\n0\r\n\r\n", broken()),
            row("a line feed in an extension", "3;a\nb\r\nabc\r\n0\r\n\r\n", broken()),
            row("a carriage return alone", "3\rabc\r\n0\r\n\r\n", broken()),
        ])
        .await;
}

#[tokio::test]
async fn trailers_end_here() {
    let bench = Bench::start().await;
    let trailers = "X-Sum: 1\r\nAuthorization: Bearer forged\r\nContent-Length: 9\r\n";
    let lines = "Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n";
    let body = format!("3\r\nabc\r\n0\r\n{trailers}\r\n");
    bench.check(vec![Row::new("trailers", store(lines, &body), Passed(STUDIES, b"abc"))]).await;
    let request = bench.last();
    assert!(request.trailers.is_empty() && request.values("x-sum").is_empty());
    assert!(request.values("trailer").is_empty());
}

#[tokio::test]
async fn a_body_comes_with_a_method_that_has_one() {
    let bench = Bench::start().await;
    let row = |method: &str, lines: &str, body: &str, expected| {
        let raw =
            format!("{method} /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n{body}");
        Row::new(format!("{method} {lines}"), raw, expected)
    };
    let mut rows = Vec::new();
    for method in ["GET", "HEAD", "DELETE", "OPTIONS"] {
        rows.push(row(method, "Content-Length: 3\r\n", "abc", Refused(400)));
        let chunked = "Transfer-Encoding: chunked\r\n";
        rows.push(row(method, chunked, "3\r\nabc\r\n0\r\n\r\n", Refused(400)));
    }
    rows.push(row("GET", "Content-Length: 0\r\n", "", Passed(STUDIES, b"")));
    bench.check(rows).await;
}

#[tokio::test]
async fn a_head_that_could_be_read_in_two_ways_is_no_head() {
    let bench = Bench::start().await;
    let row = |name, raw: String, expected| Row::new(name, raw, expected);
    let line = |line: &str| format!("{line}\r\nHost: localhost\r\n\r\n");
    bench
        .check(vec![
            row("a folded line", search("X-A: b\r\n c\r\n"), Malformed),
            row("a first line that is folded", search(" X-A: b\r\n"), Malformed),
            row("NUL in a value", search("X-A: b\0c\r\n"), Malformed),
            row("NUL in a name", search("X-\0A: b\r\n"), Malformed),
            row("a carriage return in a value", search("X-A: b\rX-B: c\r\n"), Malformed),
            row("a control in a value", search("X-A: b\x01c\r\n"), Malformed),
            row("a space before the colon", search("X-A : b\r\n"), Malformed),
            row("a tab before the colon", search("X-A\t: b\r\n"), Malformed),
            row("no colon", search("X-A\r\n"), Malformed),
            row("no name", search(": b\r\n"), Malformed),
            row("a bracket in a name", search("X(A): b\r\n"), Malformed),
            row("no version", line("GET /dicom-web/studies"), Malformed),
            row("version 2", line("GET /dicom-web/studies HTTP/2.0"), Malformed),
            row("version 1.2", line("GET /dicom-web/studies HTTP/1.2"), Malformed),
            row("version 0.9", line("GET /dicom-web/studies HTTP/0.9"), Malformed),
            row("a version in small letters", line("GET /dicom-web/studies http/1.1"), Malformed),
            row("a version with a tail", line("GET /dicom-web/studies HTTP/1.1x"), Malformed),
            row("a tab between words", line("GET\t/dicom-web/studies HTTP/1.1"), Malformed),
            row("a response", "HTTP/1.1 200 OK\r\n\r\n".into(), Malformed),
            row(
                "a TLS hello",
                "\x16\x03\x01\x02\0\x01\0\x01\u{7c}\x03\x03\r\n\r\n".into(),
                Malformed,
            ),
            // RFC 9112, section 2.2, allows a recipient both; what goes on is written anew.
            row("lines end in LF", search("").replace('\r', ""), Passed(STUDIES, b"")),
            row("an empty line before it", format!("\r\n{}", search("")), Passed(STUDIES, b"")),
        ])
        .await;
}
