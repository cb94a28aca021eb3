//! How fast the origin server's URLs are found and replaced, beside a copy of the same bytes.
//!
//! `links` measures all cases for a second each; `links CASE` runs one of them over a gigabyte and
//! says nothing, for `valgrind --tool=callgrind --toggle-collect="*Work::run*"`, which counts
//! instructions.

use std::collections::VecDeque;
use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use config::{Origin, Profile};
use url::Url;

#[allow(dead_code, unused_imports, reason = "heads are not measured")]
#[path = "../../../gateway/src/rewrite/links/mod.rs"]
mod links;

use links::{Coding, Kind, Links, Rewriter, Service};

fn main() -> Result<(), Box<dyn Error>> {
    let cases = [
        ("copy", sample(true), Work::Copy),
        ("search", sample(true), Work::Search),
        ("without-urls", sample(false), Work::Rewrite(links("https://imaging.example/pacs")?)),
        ("urls", sample(true), Work::Rewrite(links("https://imaging.example/dicom-web")?)),
        ("urls-and-paths", sample(true), Work::Rewrite(links("https://imaging.example/pacs")?)),
    ];
    if let Some(name) = std::env::args().nth(1) {
        let (_, body, work) = cases.iter().find(|case| case.0 == name).ok_or("no such case")?;
        for _ in 0..GIB / body.len() {
            work.run(body);
        }
        return Ok(());
    }
    for (name, body, work) in &cases {
        let (start, mut bytes) = (Instant::now(), 0);
        while start.elapsed() < Duration::from_secs(1) {
            work.run(body);
            bytes += body.len();
        }
        let rate = bytes as f64 / start.elapsed().as_secs_f64() / 1e6;
        println!("{name:16}{rate:8.0} MB/s");
    }
    Ok(())
}

enum Work {
    /// Copies each chunk, and nothing else.
    Copy,
    /// Looks for a needle, and does nothing about it.
    Search,
    Rewrite(Arc<Links>),
}

impl Work {
    #[inline(never)]
    fn run(&self, body: &Bytes) {
        let chunks = (0..body.len()).step_by(CHUNK);
        let chunks = chunks.map(|start| body.slice(start..body.len().min(start + CHUNK)));
        match self {
            Self::Copy => chunks.for_each(|chunk| drop(black_box(chunk.to_vec()))),
            Self::Search => {
                let finder = memchr::memmem::Finder::new("dicom-web");
                let found = chunks.map(|chunk| finder.find_iter(&chunk).count());
                black_box(found.sum::<usize>());
            }
            Self::Rewrite(links) => {
                let Some(kind) = Kind::of(b"application/dicom+json") else { return };
                let mut rewriter = Rewriter::new(links.clone(), &kind, Coding::Identity);
                let mut out = VecDeque::new();
                for chunk in chunks {
                    rewriter.push(chunk);
                    while let Ok(Some(bytes)) = rewriter.next() {
                        out.push_back(bytes);
                    }
                    black_box(out.drain(..).count());
                }
                rewriter.finish();
                black_box(rewriter.next().is_ok());
            }
        }
    }
}

fn links(public: &str) -> Result<Arc<Links>, Box<dyn Error>> {
    let public = Url::parse(public)?;
    let origin = Origin {
        tls: false,
        host: "127.0.0.1".to_owned(),
        port: 8042,
        authority: "127.0.0.1:8042".to_owned(),
        base: "/dicom-web".to_owned(),
        anchors: None,
    };
    let (origin, public) = (&origin, &public);
    Ok(Arc::new(Links::new(Service { origin, aliases: &[], profile: Profile::Orthanc, public })))
}

/// Metadata as Orthanc writes them: of each instance some fifty attributes, and of these its pixels, an
/// overlay and a private one by reference.
fn sample(has_urls: bool) -> Bytes {
    let mut text = String::from("[");
    for instance in 0.. {
        text.push('{');
        for element in 0..50 {
            text += &format!(
                "\"0018{element:04X}\":{{\"Value\":[\"1.2.840.113619.2.{instance}\"],\"vr\":\"LO\"}},"
            );
            if element % 17 == 0 && has_urls {
                text += &format!(
                    "\"7FE0{element:04X}\":{{\"BulkDataURI\":\"http://127.0.0.1:8042/dicom-web/\
                     studies/1.2.3/series/4.5.6/instances/7.8.{instance}/bulk/7fe0{element:04x}\",\
                     \"vr\":\"OW\"}},"
                );
            }
        }
        text += "\"00280010\":{\"Value\":[512],\"vr\":\"US\"}},";
        if text.len() > LENGTH {
            break;
        }
    }
    text.pop();
    text.push(']');
    text.into()
}

/// About what comes from a socket at once.
const CHUNK: usize = 64 << 10;

/// The metadata of a study of some thousand images.
const LENGTH: usize = 20_000_000;

const GIB: usize = 1 << 30;
