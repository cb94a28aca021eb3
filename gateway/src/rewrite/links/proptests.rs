//! However a body is cut, it comes to what [`super::reference`] says.

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value};

use super::reference::{Route, routes};
use super::syntax::Syntax;
use super::{Coding, Kind, Rewriter};

/// Runs `body`, cut at these places, through a rewriter.
pub(super) fn rewritten(
    route: &Route,
    (kind, coding): (&Kind, Coding),
    body: &[u8],
    cuts: &[usize],
) -> Vec<u8> {
    let mut rewriter = Rewriter::new(Arc::new(route.links()), kind, coding);
    let mut out = Vec::new();
    let body = Bytes::copy_from_slice(body);
    let mut cuts = cuts.to_vec();
    cuts.sort_unstable();
    let ends = cuts.into_iter().chain([body.len()]);
    let mut start = 0;
    for end in ends {
        rewriter.push(body.slice(start..end));
        start = end;
        while let Some(bytes) = rewriter.next().unwrap() {
            assert!(!bytes.is_empty());
            out.extend_from_slice(&bytes);
        }
    }
    rewriter.finish();
    while let Some(bytes) = rewriter.next().unwrap() {
        out.extend_from_slice(&bytes);
    }
    assert!(rewriter.is_done());
    out
}

const JSON: Kind = Kind::Text(Syntax::Json);
const XML: Kind = Kind::Text(Syntax::Xml);

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn json_comes_to_the_same_however_it_is_cut_and_written(
        route in select(routes()),
        value in json(),
        slashes in vec(0..4_usize, 1..20),
        is_pretty: bool,
        cuts in vec(any::<Index>(), 0..8),
    ) {
        let text = if is_pretty {
            serde_json::to_string_pretty(&value)
        } else {
            serde_json::to_string(&value)
        };
        let text = spelled(&text.unwrap(), &slashes);
        let expected = route.json(&value, false);
        let whole = rewritten(&route, (&JSON, Coding::Identity), text.as_bytes(), &[]);
        prop_assert_eq!(&serde_json::from_slice::<Value>(&whole).unwrap(), &expected);
        let cuts = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect::<Vec<_>>();
        let cut = rewritten(&route, (&JSON, Coding::Identity), text.as_bytes(), &cuts);
        prop_assert_eq!(&cut, &whole);
        let each = (0..text.len()).collect::<Vec<_>>();
        let cut = rewritten(&route, (&JSON, Coding::Identity), text.as_bytes(), &each);
        prop_assert_eq!(&cut, &whole);
    }

    #[test]
    fn xml_comes_to_the_same_however_it_is_cut(
        route in select(routes()),
        pieces in vec(xml_piece(), 0..12),
        cuts in vec(any::<Index>(), 0..8),
    ) {
        let text = pieces.concat() + "\n";
        let expected = route.xml(&text);
        let cuts = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect::<Vec<_>>();
        for cuts in [vec![], cuts, (0..text.len()).collect()] {
            let cut = rewritten(&route, (&XML, Coding::Identity), text.as_bytes(), &cuts);
            prop_assert_eq!(String::from_utf8(cut).unwrap(), expected.clone(), "{}", &text);
        }
    }

    #[test]
    fn a_coded_body_comes_to_the_same_as_a_plain_one(
        route in select(routes()),
        value in json(),
        coding in 0..4_usize,
        cuts in vec(any::<Index>(), 0..8),
    ) {
        let text = serde_json::to_vec(&value).unwrap();
        let (coding, coded) = coded(&text, coding);
        let plain = rewritten(&route, (&JSON, Coding::Identity), &text, &[]);
        let cuts = cuts.iter().map(|cut| cut.index(coded.len() + 1)).collect::<Vec<_>>();
        for cuts in [vec![], cuts, (0..coded.len()).collect()] {
            prop_assert_eq!(&rewritten(&route, (&JSON, coding), &coded, &cuts), &plain);
        }
    }

    #[test]
    fn parts_come_to_the_same_however_they_are_cut(
        route in select(routes()),
        parts in vec((select(TYPES), link(), json(), any::<bool>()), 0..4),
        preamble in select(&["", "\r\n", "a preamble\r\n"][..]),
        tail in select(&["--\r\n", "--", "", " \t\r\n\r\n", "x"][..]),
        cuts in vec(any::<Index>(), 0..8),
    ) {
        let (mut message, mut expected) = (preamble.as_bytes().to_vec(), preamble.as_bytes().to_vec());
        for (content_type, location, value, has_length) in parts {
            let text = serde_json::to_vec(&value).unwrap();
            let is_json = content_type.contains("json");
            // What is resolved is another test's.
            let location = if location.contains("://") { location } else { "x".to_owned() };
            // In a head nothing is searched for.
            let folded = location.replace("H2", "h2").replace("PACS", "pacs");
            let ours = route.url(&folded).unwrap_or_else(|| location.clone());
            let length = format!("content-length: {}\r\n", text.len());
            let length = if has_length { length.as_str() } else { "" };
            let body = if is_json {
                rewritten(&route, (&JSON, Coding::Identity), &text, &[])
            } else {
                text.clone()
            };
            for (out, location, length, body) in [
                (&mut message, &location, length, &text),
                (&mut expected, &ours, if is_json { "" } else { length }, &body),
            ] {
                let head = format!(
                    "--b-1\r\n{content_type}{length}Content-LOCATION: {location}\r\n\r\n"
                );
                out.extend_from_slice(head.as_bytes());
                out.extend_from_slice(body);
                out.extend_from_slice(b"\r\n");
            }
        }
        for out in [&mut message, &mut expected] {
            out.extend_from_slice(b"--b-1");
            out.extend_from_slice(tail.as_bytes());
        }
        let kind = Kind::Parts(b"b-1"[..].into());
        let cuts = cuts.iter().map(|cut| cut.index(message.len() + 1)).collect::<Vec<_>>();
        for cuts in [vec![], cuts, (0..message.len()).collect()] {
            let cut = rewritten(&route, (&kind, Coding::Identity), &message, &cuts);
            prop_assert_eq!(cut.escape_ascii().to_string(), expected.escape_ascii().to_string());
        }
    }

    #[test]
    fn what_is_no_message_of_parts_passes_as_it_is(
        pieces in vec(select(&["\r\n", "--", "b-1", "\r", "\n", "x", ": ", "Content-Type"][..]), 0..30),
        cuts in vec(any::<Index>(), 0..8),
    ) {
        let message = pieces.concat();
        let kind = Kind::Parts(b"b-1"[..].into());
        let cuts = cuts.iter().map(|cut| cut.index(message.len() + 1)).collect::<Vec<_>>();
        for cuts in [vec![], cuts, (0..message.len()).collect()] {
            let cut = rewritten(&routes()[0], (&kind, Coding::Identity), message.as_bytes(), &cuts);
            prop_assert_eq!(String::from_utf8(cut).unwrap(), message.clone());
        }
    }
}

