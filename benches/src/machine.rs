//! The machine that a race runs on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::thread::{CpuSet, sched_setaffinity};

use crate::Result;

/// Cores that a process may run on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Cores {
    /// That of whoever is measured.
    Peer,
    /// That of callers, origin server and authority.
    World,
    /// These two.
    Both,
}

impl Cores {
    /// Their numbers.
    pub fn numbers(self) -> &'static [usize] {
        match self {
            Self::Peer => &[0],
            Self::World => &[1],
            Self::Both => &[0, 1],
        }
    }

    /// Binds this thread, and those that it starts, to these.
    pub fn keep_this_thread(self) -> Result<()> {
        let mut cores = CpuSet::new();
        self.numbers().iter().for_each(|core| cores.set(*core));
        Ok(sched_setaffinity(None, &cores)?)
    }
}

/// Processor, cores and kernel in one line.
pub fn description() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, model)| model);
    let cores = cpus.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{model}, {cores} cores, Linux {}", kernel.trim())
}

/// The load of the last minute: other work on the machine makes a race worthless.
pub fn load_average() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|load| load.parse().ok()).unwrap_or_default()
}

/// The first line that `program` says of its version, on whichever stream.
pub fn version(program: &str, argument: &str) -> Option<String> {
    let output = Command::new(program).arg(argument).output().ok()?;
    let said = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&said);
    text.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
}

/// The gateway as it is here and now, built as it is to be shipped in the target folder that this program
/// is in.
pub fn gateway() -> Result<PathBuf> {
    let target = target()?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--profile", "race", "-p", "dicom-gateway", "--target-dir"])
        .arg(&target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()?;
    if !built.success() {
        return Err("the gateway does not build".into());
    }
    Ok(target.join("race/dicom-gateway"))
}

/// The target folder that this program is in.
pub fn target() -> Result<PathBuf> {
    let executable = std::env::current_exe()?;
    Ok(executable.ancestors().nth(2).map(Path::to_owned).ok_or("no target folder")?)
}
