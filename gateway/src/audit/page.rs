//! Holds `docs/audit.md` to what records are: the samples there are made here.
//!
//! After a change to records: `UPDATE_DOCS=1 cargo test -p dicom-gateway audit::page`.

use std::fmt::Write;

use super::atna::{self, Source};
use super::chain::{Hasher, Head};
use super::fhir::AuditEvent;
use super::samples::samples;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/audit.md");
const BEGIN: &str = "<!-- What follows is written by a test. -->\n";
const WIDTH: usize = 150;

#[test]
fn the_page_shows_each_kind_of_record_in_each_form_as_it_is() {
    let page = std::fs::read_to_string(PAGE).expect("the page");
    let (prose, shown) = page.split_once(BEGIN).expect("where the samples begin");
    let made = sections();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, format!("{prose}{BEGIN}{made}")).expect("the page");
        return;
    }
    assert!(shown == made, "docs/audit.md shows other records: UPDATE_DOCS=1 writes it anew");
}

#[test]
fn json_is_laid_out_without_a_change_to_it() {
    let long = format!(r#"{{"a":["{}",{{"b":"x, {{y}}: \"z"}}]}}"#, "l".repeat(WIDTH));
    let laid_out = laid_out(&long, 0);
    assert!(laid_out.lines().count() > 3);
    let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
    assert_eq!(parsed(&laid_out), parsed(&long));
}

fn sections() -> String {
    let source = Source { id: "dicom-gateway".to_owned(), site: Some("radiology".to_owned()) };
    let (hasher, mut head) = (Hasher::new(None), Head::default());
    let mut page = String::new();
    for (index, (title, entry)) in samples().into_iter().enumerate() {
        let line = serde_json::to_string(&entry).expect("JSON");
        let mut linked = Vec::new();
        hasher.link(&mut head, index == 0, (line.as_bytes(), &mut linked));
        let linked = String::from_utf8(linked).expect("UTF-8");
        let mut message = String::new();
        atna::write(&entry, &source, &mut message);
        let event = AuditEvent::of(&entry, &source);
        let event = serde_json::to_string(&event).expect("JSON");
        let forms = [
            ("A line of the file", "json", linked.trim_end().to_owned()),
            ("PS3.15, as syslog carries it", "xml", indented(&message)),
            ("FHIR", "json", laid_out(&event, 0)),
        ];
        let _ = write!(page, "\n<details><summary>{title}</summary>\n");
        for (form, kind, text) in forms {
            let _ = write!(page, "\n{form}:\n\n```{kind}\n{text}\n```\n");
        }
        page.push_str("\n</details>\n");
    }
    page
}

/// One element a line, as deep as it stands.
fn indented(xml: &str) -> String {
    let mut depth = 0_usize;
    let lines = xml.replace("><", ">\n<");
    let lines = lines.lines().map(|line| {
        if line.starts_with("</") {
            depth -= 1;
        }
        let indented = format!("{}{line}", "  ".repeat(depth));
        if !line.starts_with("</") && !line.ends_with("/>") && !line.contains("</") {
            depth += usize::from(!line.starts_with("<?"));
        }
        indented
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A value on one line where there is room for it, else its parts on a line each, in their order.
fn laid_out(json: &str, depth: usize) -> String {
    let roomy = json.replace("\":", "\": ").replace(",\"", ", \"").replace("},{", "}, {");
    if roomy.len() + 2 * depth <= WIDTH || !json.starts_with(['{', '[']) {
        return roomy;
    }
    let (open, close) = (&json[..1], &json[json.len() - 1..]);
    let inner = "  ".repeat(depth + 1);
    let part = |part: &str| match part.strip_prefix('"').and_then(|rest| rest.split_once("\":")) {
        Some((key, value)) if open == "{" => {
            format!("{inner}\"{key}\": {}", laid_out(value, depth + 1))
        }
        _ => format!("{inner}{}", laid_out(part, depth + 1)),
    };
    let parts = parts(&json[1..json.len() - 1]).into_iter().map(part).collect::<Vec<_>>();
    format!("{open}\n{}\n{}{close}", parts.join(",\n"), "  ".repeat(depth))
}

/// What stands between commas that belong to nothing deeper.
fn parts(json: &str) -> Vec<&str> {
    let (mut parts, mut begin, mut depth) = (Vec::new(), 0, 0_i32);
    let (mut in_string, mut escaped) = (false, false);
    for (index, byte) in json.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => {
                parts.push(&json[begin..index]);
                begin = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&json[begin..]);
    parts
}
