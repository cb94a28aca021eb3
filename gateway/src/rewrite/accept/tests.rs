use http::Request;

use super::*;

mod profiles;

/// What of a request is sent on, and what it is called.
fn sent(
    (profile, fixes): (Profile, Fixes),
    (resource, method): (Resource, &str),
    lines: &[&str],
) -> (Vec<String>, String) {
    let mut request = Request::builder().method(method).uri("/x");
    for line in lines {
        request = request.header(ACCEPT, HeaderValue::from_bytes(line.as_bytes()).unwrap());
    }
    let (caller, ()) = request.body(()).unwrap().into_parts();
    let mut headers = caller.headers.clone();
    let done = put_right(&mut headers, &caller, resource, (profile, fixes));
    let lines = headers.get_all(ACCEPT).iter().map(|line| line.as_bytes());
    let lines = lines.map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    (lines, done.fixes.iter().map(Fix::name).collect::<Vec<_>>().join(", "))
}

fn check(profile: Profile, rows: &[(Resource, &str, &str, &str)]) {
    for (resource, accept, expected, fixes) in rows {
        let (lines, names) = sent((profile, profile.fixes()), (*resource, "GET"), &[accept]);
        assert_eq!(lines, [*expected], "{profile:?} {resource:?} {accept}");
        assert_eq!(names, *fixes, "{profile:?} {resource:?} {accept}");
    }
}

#[test]
fn who_says_nothing_gets_the_transaction_s_default() {
    for (profile, resource, method, expected) in [
        (Profile::Azure, Searched, "GET", DICOM_JSON),
        (Profile::Azure, Metadata, "HEAD", DICOM_JSON),
        (Profile::Azure, Studies, "POST", DICOM_JSON),
        (Profile::Azure, Study, "PUT", DICOM_JSON),
        (Profile::Azure, WorkItems, "POST", DICOM_JSON),
        (Profile::Azure, WorkItemState, "PUT", DICOM_JSON),
        (Profile::Azure, Study, "GET", OBJECTS),
        (Profile::Azure, Frames, "GET", OCTETS),
        (Profile::Azure, Rendered, "GET", "image/jpeg"),
        (Profile::Azure, Administered, "GET", "application/json"),
        (Profile::Azure, Export, "POST", "application/json"),
        (Profile::Azure, Tag, "PATCH", "application/json"),
        (Profile::Generic, Searched, "GET", DICOM_JSON),
        (Profile::Generic, BulkData, "GET", "*/*"),
        (Profile::Generic, Rendered, "GET", "*/*"),
        (Profile::HealthImaging, Part, "GET", "application/dicom; transfer-syntax=*"),
    ] {
        for lines in [&[][..], &[""], &[" , "], &["", ""]] {
            let (sent, names) = sent((profile, profile.fixes()), (resource, method), lines);
            assert_eq!(sent, [expected], "{profile:?} {resource:?} {method}");
            assert_eq!(names, "accept_default");
        }
    }
    for (resource, method) in [
        (ByQuery, "GET"),
        (Study, "DELETE"),
        (Part, "DELETE"),
        (Tag, "DELETE"),
        (Service, "OPTIONS"),
    ] {
        let manners = (Profile::Azure, Profile::Azure.fixes());
        assert_eq!(sent(manners, (resource, method), &[]), (vec![], String::new()));
    }
}

#[test]
fn every_line_counts() {
    let manners = (Profile::Azure, Profile::Azure.fixes());
    let (lines, _) = sent(manners, (Metadata, "GET"), &["text/html", "application/dicom+json"]);
    assert_eq!(lines, [DICOM_JSON]);
    let (lines, _) = sent(manners, (Rendered, "GET"), &["image/webp", "image/png;q=0.9"]);
    assert_eq!(lines, ["image/png"]);
    let quotes = (Profile::Generic, Profile::Generic.fixes());
    let (lines, _) = sent(quotes, (Metadata, "GET"), &["a/b ,c/d", "e/f; type=g/h"]);
    assert_eq!(lines, ["a/b ,c/d", "e/f; type=\"g/h\""]);
}

