//! Which header fields go on to the origin server.

use super::{Bench, search, store};

#[tokio::test]
async fn what_is_for_this_hop_alone_ends_here() {
    let bench = Bench::start().await;
    for lines in [
        "Connection: close",
        "Connection: keep-alive\r\nKeep-Alive: timeout=5",
        "Keep-Alive: timeout=5",
        "Proxy-Connection: keep-alive",
        "Proxy-Authorization: Basic YTpi",
        "Proxy-Authenticate: Basic",
        "Proxy-Something: else",
        "TE: trailers, gzip",
        "Trailer: X-Sum",
        "Upgrade: websocket",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-X: 1",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAA",
        "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA",
        "Expect: 100-continue",
    ] {
        let names = lines.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name);
        goes_no_further(&bench, lines, &names.filter(|name| *name != "Sec-X").collect::<Vec<_>>())
            .await;
    }
}

#[tokio::test]
async fn connection_names_away_fields_on_all_its_lines_but_none_of_ours() {
    let bench = Bench::start().await;
    let lines = "Connection: close, X-One\r\nX-One: 1\r\nX-Two: 2\r\nX-Three: 3\r\nX-Four: 4\r\n\
                 CONNECTION: x-two\r\nConnection: ,, x-three ,\r\n";
    assert_eq!(bench.ask(search(lines)).await.status, 200);
    let request = bench.last();
    for name in ["x-one", "x-two", "x-three", "connection", "close"] {
        assert!(request.values(name).is_empty(), "{name}");
    }
    assert_eq!(request.values("x-four"), ["4"]);

    let lines = "Connection: authorization, via\r\nConnection: host, content-type, content-length\r\n\
                 Connection: accept\r\nContent-Type: application/dicom\r\n\
                 Accept: application/dicom+json\r\nContent-Length: 3\r\n";
    assert_eq!(bench.ask(store(lines, "abc")).await.status, 200);
    let request = bench.last();
    bench.passed("/v2/studies", b"abc").unwrap();
    assert_eq!(request.header("content-type"), Some("application/dicom"));
    assert_eq!(request.header("accept"), Some("application/dicom+json"));
    assert_eq!(request.values("via").len(), 1);
}

#[tokio::test]
async fn callers_do_not_speak_for_the_gateway() {
    let bench = Bench::start().await;
    for line in [
        "Authorization: Bearer forged",
        "Cookie: a=b",
        "Cookie2: $Version=1",
        "X-Api-Key: secret",
        "Forwarded: for=1.2.3.4;host=evil",
        "X-Forwarded: for=1.2.3.4",
        "X-Host: evil",
        "X-Original-Host: evil",
        "X-HTTP-Host-Override: evil",
        "X-Forwarded-For: 1.2.3.4",
        "X-Forwarded-Host: evil",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Prefix: /evil",
        "X-Forwarded-Uri: /evil",
        "X-Forwarded-User: root",
        "X-Real-IP: 1.2.3.4",
        "X-Client-IP: 1.2.3.4",
        "True-Client-IP: 1.2.3.4",
        "X-Cluster-Client-IP: 1.2.3.4",
        "CF-Connecting-IP: 1.2.3.4",
        "X-Client-Cert: MII",
        "X-HTTP-Method: DELETE",
        "X-HTTP-Method-Override: DELETE",
        "X-Method-Override: DELETE",
        "X-Original-URL: /v2/studies/1",
        "X-Rewrite-URL: /v2/studies/1",
        "X-MS-Client-Principal: root",
        "X-MS-Client-Principal-Name: root",
        "X-MS-AZUREDICOM-AUDIT-USERID: somebody",
        "msdicom-expiry-time-milliseconds: 1000",
        "msdicom-expiry-level: study",
        "msdicom-expiry-option: relativetonow",
        "Origin: https://evil.example",
        "Referer: https://viewer.example/patient/4711",
        "Access-Control-Request-Method: GET",
        "Sec-Fetch-Site: cross-site",
    ] {
        let (name, value) = line.split_once(": ").unwrap();
        goes_no_further(&bench, line, &[name]).await;
        goes_no_further(&bench, &line.to_uppercase(), &[name]).await;
        let twice = format!("{line}\r\n{name}: {value}");
        goes_no_further(&bench, &twice, &[name]).await;
        let head = String::from_utf8(bench.last().head).unwrap();
        assert!(
            !head.to_lowercase().contains(&format!(": {}\r\n", value.to_lowercase())),
            "{head}"
        );
    }
}

