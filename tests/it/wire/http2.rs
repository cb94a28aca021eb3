//! The same by HTTP/2, where a message cannot be malformed so easily.

use bytes::Bytes;
use gateway_tests::RawCaller;
use http::{Request, Version};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::Frame;

use super::Bench;
use crate::http::H2Caller;

type Sent = BoxBody<Bytes, std::convert::Infallible>;

#[tokio::test]
async fn a_request_by_http_2_names_one_sound_host() {
    let bench = Bench::start().await;
    let mut caller = H2Caller::connect(bench.gateway.address()).await;
    for (authority, host, status) in [
        ("localhost", None, 200),
        ("localhost:80", None, 200),
        ("localhost", Some("localhost"), 200),
        ("localhost", Some("evil.example"), 400),
        ("localhost", Some("localhost:80"), 400),
        ("user@localhost", None, 400),
        ("evil.example", None, 421),
        ("evil.example", Some("localhost"), 400),
    ] {
        let mut request = get(&format!("http://{authority}/dicom-web/studies"));
        if let Some(host) = host {
            request.headers_mut().insert("host", host.parse().unwrap());
        }
        let before = bench.recorder.bytes_seen();
        let answer = caller.ask(request).await.unwrap();
        assert_eq!(answer.status(), status, "{authority} {host:?}");
        if status == 200 {
            bench.passed("/v2/studies", b"").unwrap();
        } else {
            assert_eq!(bench.recorder.bytes_seen(), before, "{authority} {host:?}");
        }
    }
}

#[tokio::test]
async fn a_search_by_http_2_has_no_body_of_whatever_length() {
    let bench = Bench::start().await;
    let mut caller = H2Caller::connect(bench.gateway.address()).await;
    let unknown = || {
        let frames = [Ok(Frame::data(Bytes::from_static(b"abc")))];
        StreamBody::new(futures_util::stream::iter(frames)).boxed()
    };
    for method in ["GET", "HEAD", "DELETE", "OPTIONS"] {
        for body in [unknown(), Full::from("abc").boxed()] {
            let mut request = get("http://localhost/dicom-web/studies");
            *request.method_mut() = method.parse().unwrap();
            *request.body_mut() = body;
            assert_eq!(caller.ask(request).await.unwrap().status(), 400, "{method}");
        }
    }
    assert_eq!(bench.recorder.bytes_seen(), 0);
}

#[tokio::test]
async fn methods_targets_and_names_are_judged_as_by_http_1_1() {
    let bench = Bench::start().await;
    let mut caller = H2Caller::connect(bench.gateway.address()).await;
    for (method, path, status) in [
        ("TRACE", "/dicom-web/studies", 405),
        ("get", "/dicom-web/studies", 501),
        ("FOO", "/dicom-web/studies", 501),
        ("GET", "/dicom-web/../studies", 400),
        ("GET", "/dicom-web/%2e%2e/studies", 400),
        ("GET", "//dicom-web/studies", 400),
        ("GET", "/dicom-web/studies;a", 400),
        ("GET", "/dicom-web/studies%00", 400),
        ("GET", "/nowhere", 404),
    ] {
        let mut request = get(&format!("http://localhost{path}"));
        *request.method_mut() = method.parse().unwrap();
        assert_eq!(caller.ask(request).await.unwrap().status(), status, "{method} {path}");
    }
    let mut request = get("http://localhost/dicom-web/studies");
    request.headers_mut().insert("x_forwarded_for", "1".parse().unwrap());
    assert_eq!(caller.ask(request).await.unwrap().status(), 400);
    assert_eq!(bench.recorder.bytes_seen(), 0);
}

