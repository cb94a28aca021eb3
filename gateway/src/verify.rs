//! `dicom-gateway audit verify`: whether the records of accesses are as they were written.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use gateway::Verified;

use super::{FAILED, fail, say};

/// What can be done with records of accesses.
#[derive(Subcommand)]
pub(crate) enum AuditCommand {
    /// Find records that were edited, removed, put in, moved or cut off
    Verify(Files),
}

/// Records to be looked at.
#[derive(Args)]
pub(crate) struct Files {
    /// The files, as they were rotated: the oldest first, the one in use last
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The file that `audit.chain_key_file` names
    #[arg(long)]
    key: Option<PathBuf>,
}

/// Does it; fails if anything is not as it was written.
pub(crate) fn run(command: AuditCommand) -> Result<(), u8> {
    let AuditCommand::Verify(Files { files, key }) = command;
    let mut findings = 0_u64;
    let mut told = Ok(());
    let verified = gateway::verify(&files, key.as_deref(), &mut |finding| {
        findings += 1;
        if told.is_ok() {
            told = say(&finding.to_string());
        }
    });
    let Verified { records, range, is_end_known } = verified.map_err(|error| fail(&error))?;
    told?;
    let range = range.map_or_else(String::new, |(first, last)| format!(", {first} to {last}"));
    if !is_end_known {
        eprintln!(
            "Beside the last file is no .chain: whether records were cut off its end is not known."
        );
    }
    if findings > 0 {
        say(&format!(
            "{records} record(s){range}: {findings} place(s) are not as they were written"
        ))?;
        return Err(FAILED);
    }
    say(&format!("{records} record(s){range}: as they were written"))
}
