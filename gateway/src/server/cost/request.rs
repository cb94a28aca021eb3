//! What is done with a request before it is sent to the origin server: who may come in, what is asked
//! for, whether that is allowed, and the head that goes out.

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderValue, Request, header};
use http_body_util::Empty;
use tokio::runtime::{self, Runtime};

use crate::Gateway;
use crate::build::{Generation, Shared};
use crate::caller::{KeyFile, Peer};
use crate::error::Error;
use crate::local::Local;
use crate::log::Log;
use crate::origin::Outgoing;
use crate::record::{Record, Trace};
use crate::server::conn::{Conn, Protocol};
use crate::token::AccessToken;
use crate::{rewrite, websocket, wire};

#[test]
#[ignore = "for callgrind, which counts instructions"]
fn a_thousand_requests_before_they_are_sent() {
    let venue = Venue::new();
    for _ in 0..1_000 {
        assert!(prepare(&venue.gateway, &venue.conn, venue.request()).is_ok());
    }
}

#[test]
fn what_is_counted_is_what_goes_out() {
    let venue = Venue::new();
    let (_record, sent) = prepare(&venue.gateway, &venue.conn, venue.request()).unwrap();
    assert_eq!(*sent.uri(), *format!("/v2{BELOW}"));
    assert_eq!(sent.headers()[header::HOST], "workspace.dicom.example");
    assert!(sent.headers()[header::AUTHORIZATION].as_bytes().starts_with(b"Bearer 000"));
    assert!(!sent.headers().contains_key("x-api-key"));
    let mut strangers = venue.request();
    strangers.headers_mut().remove("x-api-key");
    let refused = prepare(&venue.gateway, &venue.conn, strangers);
    assert!(matches!(refused.err(), Some(Error::Stranger(_))));
}

/// The steps of `Gateway::handle`, and of all that it calls, up to the exchange itself. A function of
/// its own, for callgrind to find.
#[inline(never)]
fn prepare(
    gateway: &Rc<Gateway>,
    conn: &Rc<Conn>,
    request: Request<Empty<Bytes>>,
) -> Result<(Record, Request<Outgoing>), Error> {
    let trace = Trace::of(request.headers());
    let mut record = Record::open(gateway.clone(), conn.clone(), request.method().clone(), trace);
    record.route = gateway.generation.routes.find(request.uri().path());
    record.reserve()?;
    wire::admit(&gateway.generation.rules, &request)?;
    let (route, asked) = gateway.resolve(&request, &mut record)?;
    let (head, _) = request.into_parts();
    let permit = gateway.permit(route, asked, (&head, conn.peer()), &mut record);
    let permit = permit.now_or_never().expect("nothing to wait for")?;
    websocket::may_open(&permit, &head.headers)?;
    let holder = route.source.of(permit.principal())?;
    let token = holder.token().now_or_never().expect("a token at hand")?;
    record.uses_client();
    let asked = (&head, &record.trace, record.request_id);
    let (sent, _) = rewrite::outbound(&permit, &token, asked, Outgoing::Empty, &gateway.local)?;
    gateway.local.recycle(head.headers);
    Ok((record, sent))
}

/// A worker's view of a configuration of a few routes, whose token has come.
struct Venue {
    gateway: Rc<Gateway>,
    conn: Rc<Conn>,
    /// A caller's.
    key: HeaderValue,
    /// Never driven: nothing here has to be acquired.
    _runtime: Runtime,
}

impl Venue {
    fn new() -> Self {
        let runtime = runtime::Builder::new_current_thread().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let keys = KeyFile::at(&folder.path().join("api-keys")).unwrap();
        let key = keys.generate("ward-7".parse().unwrap(), None).unwrap();
        let routes = ["/dicom-web", "/archive", "/research/dicom-web"].map(route).concat();
        let text = CONFIGURATION.to_owned() + &routes;
        let text = text.replace("KEYS", &keys.path().display().to_string());
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("gateway.toml");
        let loaded = config::parse_with(&text, &here, |_| None);
        let config = loaded.unwrap_or_else(|error| panic!("{error}")).config;
        let shared = Arc::new(Shared::new(runtime.handle().clone()));
        let generation = Generation::build(config, &shared, None);
        let generation = generation.unwrap_or_else(|problems| panic!("{problems:?}"));
        for slot in generation.routes.slots() {
            let value = HeaderValue::try_from(format!("Bearer {:01500}", 7)).unwrap();
            let life = Duration::from_secs(86_400);
            slot.put(AccessToken::new(value, life, None, 20, Instant::now()));
        }
        let peer = Peer { address: Some([127, 0, 0, 1].into()), ..Peer::default() };
        let conn = Rc::new(Conn::new(&generation.config.listener, Protocol::H1, peer));
        let (log, _) = Log::start(std::io::sink()).unwrap();
        let local = Rc::new(Local::new(log, None, &shared.pseudonym));
        let generation = Arc::new(generation);
        let gateway = Rc::new(Gateway { generation, shared, local, pools: Vec::new() });
        let key = HeaderValue::try_from(key.as_str()).unwrap();
        Self { gateway, conn, key, _runtime: runtime }
    }

    /// As a viewer sends it, through a proxy that knows of traces.
    fn request(&self) -> Request<Empty<Bytes>> {
        let request = Request::get(format!("/research/dicom-web{BELOW}"))
            .header(header::HOST, "imaging.example")
            .header(header::USER_AGENT, "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36")
            .header(header::ACCEPT, "multipart/related; type=\"application/octet-stream\"")
            .header(header::ACCEPT_ENCODING, "gzip, deflate, br, zstd")
            .header(header::ACCEPT_LANGUAGE, "en-GB,en;q=0.9")
            .header(header::REFERER, "https://imaging.example/viewer")
            .header(header::COOKIE, "session=0123456789abcdef0123456789abcdef")
            .header(header::CONNECTION, "keep-alive")
            .header("x-forwarded-for", "192.0.2.17")
            .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
            .header("x-api-key", &self.key);
        request.body(Empty::new()).unwrap()
    }
}

fn route(prefix: &str) -> String {
    ROUTE.replace("PREFIX", prefix)
}

/// Its secret is never read, so any file will do that is there.
const CONFIGURATION: &str = r#"
[listener]
address = "127.0.0.1:0"
hosts = ["imaging.example"]
[admin]
address = "127.0.0.1:0"
[runtime]
danger_loose_key_files = true
[client]
token_endpoint = "http://127.0.0.1:1/token"
id = "gateway"
credential.secret_file = "Cargo.toml"
"#;

const ROUTE: &str = r#"
[[route]]
prefix = "PREFIX"
origin = "https://workspace.dicom.example/v2"
profile = "azure"
scope = "https://dicom.example/.default"
allow = ["search"]
permits = [{ to = ["api_key:ward-7"], allow = ["retrieve"] }]
callers.api_keys = "KEYS"
"#;

/// The longest path that viewers ask for.
const BELOW: &str = "/studies/1.3.6.1.4.1.14519.5.2.1.6279.6001.298806137288633453246975630178\
    /series/1.3.6.1.4.1.14519.5.2.1.6279.6001.179049373636438705059720603192\
    /instances/1.3.6.1.4.1.14519.5.2.1.6279.6001.143451261327128179989900675595/frames/1";
