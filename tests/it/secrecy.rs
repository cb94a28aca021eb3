//! What nobody may learn from the gateway: its credential and tokens, what callers show it, and whom
//! it is about. Everything goes wrong once, at the chattiest level; then all that was said is searched.

use gateway_tests::program::Signal;
use gateway_tests::world::Toml;
use gateway_tests::{Connection, Program, RawCaller, Recorder, World};
use http::{Request, Version, header};
use http_body_util::{BodyExt, Full};

pub(crate) mod canaries;
mod faults;
mod known;
mod shown;
mod ways;

use self::canaries::{Canaries, hits};

#[tokio::test]
async fn nothing_secret_is_told_in_text() {
    everything_goes_wrong("text").await;
}

#[tokio::test]
async fn nothing_secret_is_told_in_json() {
    everything_goes_wrong("json").await;
}

async fn everything_goes_wrong(format: &str) {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let mut canaries = Canaries::default();
    let secret = canaries.plant("client secret") + "~+/ &ü";
    world.authority.set_secrets(&[&secret]);
    world.scratch.file("client-secret", &secret);
    let opaque = format!("\"{}.-_~+/=\"", canaries.plant("opaque token"));
    let theirs = format!("{}/{}", recorder.url(), canaries.plant("origin server's path"));
    let toml = Toml {
        route: "allow = [\"search\", \"retrieve\", \"store\", \"worklist\"]\n\
                response_timeout_secs = 0.5\nurls = \"rewrite\"\n\
                public_url = \"https://imaging.example/dicom-web\"\n\
                cors.origins = [\"https://viewer.example\"]"
            .into(),
        more: format!("[log]\nformat = \"{format}\"\nlevel = \"trace\"\n"),
        ..world.toml(theirs)
    };
    let mut stage = Stage::new(&world, &recorder, toml, canaries).await;

    stage.well_bred_requests().await;
    stage.ill_bred_requests().await;
    stage.callers_who_show_something().await;
    stage.an_ill_bred_origin_server().await;
    stage.urls_of_the_origin_server().await;
    stage.strange_pages().await;
    stage.websockets().await;
    stage.ill_bred_authorities(&opaque).await;
    stage.wrong_files(&secret).await;

    stage.search_all_that_was_said().await;
}

/// The gateway, and all that it said to callers and operators so far.
struct Stage<'w> {
    world: &'w World,
    recorder: &'w Recorder,
    toml: Toml,
    canaries: Canaries,
    /// What callers show of themselves: the origin server must not see that either.
    shown: Canaries,
    program: Program,
    callers: std::net::SocketAddr,
    operators: std::net::SocketAddr,
    /// Who asks, and below what, when something has gone wrong.
    askers: Vec<Asker>,
    clients: u32,
    answers: Vec<u8>,
}

/// A route's prefix, and what a caller shows there to say who it is.
type Asker = (&'static str, Option<(&'static str, String)>);

impl<'w> Stage<'w> {
    async fn new(world: &'w World, recorder: &'w Recorder, toml: Toml, canaries: Canaries) -> Self {
        let path = world.scratch.file("gateway.toml", toml.text());
        let mut program = Program::start(&["serve".as_ref(), path.as_os_str()], &[]);
        let (callers, operators) = program.addresses().await;
        let askers = vec![("/dicom-web", None)];
        let (shown, clients, answers) = <(Canaries, u32, Vec<u8>)>::default();
        Self {
            world,
            recorder,
            toml,
            canaries,
            shown,
            program,
            callers,
            operators,
            askers,
            clients,
            answers,
        }
    }

    /// Requests that hold all that a caller may hold, and succeed.
    async fn well_bred_requests(&mut self) {
        for version in [Version::HTTP_11, Version::HTTP_2] {
            let caller = Connection::open(self.callers, version).await.unwrap();
            for method in ["GET", "HEAD", "POST", "OPTIONS", "DELETE"] {
                let (path, query) = (self.path(), self.canaries.plant("query"));
                let path = if method == "POST" { "/dicom-web/studies".to_owned() } else { path };
                let name = self.canaries.plant("query key");
                let target = format!("{path}?PatientName={query}^Jane&{name}=1");
                let mut request = Request::builder().method(method).uri(target);
                let bearer = format!("Bearer {}", self.canaries.plant("bearer"));
                request = request.header(header::AUTHORIZATION, bearer);
                for name in ["cookie", "x-api-key", "msdicom-meta-patientid", "referer", "x-other"]
                {
                    request = request.header(name, self.canaries.plant(name));
                }
                let body =
                    if method == "POST" { self.canaries.plant("body") } else { String::new() };
                let request = request.body(Full::from(body)).unwrap();
                let answer = caller.send_request(request).await.unwrap();
                self.heard(answer).await;
            }
        }
    }

