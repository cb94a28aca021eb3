//! Races the gateway against what users would run instead.
//!
//! ```text
//! cargo run --profile race -p gateway-benches --bin race -- --quick
//! cargo run --profile race -p gateway-benches --bin race -- --gateway NEW --gateway-b OLD
//! ```

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use gateway_benches::case::{CASES, Case};
use gateway_benches::peers::{Binary, Peer};
use gateway_benches::race::{Race, Syscalls};
use gateway_benches::two_cores::TwoCores;
use gateway_benches::{Result, machine, report};

/// Race the gateway against nginx, HAProxy and Envoy. Needs Debian's nginx-extras, and a quiet
/// machine of two cores.
#[derive(Parser)]
#[command(name = "race")]
struct Arguments {
    /// Few and short rounds: to see that everything works, not to conclude anything
    #[arg(long)]
    quick: bool,
    /// Cases of these names, or whose names hold one of these, such as get-100m,origin-tls
    #[arg(long, value_delimiter = ',')]
    cases: Vec<String>,
    /// Who races beside the gateway
    #[arg(long, value_delimiter = ',', default_value = "direct,nginx,haproxy,envoy")]
    peers: Vec<String>,
    /// The gateway's program; without it, it is built
    #[arg(long)]
    gateway: Option<PathBuf>,
    /// Another gateway, to race the two
    #[arg(long)]
    gateway_b: Option<PathBuf>,
    /// Let the other gateway, or the same program once more, rewrite URLs
    #[arg(long)]
    rewrite_b: bool,
    /// Let the gateway write no line per transaction, as the others write none
    #[arg(long)]
    no_log: bool,
    /// Let the gateway keep no audit record, as the others keep none
    #[arg(long)]
    no_audit: bool,
    /// Rounds of each case
    #[arg(long)]
    rounds: Option<usize>,
    /// Count system calls too (by strace), in the cases of small bodies
    #[arg(long)]
    syscalls: bool,
    /// Measure what a second worker brings, too
    #[arg(long)]
    two_cores: bool,
    /// The file for the result, beside which its picture goes; by default benches/results.md, and none
    /// if only a part is raced
    #[arg(long)]
    out: Option<PathBuf>,
}

fn main() -> ExitCode {
    match race(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("race: {error}");
            ExitCode::FAILURE
        }
    }
}

fn race(arguments: &Arguments) -> Result<()> {
    let target = machine::target()?;
    let program = match &arguments.gateway {
        Some(program) => program.canonicalize()?,
        None => machine::gateway()?,
    };
    let (log, audit) = (!arguments.no_log, !arguments.no_audit);
    let rewrites = arguments.rewrite_b;
    let other = match &arguments.gateway_b {
        Some(program) => Some(program.canonicalize()?),
        None => rewrites.then(|| program.clone()),
    };
    let gateway = Binary { program, audit, log, rewrites: false };
    let peers_are_the_usual = other.is_none();
    let other = match other {
        Some(program) => Peer::GatewayB(Binary { program, rewrites, ..gateway }),
        None => Peer::Rewriting(Binary { rewrites: true, ..gateway.clone() }),
    };
    let mut peers = vec![Peer::Gateway(gateway), other];
    let names: Vec<&str> =
        arguments.peers.iter().map(String::as_str).filter(|n| !n.is_empty()).collect();
    let (others, missing) = Peer::installed(&names, &target);
    peers.extend(others);
    for notice in missing {
        eprintln!("{notice}");
    }
    let cases: Vec<Case> = CASES
        .into_iter()
        .filter(|case| arguments.cases.is_empty() || arguments.is_asked_for(case))
        .map(|case| if arguments.quick { case.shortened(QUICK) } else { case })
        .collect();
    if cases.is_empty() {
        let names = CASES.map(|case| case.name).join(", ");
        return Err(format!("no case is named so; there are {names}").into());
    }
    let rounds = arguments.rounds.unwrap_or(if arguments.quick { 2 } else { 12 });
    let syscalls = if arguments.syscalls { Syscalls::Counted } else { Syscalls::Ignored };

    let heading = report::heading(rounds, &peers);
    println!("{heading}");
    let mut text = String::new();
    let mut show = |part: &str| {
        println!("{part}");
        text.push('\n');
        text.push_str(part);
    };
    let mut race = Race::new(peers.clone(), rounds, syscalls)?;
    let mut findings = Vec::new();
    for case in &cases {
        let finding = race.run(case)?;
        show(&report::table(&finding));
        findings.push(finding);
    }
    drop(race);
    let mut two_cores = None;
    if arguments.two_cores {
        let requests = if arguments.quick { TWO_CORES / QUICK } else { TWO_CORES };
        let measured = TwoCores::measure(&peers, rounds, requests)?;
        show(&measured.table());
        two_cores = Some(measured);
    }
    show(&report::goals(&findings, two_cores.as_ref()));
    let is_whole = !arguments.quick && arguments.cases.is_empty() && peers_are_the_usual;
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("results.md");
    if let Some(file) = arguments.out.clone().or_else(|| is_whole.then_some(results)) {
        // What was measured by other means stands below, each under a heading like this one.
        let old = std::fs::read_to_string(&file).unwrap_or_default();
        text.push_str(old.find("\n# ").map_or("", |below| &old[below..]));
        let picture = file.with_extension("svg");
        let name = picture.file_name().ok_or("no name for a picture")?.to_string_lossy();
        std::fs::write(&picture, report::picture(&findings))?;
        std::fs::write(&file, format!("{heading}\n![The gateway over its peers]({name})\n{text}"))?;
        println!("written to {} and {}", file.display(), picture.display());
    }
    Ok(())
}

impl Arguments {
    /// A whole name asks for that case alone, a part of one for all that hold it.
    fn is_asked_for(&self, case: &Case) -> bool {
        let is_name = |part: &str| CASES.iter().any(|case| case.name == part);
        let mut parts = self.cases.iter();
        parts.any(|part| case.name == part || !is_name(part) && case.name.contains(part.as_str()))
    }
}

/// So many times less is done in a quick race.
const QUICK: u64 = 5;

/// Requests in each round with one worker and with two.
const TWO_CORES: u64 = 50_000;