#[test]
fn quotes_are_put_where_a_value_is_no_token_and_nowhere_else() {
    let manners = (Profile::Generic, Profile::Generic.fixes());
    for (accept, expected) in [
        ("a/b;type=c/d", "a/b;type=\"c/d\""),
        ("a/b; TYPE = c/d ;q=0.5", "a/b; TYPE = \"c/d\" ;q=0.5"),
        ("a/b;x=1,2;y=c/d", "a/b;x=1,2;y=\"c/d\""),
        ("a/b;type=\"c/d\"; boundary=e f", "a/b;type=\"c/d\"; boundary=\"e f\""),
        ("a/b;type=\"c, d; e=f/g\"", "a/b;type=\"c, d; e=f/g\""),
        ("a/b;type=\"c\\\"/d\"", "a/b;type=\"c\\\"/d\""),
        ("a/b;x=\"c\\\"\", e/f;type=g/h", "a/b;x=\"c\\\"\", e/f;type=\"g/h\""),
        ("a/b;type=c\"/d\"", "a/b;type=c\"/d\""),
        ("a/b;type=c/d, e/f; type=\"g", "a/b;type=c/d, e/f; type=\"g"),
        ("a/b;type=", "a/b;type="),
        ("a/b;;=c/d;", "a/b;;=\"c/d\";"),
    ] {
        let (lines, _) = sent(manners, (Metadata, "GET"), &[accept]);
        assert_eq!(lines, [expected]);
    }
}

#[test]
fn what_is_stored_is_asked_for_only_where_the_route_says_so() {
    let manners = (Profile::Azure, Profile::Azure.fixes().with(Fix::StoredSyntax, true));
    for (resource, accept, expected, fixes) in [
        (Part, QUOTED_OBJECTS, OBJECTS, "stored_syntax"),
        (
            Part,
            "application/dicom;q=0.5",
            "application/dicom; transfer-syntax=*;q=0.5",
            "stored_syntax",
        ),
        (
            Part,
            "application/dicom; transfer-syntax=1.2",
            "application/dicom; transfer-syntax=1.2",
            "",
        ),
        (
            Frames,
            "multipart/related; type=application/octet-stream",
            OCTETS,
            "accept_quotes, stored_syntax",
        ),
        (
            Frames,
            "multipart/related; type=\"image/jp2\"",
            "multipart/related; type=\"image/jp2\"",
            "",
        ),
        (Metadata, DICOM_JSON, DICOM_JSON, ""),
    ] {
        let (lines, names) = sent(manners, (resource, "GET"), &[accept]);
        assert_eq!((lines, names.as_str()), (vec![expected.to_owned()], fixes), "{accept}");
    }
    check(Profile::Azure, &[(Part, QUOTED_OBJECTS, QUOTED_OBJECTS, "")]);
}

#[test]
fn each_fix_is_made_only_where_it_is_switched_on() {
    for profile in Profile::ALL {
        let none = (profile, Fixes::default());
        for resource in EVERY {
            for accept in EXAMPLES {
                let untouched = (vec![(*accept).to_owned()], String::new());
                assert_eq!(sent(none, (*resource, "GET"), &[accept]), untouched);
            }
            assert_eq!(sent(none, (*resource, "GET"), &[]), (vec![], String::new()));
        }
    }
    let only = |fix: Fix| (Profile::Azure, Fixes::default().with(fix, true));
    let quotes = sent(only(Fix::AcceptQuotes), (Studies, "GET"), &[OHIF_UNQUOTED]);
    assert_eq!(quotes, (vec![OHIF_QUOTED.to_owned()], "accept_quotes".to_owned()));
    let narrow =
        sent(only(Fix::AcceptNarrow), (Rendered, "GET"), &["image/webp,image/png, image/jpeg"]);
    assert_eq!(narrow, (vec!["image/png, image/jpeg".to_owned()], "accept_narrow".to_owned()));
    let generic = (Profile::Generic, Fixes::default().with(Fix::AcceptSingle, true));
    assert_eq!(sent(generic, (Rendered, "GET"), &["*/*"]).0, ["image/jpeg"]);
}

#[test]
fn the_query_asks_where_the_header_names_nothing() {
    for (header, query, expected, rest) in [
        (None, "accept=image/png", "image/png", ""),
        (Some("*/*"), "accept=image/png", "image/png", ""),
        (Some(CHROME_IMG), "a=1&accept=image/png", "image/png", "a=1"),
        (Some("image/jpeg"), "accept=image/png&a=1", "image/jpeg", "a=1"),
        (Some("*/*;q=0, image/jpeg"), "accept=image/png", "image/jpeg", ""),
        (None, "accept=image/webp,image/png", "image/png", ""),
        (None, "accept=%0a", "image/jpeg", "accept=%0a"),
    ] {
        let mut request = Request::builder().uri(format!("/x?{query}"));
        if let Some(header) = header {
            request = request.header(ACCEPT, header);
        }
        let (caller, ()) = request.body(()).unwrap().into_parts();
        let mut headers = caller.headers.clone();
        let manners = (Profile::Azure, Profile::Azure.fixes());
        let done = put_right(&mut headers, &caller, Rendered, manners);
        assert_eq!(headers[ACCEPT], expected, "{query}");
        assert_eq!([&query[..done.cut.start], &query[done.cut.end..]].concat(), rest);
        assert_eq!(done.fixes.contains(Fix::AcceptQuery), rest != query);
    }
}

