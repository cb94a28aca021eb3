//! The gateway lends its token to nobody: to no server that a caller chose, to none that an origin
//! server points at, and to no other request.

use gateway_tests::world::Toml;
use gateway_tests::{Authority, Connection, Recorder, Reply, World};
use http::{Request, Version, header};
use http_body_util::{BodyExt, Full};

use crate::wire::{Bench, search, store};

/// Class 18: a `Host`, a target, a query or a header chose where a gateway went with its token.
#[tokio::test]
async fn callers_choose_no_server() {
    let bench = Bench::with("hosts = [\"*\"]", "allow = [\"search\", \"store\"]").await;
    let decoy = Recorder::start().await;
    let (host, url) = (format!("localhost:{}", decoy.address().port()), decoy.url());
    let requests = [
        format!("GET /dicom-web/studies HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("GET {url}/dicom-web/studies HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("GET {url}/dicom-web/studies HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        format!("GET /dicom-web/{url}/studies HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        format!("GET /{url}/dicom-web/studies HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        format!("GET @{host}/dicom-web/studies HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        format!("GET /dicom-web@{host}/studies HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        format!(
            "GET /dicom-web/studies?url={url}&origin={url} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        ),
        format!("GET /dicom-web/studies?authority={url}&tenant=x HTTP/1.1\r\nHost: a\r\n\r\n"),
        format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        search(&format!("X-Forwarded-Host: {host}\r\nForwarded: host=\"{host}\"\r\n")),
        search(&format!("X-Original-Url: {url}/studies\r\nX-Rewrite-Url: {url}/studies\r\n")),
        search(&format!("X-Envoy-Original-Dst-Host: {host}\r\nX-Host: {host}\r\n")),
        search(&format!("Destination: {url}\r\nOrigin: {url}\r\nReferer: {url}\r\n")),
        search(&format!(
            "X-Ms-Region: {host}\r\nX-Identity-Endpoint: {url}\r\nRegion-Name: {host}\r\n"
        )),
        store(&format!("Content-Location: {url}\r\nContent-Length: {}\r\n", url.len()), &url),
    ];
    let (mut passed, asked) = (0, bench.world.authority.requests());
    for request in requests {
        let answer = bench.ask(&request).await;
        passed += usize::from(answer.status == 200);
        assert!(matches!(answer.status, 200 | 400 | 404 | 405), "{} to {request}", answer.status);
        assert_eq!(bench.recorder.requests().len(), passed, "{request}");
        if passed > 0 {
            assert_eq!(bench.last().values("host"), [&bench.origin_host()], "{request}");
        }
    }
    assert!(passed > 5);
    assert_eq!(decoy.connections().len(), 0);
    assert_eq!(bench.world.authority.requests(), asked, "and nobody else was asked for a token");
}

/// Class 19: a redirection of the service took the token to another server.
#[tokio::test]
async fn redirections_are_not_followed() {
    let bench = Bench::start().await;
    let decoy = Recorder::start().await;
    let token = bench.world.authority.last_token().unwrap();
    for status in [300, 301, 302, 303, 305, 307, 308] {
        let place = format!("{}/studies", decoy.url());
        let reply = format!(
            "HTTP/1.1 {status} Elsewhere\r\nLocation: {place}\r\nContent-Location: {place}\r\n\
             Refresh: 0; url={place}\r\nContent-Length: 0\r\n\r\n"
        );
        for request in [search(""), store("Content-Length: 3\r\n", "abc")] {
            bench.recorder.reply_next(Reply::Bytes(reply.clone().into()));
            let before = bench.recorder.requests().len();
            let answer = bench.ask(request).await;
            assert_eq!(answer.status, status);
            assert_eq!(bench.recorder.requests().len(), before + 1, "once");
            assert!(!String::from_utf8_lossy(&answer.raw).contains(&token));
        }
    }
    assert_eq!(decoy.connections().len(), 0);
}

/// Class 20: what one request set up was there when the next one came.
#[tokio::test]
async fn requests_share_nothing() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let other = Authority::start(&world.ca).await;
    other.set_secrets(&[&world.authority.secret()]);
    let client = [("a", &world.authority), ("b", &other)].map(|(name, authority)| {
        format!(
            "[client.{name}]\ntoken_endpoint = \"{}\"\nid = \"{}\"\nanchors = \"ca.pem\"\n\
             credential.secret_file = \"client-secret\"\n",
            authority.token_endpoint(),
            authority.client_id()
        )
    });
    let route = |name: &str| {
        format!(
            "prefix = \"/{name}\"\norigin = \"{}/{name}\"\nclient = \"{name}\"\n\
             scope = \"{}\"\ncallers = \"anyone\"\n",
            recorder.url(),
            world.authority.scope()
        )
    };
    let more = format!("[[route]]\n{}", route("b"));
    let toml = Toml { client: client.concat(), route: route("a"), more, ..world.toml("") };
    let gateway = world.start_ready(&toml).await;
    let mut callers = Vec::new();
    for caller in 0..8 {
        let version = if caller % 2 == 0 { Version::HTTP_11 } else { Version::HTTP_2 };
        let connection = Connection::open(gateway.address(), version).await.unwrap();
        callers.push(tokio::spawn(async move {
            for turn in 0..100 {
                let (route, mark) = (["a", "b"][turn % 2], format!("{caller}.{turn}"));
                let mut request = Request::get(format!("/{route}/studies/{mark}/metadata"));
                // Every second one says more of itself, so that something could be left behind.
                if turn % 3 == 0 {
                    request = request.header("x-mark", &mark).header(header::RANGE, "bytes=0-1");
                }
                let request = request.body(Full::from(String::new())).unwrap();
                let answer = connection.send_request(request).await.unwrap();
                assert_eq!(answer.status(), 200);
                answer.into_body().collect().await.unwrap();
            }
        }));
    }
    for caller in callers {
        caller.await.unwrap();
    }

    let requests = recorder.requests();
    assert_eq!(requests.len(), 800);
    for request in &requests {
        let parts = request.target.split('/').collect::<Vec<_>>();
        let ["", route, "studies", mark, "metadata"] = parts[..] else { panic!("{parts:?}") };
        let turn = mark.split_once('.').unwrap().1.parse::<usize>().unwrap();
        let expected = if turn % 3 == 0 { vec![mark] } else { vec![] };
        assert_eq!(request.values("x-mark"), expected, "{mark}");
        assert_eq!(request.values("range").len(), expected.len(), "{mark}");
        let authority = if route == "a" { &world.authority } else { &other };
        let token = format!("Bearer {}", authority.last_token().unwrap());
        assert_eq!(request.header("authorization"), Some(&*token), "{mark}");
    }
    assert_ne!(world.authority.last_token(), other.last_token());
}
