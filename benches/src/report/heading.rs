//! What stands above the tables.

use std::fmt::Write;
use std::time::SystemTime;

use crate::machine;
use crate::peers::{Binary, Peer};

/// What stands above the tables: when, where and who.
pub fn heading(rounds: usize, peers: &[Peer]) -> String {
    let date = humantime::format_rfc3339_seconds(SystemTime::now());
    let mut text = format!(
        "# What the gateway costs\n\n\
         Written by `cargo run --profile race -p gateway-benches --bin race`; not by hand.\n\n\
         {date}, {}, load before it {:.1}. {rounds} rounds in turn and in reverse; each peer has one \
         worker on one core, callers and origin server share another. Medians, with the middle half \
         of the rounds in brackets. *gateway / it* is the median of the ratios of neighbouring rounds, \
         the one figure to go by: below 1, the gateway needs less. Every peer adds the same token of \
         1.5 KB.\n\n",
        machine::description(),
        machine::load_average(),
    );
    for peer in peers {
        let said = match peer {
            Peer::Direct => Some("callers ask the origin server itself".to_owned()),
            Peer::Gateway(binary) | Peer::GatewayB(binary) => gateway(binary),
            Peer::Rewriting(_) => {
                Some("the same, putting its own URLs in the place of the origin server's".into())
            }
            Peer::Nginx => machine::version("nginx", "-v").map(|v| v + ", no log"),
            Peer::NginxAgain => {
                Some("the same, as a control: its ratio to nginx should be 1".into())
            }
            Peer::Haproxy => machine::version("haproxy", "-v").map(|v| v + ", no log"),
            Peer::Envoy(program) => machine::version(&program.display().to_string(), "--version")
                .map(|version| {
                    let version = version.split("version:").last().unwrap_or_default().trim();
                    format!("{version}, credential_injector, no log")
                }),
        };
        let _ = writeln!(text, "- {peer}: {}", said.unwrap_or_default());
    }
    text
}

fn gateway(binary: &Binary) -> Option<String> {
    let version = machine::version(&binary.program.display().to_string(), "--version")?;
    let audit = if binary.audit { "an audit record in a file" } else { "no audit" };
    let log = if binary.log { "a line of the log per transaction" } else { "no log" };
    Some(format!("{version}, callers' keys, permits, metrics, {audit}, {log}"))
}
