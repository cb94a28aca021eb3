//! `dicom-gateway register`: the confidential client, from nothing to a configuration that serves.
//!
//! What a portal's tutorial has people click is done here through Microsoft Graph: application,
//! principal, API permission, credential, consent, role. Each step looks at what is there and does
//! what is missing, so a run after a failure goes on where that one ended, and a run after a
//! success changes nothing. Secrets go from Graph's answer to a private file, and private keys
//! never leave the machine.

use tokio::runtime::Builder;

mod access;
mod api;
mod application;
mod arguments;
mod az;
mod certificate;
mod change;
mod cli;
mod credential;
mod device;
mod error;
mod expiry;
mod federated;
mod file;
mod fit;
mod list;
mod new;
mod principal;
mod probe;
mod remove;
mod replaced;
mod report;
mod rest;
mod role;
mod rotate;
mod secret;
mod settled;
mod shown;
mod slot;

pub use self::arguments::RegisterCommand;

use self::arguments::Existing;
use self::error::Error;
use self::report::Report;

/// Does what the command line says. Progress goes to standard error, what was asked for to standard
/// output.
///
/// # Errors The exit code: 1 if it was tried and failed, 64 if the command makes no sense, 78 if a
/// file does not. What went wrong, and what was done before, has been said.
pub fn register(command: RegisterCommand) -> Result<(), u8> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| {
        eprintln!("dicom-gateway: {error}");
        1
    })?;
    let mut report = Report::new(command.is_json());
    let done = runtime.block_on(run(command, &mut report));
    report.end(done.as_ref().err());
    done.map_err(|error| error.exit_code())
}

async fn run(command: RegisterCommand, report: &mut Report) -> Result<(), Error> {
    match command.command {
        None => new::register(&command.new, report).await,
        Some(Existing::List(list)) => list::list(&list, report).await,
        Some(Existing::Rotate(rotate)) => rotate::rotate(&rotate, report).await,
        Some(Existing::Remove(remove)) => remove::remove(&remove, report).await,
    }
}
