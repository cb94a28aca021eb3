//! `dicom-gateway key`: callers' keys, made, listed and taken away.

use std::fs;
use std::io::{self, BufRead, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::{Args, Subcommand};
use gateway::{KeyFile, KeyFileError, KeyName, LastDay};
use secrecy::zeroize::Zeroizing;

use super::{CONFIGURATION, FAILED, USAGE, fail, refuse, say};

/// What can be done to a file of keys.
#[derive(Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key, add its hash to FILE, and print the key: this once
    New {
        #[command(flatten)]
        key: NewKey,
    },
    /// Add the hash of a password that standard input gives, for programs whose users choose one
    Hash {
        #[command(flatten)]
        key: NewKey,
    },
    /// List the keys in FILE
    List {
        /// The file that `callers.api_keys` names
        #[arg(long)]
        file: PathBuf,
    },
    /// Take a key out of FILE
    Remove {
        /// What it is called
        name: KeyName,
        /// The file that `callers.api_keys` names
        #[arg(long)]
        file: PathBuf,
    },
}

/// A key to be added.
#[derive(Args)]
pub(crate) struct NewKey {
    /// What it is called in permits and logs
    name: KeyName,
    /// The file that `callers.api_keys` names; made if it is not there
    #[arg(long)]
    file: PathBuf,
    /// The last day on which it is good, in UTC, like 2027-01-31
    #[arg(long, value_name = "DATE")]
    expires: Option<LastDay>,
}

/// Does it.
pub(crate) fn run(command: KeyCommand) -> Result<(), u8> {
    match command {
        KeyCommand::New { key } => new(key),
        KeyCommand::Hash { key } => hash(key),
        KeyCommand::List { file } => list(&file),
        KeyCommand::Remove { name, file } => {
            let file = KeyFile::at(&file).map_err(|error| failed(&error))?;
            file.remove(&name).map_err(|error| failed(&error))?;
            eprintln!("{name} is taken out of {}.\n{WATCHED}", file.path().display());
            Ok(())
        }
    }
}

fn new(key: NewKey) -> Result<(), u8> {
    let NewKey { name, file, expires } = key;
    let (file, is_new) = open(&file, expires)?;
    let key = file.generate(name.clone(), expires).map_err(|error| failed(&error))?;
    say(&key).inspect_err(|_| {
        eprintln!("nobody was told the key of {name}: remove it, and make another");
    })?;
    added(&name, &file, is_new);
    eprintln!(
        "Only its hash is kept: the key on standard output is shown this once.\n\
         Callers send it as `Authorization: Bearer KEY`, as `X-Api-Key: KEY`, or as the password of \
         HTTP Basic with any user name."
    );
    Ok(())
}

fn hash(key: NewKey) -> Result<(), u8> {
    let NewKey { name, file, expires } = key;
    let (file, is_new) = open(&file, expires)?;
    let password = password()?;
    let added_password = file.add_password(name.clone(), &password, expires);
    added_password.map_err(|error| failed(&error))?;
    added(&name, &file, is_new);
    eprintln!("Callers send it as the password of HTTP Basic, with any user name.");
    Ok(())
}

fn list(file: &Path) -> Result<(), u8> {
    let keys = KeyFile::at(file).and_then(|file| file.list()).map_err(|error| failed(&error))?;
    for key in keys {
        let kind = if key.is_generated { "generated" } else { "password" };
        let end = match key.last_day {
            None => "for ever".to_owned(),
            Some(day) if day.is_over(SystemTime::now()) => format!("expired {day}"),
            Some(day) => format!("until {day}"),
        };
        say(&format!("{}\t{kind}\t{end}", key.name))?;
    }
    Ok(())
}

/// The file, and whether it has yet to be made.
fn open(file: &Path, expires: Option<LastDay>) -> Result<(KeyFile, bool), u8> {
    if expires.is_some_and(|day| day.is_over(SystemTime::now())) {
        eprintln!(
            "dicom-gateway: --expires is over already; it is the last day on which the key is good"
        );
        return Err(USAGE);
    }
    let file = KeyFile::at(file).map_err(|error| failed(&error))?;
    let is_new = fs::symlink_metadata(file.path()).is_err();
    Ok((file, is_new))
}

/// The line that standard input gives.
fn password() -> Result<Zeroizing<String>, u8> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        eprintln!(
            "dicom-gateway: a terminal would show the password; pipe it in, like this: \
             systemd-ask-password | dicom-gateway key hash NAME --file FILE"
        );
        return Err(USAGE);
    }
    // With room for all of it: a string that grows leaves copies behind.
    let mut line = Zeroizing::new(String::with_capacity(LINE));
    let read = stdin.lock().take(LINE as u64).read_line(&mut line);
    read.map_err(|error| fail(&error))?;
    let length = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(length);
    KeyFile::may_be_password(&line).map_err(|message| {
        eprintln!("dicom-gateway: {message}");
        USAGE
    })?;
    Ok(line)
}

fn added(name: &KeyName, file: &KeyFile, is_new: bool) {
    eprintln!("{name} is added to {}.\n{WATCHED}", file.path().display());
    if is_new {
        eprintln!(
            "The file is new, and readable by the user who made it alone: it has to belong to the user \
             of the gateway, and to be named by api_keys in [route.callers]."
        );
    }
}

fn failed(error: &KeyFileError) -> u8 {
    match error {
        KeyFileError::Malformed { .. } => {
            refuse(error);
            CONFIGURATION
        }
        _ => {
            fail(error);
            FAILED
        }
    }
}

const WATCHED: &str = "A gateway that runs sees it within runtime.watch_interval_secs.";

/// Longer than any password.
const LINE: usize = 2048;
