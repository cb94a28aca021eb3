//! Bytes come out as they went in, whatever carries them.

use std::convert::Infallible;

use bytes::Bytes;
use gateway_tests::bulk::{Pattern, Sum};
use gateway_tests::{Bulk, RawCaller, World};
use http::Request;
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::Frame;

use super::{H2Caller, store_toml, tls_gateway};
use crate::wire::Bench;

#[tokio::test]
async fn an_upload_by_http_1_1_comes_byte_for_byte() {
    let bench = Bench::start().await;
    let body: Vec<u8> =
        (0..1_000_003_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let head = |lines: &str| {
        format!("POST /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n").into_bytes()
    };
    let mut chunked = head("Transfer-Encoding: chunked\r\n");
    let (mut rest, mut size) = (&body[..], 1);
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(size.min(rest.len()));
        chunked.extend_from_slice(format!("{:X}\r\n", chunk.len()).as_bytes());
        chunked.extend_from_slice(chunk);
        chunked.extend_from_slice(b"\r\n");
        (rest, size) = (after, size * 3 % 70_001);
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    let lengthy = [head(&format!("Content-Length: {}\r\n", body.len())), body.clone()].concat();

    for raw in [&chunked, &lengthy] {
        assert_eq!(bench.ask(raw).await.status, 200);
        assert!(bench.last().body == body);
    }
    assert_eq!(bench.last().header("content-length"), Some("1000003"));
    assert!(bench.recorder.violations().is_empty());
}

#[tokio::test]
async fn large_bodies_come_byte_for_byte_by_every_protocol() {
    let world = World::new().await;
    let issued = world.ca.issue(&["localhost", "127.0.0.1"]);
    for alpn in [&b"h2"[..], b"http/1.1"] {
        let bulk = Bulk::start(world.check(), Some(issued.server_config(&[alpn]))).await.unwrap();
        let gateway = world.start_ready(&store_toml(&world, bulk.base_url())).await;
        let secure = tls_gateway(&world, bulk.base_url(), "").await;
        let callers = [
            H2Caller::connect(gateway.address()).await,
            H2Caller::connect_tls(secure.address(), &world.ca).await,
        ];
        for mut caller in callers {
            let url = format!("http://localhost/dicom-web/studies/1.2/series/3/instances/{SIZE}");
            let answer =
                caller.ask(Request::get(url).body(Empty::new().boxed()).unwrap()).await.unwrap();
            assert_eq!(Sum::of(answer.into_body()).await.unwrap(), Pattern::new(SIZE).sum());

            for body in [Pattern::new(SIZE).boxed(), without_length()] {
                let post = Request::post("http://localhost/dicom-web/studies").body(body).unwrap();
                let answer = caller.ask(post).await.unwrap().into_body().collect().await.unwrap();
                let sum: Sum = serde_json::from_slice(&answer.to_bytes()).unwrap();
                assert_eq!(sum, Pattern::new(SIZE).sum());
            }
        }
        let mut caller = RawCaller::connect(gateway.address()).await.unwrap();
        let path = format!("/dicom-web/studies/1.2/series/3/instances/{SIZE}");
        caller.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await.unwrap();
        let answer = caller.read_response().await.unwrap();
        let body = http_body_util::Full::new(Bytes::from(answer.body));
        assert_eq!(Sum::of(body).await.unwrap(), Pattern::new(SIZE).sum());
    }
}

fn without_length() -> http_body_util::combinators::BoxBody<Bytes, Infallible> {
    let pieces = futures_util::stream::unfold(Pattern::new(SIZE), |mut pattern| async move {
        let data = pattern.frame().await?.ok()?.into_data().ok()?;
        Some((Ok(Frame::data(data)), pattern))
    });
    StreamBody::new(Box::pin(pieces)).boxed()
}

const SIZE: u64 = 3_000_001;
