//! What it costs to put URLs right in metadata of the size that a viewer asks for.

use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use config::{Origin, Profile};
use url::Url;

use super::links::{Coding, Kind, Links, Rewriter, Service};

#[test]
#[ignore = "for callgrind, which counts instructions"]
fn a_thousand_answers_with_urls() {
    answers(&metadata(true));
}

#[test]
#[ignore = "for callgrind, which counts instructions"]
fn a_thousand_answers_without_urls() {
    answers(&metadata(false));
}

#[test]
fn of_what_is_counted_every_url_is_replaced_and_the_rest_stays() {
    let (links, body) = (links(), metadata(true));
    let text = String::from_utf8(rewrite(&links, &body).concat()).unwrap();
    assert!(text.matches("https://imaging.example/pacs/studies").count() > 20);
    assert_eq!(text.replace(PUBLIC, ORIGIN), body);
    let plain = metadata(false);
    assert_eq!(rewrite(&links, &plain).concat(), plain);
    assert!((LENGTH - 1_500..=LENGTH).contains(&plain.len()));
}

fn answers(body: &Bytes) {
    let links = links();
    for _ in 0..1_000 {
        rewrite(&links, black_box(body));
    }
}

/// A function of its own, for callgrind to find.
#[inline(never)]
fn rewrite(links: &Arc<Links>, body: &Bytes) -> Vec<Bytes> {
    let kind = Kind::of(b"application/dicom+json").unwrap();
    let mut rewriter = Rewriter::new(links.clone(), &kind, Coding::Identity);
    let mut out = Vec::with_capacity(256);
    // As it comes from hyper, whose buffer has just grown so far.
    for start in (0..body.len()).step_by(CHUNK) {
        rewriter.push(body.slice(start..body.len().min(start + CHUNK)));
        while let Ok(Some(bytes)) = rewriter.next() {
            out.push(bytes);
        }
    }
    rewriter.finish();
    while let Ok(Some(bytes)) = rewriter.next() {
        out.push(bytes);
    }
    out
}

fn links() -> Arc<Links> {
    let origin = Origin {
        tls: false,
        host: "127.0.0.1".to_owned(),
        port: 8042,
        authority: "127.0.0.1:8042".to_owned(),
        base: "/dicom-web".to_owned(),
        anchors: None,
    };
    let (origin, public) = (&origin, &Url::parse(PUBLIC).unwrap());
    Arc::new(Links::new(Service { origin, aliases: &[], profile: Profile::Orthanc, public }))
}

/// Of each instance some twenty attributes, and its pixels by reference or not at all.
fn metadata(has_urls: bool) -> Bytes {
    let mut text = String::from("[");
    for instance in 0.. {
        let mut one = String::from("{");
        for element in 0..20 {
            one += &format!(
                "\"0018{element:04X}\":{{\"Value\":[\"1.2.840.113619.2.{instance}\"],\"vr\":\"LO\"}},"
            );
        }
        if has_urls {
            one += &format!(
                "\"7FE00010\":{{\"BulkDataURI\":\"{ORIGIN}/studies/1.2.3/series/4.5.6/instances/\
                 7.8.{instance}/bulk/7fe00010\",\"vr\":\"OW\"}},"
            );
        }
        one += "\"00280010\":{\"Value\":[512],\"vr\":\"US\"}},";
        if text.len() + one.len() > LENGTH {
            break;
        }
        text += &one;
    }
    text.pop();
    text.push(']');
    text.into()
}

const ORIGIN: &str = "http://127.0.0.1:8042/dicom-web";
const PUBLIC: &str = "https://imaging.example/pacs";
const LENGTH: usize = 50 << 10;
const CHUNK: usize = 16 << 10;
