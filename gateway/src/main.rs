//! Arguments → configuration → server → signals → drain.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use config::{Config, Loaded, Problems};
use gateway::{Drained, Log, RegisterCommand, Server, SetLevel};
use tokio::runtime::{Builder, Runtime};

mod doctor_command;
mod dumps;
mod key;
mod panics;
mod signals;
mod verify;

use self::doctor_command::Doctor;
use self::key::KeyCommand;
use self::signals::{Order, Signals};
use self::verify::AuditCommand;

/// A confidential client that brings DICOMweb requests the token they need.
#[derive(Parser)]
#[command(name = "dicom-gateway", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve as FILE says
    Serve { file: PathBuf },
    /// Check FILE: everything that a start does but to listen and to ask for tokens
    Check { file: PathBuf },
    /// Make each step that a transaction depends on, and explain what fails
    Doctor(Doctor),
    /// Print the JSON Schema of the configuration file
    Schema,
    /// Serve as DICOM_SERVICE_URL and the AZURE_ variables say, on loopback
    Sidecar {
        /// Print the configuration file that the environment amounts to, and end
        #[arg(long)]
        print_config: bool,
    },
    /// Callers' keys: make, list and remove them
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Records of accesses
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Register the gateway in Microsoft Entra ID, and write its configuration
    Register(Box<RegisterCommand>),
}

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // First of all: the environment may hold a secret already.
    let denied = dumps::deny();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let code = if error.use_stderr() { USAGE } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    if let Err(error) = denied {
        warn_of_dumps(&error);
    }
    ExitCode::from(run(arguments.command).err().unwrap_or(0))
}

fn run(command: Command) -> Result<(), u8> {
    match command {
        Command::Serve { file } => serve(load(&file)?, Some(&file)),
        Command::Check { file } => {
            Server::check(load(&file)?).map_err(|error| refuse(&error))?;
            say(&format!("{}: good", file.display()))
        }
        Command::Doctor(doctor) => doctor_command::run(doctor),
        Command::Schema => {
            let schema = serde_json::to_string_pretty(&config::schema()).map_err(|_| FAILED)?;
            say(&schema)
        }
        Command::Sidecar { print_config } => {
            let sidecar =
                config::sidecar(|name| std::env::var(name).ok()).map_err(|e| problems(&e))?;
            if print_config { say(sidecar.file.trim_end()) } else { serve(sidecar.config, None) }
        }
        Command::Key { command } => key::run(command),
        Command::Audit { command } => verify::run(command),
        Command::Register(command) => gateway::register(*command),
    }
}

fn load(file: &Path) -> Result<Config, u8> {
    let loaded = config::load(file).map_err(|error| problems(&error))?;
    if !loaded.warnings.is_empty() {
        eprintln!("warning: {}", loaded.warnings);
    }
    Ok(loaded.config)
}

/// Serves until a signal says otherwise; `file` is read again on SIGHUP.
fn serve(config: Config, file: Option<&Path>) -> Result<(), u8> {
    let settled =
        if config.runtime.danger_core_dumps { dumps::allow() } else { dumps::deny_for_good() };
    if let Err(error) = settled {
        warn_of_dumps(&error);
    }
    take_descriptors();
    let (log, writer) = Log::start(io::stderr()).map_err(|error| fail(&error))?;
    let set_level = log.install(&config.log);
    panics::say_where();
    let (routes, clients) = (config.routes.len(), config.clients.len());
    let tls = if config.listener.identity.is_some() { "https" } else { "http" };
    // Before anyone is told that it serves: from then on they send signals.
    let runtime =
        Builder::new_current_thread().enable_all().build().map_err(|error| fail(&error))?;
    let signals = runtime.block_on(async { Signals::take() });
    let mut signals = signals.map_err(|error| fail(&error))?;
    let server = match Server::start(config, log.clone()) {
        Ok(server) => server,
        Err(error @ gateway::StartError::Build(_)) => return Err(refuse(&error)),
        Err(error) => return Err(fail(&error)),
    };
    let asked_at = server.forward_auth_address();
    let asked_at = asked_at.map_or_else(String::new, |at| format!(", forward-auth on {at}"));
    say(&format!(
        "dicom-gateway {} serves {routes} route(s) of {clients} client(s) on {tls} {}, admin on {}\
         {asked_at}",
        env!("CARGO_PKG_VERSION"),
        server.address(),
        server.admin_address(),
    ))?;
    while runtime.block_on(signals.next()) == Order::Reload {
        reload(&server, file, &set_level);
    }
    tracing::info!("draining");
    let drained = runtime.block_on(drain(server, &runtime, &mut signals));
    match drained {
        None => tracing::warn!("a second signal: what was under way is cut off"),
        Some(Drained { cut_off: 0 }) => {}
        Some(Drained { cut_off }) => {
            tracing::warn!(connections = cut_off, "transfers were cut off");
        }
    }
    log.flush();
    drop(log);
    drop(writer);
    runtime.shutdown_background();
    if drained == Some(Drained { cut_off: 0 }) { Ok(()) } else { Err(FAILED) }
}

/// Drains, unless a second signal comes meanwhile.
async fn drain(server: Server, runtime: &Runtime, signals: &mut Signals) -> Option<Drained> {
    let mut drained = runtime.spawn_blocking(|| server.drain());
    loop {
        tokio::select! {
            drained = &mut drained => return drained.ok(),
            order = signals.next() => if order == Order::End { return None },
        }
    }
}

fn reload(server: &Server, file: Option<&Path>, set_level: &SetLevel) {
    // Also where the configuration is refused: whoever renamed the file waits for a new one.
    server.reopen_records();
    let Some(file) = file else {
        tracing::warn!("a sidecar has no file to read again");
        return;
    };
    match config::load(file) {
        Err(error) => {
            server.refuse_reload();
            tracing::error!(%error, "the configuration is refused; the old one stays");
        }
        Ok(Loaded { config, warnings }) => {
            let level = config.log.level;
            match server.reload(config) {
                Ok(()) => {
                    set_level(level);
                    for warning in &warnings {
                        tracing::warn!(key = warning.key, "{}", warning.message);
                    }
                    tracing::info!("the configuration is published");
                }
                Err(error) => {
                    tracing::error!(%error, "the configuration is refused; the old one stays");
                }
            }
        }
    }
}

/// The usual soft limit, 1024, is for programs that cannot count further; each transaction may need two.
fn take_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// Where the system does not let us: a sandbox that allows no such call, for one.
fn warn_of_dumps(error: &io::Error) {
    eprintln!("warning: who may see this process' memory cannot be set: {error}");
}

fn say(line: &str) -> Result<(), u8> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}").and_then(|()| stdout.flush()).map_err(|_| FAILED)
}

fn problems(error: &Problems) -> u8 {
    eprintln!("{error}");
    CONFIGURATION
}

fn refuse(error: &dyn std::error::Error) -> u8 {
    eprintln!("{error}");
    CONFIGURATION
}

fn fail(error: &dyn std::error::Error) -> u8 {
    eprintln!("dicom-gateway: {error}");
    FAILED
}

/// It was tried, and failed.
const FAILED: u8 = 1;

/// `EX_USAGE` of sysexits.h.
const USAGE: u8 = 64;

/// `EX_CONFIG` of sysexits.h.
const CONFIGURATION: u8 = 78;
