//! A gateway in its world: an authority, a certificate authority, a folder, and the gateway itself.
//!
//! The gateway runs in this process, with threads of its own, on real sockets; its configuration goes
//! through the same reader as an operator's.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use config::{Address, Config};
use gateway::{Drained, Log, Server, StartError};

use crate::{Authority, Ca, Scratch, TokenCheck, Verifier};

/// What a gateway needs around it.
pub struct World {
    /// Whom all in this world believe.
    pub ca: Ca,
    /// Whose tokens origin servers believe.
    pub authority: Authority,
    /// Where configuration and key material lie: `ca.pem`, `client-secret`, and what a test adds.
    pub scratch: Scratch,
}

/// A gateway's configuration, as text. Keys may be given anew in `listener`, `client` and `route`.
#[derive(Clone, Debug)]
pub struct Toml {
    /// The listener's address.
    pub address: String,
    /// More lines of `[listener]`.
    pub listener: String,
    /// More lines of `[client]`; where it begins with `[`, all tables of clients instead.
    pub client: String,
    /// The origin server's base URL.
    pub origin: String,
    /// More lines of `[[route]]`.
    pub route: String,
    /// Further tables.
    pub more: String,
    /// Where tokens are requested.
    pub token_endpoint: String,
    /// The client's id.
    pub id: String,
    /// What tokens are requested for.
    pub scope: String,
    /// What the environment says.
    pub variables: Vec<(&'static str, String)>,
}

/// A gateway that runs. Dropped, it is gone.
pub struct Running {
    server: Server,
    log: Captured,
    writer: JoinHandle<()>,
    http: reqwest::Client,
}

impl World {
    /// A world with an authority that gives tokens.
    pub async fn new() -> Self {
        crate::install_crypto();
        let ca = Ca::new();
        let authority = Authority::start(&ca).await;
        let scratch = Scratch::new();
        scratch.file("ca.pem", ca.pem());
        scratch.file("client-secret", authority.secret());
        Self { ca, authority, scratch }
    }

    /// A configuration for an origin server with this base URL: one route, `/dicom-web`, anyone may
    /// search and retrieve, on a free port of 127.0.0.1, with two workers.
    pub fn toml(&self, origin: impl Into<String>) -> Toml {
        Toml {
            address: "127.0.0.1:0".into(),
            listener: String::new(),
            client: String::new(),
            origin: origin.into(),
            route: String::new(),
            more: String::new(),
            token_endpoint: self.authority.token_endpoint(),
            id: self.authority.client_id(),
            scope: self.authority.scope(),
            variables: Vec::new(),
        }
    }

    /// Reads a configuration, which must be good.
    pub fn config(&self, toml: &Toml) -> Config {
        let text = toml.text();
        let variable = |name: &str| {
            let found = toml.variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.clone())
        };
        let loaded = config::parse_with(&text, &self.file(), variable);
        loaded.unwrap_or_else(|error| panic!("{error}\n{text}")).config
    }

    /// Starts a gateway; its port answers when this returns.
    pub fn start(&self, toml: &Toml) -> Running {
        self.start_with(self.config(toml))
    }

    /// The same with a configuration that no text can say.
    pub fn start_with(&self, config: Config) -> Running {
        let log = Captured::default();
        let (chunks, writer) = Log::start(log.clone()).expect("a thread");
        let server = Server::start(config, chunks);
        let server = server.unwrap_or_else(|error| panic!("{error}"));
        Running { server, log, writer, http: reqwest::Client::new() }
    }

    /// Starts a gateway, and waits until it has its tokens.
    pub async fn start_ready(&self, toml: &Toml) -> Running {
        let running = self.start(toml);
        running.wait_until_ready().await;
        running
    }

    /// How an origin server of this world judges tokens.
    pub fn check(&self) -> TokenCheck {
        check(self.authority.verifier())
    }

    fn file(&self) -> PathBuf {
        self.scratch.path().join("gateway.toml")
    }
}

/// How an origin server judges the tokens that `verifier` knows.
pub fn check(verifier: Verifier) -> TokenCheck {
    Arc::new(move |authorization| {
        verifier.verify(authorization).map(drop).map_err(|rejection| rejection.www_authenticate())
    })
}

