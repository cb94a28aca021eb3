//! Races the gateway against what users would run instead.
//!
//! ```text
//! cargo run --profile race -p gateway-benches --bin race -- --quick
//! cargo run --profile race -p gateway-benches --bin race -- --gateway NEW --gateway-b OLD
//! ```

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Parser;
use gateway_benches::case::{CASES, Case};
use gateway_benches::peers::{Binary, Peer};
use gateway_benches::race::{Race, Syscalls};
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
    /// Rounds of each case
    #[arg(long)]
    rounds: Option<usize>,
    /// Count system calls too (by strace), in the cases of small bodies
    #[arg(long)]
    syscalls: bool,
    /// The file for the result; by default benches/results.md, and none if only a part is raced
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
    let executable = std::env::current_exe()?;
    let target = executable.ancestors().nth(2).ok_or("no target folder")?;
    let program = match &arguments.gateway {
        Some(program) => program.canonicalize()?,
        None => build(target)?,
    };
    let log = !arguments.no_log;
    let rewrites = arguments.rewrite_b;
    let other = match &arguments.gateway_b {
        Some(program) => Some(program.canonicalize()?),
        None => rewrites.then(|| program.clone()),
    };
    let mut peers = vec![Peer::Gateway(Binary { program, log, rewrites: false })];
    peers.extend(other.map(|program| Peer::GatewayB(Binary { program, log, rewrites })));
    let peers_are_the_usual = peers.len() == 1;
    let names: Vec<&str> =
        arguments.peers.iter().map(String::as_str).filter(|n| !n.is_empty()).collect();
    let (others, missing) = Peer::installed(&names, target);
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
    let rounds = arguments.rounds.unwrap_or(if arguments.quick { 3 } else { 12 });
    let syscalls = if arguments.syscalls { Syscalls::Counted } else { Syscalls::Ignored };

    let mut text = report::heading(rounds, &peers);
    println!("{text}");
    machine::stay_beside()?;
    let mut race = Race::new(peers, rounds, syscalls)?;
    for case in &cases {
        let table = report::table(&race.run(case)?);
        println!("{table}");
        text.push('\n');
        text.push_str(&table);
    }
    let is_whole = !arguments.quick && arguments.cases.is_empty() && peers_are_the_usual;
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("results.md");
    if let Some(file) = arguments.out.clone().or_else(|| is_whole.then_some(results)) {
        // What was measured by other means stands below, each under a heading like this one.
        let old = std::fs::read_to_string(&file).unwrap_or_default();
        text.push_str(old.find("\n# ").map_or("", |below| &old[below..]));
        std::fs::write(&file, text)?;
        println!("written to {}", file.display());
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

/// The gateway as it is here and now, built as it is to be shipped.
fn build(target: &Path) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--profile", "race", "-p", "dicom-gateway", "--target-dir"])
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()?;
    if !built.success() {
        return Err("the gateway does not build".into());
    }
    Ok(target.join("race/dicom-gateway"))
}

/// So many times less is done in a quick race.
const QUICK: u64 = 5;
