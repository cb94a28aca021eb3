//! Tokens of whoever is signed in to the Azure CLI.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// A token, and whose directory it is of.
#[derive(Deserialize)]
pub(super) struct OfCli {
    #[serde(rename = "accessToken")]
    pub(super) token: SecretString,
    pub(super) tenant: Option<String>,
}

/// Why there is none.
pub(super) enum Without {
    /// There is no Azure CLI here.
    Program,
    /// It says this.
    Token(String),
    /// It did not end, and was ended; this is what to do.
    End(String),
}

/// A token for this scope, within half a minute.
pub(super) fn token(scope: &str, tenant: Option<&str>) -> Result<OfCli, Without> {
    let mut command = Command::new("az");
    command.args(["account", "get-access-token", "--output", "json", "--scope", scope]);
    if let Some(tenant) = tenant {
        command.args(["--tenant", tenant]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // It is a script that starts others: they are ended with it.
    let child = command.process_group(0).spawn().map_err(|_| Without::Program)?;
    let Some((status, stdout, stderr)) = ended(child) else {
        return Err(Without::End(format!(
            "the Azure CLI gave none within {} s, and was ended. See whether az login helps it, or do \
             without it: --device-code, or --graph-token-file and --arm-token-file",
            LIMIT.as_secs()
        )));
    };
    if !status.success() {
        let text = String::from_utf8_lossy(&stderr);
        let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("it failed");
        return Err(Without::Token(line.chars().filter(|c| !c.is_control()).take(200).collect()));
    }
    match serde_json::from_slice::<OfCli>(&stdout) {
        Ok(found) if !found.token.expose_secret().is_empty() => Ok(found),
        Ok(_) => Err(Without::Token("it is empty".to_owned())),
        Err(_) => Err(Without::Token("its answer cannot be read".to_owned())),
    }
}

/// What it said until it ended; nothing if it does not end in time, and is ended.
fn ended(mut child: Child) -> Option<(ExitStatus, Said, Said)> {
    let ends = Instant::now() + LIMIT;
    let left = || ends.saturating_duration_since(Instant::now());
    let (stdout, stderr) = (hear(child.stdout.take()?), hear(child.stderr.take()?));
    let said = stdout.recv_timeout(left()).ok().zip(stderr.recv_timeout(left()).ok());
    if let Some((stdout, stderr)) = said {
        // Nothing more to say is not the end yet.
        while !left().is_zero() {
            if let Ok(Some(status)) = child.try_wait() {
                return Some((status, stdout, stderr));
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
    let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
    let _ = child.wait();
    None
}

/// Reads to the end beside us, so that it never waits for us.
fn hear(pipe: impl Read + Send + 'static) -> Receiver<Said> {
    let (said, heard) = mpsc::sync_channel(1);
    thread::spawn(move || {
        let mut bytes = Zeroizing::new(Vec::with_capacity(64 << 10));
        let _ = pipe.take(MOST).read_to_end(&mut bytes);
        let _ = said.send(bytes);
    });
    heard
}

/// It may be a token.
type Said = Zeroizing<Vec<u8>>;

const MOST: u64 = 1 << 20;

/// A cold start on a slow disk takes ten seconds, and a sign-in that is renewed some more. What takes
/// longer waits for a network, a broker or a person that is not there.
const LIMIT: Duration = Duration::from_secs(30);