/// URLs of all routes, and what looks like them.
fn link() -> impl Strategy<Value = String> {
    let base = select(
        &[
            "orthanc:8042/dicom-web",
            "ORTHANC:8042/dicom-web",
            "orthanc/dicom-web",
            "10.0.0.7:80/dicom-web",
            "pacs.internal:443/a/b",
            "pacs.internal/a/b",
            "ws-svc.dicom.azurehealthcareapis.com/v2",
            "ws-svc.dicom.azurehealthcareapis.com:443/v1",
            "ws-svc.dicom.azurehealthcareapis.com:80/v1.0-prerelease",
            "pacs.example",
            "pacs.example:80",
            "pacs.example:8443/dicom-web",
            "pacs.example:8443/dicom-web/deeper",
            "h:443/rs",
            "h/rs",
            "h2",
            "H2",
            "PACS.example",
            "x.blob.core.windows.net/container",
            "/dicom-web",
            "/v2",
            "../v1",
            "/rs",
            "",
            "/",
        ][..],
    );
    let scheme =
        select(&["https://", "http://", "HTTP://", "ws://", "wss://", "//", "", "ftp://"][..]);
    let before = select(&["", "", "", "", "see ", "x", "\"", "\\"][..]);
    let after = select(
        &[
            "",
            "/studies/1.2",
            "/",
            "?a=b",
            "#a",
            "x",
            ":8443",
            ".evil.example",
            "@evil",
            "\\",
            "//x",
        ][..],
    );
    (before, scheme, base, after).prop_map(|(before, scheme, base, after)| {
        let scheme = if base.starts_with(['.', '/']) || base.is_empty() { "" } else { scheme };
        format!("{before}{scheme}{base}{after}")
    })
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => link().prop_map(Value::String),
        1 => any::<String>().prop_map(Value::String),
        1 => any::<i32>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    let key = || {
        prop_oneof![
            4 => select(&["BulkDataURI", "href", "00081190", "Value", "vr", "resources", "\"", "\\"][..])
                .prop_map(str::to_owned),
            1 => link(),
        ]
    };
    leaf.prop_recursive(4, 40, 5, move |inner| {
        let object = vec((key(), inner.clone()), 0..5);
        let object = object.prop_map(|entries| Value::Object(entries.into_iter().collect()));
        let element = link().prop_map(|link| {
            let element = serde_json::json!({"vr": "UR", "Value": [link]});
            Value::Object(Map::from_iter([("00081190".to_owned(), element)]))
        });
        prop_oneof![2 => object, 1 => vec(inner, 0..5).prop_map(Value::Array), 1 => element]
    })
}

fn xml_piece() -> impl Strategy<Value = String> {
    prop_oneof![
        link(),
        select(
            &[
                "<Value number=\"1\">",
                "</Value>",
                "<BulkData uri=\"",
                "<BulkData URI='",
                "\"/>",
                "'",
                " ",
                "\n",
                "<resources base=\"",
                "text"
            ][..]
        )
        .prop_map(str::to_owned),
    ]
}

/// The text with its slashes as JSON allows them. What a backslash precedes is no slash of its own.
fn spelled(text: &str, how: &[usize]) -> String {
    let mut how = how.iter().cycle();
    let mut out = String::new();
    for c in text.chars() {
        match (c, how.next()) {
            ('/', Some(1)) => out.push_str("\\/"),
            ('/', Some(2)) => out.push_str("\\u002f"),
            ('/', Some(3)) => out.push_str("\\u002F"),
            _ => out.push(c),
        }
    }
    out
}

fn coded(text: &[u8], how: usize) -> (Coding, Vec<u8>) {
    let level = Compression::fast();
    let two = text.split_at(text.len() / 2);
    let gzip = |text: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), level);
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    };
    match how {
        0 => (Coding::Gzip, gzip(text)),
        1 => (Coding::Gzip, [gzip(two.0), gzip(two.1)].concat()),
        2 => {
            let mut encoder = ZlibEncoder::new(Vec::new(), level);
            encoder.write_all(text).unwrap();
            (Coding::Deflate, encoder.finish().unwrap())
        }
        _ => {
            let mut encoder = DeflateEncoder::new(Vec::new(), level);
            encoder.write_all(text).unwrap();
            (Coding::Deflate, encoder.finish().unwrap())
        }
    }
}

const TYPES: &[&str] = &[
    "Content-Type: application/dicom+json\r\n",
    "Content-Type: application/octet-stream\r\n",
    "content-type:application/json; charset=utf-8\r\n",
    "",
];
