//! What a request may expect, and how large its head may be.

use super::Expected::{Malformed, Passed, Refused};
use super::{Bench, Row, STUDIES, search};

#[tokio::test]
async fn nothing_but_a_go_ahead_can_be_expected() {
    let bench = Bench::start().await;
    let row = |name, raw: String, expected| Row::new(name, raw, expected);
    bench
        .check(vec![
            row("something", search("Expect: 200-ok\r\n"), Refused(417)),
            row("nothing", search("Expect: \r\n"), Refused(417)),
            row("more", search("Expect: 100-continue, 200-ok\r\n"), Refused(417)),
            row("twice", search("Expect: 100-continue\r\nExpect: x\r\n"), Refused(417)),
            row("a go-ahead for nothing", search("Expect: 100-Continue\r\n"), Passed(STUDIES, b"")),
            row(
                "something, by HTTP/1.0, which has no expectations",
                "GET /dicom-web/studies HTTP/1.0\r\nExpect: 200-ok\r\n\r\n".into(),
                Passed(STUDIES, b""),
            ),
        ])
        .await;
}

#[tokio::test]
async fn a_head_has_a_size_that_the_operator_sets() {
    let bench = Bench::with("max_head_bytes = 8192", "").await;
    let field = |size: usize| search(&format!("X-Long: {}\r\n", "a".repeat(size)));
    let target = |size: usize| {
        let query = "a".repeat(size);
        format!("GET /dicom-web/studies?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n")
    };
    let lines = |count: usize| search(&"X-A: b\r\n".repeat(count));
    bench
        .check(vec![
            Row::new("a field that fits", field(8000), Passed(STUDIES, b"")),
            Row::new("a field that is too long", field(9000), Refused(431)),
            Row::new("a field far too long", field(200_000), Malformed),
            Row::new("a target that is too long", target(9000), Refused(414)),
            Row::new("a target far too long", target(200_000), Malformed),
            Row::new("many lines", lines(90), Passed(STUDIES, b"")),
            Row::new("too many lines", lines(2000), Malformed),
        ])
        .await;
}