    /// Requests that are refused, by hyper or by us, and some that never end.
    async fn ill_bred_requests(&mut self) {
        let mut canary = |kind: &'static str| self.canaries.plant(kind);
        let host = "Host: localhost\r\n";
        let long = "x".repeat(40_000);
        let requests = [
            format!("{} /dicom-web/studies HTTP/1.1\r\n{host}\r\n", canary("method")),
            format!("GET /{} HTTP/1.1\r\n{host}\r\n", canary("path")),
            format!("GET /dicom-web/studies/../{} HTTP/1.1\r\n{host}\r\n", canary("dots")),
            format!("GET /dicom-web/studies/%00{} HTTP/1.1\r\n{host}\r\n", canary("nul")),
            format!("GET /dicom-web/studies/\"{}\\ HTTP/1.1\r\n{host}\r\n", canary("quotes")),
            format!("GET /dicom-web/studies HTTP/1.1\r\nHost: {}.example\r\n\r\n", canary("host")),
            format!("GET /dicom-web/studies HTTP/1.1\r\nHost: a@{} b\r\n\r\n", canary("bad host")),
            format!("GET /dicom-web/studies HTTP/1.1\r\n{host}{}_x: 1\r\n\r\n", canary("field")),
            format!("GET /dicom-web/studies HTTP/1.1\r\n{host}X: {}{long}\r\n\r\n", canary("long")),
            format!(
                "GET /dicom-web/studies HTTP/1.1\r\n{host}Expect: {}\r\n\r\n",
                canary("expect")
            ),
            format!("GET /{} HTTP/9.9\r\n{host}\r\n", canary("version")),
            format!("GET {} HTTP/1.1\r\n{host}\r\n", canary("target")),
            format!("{}\r\n\r\n", canary("no request at all")),
            format!("TRACE /dicom-web HTTP/1.1\r\n{host}Cookie: {}\r\n\r\n", canary("trace")),
            format!(
                "POST /dicom-web/studies HTTP/1.1\r\n{host}Transfer-Encoding: {}\r\n\r\n",
                canary("coding")
            ),
            format!(
                "POST /dicom-web/studies HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n{}\r\n",
                canary("chunk size")
            ),
            format!(
                "POST /dicom-web/studies HTTP/1.1\r\n{host}Content-Length: 999\r\n\r\n{}",
                canary("half a body")
            ),
            format!("GET /dicom-web/studies HTTP/1.1\r\n{host}X: {}", canary("half a head")),
            format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{}", canary("no frames")),
        ];
        for request in requests {
            let mut caller = RawCaller::connect(self.callers).await.unwrap();
            caller.send(request).await.unwrap();
            caller.finish_sending().await.unwrap();
            self.answers.extend(caller.read_to_end().await);
        }
    }

    /// Configurations in which the secret stands where it should not.
    async fn wrong_files(&mut self, secret: &str) {
        let text = self.toml.text();
        let right = "credential.secret_file = \"client-secret\"";
        let endpoint = format!("token_endpoint = \"{}\"", self.toml.token_endpoint);
        let (word, _) = secret.split_once('~').unwrap();
        for (old, new) in [
            (right, format!("credential.secret_file = \"{secret}\"")),
            (right, format!("credential.secret_file = \"{secret}")),
            (right, format!("credential.secret_file = {secret}")),
            (right, format!("credential.secret = \"{secret}\"")),
            (right, format!("credential = \"{secret}\"")),
            (right, format!("credential = {{ secret_file = [\"{secret}\"] }}")),
            (right, format!("secret = \"{secret}\"")),
            (right, format!("client_secret = '{secret}'\n{right}")),
            (&endpoint, format!("token_endpoint = \"https://user:{word}@localhost/token\"")),
            (&endpoint, format!("token_endpoint = \"{word}\"")),
            (&endpoint, format!("token_endpoint = \"https://localhost/?secret={word}\"")),
        ] {
            let wrong = text.replace(old, &new);
            assert_ne!(wrong, text);
            let path = self.world.scratch.file("gateway.toml", wrong);
            let refused = "the configuration is refused";
            let before = self.program.stderr().matches(refused).count();
            self.program.signal(Signal::HUP);
            self.program.wait_for_lines(refused, before + 1).await;
            let checked = Program::run(&["check".as_ref(), path.as_os_str()], &[]).await;
            assert_eq!(checked.code, Some(78), "{new}");
            self.answers.extend((checked.stdout + &checked.stderr).into_bytes());
            self.ask().await;
        }
    }

