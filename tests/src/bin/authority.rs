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
use gateway_tests::{Authority, Ca, OriginServer, world, write_private};
use serde::Deserialize;
use serde_json::json;
use tokio::runtime::Builder;

/// A test authority that obeys lines of JSON.
#[derive(Parser)]
struct Arguments {
    /// Where to write ca.pem, client-secret, gateway.toml and, for a gateway that acts on behalf of
    /// users, users.toml.
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
    /// The answer tells a new token of the user of this name.
    user: Option<String>,
    /// This user's token requests are answered so; others' as they are.
    of_user: Option<(String, Manner)>,
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
    write_private(&arguments.dir.join("client-secret"), authority.secret())?;
    let own = "callers = \"anyone\"".to_owned();
    let users = format!(
        "grant = \"on_behalf_of\"\ncallers = {{ bearer = {{ issuer = \"{}\", audience = \"{}\", \
         jwks_uri = \"{}\", anchors = \"ca.pem\" }} }}",
        authority.issuer(),
        authority.client_id(),
        authority.jwks_uri()
    );
    for (file, route) in [("gateway.toml", own), ("users.toml", users)] {
        let configuration = configuration(&arguments, &authority, (&origin.base_url(), &route));
        fs::write(arguments.dir.join(file), configuration)?;
    }
    let (url, id) = (authority.url(), authority.client_id());
    println!("{}", json!({ "authority": url, "client_id": id, "scope": authority.scope() }));

    for line in io::stdin().lock().lines() {
        let order = serde_json::from_str::<Order>(&line?)?;
        let user = order.user.as_deref().map(|name| authority.user(name));
        let token = user.map(|user| authority.issue_user_token(&user));
        obey(&authority, order);
        let seen = json!({ "requests": authority.requests(), "token": token });
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
        authority.answer_with(answer.answer());
    }
    if let Some((name, manner)) = order.of_user {
        authority.answer_user(&authority.user(&name), manner.answer());
    }
    if let Some(delay) = order.delay {
        authority.delay(Duration::from_secs_f64(delay));
    }
    if let Some(secret) = order.secret {
        authority.rotate_secret(&secret);
    }
}

impl Manner {
    fn answer(self) -> Answer {
        match self {
            Self::Well => Answer::default(),
            Self::Unavailable => Answer::unavailable(),
            Self::Throttled => Answer::throttled(RetryAfter::Seconds(3)),
            Self::NoConsent => refusal("invalid_grant", 65_001, "Nobody consented."),
            Self::RefreshInText => Answer::with("refresh_in", "\"1800\""),
        }
    }
}

fn configuration(
    arguments: &Arguments,
    authority: &Authority,
    (origin, route): (&str, &str),
) -> String {
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
{route}
allow = ["manage"]
urls = "keep"
"#
    )
}
