#![no_main]
//! However a body is cut, it comes out the same.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use config::{Origin, Profile};
use libfuzzer_sys::fuzz_target;
use url::Url;

#[allow(dead_code, unused_imports, reason = "heads are no bodies")]
#[path = "../../src/rewrite/links/mod.rs"]
mod links;

use links::{Broken, Coding, Kind, Links, Rewriter, Service};

fuzz_target!(|input: &[u8]| {
    let [how, cuts, body @ ..] = input else { return };
    let links = &LINKS[usize::from(how & 3)];
    let kind = match how >> 2 & 3 {
        0 | 1 => Kind::of(b"application/dicom+json"),
        2 => Kind::of(b"application/dicom+xml"),
        _ => Kind::of(b"multipart/related; boundary=b"),
    };
    let kind = kind.expect("known");
    let coding = match how >> 4 {
        0 => Coding::Gzip,
        1 => Coding::Deflate,
        _ => Coding::Identity,
    };
    let whole = rewritten(links, (&kind, coding), body, body.len().max(1));
    for size in [1, 2, 7, 64, usize::from(*cuts).max(1)] {
        let cut = rewritten(links, (&kind, coding), body, size);
        assert_eq!(cut.is_ok(), whole.is_ok());
        if whole.is_ok() {
            assert_eq!(cut, whole, "in chunks of {size}");
        }
    }
    let has = |needle: &[u8]| {
        body.windows(needle.len()).any(|window| window.eq_ignore_ascii_case(needle))
    };
    if coding == Coding::Identity
        && !NEEDLES.iter().any(|needle| has(needle))
        && !matches!(kind, Kind::Parts(_))
    {
        assert_eq!(whole.as_deref(), Ok(body));
    }
});

fn rewritten(
    links: &Arc<Links>,
    (kind, coding): (&Kind, Coding),
    body: &[u8],
    size: usize,
) -> Result<Vec<u8>, Broken> {
    let mut rewriter = Rewriter::new(links.clone(), kind, coding);
    let mut out = Vec::new();
    for chunk in body.chunks(size) {
        rewriter.push(Bytes::copy_from_slice(chunk));
        while let Some(bytes) = rewriter.next()? {
            assert!(!bytes.is_empty());
            out.extend_from_slice(&bytes);
        }
    }
    rewriter.finish();
    while let Some(bytes) = rewriter.next()? {
        out.extend_from_slice(&bytes);
    }
    assert!(rewriter.is_done());
    Ok(out)
}

/// What all that is rewritten holds one of.
const NEEDLES: [&[u8]; 7] =
    [b"dicom-web", b"10.0.0.7", b"/v", b"pacs.example", b"\"/", b"'/", b"\"\\"];

static LINKS: LazyLock<[Arc<Links>; 4]> = LazyLock::new(|| {
    let links = |origin: &str, profile| {
        let origin = Url::parse(origin).expect("a URL");
        let spec = Origin {
            tls: origin.scheme() == "https",
            host: origin.host_str().unwrap_or_default().to_owned(),
            port: origin.port_or_known_default().unwrap_or_default(),
            authority: String::new(),
            base: origin.path().trim_end_matches('/').to_owned(),
            anchors: None,
        };
        let public = Url::parse("https://imaging.example/pacs").expect("a URL");
        let aliases = [Url::parse("http://10.0.0.7/dicom-web").expect("a URL")];
        let service = Service { origin: &spec, aliases: &aliases, profile, public: &public };
        Arc::new(Links::new(service))
    };
    [
        links("http://orthanc:8042/dicom-web", Profile::Orthanc),
        links("https://pacs.example/v2", Profile::Azure),
        links("http://pacs.example", Profile::Generic),
        links("https://pacs.example:8443/pacs/dicom-web", Profile::Generic),
    ]
});
