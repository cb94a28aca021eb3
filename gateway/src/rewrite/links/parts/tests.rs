use bytes::Bytes;
use config::Profile;

use super::super::reference::{Route, route};
use super::*;

fn orthanc() -> Route {
    let public = "https://imaging.example/pacs";
    route("http://orthanc:8042/dicom-web", &[], Profile::Orthanc, public)
}

fn rewritten(message: &[u8]) -> (Vec<u8>, Vec<Bytes>) {
    let mut parts = Parts::new(Arc::new(orthanc().links()), b"b");
    let mut out = VecDeque::new();
    parts.push(Bytes::copy_from_slice(message), &mut out);
    parts.finish(&mut out);
    (out.iter().flatten().copied().collect(), out.into())
}

fn text(message: &str) -> String {
    String::from_utf8(rewritten(message.as_bytes()).0).unwrap()
}

#[test]
fn locations_in_heads_are_replaced_and_every_other_byte_of_them_stays() {
    let message = "--b\r\nContent-Type: application/octet-stream\r\nContent-Location: \
                   http://orthanc:8042/dicom-web/frames/1\r\nX-Url: http://orthanc:8042/dicom-web/\
                   \r\n\r\nhttp://orthanc:8042/dicom-web/\r\n--b\r\ncontent-LOCATION:/dicom-web/2 \
                   \r\n\r\nx\r\n--b--";
    let ours = "--b\r\nContent-Type: application/octet-stream\r\nContent-Location: \
                https://imaging.example/pacs/frames/1\r\nX-Url: http://orthanc:8042/dicom-web/\
                \r\n\r\nhttp://orthanc:8042/dicom-web/\r\n--b\r\ncontent-LOCATION: \
                https://imaging.example/pacs/2\r\n\r\nx\r\n--b--";
    assert_eq!(text(message), ours);
}

#[test]
fn texts_among_parts_are_rewritten_and_lose_the_length_that_was_theirs() {
    let head = |kind: &str, length: &str| format!("--b\r\nContent-Type: {kind}\r\n{length}\r\n");
    let (theirs, ours) = ("http://orthanc:8042/dicom-web/1", "https://imaging.example/pacs/1");
    for kind in ["application/dicom+json", "application/dicom+xml; charset=utf-8"] {
        let before = head(kind, "Content-Length: 33\r\n") + &format!("\"{theirs}\"\r\n--b--\r\n");
        assert_eq!(text(&before), head(kind, "") + &format!("\"{ours}\"\r\n--b--\r\n"));
    }
    for kind in ["application/dicom", "application/json\r\nContent-Encoding: gzip"] {
        let before = head(kind, "Content-Length: 33\r\n") + &format!("\"{theirs}\"\r\n--b--\r\n");
        assert_eq!(text(&before), before);
    }
}

#[test]
fn pixels_are_given_as_the_bytes_that_came() {
    let pixels = Bytes::from(vec![b'\r'; 100_000]);
    let mut parts = Parts::new(Arc::new(orthanc().links()), b"b");
    let mut out = VecDeque::new();
    parts.push(Bytes::from_static(b"--b\r\n\r\n"), &mut out);
    out.clear();
    parts.push(pixels.clone(), &mut out);
    assert_eq!(out[0].as_ptr(), pixels.as_ptr());
    assert_eq!(out.iter().map(Bytes::len).sum::<usize>(), pixels.len() - 1, "the last may be one");
}

#[test]
fn a_part_that_says_its_length_is_not_searched() {
    let head = "--b\r\nContent-Type: application/dicom\r\nContent-Length: 9\r\n\r\n";
    let location = "Content-Location: http://orthanc:8042/dicom-web/1\r\n";
    let inner = format!("{head}\r\n--b\r\n\r\n\r\n--b\r\n{location}\r\n\r\n--b--");
    assert_eq!(
        text(&inner),
        inner.replace("http://orthanc:8042/dicom-web", "https://imaging.example/pacs")
    );
    let ends_early = head.replace('9', "99999") + "\r\n--b\r\n" + location;
    assert_eq!(text(&ends_early), ends_early);
}

#[test]
fn a_message_passes_unchanged_from_where_it_makes_no_sense() {
    let location = "Content-Location: http://orthanc:8042/dicom-web/1\r\n\r\n";
    for senseless in ["--bx\r\n", "--b--\r\n\r\n--b\r\n", "--c\r\n", "--b \tx\r\n"] {
        let message = format!("{senseless}{location}x\r\n--b\r\n{location}");
        let expected = if senseless.starts_with("--c") {
            let (before, after) = message.split_at(message.rfind("Content").unwrap());
            before.to_owned()
                + &after.replace("http://orthanc:8042/dicom-web", "https://imaging.example/pacs")
        } else {
            message.clone()
        };
        assert_eq!(text(&message), expected);
    }
}

#[test]
fn a_head_of_more_than_16_kib_is_none_of_ours() {
    let line = "Content-Location: http://orthanc:8042/dicom-web/1\r\n";
    let large = format!("--b\r\n{line}X: {}\r\n\r\nbody", "x".repeat(16 << 10));
    let small = format!("\r\n--b\r\n{line}\r\nbody\r\n--b--");
    let ours = small.replace("http://orthanc:8042/dicom-web", "https://imaging.example/pacs");
    assert_eq!(text(&format!("{large}{small}")), format!("{large}{ours}"));
}

#[test]
fn a_message_that_breaks_off_gives_all_that_came() {
    let message =
        "--b\r\nContent-Type: application/json\r\n\r\n\"http://orthanc:8042/dicom-web\"\r\n--b";
    for length in 0..message.len() {
        let (given, _) = rewritten(&message.as_bytes()[..length]);
        let ours = message[..length]
            .replace("http://orthanc:8042/dicom-web\"", "https://imaging.example/pacs\"");
        assert_eq!(String::from_utf8(given).unwrap(), ours);
    }
}