#[tokio::test]
async fn who_may_delete_may_say_when() {
    let bench = Bench::with("", "allow = [\"store\", \"delete\"]").await;
    let lines = "msdicom-expiry-time-milliseconds: 1000\r\nContent-Length: 0\r\n";
    assert_eq!(bench.ask(store(lines, "")).await.status, 200);
    assert_eq!(bench.last().values("msdicom-expiry-time-milliseconds"), ["1000"]);
}

#[tokio::test]
async fn an_origin_server_is_told_the_public_host_as_it_reads_it() {
    for (profile, told) in [
        ("generic", "host=\"imaging.example:8443\";proto=https"),
        ("orthanc", "host=imaging.example:8443;proto=https"),
    ] {
        let route = format!(
            "profile = \"{profile}\"\nurls = \"ask\"\n\
             public_url = \"https://imaging.example:8443/dicom-web\""
        );
        let bench = Bench::with("", &route).await;
        assert_eq!(bench.ask(search("")).await.status, 200);
        assert_eq!(bench.last().values("forwarded"), [told], "{profile}");
    }
}

#[tokio::test]
async fn a_name_with_an_underscore_is_refused() {
    let bench = Bench::start().await;
    for line in ["X_Forwarded_For: 1", "Content_Length: 3", "_: 1", "X-A_: 1", "Host_: evil"] {
        assert_eq!(bench.ask(search(&format!("{line}\r\n"))).await.status, 400, "{line}");
    }
    assert_eq!(bench.recorder.bytes_seen(), 0);
}

#[tokio::test]
async fn all_other_fields_go_on_in_their_order_and_as_they_are() {
    let bench = Bench::start().await;
    let lines = "Accept: multipart/related; type=\"application/dicom\"; transfer-syntax=*\r\n\
                 X-Unknown: b\r\nAccept: application/dicom+json;q=0.5\r\nX-Unknown:\ta , ,c \r\n\
                 If-None-Match: 12-3, W/\"4\"\r\nRange: bytes=0-1,5-\r\nUser-Agent: OHIF\r\n\
                 Accept-Encoding: gzip\r\nX-Unknown: \r\nPragma: no-cache\r\n\
                 Prefer: respond-async\r\n";
    assert_eq!(bench.ask(search(lines)).await.status, 200);
    let request = bench.last();
    assert_eq!(
        request.values("accept"),
        [
            "multipart/related; type=\"application/dicom\"; transfer-syntax=*",
            "application/dicom+json;q=0.5"
        ]
    );
    assert_eq!(request.values("x-unknown"), ["b", "a , ,c", ""]);
    for (name, value) in [
        ("if-none-match", "12-3, W/\"4\""),
        ("range", "bytes=0-1,5-"),
        ("user-agent", "OHIF"),
        ("accept-encoding", "gzip"),
        ("pragma", "no-cache"),
        ("prefer", "respond-async"),
    ] {
        assert_eq!(request.values(name), [value], "{name}");
    }
}

#[tokio::test]
async fn values_beyond_ascii_go_on_as_they_are() {
    let bench = Bench::start().await;
    let head = search("X-Latin: M\r\n");
    let (before, after) = head.split_at(head.len() - 4);
    let raw = [before.as_bytes(), b"\xfcller", after.as_bytes()].concat();
    assert_eq!(bench.ask(raw).await.status, 200);
    let head = bench.last().head;
    assert!(head.windows(6).any(|window| window == b"M\xfcller"));
}

async fn goes_no_further(bench: &Bench, lines: &str, names: &[&str]) {
    let answer = bench.ask(search(&format!("{lines}\r\nX-Marker: 1\r\n"))).await;
    assert_eq!(answer.status, 200, "{lines}");
    bench.passed("/v2/studies", b"").unwrap_or_else(|failure| panic!("{lines}: {failure}"));
    let request = bench.last();
    assert_eq!(request.values("x-marker"), ["1"], "{lines}");
    let ours = ["authorization", "host", "via"];
    for name in names.iter().filter(|name| !ours.contains(&name.to_lowercase().as_str())) {
        assert!(request.values(name).is_empty(), "{lines}: {name}");
    }
}
