//! Measures how the gateway's cost grows with connections, routes and users, what memory an idle
//! connection and a slow stream take, and how soon it is ready.
//!
//! ```text
//! cargo run --profile race -p gateway-benches --bin scale
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use gateway_benches::scale::Scale;
use gateway_benches::{Result, machine};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Measure what the gateway costs as there is more of it. Needs Debian's nginx-extras, and a quiet
/// machine of two cores.
#[derive(Parser)]
#[command(name = "scale")]
struct Arguments {
    /// The gateway's program; without it, it is built
    #[arg(long)]
    gateway: Option<PathBuf>,
    /// Only what is named so, or in part so: connections, routes, users, memory, start
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Rounds of each curve
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// Requests in a round, to each amount
    #[arg(long, default_value_t = 2_000)]
    requests: usize,
    /// The largest amount
    #[arg(long, default_value_t = 100_000)]
    most: usize,
    /// The folder for scale.md and scale.svg; by default benches, and none if only a part is measured
    #[arg(long)]
    out: Option<PathBuf>,
}

fn main() -> ExitCode {
    match measure(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scale: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &Arguments) -> Result<()> {
    let program = match &arguments.gateway {
        Some(program) => program.canonicalize()?,
        None => machine::gateway()?,
    };
    // What is started here inherits it.
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    let Arguments { rounds, requests, most, .. } = *arguments;
    let report = Scale { program, rounds, requests, most }.run(&arguments.only)?;
    let table = report.table();
    println!("{table}");
    let is_whole = arguments.only.is_empty() && most >= 100_000;
    let benches = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = arguments.out.as_deref().or_else(|| is_whole.then_some(benches));
    if let Some(folder) = folder {
        fs::write(folder.join("scale.md"), table)?;
        if let Some(picture) = report.picture() {
            fs::write(folder.join("scale.svg"), picture)?;
        }
    }
    Ok(())
}
