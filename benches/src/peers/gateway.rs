//! The gateway with everything on that a site has on: callers who prove themselves, permits, tokens of its
//! own, metrics, an audit record and a line of the log for each transaction. URLs in answers stay, as they
//! do with the others, unless that is what is raced.

use std::fs;
use std::process::Command;

use super::{Binary, Job};
use crate::Result;

pub(super) fn command(job: &Job<'_>, binary: &Binary) -> Result<Vec<String>> {
    let Job { venue, flow, workers, listen, name } = job;
    venue.write("client-secret", "a secret of no worth")?;
    let identity = if flow.has_tls_callers() {
        "identity = { chain = \"chain.pem\", key = \"key.pem\" }"
    } else {
        ""
    };
    let scheme = if flow.has_tls_origin() { "https" } else { "http" };
    let anchors = if flow.has_tls_origin() { "anchors = \"ca.pem\"" } else { "" };
    let (origin, endpoint) = (venue.origin.address(*flow), venue.token_endpoint);
    let log = binary.log;
    let audit =
        if binary.audit { format!("[audit]\nfile = \"{name}.jsonl\"") } else { String::new() };
    let urls = if binary.rewrites { "rewrite" } else { "keep" };
    let file = venue.write(
        &format!("{name}.toml"),
        &format!(
            r#"
[listener]
address = "{listen}"
{identity}

[admin]
address = "127.0.0.1:0"

[client]
token_endpoint = "http://{endpoint}/token"
id = "race"
credential.secret_file = "client-secret"

[[route]]
prefix = "/dicom-web"
origin = "{scheme}://{origin}/dicom-web"
{anchors}
scope = "race"
callers.api_keys = "{name}.keys"
allow = ["search", "retrieve"]
permits = [{{ to = ["api_key:race"], allow = ["store"] }}]
public_url = "https://imaging.example/dicom-web"
urls = "{urls}"

{audit}

[log]
transactions = {log}

[runtime]
workers = {workers}
"#
        ),
    )?;
    // What is wrong with the file would go where the lines go.
    let checked = Command::new(&binary.program).args(["check", &file]).output()?;
    if !checked.status.success() {
        return Err(String::from_utf8_lossy(&checked.stderr).into());
    }
    // The lines go nowhere, so that no disk is measured; that they are made and written is.
    let nowhere = if log { "2>/dev/null" } else { "" };
    let program = format!("exec '{}' serve '{file}' {nowhere}", binary.program.display());
    Ok(["sh", "-c", &program].map(str::to_owned).to_vec())
}

/// A key that lets callers in; the gateway is to find its hash in a file.
pub(super) fn key(job: &Job<'_>, binary: &Binary) -> Result<String> {
    let file = job.venue.path(&format!("{}.keys", job.name));
    // Of an earlier start at the same port.
    if file.exists() {
        fs::remove_file(&file)?;
    }
    let made =
        Command::new(&binary.program).args(["key", "new", "race", "--file"]).arg(file).output()?;
    if !made.status.success() {
        return Err(format!("no key: {}", String::from_utf8_lossy(&made.stderr)).into());
    }
    Ok(String::from_utf8(made.stdout)?.trim().to_owned())
}
