//! A test authority and a guard before a real server, for scripts.
//!
//! Writes what a gateway needs to get past the guard into a folder, says in one line of JSON where
//! everything is, and runs until it is told to terminate or, if its input is a pipe, that is closed.
//! For scripts that compare services it also starts an emulated one beside the guard.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::thread;

use clap::Parser;
use gateway_tests::origin::{Options, Store, sample};
use gateway_tests::{Authority, Ca, Guard, OriginServer, TokenIssuer, world, write_private};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// A test authority, and a front for a real server that demands the authority's tokens.
#[derive(Parser)]
struct Arguments {
    /// The server behind the guard: plain HTTP/1.1.
    #[arg(long)]
    origin: SocketAddr,
    /// Where to write ca.pem, client-secret and gateway.toml; and what else proves the client:
    /// client.crt with client.key, and federated-token.
    #[arg(long)]
    dir: PathBuf,
    /// Where the gateway is to listen.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where the gateway's admin listener is to be.
    #[arg(long, default_value = "127.0.0.1:9090")]
    admin: SocketAddr,
    /// Start an emulated Azure DICOM service with the demo's studies as well, which demands tokens
    /// of the same authority.
    #[arg(long)]
    azure: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let mut terminated = signal(SignalKind::terminate())?;
    let ca = Ca::new();
    let authority = Authority::start(&ca).await;
    let guard = Guard::start(&ca, authority.verifier(), arguments.origin).await;

    fs::create_dir_all(&arguments.dir)?;
    fs::write(arguments.dir.join("ca.pem"), ca.pem())?;
    write_private(&arguments.dir.join("client-secret"), authority.secret())?;
    prove_otherwise(&arguments.dir, &ca, &authority)?;
    fs::write(arguments.dir.join("gateway.toml"), configuration(&arguments, &authority, &guard))?;

    let azure = if arguments.azure { Some(emulated(&ca, &authority).await?) } else { None };
    let mut ready = json!({
        "authority": authority.url(),
        "guard": guard.url(),
        "token": authority.issue_token(),
    });
    if let Some(azure) = &azure {
        ready["azure"] = azure.base_url().into();
    }
    writeln!(io::stdout(), "{ready}")?;

    tokio::select! {
        _ = terminated.recv() => {}
        () = end_of_input() => {}
    }
    Ok(())
}

async fn emulated(ca: &Ca, authority: &Authority) -> io::Result<OriginServer> {
    let store = Store::default();
    sample::load(&store);
    let tls = ca.issue(&["localhost"]).server_config(&[certs::H2, certs::HTTP_11]);
    let check = world::check(authority.verifier());
    OriginServer::start(Options { check, tls: Some(tls), store }).await
}

/// Other credentials of the same client.
fn prove_otherwise(folder: &Path, ca: &Ca, authority: &Authority) -> io::Result<()> {
    let certificate = ca.issue_rsa(&["gateway"]);
    authority.register_certificate(&certificate);
    fs::write(folder.join("client.crt"), &certificate.chain_pem)?;
    write_private(&folder.join("client.key"), &certificate.key_pem)?;

    let (subject, audience) = ("system:serviceaccount:a:b", "api://AzureADTokenExchange");
    let cluster = TokenIssuer::new("https://cluster.example");
    authority.federate(cluster.url(), subject, audience, cluster.keys());
    fs::write(folder.join("federated-token"), cluster.token(subject, audience))
}

fn configuration(arguments: &Arguments, authority: &Authority, guard: &Guard) -> String {
    format!(
        r#"[listener]
address = "{listen}"

[admin]
address = "{admin}"

[client]
token_endpoint = "{token_endpoint}"
id = "{id}"
anchors = "ca.pem"
credential.secret_file = "client-secret"

[[route]]
prefix = "/dicom-web"
origin = "{root}/dicom-web"
profile = "orthanc"
anchors = "ca.pem"
scope = "{scope}"
grant = "client_credentials"
callers = "anyone"
allow = ["search", "retrieve", "store"]
urls = "keep"

[[route]]
prefix = "/uri"
origin = "{root}"
profile = "orthanc"
anchors = "ca.pem"
scope = "{scope}"
callers = "anyone"
allow = ["retrieve"]
urls = "keep"
"#,
        listen = arguments.listen,
        admin = arguments.admin,
        token_endpoint = authority.token_endpoint(),
        id = authority.client_id(),
        root = guard.url(),
        scope = authority.scope(),
    )
}

/// Done when whoever holds the other end of our input, a pipe, has closed it or is gone; with any
/// other input, such as `/dev/null`, never.
async fn end_of_input() {
    let input = io::stdin().as_fd().try_clone_to_owned().map(File::from);
    match input.and_then(|input| Ok((input.metadata()?.file_type().is_fifo(), input))) {
        Ok((true, mut pipe)) => {
            let (ended, end) = oneshot::channel();
            // A plain thread: one of the runtime's would keep the runtime from ending.
            thread::spawn(move || {
                let _ = io::copy(&mut pipe, &mut io::sink());
                let _ = ended.send(());
            });
            let _ = end.await;
        }
        _ => std::future::pending().await,
    }
}
