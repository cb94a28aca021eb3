//! Bodies that come coded although none was asked for.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use gateway_tests::Reply;

use super::{Bench, JSON, ours};

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn zlib(body: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn raw(body: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn framed(coded: &[u8]) -> Vec<u8> {
    [format!("Content-Length: {}\r\n\r\n", coded.len()).as_bytes(), coded].concat()
}

#[tokio::test]
async fn a_coded_answer_comes_out_plain_and_ours() {
    let bench = Bench::start("orthanc", "/dicom-web").await;
    let body = format!("[{}]", vec![r#""@/studies/1.2""#; 5_000].join(","));
    let theirs = body.replace('@', &bench.theirs);
    for (coding, code) in [
        ("gzip", gzip as fn(&[u8]) -> Vec<u8>),
        ("x-gzip", gzip),
        ("GZip", gzip),
        ("deflate", zlib),
        ("deflate", raw),
    ] {
        let lines = format!("{JSON}Content-Encoding: {coding}\r\n");
        let answer = bench.ask_for("GET /studies", &lines, framed(&code(theirs.as_bytes()))).await;
        assert!(answer.complete && answer.text() == ours(&body), "{coding}");
        assert_eq!(
            (answer.header("content-encoding"), answer.header("content-length")),
            (None, None)
        );
    }
    let lines =
        "200 OK\r\nContent-Type: multipart/related; boundary=b\r\nContent-Encoding: gzip\r\n";
    let parts = "--b\r\nContent-Type: application/octet-stream\r\nContent-Location: @/frames/1\r\n\r\n\
                 x\r\n--b--";
    let coded = gzip(parts.replace('@', &bench.theirs).as_bytes());
    let answer = bench.ask_for("GET /studies/1", lines, framed(&coded)).await;
    assert_eq!(answer.text(), ours(parts));
}

#[tokio::test]
async fn a_coding_that_we_cannot_undo_passes_as_it_is() {
    let bench = Bench::start("orthanc", "/dicom-web").await;
    for lines in [
        "Content-Encoding: br\r\n",
        "Content-Encoding: gzip, gzip\r\n",
        "Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n",
    ] {
        let answer = bench.ask("GET /studies", &format!("{JSON}{lines}"), "\"@/\"").await;
        assert_eq!(answer.text(), format!("\"{}/\"", bench.theirs));
        assert!(answer.header("content-length").is_some());
        assert!(!answer.values("content-encoding").is_empty());
    }
}

#[tokio::test]
async fn a_broken_coding_is_whole_for_nobody() {
    let bench = Bench::start("orthanc", "/dicom-web").await;
    let coded = gzip(&b"{\"a\":\"b\"},".repeat(10_000));
    let mut spoilt = coded.clone();
    let sum = spoilt.len() - 6;
    spoilt[sum] ^= 1;
    let lines = format!("{JSON}Content-Encoding: gzip\r\n");
    for coded in [&coded[..coded.len() - 1], &coded[..9], &spoilt, b"{\"a\":\"b\"}"] {
        let reply = [format!("HTTP/1.1 {lines}").into_bytes(), framed(coded)].concat();
        bench.recorder.reply_next(Reply::BytesThenClose(reply));
        let answer = bench.try_send("GET /studies", "").await;
        assert!(!answer.is_ok_and(|answer| answer.complete));
        bench.gateway.wait_for_line("origin-broke-off").await;
    }
    let answer = bench.ask_for("GET /studies", &lines, framed(&coded)).await;
    assert!(answer.complete);
}