#[test]
fn any_bytes_are_read_and_what_is_right_passes_byte_for_byte() {
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..20_000 {
        let words = (0..random.usize(..8)).map(|_| WORDS[random.usize(..WORDS.len())]);
        let mut bytes = words.collect::<Vec<_>>().concat();
        if random.bool() {
            let at = random.usize(..=bytes.len());
            bytes.insert(at, random.u8(..));
        }
        let Ok(line) = HeaderValue::from_bytes(&bytes) else { continue };
        let request = Request::builder().uri("/x").header(ACCEPT, line.clone());
        let (caller, ()) = request.body(()).unwrap().into_parts();
        let resource = EVERY[random.usize(..EVERY.len())];
        let profile = Profile::ALL[random.usize(..Profile::ALL.len())];
        let fixes = Fix::ALL.into_iter().filter(|_| random.bool()).collect::<Fixes>();
        let mut headers = caller.headers.clone();
        let done = put_right(&mut headers, &caller, resource, (profile, fixes));
        if done.fixes == Fixes::default() {
            assert_eq!(headers, caller.headers);
        } else {
            assert_ne!(headers, caller.headers, "{:?} changed nothing", done.fixes);
            // What is right now stays so.
            let once = headers.clone();
            let again = put_right(&mut headers, &caller, resource, (profile, fixes));
            assert_eq!(
                (headers, again.fixes),
                (once, Fixes::default()),
                "{line:?} {done:?} {profile:?} {resource:?}"
            );
        }
    }
}

use Resource::{
    Administered, BulkData, BulkUpdate, ByQuery, Export, Frames, Metadata, Part, Rendered,
    Searched, Service, Studies, Study, Tag, Tags, WorkItem, WorkItemState, WorkItems,
};

const EVERY: &[Resource] = &[
    Administered,
    BulkData,
    ByQuery,
    BulkUpdate,
    Export,
    Frames,
    Metadata,
    Part,
    Rendered,
    Searched,
    Service,
    Studies,
    Study,
    Tag,
    Tags,
    WorkItem,
    WorkItemState,
    WorkItems,
];

const BOTH: &str = "accept_quotes, accept_narrow";
const DICOM_JSON: &str = "application/dicom+json";
const OHIF_UNQUOTED: &str =
    "application/dicom+json, multipart/related; type=application/octet-stream";
const OHIF_QUOTED: &str =
    "application/dicom+json, multipart/related; type=\"application/octet-stream\"";
const PYTHON_JSON: &str = "application/dicom+json, application/json";
const XML: &str = "multipart/related; type=\"application/dicom+xml\"";
const QUOTED_OBJECTS: &str = "multipart/related; type=\"application/dicom\"";
const OBJECTS: &str = "multipart/related; type=\"application/dicom\"; transfer-syntax=*";
const OCTETS: &str = "multipart/related; type=\"application/octet-stream\"; transfer-syntax=*";
const BULK: &str = "multipart/related; type=\"application/octet-stream\"";
const NAVIGATION: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const CHROME_IMG: &str = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8";
const FIREFOX_IMG: &str = "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5";
const SAFARI_IMG: &str = "image/webp,image/avif,image/jxl,image/heic,image/heic-sequence,\
                          video/*;q=0.8,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5";
const EXAMPLES: &[&str] = &[
    OHIF_UNQUOTED,
    PYTHON_JSON,
    XML,
    OBJECTS,
    NAVIGATION,
    CHROME_IMG,
    FIREFOX_IMG,
    "*/*",
    "nothing",
];
const WORDS: &[&[u8]] = &[
    b"*/*",
    b"image/*",
    b"image/png",
    b"image/jpeg",
    b"application/dicom+json",
    b"application/json",
    b"multipart/related",
    b"application/dicom",
    b"application/octet-stream",
    b"text/html",
    b";type=application/dicom",
    b"; type=\"application/octet-stream\"",
    b";type=*/*",
    b"; type=a",
    b";q=0.5",
    b";q=0",
    b" ; q=1",
    b";transfer-syntax=*",
    b"; transfer-syntax=1.2",
    b", ",
    b",",
    b",",
    b",",
    b";",
    b"\"",
    b"\\",
    b"=",
    b" ",
    b"/",
];
