//! What a request may do follows from its method and its path, and from nothing else that it says.

use crate::wire::{Bench, search};

/// Class 1. CVE-2026-40575: a header that a proxy should have set was believed of a caller.
#[tokio::test]
async fn forwarding_headers_steer_nothing() {
    let bench = Bench::with("", "allow = [\"search\"]").await;
    let judged = [
        ("DELETE", "/dicom-web/studies/1.2", 403),
        ("GET", "/dicom-web/studies/1.2/metadata", 403),
        ("GET", "/nowhere", 404),
        ("TRACE", "/dicom-web/studies", 405),
        ("GET", "/dicom-web/studies", 200),
    ];
    for line in [
        "X-Forwarded-Uri: /dicom-web/studies",
        "X-Forwarded-Path: /dicom-web/studies",
        "X-Original-Uri: /dicom-web/studies",
        "X-Original-Url: /dicom-web/studies",
        "X-Rewrite-Url: /dicom-web/studies",
        "X-Envoy-Original-Path: /dicom-web/studies",
        "X-Original-Method: GET",
        "X-Forwarded-Method: GET",
        "X-Http-Method: GET",
        "X-Http-Method-Override: GET",
        "X-Method-Override: DELETE",
        "X-Forwarded-Host: decoy.example",
        "X-Original-Host: decoy.example",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Prefix: /decoy",
        "X-Forwarded-For: 127.0.0.1",
        "X-Real-Ip: 127.0.0.1",
        "Forwarded: for=127.0.0.1;host=decoy.example;proto=https",
        "X-Forwarded-Client-Cert: Hash=00;Subject=\"CN=decoy\"",
        "Client-Cert: :AAAA:",
        "Client-Cert-Chain: :AAAA:, :AAAA:",
        "X-Client-Cert: AAAA",
        "X-Arr-Clientcert: AAAA",
        "X-Ssl-Client-Verify: SUCCESS",
        "X-Ssl-Client-S-Dn: CN=decoy",
        "Remote-User: decoy",
        "X-Remote-User: decoy",
        "X-Webauth-User: decoy",
        "X-Forwarded-User: decoy",
        "X-Forwarded-Groups: decoy",
        "X-Forwarded-Access-Token: decoy",
        "X-Auth-Request-User: decoy",
        "X-Auth-Request-Email: decoy@decoy.example",
        "X-Goog-Authenticated-User-Email: decoy",
        "X-Ms-Client-Principal-Id: decoy",
    ] {
        let (name, value) = line.split_once(": ").unwrap();
        for name in [name.to_owned(), name.to_lowercase(), name.to_uppercase()] {
            for (method, path, status) in judged {
                let seen = bench.recorder.bytes_seen();
                let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n");
                let answer = bench.ask(format!("{head}{name}: {value}\r\n\r\n")).await;
                assert_eq!(answer.status, status, "{method} {path} with {name}: {value}");
                assert_eq!(bench.recorder.bytes_seen() > seen, status == 200);
            }
            let request = bench.last();
            assert_eq!(request.target, "/v2/studies", "{name}: {value}");
            assert!(request.values(&name).is_empty(), "{name} goes no further");
            assert_eq!(request.values("host"), [&bench.origin_host()]);
        }
    }
    // It is the rule that is seen at work, and not some other one.
    assert_eq!(bench.ask(search("X-Other: goes on\r\n")).await.status, 200);
    assert_eq!(bench.last().values("x-other"), ["goes on"]);
}