impl Toml {
    /// The file's text.
    pub fn text(&self) -> String {
        let Self {
            address, listener, client, origin, route, more, token_endpoint, id, scope, ..
        } = self;
        let mut text = format!(
            "[listener]\naddress = \"{address}\"\n{listener}\n\n\
             [admin]\naddress = \"127.0.0.1:0\"\n\n"
        );
        if client.starts_with('[') {
            text.push_str(client);
        } else {
            text.push_str(&format!("[client]\n{client}\n"));
            if !gives(client, "authority") {
                with_default(&mut text, client, "token_endpoint", token_endpoint);
            }
            with_default(&mut text, client, "id", id);
            with_default(&mut text, client, "anchors", "ca.pem");
            if !gives(client, "credential") {
                text.push_str("credential.secret_file = \"client-secret\"\n");
            }
        }
        text.push_str("\n\n[[route]]\n");
        with_default(&mut text, route, "prefix", "/dicom-web");
        with_default(&mut text, route, "origin", origin);
        with_default(&mut text, route, "scope", scope);
        with_default(&mut text, route, "callers", "anyone");
        if origin.starts_with("https") {
            with_default(&mut text, route, "anchors", "ca.pem");
        }
        text.push_str(&format!("{route}\n\n{more}\n"));
        if !more.contains("[runtime]") {
            text.push_str("[runtime]\nworkers = 2\n");
        }
        text
    }
}

impl Running {
    /// Where callers connect.
    pub fn address(&self) -> SocketAddr {
        tcp(self.server.address())
    }

    /// Where operators look.
    pub fn admin_address(&self) -> SocketAddr {
        tcp(self.server.admin_address())
    }

    /// Where proxies ask.
    pub fn forward_auth_address(&self) -> SocketAddr {
        tcp(self.server.forward_auth_address().expect("a configuration that has [forward_auth]"))
    }

    /// A URL below this gateway's only address, plain HTTP.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    /// Answer of the admin listener: status and body.
    pub async fn admin(&self, path: &str) -> (u16, String) {
        let url = format!("http://{}{path}", self.admin_address());
        let response = self.http.get(url).send().await.expect("the admin listener answers");
        let status = response.status().as_u16();
        (status, response.text().await.expect("a whole answer"))
    }

    /// The running server itself.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Everything that it logged of its transactions so far.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Waits until `/ready` says yes.
    pub async fn wait_until_ready(&self) {
        self.wait_for("/ready to say yes", async || self.admin("/ready").await.0 == 200).await;
    }

    /// Waits until a line of the log holds `part`, and gives it.
    pub async fn wait_for_line(&self, part: &str) -> String {
        let line = || self.log().lines().find(|line| line.contains(part)).map(str::to_owned);
        self.wait_for(part, async || line().is_some()).await;
        line().unwrap_or_default()
    }

    /// Publishes another configuration.
    pub fn reload(&self, config: Config) -> Result<(), StartError> {
        self.server.reload(config)
    }

    /// Drains, while the emulators go on.
    pub async fn drain(self) -> Drained {
        tokio::task::spawn_blocking(|| self.server.drain()).await.expect("no panic")
    }

    /// Drains, and gives all that it ever logged of its transactions.
    pub async fn log_at_its_end(self) -> String {
        let Self { server, log, writer, .. } = self;
        let ended = tokio::task::spawn_blocking(|| {
            server.drain();
            writer.join()
        });
        ended.await.expect("no panic").expect("no panic");
        log.text()
    }

    async fn wait_for(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        let waited = async {
            while !is_so().await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(30), waited).await;
        waited.unwrap_or_else(|_| panic!("waited in vain for {what}; log:\n{}", self.log()));
    }
}

/// A log that a test can read.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Adds a key to `text` that the lines `given` do not have.
fn with_default(text: &mut String, given: &str, key: &str, value: &str) {
    if !gives(given, key) {
        text.push_str(&format!("{key} = \"{value}\"\n"));
    }
}

fn gives(lines: &str, key: &str) -> bool {
    lines.lines().any(|line| line.trim_start().starts_with(key))
}

fn tcp(address: &Address) -> SocketAddr {
    match address {
        Address::Tcp(address) => *address,
        Address::Unix(path) => panic!("{} is no TCP address", path.display()),
    }
}
