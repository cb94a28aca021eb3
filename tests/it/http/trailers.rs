//! Trailers, which no DICOMweb transaction has.

use gateway_tests::Reply;
use http_body_util::BodyExt;

use super::H2Caller;
use crate::wire::{Bench, search};

#[tokio::test]
async fn an_answer_s_trailers_end_here() {
    let bench = Bench::start().await;
    let reply = "HTTP/1.1 200 OK\r\nTrailer: Set-Cookie, X-Sum\r\n\
                 Transfer-Encoding: chunked\r\n\r\n\
                 3\r\nabc\r\n0\r\nSet-Cookie: a=b\r\nX-Sum: 1\r\nServer: Kestrel\r\n\r\n";
    bench.recorder.reply_with(Reply::Bytes(reply.into()));

    let answer = bench.ask(search("TE: trailers\r\n")).await;
    assert_eq!((answer.text().as_str(), answer.complete), ("abc", true));
    assert!(answer.trailers.is_empty(), "{:?}", answer.trailers);
    assert!(answer.values("set-cookie").is_empty() && answer.values("x-sum").is_empty());

    let mut caller = H2Caller::connect(bench.gateway.address()).await;
    let answer = caller.search().await.unwrap().into_body().collect().await.unwrap();
    assert_eq!(answer.trailers(), None);
    assert_eq!(answer.to_bytes(), "abc");
}
