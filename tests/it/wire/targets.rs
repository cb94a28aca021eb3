//! Which targets may come in, and how they go on.

use super::Expected::{Malformed, Passed, Refused};
use super::{Bench, Row, STUDIES};

#[tokio::test]
async fn a_path_that_could_be_read_in_two_ways_does_not_pass() {
    let bench = Bench::start().await;
    let row = |target: &str, expected| {
        Row::new(target, format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"), expected)
    };
    let refused = [
        "foo",
        "*",
        "localhost:80",
        "/dicom-web/..",
        "/dicom-web/../dicom-web/studies",
        "/dicom-web/./studies",
        "/dicom-web/%2e%2e/studies",
        "/dicom-web/%2E%2E/studies",
        "/dicom-web/.%2e/studies",
        "/dicom-web/%2e/studies",
        "//dicom-web/studies",
        "//evil.example/dicom-web/studies",
        "/dicom-web//studies",
        "/dicom-web/studies//",
        "/dicom-web\\studies",
        "/dicom-web/studies\\..\\..",
        "/dicom-web%2fstudies",
        "/dicom-web/studies%2F..",
        "/dicom-web/studies%5c",
        "/dicom-web/studies%00",
        "/dicom-web/studies%0d%0aX:y",
        "/dicom-web/studies%0a",
        "/dicom-web/studies%7f",
        "/dicom-web/studies;a=b",
        "/dicom-web/studies%3ba=b",
        "/dicom-web/studies%25%32e",
        "/dicom-web/%73tudies",
        "/dicom-web/studies%",
        "/dicom-web/studies%2",
        "/dicom-web/studies%zz",
        "/dicom-web/studies%ff",
        "/dicom-web/studies?_method=DELETE",
        "/dicom-web/studies?limit=1&%5fmethod=DELETE",
    ];
    let mut rows: Vec<_> = refused.iter().map(|target| row(target, Refused(400))).collect();
    rows.extend(
        ["", "dicom-web/studies", "/dicom-web/stu dies", "/dicom-web/studies\t"]
            .map(|target| row(target, Malformed)),
    );
    rows.extend([
        row("/", Refused(404)),
        row("/dicom-webs/studies", Refused(404)),
        row("/DICOM-WEB/studies", Refused(404)),
        row("/dicom-web/Studies", Refused(404)),
        row("/dicom-web/studies/", Refused(404)),
    ]);
    bench.check(rows).await;
}

#[tokio::test]
async fn a_path_and_its_query_go_on_byte_for_byte() {
    let bench = Bench::start().await;
    let row = |target: &str, expected| {
        Row::new(
            target,
            format!("GET /dicom-web{target} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            expected,
        )
    };
    bench
        .check(vec![
            row("/studies?", Passed("/v2/studies?", b"")),
            row(
                "/studies?PatientName=M%C3%BCller%5EA*&limit=1",
                Passed("/v2/studies?PatientName=M%C3%BCller%5EA*&limit=1", b""),
            ),
            row("/studies?a=../..//;b\\", Passed("/v2/studies?a=../..//;b\\", b"")),
            row("/studies?a=%2e%2e%2f%00&&=", Passed("/v2/studies?a=%2e%2e%2f%00&&=", b"")),
            row("/studies?a=b?c=d", Passed("/v2/studies?a=b?c=d", b"")),
            row("/studies?a={}|`^'[]", Passed("/v2/studies?a={}|`^'[]", b"")),
            row("/studies?a=<b>", Malformed),
            row(
                "/studies/1.2/series/3/instances/4/frames/1,2",
                Passed("/v2/studies/1.2/series/3/instances/4/frames/1,2", b""),
            ),
            row(
                "/studies/1.2/series/3/instances/4/frames/1%2C2",
                Passed("/v2/studies/1.2/series/3/instances/4/frames/1%2C2", b""),
            ),
        ])
        .await;
}

/// hyper cuts a fragment off before the gateway could refuse it; what matters is that path and
/// query are the ones that the permit was for, and that the origin server gets none.
#[tokio::test]
async fn a_fragment_goes_no_further() {
    let bench = Bench::start().await;
    let row = |target: &str, expected| {
        Row::new(target, format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"), expected)
    };
    bench
        .check(vec![
            row("/dicom-web/studies#frag", Passed(STUDIES, b"")),
            row("/dicom-web/studies?a=b#/../x", Passed("/v2/studies?a=b", b"")),
            row("/#/dicom-web/studies", Refused(404)),
        ])
        .await;
    assert!(bench.recorder.requests().iter().all(|request| !request.target.contains('#')));
}

#[tokio::test]
async fn a_prefix_of_all_paths_and_a_base_without_a_path_join_cleanly() {
    let world = gateway_tests::World::new().await;
    let recorder = gateway_tests::Recorder::start().await;
    let toml =
        gateway_tests::world::Toml { route: "prefix = \"/\"".into(), ..world.toml(recorder.url()) };
    let gateway = world.start_ready(&toml).await;
    let bench = Bench { world, recorder, gateway };
    let row = |method: &str, target: &str, expected| {
        let raw = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        Row::new(target, raw, expected)
    };
    bench
        .check(vec![
            row("GET", "/studies", Passed("/studies", b"")),
            row("OPTIONS", "/", Passed("/", b"")),
            row("GET", "//studies", Refused(400)),
        ])
        .await;
}