/// Class 2. CVE-2025-54576, CVE-2026-41059: rules looked at another text than the server behind.
///
/// Odd spellings of paths that are allowed, and of some that are not, are refused, or arrive as
/// something that the strictest reader takes for what is allowed: a search.
#[tokio::test]
async fn every_spelling_of_a_path_is_judged_as_it_is_sent() {
    let bench = Bench::with("", "allow = [\"search\"]").await;
    let (mut passed, mut asked) = (0, 0);
    for target in spellings() {
        let before = bench.recorder.requests().len();
        let answer = bench.ask(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
        let arrived = bench.recorder.requests().split_off(before);
        asked += 1;
        match answer.status {
            200 => {
                let [request] = &arrived[..] else { panic!("{target}: {arrived:?}") };
                let path = request.target.split('?').next().unwrap();
                assert!(is_search(path), "{target} arrived as {}", request.target);
                passed += 1;
            }
            400 | 403 | 404 => assert!(arrived.is_empty(), "{target}: {arrived:?}"),
            status => panic!("{target}: {status}"),
        }
    }
    assert!(passed > 3 && passed < asked / 10, "{passed} of {asked}");
}

/// Paths of which at most two parts are not as they should be.
fn spellings() -> Vec<String> {
    const SLASH: &[&str] =
        &["/", "//", "/./", "/x/../", "%2f", "%2F", "\\", "%5c", "/;/", "/%2e/", "%252f"];
    let parts: [&[&str]; 5] = [
        SLASH,
        &["studies", "Studies", "%73tudies", "studies;a=b", "studies%20", "stud\u{131}es"],
        SLASH,
        &["1.2", "1%2e2", "1.2;x", "1.2#", "1.2%23", "1.2?", "1.2%3f", "1.2%00", "1.2/series/3"],
        &[
            "/series",
            "/series?x=/../metadata",
            "/series?x#/metadata",
            "/series#/metadata",
            "/series%23/metadata",
            "/series%3f/metadata",
            "/series/",
            "/series/..",
            "/series/%2e%2e",
            "/metadata",
            "/metadata#/series",
            "/metadata?/series",
            "/metadata/../series",
            "/metadata%2f..%2fseries",
            "/x\\..\\series",
            "/SERIES",
        ],
    ];
    let mut all = vec![(0, "/dicom-web".to_owned())];
    for part in parts {
        let longer = |(odd, path): &(usize, String)| {
            let (odd, path) = (*odd, path.clone());
            let spelled = part.iter().enumerate();
            spelled.map(move |(index, text)| (odd + usize::from(index > 0), path.clone() + text))
        };
        all = all.iter().flat_map(longer).filter(|(odd, _)| *odd <= 2).collect();
    }
    all.into_iter().map(|(_, path)| path).collect()
}

/// What every reader of a path takes for a search below the base `/v2`.
fn is_search(path: &str) -> bool {
    let is_uid = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    match path.split('/').collect::<Vec<_>>()[..] {
        ["", "v2", "studies"] => true,
        ["", "v2", "studies", uid, "series" | "instances"] => is_uid(uid),
        _ => false,
    }
}

/// Class 5. CVE-2026-34457: who called itself a health check was asked for nothing more.
#[tokio::test]
async fn health_is_a_matter_of_listener_and_path() {
    let bench = Bench::with("", "allow = [\"search\"]").await;
    for lines in [
        "User-Agent: kube-probe/1.32\r\n",
        "User-Agent: GoogleHC/1.0\r\n",
        "User-Agent: ELB-HealthChecker/2.0\r\n",
        "User-Agent: Edge Health Probe\r\n",
        "X-Health-Check: 1\r\n",
        "Purpose: health\r\n",
    ] {
        for (path, status) in [
            ("/dicom-web/studies/1.2/metadata", 403),
            ("/live", 404),
            ("/ready", 404),
            ("/metrics", 404),
            ("/healthz", 404),
            ("/ping", 404),
            ("/dicom-web/live", 404),
            ("/dicom-web/metrics", 404),
        ] {
            let seen = bench.recorder.bytes_seen();
            let raw = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n");
            assert_eq!(bench.ask(raw).await.status, status, "{path} with {lines}");
            assert_eq!(bench.recorder.bytes_seen(), seen);
        }
    }
}
