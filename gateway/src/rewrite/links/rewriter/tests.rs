use bytes::Bytes;
use config::Profile;

use super::super::Syntax;
use super::super::reference::route;
use super::*;

fn rewriter(coding: Coding) -> Rewriter {
    let public = "https://imaging.example/pacs";
    let route = route("http://orthanc:8042/dicom-web", &[], Profile::Orthanc, public);
    Rewriter::new(Arc::new(route.links()), &Kind::Text(Syntax::Json), coding)
}

#[test]
fn what_is_held_comes_out_when_a_body_breaks_off() {
    let mut rewriter = rewriter(Coding::Identity);
    rewriter.push(Bytes::from("\"http://orthanc"));
    assert_eq!(rewriter.next().unwrap().unwrap(), "\"");
    assert_eq!(rewriter.next(), Ok(None));
    rewriter.break_off();
    assert!(!rewriter.is_done());
    assert_eq!(rewriter.next().unwrap().unwrap(), "http://orthanc");
    assert!(rewriter.is_done());
}

#[test]
fn a_broken_coding_is_told_once_behind_what_could_be_read() {
    let mut rewriter = rewriter(Coding::Deflate);
    // A stored block of two bytes, and a kind of block that there is not.
    rewriter.push(Bytes::from_static(&[0, 2, 0, 0xfd, 0xff, b'"', b'h']));
    assert_eq!(rewriter.next().unwrap().unwrap(), "\"");
    assert_eq!(rewriter.next(), Ok(None));
    rewriter.push(Bytes::from_static(&[0x07]));
    let mut out = Vec::new();
    let error = loop {
        match rewriter.next() {
            Ok(Some(bytes)) => out.extend_from_slice(&bytes),
            Ok(None) => rewriter.finish(),
            Err(broken) => break broken,
        }
    };
    assert_eq!((error, &out[..]), (Broken, &b"h"[..]));
    assert!(rewriter.is_done());
    assert_eq!(rewriter.next(), Ok(None));
}
