use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use super::*;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn all(coding: Coding, coded: &[u8]) -> Result<Vec<u8>, Broken> {
    let mut decoder = Decoder::new(coding).unwrap();
    let mut out = Vec::new();
    for byte in coded {
        decoder.push(Bytes::copy_from_slice(&[*byte]));
        while let Some(bytes) = decoder.next()? {
            out.extend_from_slice(&bytes);
        }
    }
    decoder.end();
    while let Some(bytes) = decoder.next()? {
        out.extend_from_slice(&bytes);
    }
    Ok(out)
}

#[test]
fn a_bomb_is_decoded_a_little_at_a_time() {
    let mut decoder = Decoder::new(Coding::Gzip).unwrap();
    decoder.push(gzip(&vec![0; 50 << 20]).into());
    decoder.end();
    let mut length = 0;
    while let Some(bytes) = decoder.next().unwrap() {
        assert!(bytes.len() <= AT_ONCE);
        length += bytes.len();
    }
    assert_eq!(length, 50 << 20);
}

#[test]
fn a_coding_that_breaks_off_is_broken_wherever_it_does() {
    let text = b"{\"a\":1}".repeat(100);
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(&text).unwrap();
    let mut raw = DeflateEncoder::new(Vec::new(), Compression::fast());
    raw.write_all(&text).unwrap();
    for (coding, coded) in [
        (Coding::Gzip, gzip(&text)),
        (Coding::Deflate, zlib.finish().unwrap()),
        (Coding::Deflate, raw.finish().unwrap()),
    ] {
        assert_eq!(all(coding, &coded).unwrap(), text);
        for length in 1..coded.len() {
            assert_eq!(all(coding, &coded[..length]), Err(Broken), "{coding:?} {length}");
        }
    }
}

#[test]
fn what_is_not_coded_as_it_says_is_broken() {
    assert_eq!(all(Coding::Gzip, b"{\"a\":1}"), Err(Broken));
    assert_eq!(all(Coding::Deflate, b"{\"a\":1}"), Err(Broken));
    let mut wrong_sum = gzip(b"abc");
    let last = wrong_sum.len() - 5;
    wrong_sum[last] ^= 1;
    assert_eq!(all(Coding::Gzip, &wrong_sum), Err(Broken));
}

#[test]
fn a_body_of_nothing_is_whole() {
    assert_eq!(all(Coding::Gzip, b""), Ok(Vec::new()));
    assert_eq!(all(Coding::Deflate, b""), Ok(Vec::new()));
}
