//! All origins by all methods by all paths, and one rule for each thing that browsers are told.

use super::{STRANGER, VIEWER, bench, is_told_to, is_told_to_no_page, request};

#[tokio::test]
async fn every_origin_method_and_path_has_its_answer() {
    let bench = bench("").await;
    for origin in [None, Some(VIEWER), Some("http://localhost:3000"), Some(STRANGER), Some("null")]
    {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", PREFLIGHT] {
            for (path, methods) in PATHS {
                let case = format!("{origin:?} {method} {path}");
                let before = bench.recorder.requests().len();
                let answer = bench.ask(raw(origin, method, path)).await;

                let listed = path.starts_with("/dicom-web")
                    && matches!(origin, Some(VIEWER | "http://localhost:3000"));
                let refused = origin.is_some() && !listed;
                let status = match (method, *methods) {
                    (_, NOWHERE) => 404,
                    (PREFLIGHT, _) if refused => 403,
                    // Without an origin it is none.
                    (PREFLIGHT | "OPTIONS", UNKNOWN) => 404,
                    (PREFLIGHT, _) if origin.is_some() => 204,
                    (PREFLIGHT | "OPTIONS", _) => 200,
                    (_, UNKNOWN) => 404,
                    (_, methods) if !methods.contains(&method) => 405,
                    ("POST" | "PUT" | "DELETE", _) if refused => 403,
                    _ => 200,
                };
                assert_eq!(answer.status, status, "{case}");
                let sent = bench.recorder.requests().len() - before;
                assert_eq!(sent, usize::from(status == 200), "{case}");
                if path.starts_with("/dicom-web") {
                    is_told_to(&answer, origin.filter(|_| listed));
                } else {
                    is_told_to_no_page(&answer);
                }
            }
        }
    }
}

/// The request, for a host that is no listed page's.
fn raw(origin: Option<&str>, method: &str, path: &str) -> String {
    let mut lines = origin.map(|origin| format!("Origin: {origin}\r\n")).unwrap_or_default();
    if method == PREFLIGHT {
        lines.push_str("Access-Control-Request-Method: DELETE\r\n");
    }
    let method = if method == PREFLIGHT { "OPTIONS" } else { method };
    request(method, path, &lines).replace("Host: localhost", "Host: localhost:8080")
}

const PATHS: &[(&str, &[&str])] = &[
    ("/dicom-web/studies", &["GET", "POST", "PUT"]),
    ("/dicom-web/studies/1.2", &["GET", "POST", "PUT", "DELETE"]),
    ("/dicom-web/studies/1.2/metadata", &["GET"]),
    ("/dicom-web/", &[]),
    ("/dicom-web/nothing", UNKNOWN),
    ("/plain/studies", &["GET", "POST", "PUT"]),
    ("/plain/studies/1.2", &["GET", "POST", "PUT", "DELETE"]),
    ("/plain/nothing", UNKNOWN),
    ("/elsewhere", NOWHERE),
];

const PREFLIGHT: &str = "a preflight";
const UNKNOWN: &[&str] = &["nothing has this path"];
const NOWHERE: &[&str] = &["no route has this path"];