    async fn search_all_that_was_said(mut self) {
        for path in ["/", "/live", "/ready", "/metrics", "/nothing"] {
            self.told(self.operators, path).await;
        }
        self.program.signal(Signal::TERM);
        let ended = self.program.ended().await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);

        // The canaries were there to be found: an origin server saw them.
        let seen = self.recorder.connections().concat();
        assert!(!hits(&seen, self.canaries.all()).is_empty());
        let found = hits(&seen, self.shown.all());
        assert!(found.is_empty() && self.shown.all().len() > 40, "{found:?} at the origin server");
        self.canaries.extend(&self.shown);
        for token in self.world.authority.tokens() {
            // Head and claims of a token have much in common with other texts; the rest has not.
            let (_, signature) = token.rsplit_once('.').unwrap();
            self.canaries.add("access token", signature);
            self.canaries.add("access token", &token);
        }
        assert!(ended.stderr.matches("transaction").count() > 40, "{}", ended.stderr);
        for (place, text) in [
            ("standard output", ended.stdout.as_bytes()),
            ("standard error", ended.stderr.as_bytes()),
            ("an answer", &self.answers),
        ] {
            let found = hits(text, self.canaries.all());
            let text = String::from_utf8_lossy(text);
            assert!(found.is_empty(), "{found:?} in {place}:\n{text}");
        }
    }

    /// One more request that holds something, and what comes of it.
    async fn ask(&mut self) {
        for (prefix, credential) in self.askers.clone() {
            let path = self.path().replacen("/dicom-web", prefix, 1);
            for version in [Version::HTTP_11, Version::HTTP_2] {
                let caller = Connection::open(self.callers, version).await.unwrap();
                let mut request = Request::get(&path);
                if let Some((name, value)) = &credential {
                    request = request.header(*name, value);
                }
                let request = request.body(Full::from(String::new())).unwrap();
                if let Ok(answer) = caller.send_request(request).await {
                    self.heard(answer).await;
                }
            }
        }
        self.told(self.operators, "/ready").await;
    }

    async fn heard(&mut self, answer: http::Response<hyper::body::Incoming>) {
        let (head, body) = answer.into_parts();
        self.answers.extend(format!("{head:?}\n").into_bytes());
        for (name, value) in &head.headers {
            self.answers.extend(name.as_str().bytes().chain(value.as_bytes().iter().copied()));
        }
        if let Ok(body) = body.collect().await {
            self.answers.extend(body.to_bytes());
        }
    }

    async fn told(&mut self, address: std::net::SocketAddr, path: &str) {
        let mut operator = RawCaller::connect(address).await.unwrap();
        operator.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await.unwrap();
        self.answers.extend(operator.read_response().await.unwrap().raw);
    }

    async fn reload_with_another_client(&mut self) {
        self.clients += 1;
        let id = format!("00000000-0000-0000-0000-{:012}", self.clients);
        self.world.authority.set_client_id(&id);
        self.toml.id = id;
        self.world.scratch.file("gateway.toml", self.toml.text());
        let published = "the configuration is published";
        self.program.signal(Signal::HUP);
        self.program.wait_for_lines(published, self.clients as usize).await;
    }

    /// A search below a study whose UID is a canary.
    fn path(&mut self) -> String {
        format!("/dicom-web/studies/{}/series", self.canaries.plant_uid())
    }
}
