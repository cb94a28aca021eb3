//! The gateway with everything on that others can do as well: token cache, checks, metrics, and a line
//! per transaction. URLs in answers stay, as they do with the others, unless that is what is raced.

use super::{Binary, Job};
use crate::Result;

pub(super) fn command(job: &Job<'_>, binary: &Binary) -> Result<Vec<String>> {
    let Job { venue, flow, listen, name } = job;
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
callers = "anyone"
allow = ["search", "retrieve", "store"]
public_url = "https://imaging.example/dicom-web"
urls = "{urls}"

[log]
transactions = {log}

[runtime]
workers = 1
"#
        ),
    )?;
    // The lines go nowhere, so that no disk is measured; that they are made and written is.
    let nowhere = if log { "2>/dev/null" } else { "" };
    let program = format!("exec '{}' serve '{file}' {nowhere}", binary.program.display());
    Ok(["sh", "-c", &program].map(str::to_owned).to_vec())
}
