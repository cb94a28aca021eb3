//! A test authority that a script drives, and an origin server that demands its tokens.
//!
//! Writes what a client needs into a folder and says in one line of JSON where everything is. Each line
//! of its input is an object of what shall hold from then on; each is answered with a line of what the
//! authority has seen. It ends with its input.

use std::error::Error;
use std::fs;
use std::io::{self, BufRead, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use gateway_tests::authority::{Answer, RetryAfter, refusal};
use gateway_tests::origin::{Options, Store};
use gateway_tests::{Authority, Ca, OriginServer, world};
use serde::Deserialize;
use serde_json::json;
use tokio::runtime::Builder;

/// A test authority that obeys lines of JSON.
#[derive(Parser)]
struct Arguments {
    /// Where to write ca.pem, client-secret and gateway.toml.
    #[arg(long)]
    dir: PathBuf,
    /// Where the gateway is to listen.
    #[arg(long)]
    listen: SocketAddr,
    /// Where the gateway's admin listener is to be.
    #[arg(long)]
    admin: SocketAddr,
}

/// What shall hold from now on; what is left out stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    /// New tokens live so long, in seconds.
    lifetime: Option<u64>,
    /// New tokens come with this `refresh_in`, in seconds; 0 for none.
    refresh_in: Option<u64>,
    /// Answers come so late, in seconds.
    delay: Option<f64>,
    /// How token requests are answered.
    answer: Option<Manner>,
    /// The only secret that is taken.
    secret: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Manner {
    /// As is due.
    Well,
    /// With 503 and a page of HTML.
    Unavailable,
    /// With 429 and three seconds of `Retry-After`.
    Throttled,
    /// Nobody consented to the client.
    NoConsent,
    /// As is due, but `refresh_in` is a string.
    RefreshInText,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let ca = Ca::new();
    let authority = runtime.block_on(Authority::start(&ca));
    let check = world::check(authority.verifier());
    let options = Options { check, tls: None, store: Store::default() };
    let origin = runtime.block_on(OriginServer::start(options))?;

    fs::create_dir_all(&arguments.dir)?;
    fs::write(arguments.dir.join("ca.pem"), ca.pem())?;
    fs::write(arguments.dir.join("client-secret"), authority.secret())?;
    let configuration = configuration(&arguments, &authority, &origin.base_url());
    fs::write(arguments.dir.join("gateway.toml"), configuration)?;
    let (url, id) = (authority.url(), authority.client_id());
    println!("{}", json!({ "authority": url, "client_id": id, "scope": authority.scope() }));

    for line in io::stdin().lock().lines() {
        obey(&authority, serde_json::from_str(&line?)?);
        let seen = json!({ "requests": authority.requests() });
        writeln!(io::stdout(), "{seen}")?;
    }
    Ok(())
}

fn obey(authority: &Authority, order: Order) {
    if let Some(lifetime) = order.lifetime {
        authority.set_lifetime(Duration::from_secs(lifetime));
    }
    if let Some(refresh_in) = order.refresh_in {
        let refresh_in = Some(refresh_in).filter(|seconds| *seconds > 0);
        authority.set_refresh_in(refresh_in.map(Duration::from_secs));
    }
    if let Some(answer) = order.answer {
        authority.answer_with(match answer {
            Manner::Well => Answer::default(),
            Manner::Unavailable => Answer::unavailable(),
            Manner::Throttled => Answer::throttled(RetryAfter::Seconds(3)),
            Manner::NoConsent => refusal("invalid_grant", 65_001, "Nobody consented."),
            Manner::RefreshInText => Answer::with("refresh_in", "\"1800\""),
        });
    }
    if let Some(delay) = order.delay {
        authority.delay(Duration::from_secs_f64(delay));
    }
    if let Some(secret) = order.secret {
        authority.rotate_secret(&secret);
    }
}

fn configuration(arguments: &Arguments, authority: &Authority, origin: &str) -> String {
    let Arguments { listen, admin, .. } = arguments;
    let (endpoint, id) = (authority.token_endpoint(), authority.client_id());
    let scope = authority.scope();
    format!(
        r#"[listener]
address = "{listen}"

[admin]
address = "{admin}"

[client]
token_endpoint = "{endpoint}"
id = "{id}"
anchors = "ca.pem"
credential.secret_file = "client-secret"

[[route]]
prefix = "/dicom-web"
origin = "{origin}"
scope = "{scope}"
callers = "anyone"
allow = ["manage"]
urls = "keep"
"#
    )
}