#[tokio::test]
async fn a_request_by_http_2_goes_on_by_http_1_1_with_one_meaning() {
    let bench = Bench::start().await;
    let mut caller = H2Caller::connect(bench.gateway.address()).await;
    let mut request = get("http://localhost/dicom-web/studies?a=%2f..");
    let headers = request.headers_mut();
    for (name, value) in [
        ("cookie", "a=b"),
        ("cookie", "c=d"),
        ("te", "trailers"),
        ("authorization", "Bearer forged"),
        ("x-unknown", "1"),
        ("x-unknown", "2"),
    ] {
        headers.append(name, value.parse().unwrap());
    }
    let answer = caller.ask(request).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (200, Version::HTTP_2));
    bench.passed("/v2/studies?a=%2f..", b"").unwrap();
    let request = bench.last();
    assert!(request.values("cookie").is_empty() && request.values("te").is_empty());
    assert_eq!(request.values("x-unknown"), ["1", "2"]);
    assert!(request.header("via").unwrap().starts_with("2 "));

    let mut request = get("http://localhost/dicom-web/studies");
    *request.method_mut() = http::Method::POST;
    let frames = ["abc", "", "de"].map(|part| Ok(Frame::data(Bytes::from(part))));
    let trailers = Ok(Frame::trailers(http::HeaderMap::from_iter([(
        http::header::AUTHORIZATION,
        http::HeaderValue::from_static("Bearer forged"),
    )])));
    let frames = frames.into_iter().chain([trailers]);
    *request.body_mut() = StreamBody::new(futures_util::stream::iter(frames)).boxed();
    assert_eq!(caller.ask(request).await.unwrap().status(), 200);
    bench.passed("/v2/studies", b"abcde").unwrap();
    assert!(bench.last().trailers.is_empty());
    assert!(bench.recorder.violations().is_empty());
}

#[tokio::test]
async fn a_head_by_http_2_has_the_same_size() {
    let bench = Bench::with("max_head_bytes = 8192", "").await;
    let mut caller = H2Caller::connect(bench.gateway.address()).await;
    let mut request = get("http://localhost/dicom-web/studies");
    request.headers_mut().insert("x-long", "a".repeat(20_000).parse().unwrap());
    // The refusal may be the protocol's own.
    let answer = caller.ask(request).await;
    assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status() == 431));
    assert_eq!(bench.recorder.bytes_seen(), 0);
}

/// Frames that no client library would write: lines that a hop by HTTP/1.1 would read as two.
#[tokio::test]
async fn names_and_values_of_no_http_2_reach_nobody() {
    let bench = Bench::start().await;
    let bad: [(&[u8], &[u8]); 12] = [
        (b"x-a", b"b\r\nx-c: d"),
        (b"x-a", b"b\nc"),
        (b"x-a", b"b\0c"),
        (b"X-Upper", b"a"),
        (b"x a", b"b"),
        (b"x-a\r\nx-b", b"c"),
        (b"", b"a"),
        (b"connection", b"close"),
        (b"transfer-encoding", b"chunked"),
        (b"te", b"gzip"),
        (b":unknown", b"a"),
        (b":path", b"/dicom-web/series"),
    ];
    for field in bad {
        let fields = [SEARCH, &[field]].concat();
        let mut caller = RawCaller::connect(bench.gateway.address()).await.unwrap();
        caller.send([frames(&fields), farewell()].concat()).await.unwrap();
        let answer = caller.read_to_end().await;
        assert!(!answer.is_empty(), "{field:?}");
        assert_eq!(bench.recorder.bytes_seen(), 0, "{:?}", String::from_utf8_lossy(field.0));
    }
    // The frames are right where the fields are.
    let mut caller = RawCaller::connect(bench.gateway.address()).await.unwrap();
    caller.send(frames(SEARCH)).await.unwrap();
    bench.recorder.wait_for_requests(1).await;
}

/// Preface, settings, and one request of these fields, literal and without indexing.
pub(crate) fn frames(fields: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap());
            block.extend_from_slice(text);
        }
    }
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    [preface, frame(4, 0, 0, &[]), frame(1, 5, 1, &block)].concat()
}

/// A frame (RFC 9113, section 4.1).
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// No more requests will come.
fn farewell() -> Vec<u8> {
    frame(7, 0, 0, &[0; 8])
}

pub(crate) const SEARCH: &[(&[u8], &[u8])] = &[
    (b":method", b"GET"),
    (b":scheme", b"http"),
    (b":authority", b"localhost"),
    (b":path", b"/dicom-web/studies"),
];

fn get(url: &str) -> Request<Sent> {
    let mut request = Request::new(Empty::new().boxed());
    *request.uri_mut() = url.parse().unwrap();
    request
}
