//! The main job, on this machine alone: a real gateway between a caller and an emulated Azure DICOM
//! service that demands tokens of an emulated Microsoft Entra ID.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use gateway::{Log, Server};
use gateway_tests::origin::{Options, Store, sample};
use gateway_tests::{OriginServer, World};

/// A gateway, an authority and a DICOM service with sample studies, in one process.
#[derive(Parser)]
struct Arguments {
    /// Where the gateway listens.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where its admin listener is.
    #[arg(long, default_value = "127.0.0.1:9090")]
    admin: SocketAddr,
    /// A web page's origin that may call, such as a viewer's: http://localhost:3000.
    #[arg(long = "cors", value_name = "ORIGIN")]
    pages: Vec<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let emulators =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let world = emulators.block_on(World::new());
    let store = Store::default();
    sample::load(&store);
    let tls = world.ca.issue(&["localhost"]).server_config(&[certs::H2, certs::HTTP_11]);
    let options = Options { check: world.check(), tls: Some(tls), store };
    let origin = emulators.block_on(OriginServer::start(options))?;

    let file = world.scratch.file("gateway.toml", configuration(arguments, &world, &origin));
    let config = config::load(&file)?.config;
    let (log, writer) = Log::start(io::stderr())?;
    let _level_stays = log.install(&config.log);
    let server = Server::start(config, log.clone()).map_err(|error| {
        format!("{error}\nIs the port taken? --listen and --admin choose others.")
    })?;

    introduce(&world, &origin, &server);
    emulators.block_on(tokio::signal::ctrl_c())?;
    eprintln!("ending");
    server.drain();
    log.flush();
    drop((log, writer));
    Ok(())
}

/// What an operator would write, with the emulators' addresses.
fn configuration(arguments: &Arguments, world: &World, origin: &OriginServer) -> String {
    let Arguments { listen, admin, pages } = arguments;
    let (token_endpoint, id) = (world.authority.token_endpoint(), world.authority.client_id());
    let (origin, scope) = (origin.base_url(), world.authority.scope());
    // Debug writes strings as TOML has them.
    let cors = if pages.is_empty() { String::new() } else { format!("cors.origins = {pages:?}") };
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
origin = "{origin}"
profile = "azure"
anchors = "ca.pem"
scope = "{scope}"
callers = "anyone"
allow = ["search", "retrieve", "store", "delete"]
public_url = "http://{listen}/dicom-web"
{cors}

[drain]
timeout_secs = 5
"#
    )
}

fn introduce(world: &World, origin: &OriginServer, server: &Server) {
    let (gateway, admin) = (server.address(), server.admin_address());
    let instance = format!(
        "studies/{}/series/{}/instances/{}",
        sample::CT_STUDY,
        sample::CT_SERIES,
        sample::ct_instance(20)
    );
    println!(
        r#"
The gateway        http://{gateway}/dicom-web
its admin          http://{admin}/ready  http://{admin}/metrics
its configuration  {file}
Emulated Entra ID  {authority}
Emulated service   {service}  (answers 401 without a token)
{studies} instances of four studies: CT, MR, CR, US.

Search, with no token and no secret:

    curl -s -H 'Accept: application/dicom+json' http://{gateway}/dicom-web/studies

See a slice:

    curl -s -H 'Accept: image/png' -o slice.png http://{gateway}/dicom-web/{instance}/rendered

Viewers: give http://{gateway}/dicom-web as the DICOMweb root (QIDO-RS, WADO-RS and STOW-RS) to
OHIF, Weasis, 3D Slicer or dicomweb-client, with no login. Ctrl-C ends everything.
"#,
        file = world.scratch.path().join("gateway.toml").display(),
        authority = world.authority.url(),
        service = origin.base_url(),
        studies = origin.store().len(),
    );
}
