//! Findings as tables that people read, in a terminal and in a file.

use std::fmt::Write;
use std::time::SystemTime;

use crate::case::Figure;
use crate::machine;
use crate::peers::Peer;
use crate::race::{Entry, Finding};
use crate::samples::{Spread, unit};

/// A case's table.
pub fn table(finding: &Finding) -> String {
    let case = &finding.case;
    let rate = if case.figure == Figure::PerRequest { "requests/s" } else { "MiB/s" };
    let pace = case.pace.map(|pace| format!(", {pace} requests/s")).unwrap_or_default();
    let mut rows =
        vec![["", unit(case.figure), "gateway / it", rate, "p50 µs", "p99 µs"].map(str::to_owned)];
    let gateway = finding.entry(|peer| matches!(peer, Peer::Gateway(_)));
    for entry in &finding.entries {
        let samples = &entry.samples;
        let ratio = gateway
            .filter(|gateway| gateway.peer != entry.peer)
            .and_then(|gateway| Spread::of_ratios(&gateway.samples.figure, &samples.figure));
        rows.push([
            entry.peer.to_string(),
            spread(Spread::of(&samples.figure).filter(|spread| spread.middle > 0.0), 3),
            spread(ratio, 2),
            middle(&samples.rate),
            middle(&samples.p50),
            middle(&samples.p99),
        ]);
    }
    let connections = case.connections;
    let mut text = format!("### {}: {connections} connections{pace}\n\n", case.name);
    text.push_str(&markdown(&rows));
    if let Some(control) = control(finding) {
        let _ = writeln!(text, "\n{control}");
    }
    for entry in &finding.entries {
        if let Some(syscalls) = &entry.syscalls {
            let _ = writeln!(text, "\n{}", calls(entry, syscalls));
        }
    }
    text
}

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
            Peer::Gateway(binary) | Peer::GatewayB(binary) => {
                let version = machine::version(&binary.program.display().to_string(), "--version");
                let log = if binary.log { "a line per transaction" } else { "no log" };
                version.map(|version| format!("{version}, metrics, {log}"))
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

impl Finding {
    fn entry(&self, is_wanted: impl Fn(&Peer) -> bool) -> Option<&Entry> {
        self.entries.iter().find(|entry| is_wanted(&entry.peer))
    }
}

/// nginx beside itself.
fn control(finding: &Finding) -> Option<String> {
    let one = finding.entry(|peer| *peer == Peer::Nginx)?;
    let other = finding.entry(|peer| *peer == Peer::NginxAgain)?;
    let ratio = Spread::of_ratios(&other.samples.figure, &one.samples.figure)?;
    let warning = if (ratio.middle - 1.0).abs() > TRUSTED {
        " **Noisy: two equals differ by more than 4 %, so nothing follows from this table.**"
    } else {
        ""
    };
    Some(format!("nginx again / nginx: {}.{warning}", spread(Some(ratio), 3)))
}

fn calls(entry: &Entry, syscalls: &[(String, f64)]) -> String {
    let all: f64 = syscalls.iter().map(|(_, calls)| calls).sum();
    let each = syscalls.iter().filter(|(_, calls)| *calls >= 0.005);
    let each: Vec<String> = each.map(|(name, calls)| format!("{name} {calls:.2}")).collect();
    format!("{}: {all:.2} system calls a request: {}", entry.peer, each.join(", "))
}

fn spread(spread: Option<Spread>, digits: usize) -> String {
    spread.map_or_else(
        || "–".to_owned(),
        |Spread { low, middle, high }| {
            format!("{middle:.digits$} [{low:.digits$}–{high:.digits$}]")
        },
    )
}

fn middle(values: &[f64]) -> String {
    Spread::of(values).map_or_else(|| "–".to_owned(), |spread| format!("{:.0}", spread.middle))
}

/// A table whose columns also align when nobody renders it.
fn markdown<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> =
        (0..N).map(|column| width(column).unwrap_or_default().max(3)).collect();
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(text, "| {cell:width$} ");
        }
        text.push_str("|\n");
        if index == 0 {
            for width in &widths {
                let _ = write!(text, "| {:-<width$} ", "");
            }
            text.push_str("|\n");
        }
    }
    text
}

/// How far from 1 the ratio of two equals may be.
const TRUSTED: f64 = 0.04;
