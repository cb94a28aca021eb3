//! Processes that a race starts: on a core of their own, weighed, and gone when the race is.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Result;
use crate::machine::Cores;

/// A running program and the processes that it started. Ends when dropped.
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts `command` on `cores`; what it says goes to the file `says`.
    ///
    /// It ends with the race, even if the race itself is killed.
    pub fn start(command: &[&str], cores: Cores, says: &Path) -> Result<Self> {
        let out = File::create(says)?;
        let cores = cores.numbers().iter().map(usize::to_string).collect::<Vec<_>>().join(",");
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "taskset", "-c", &cores])
            .args(command)
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()?;
        Ok(Self { child })
    }

    /// Whether it ended by itself.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// The program's process and all that descend from it.
    pub fn family(&self) -> Vec<u32> {
        let mut family = vec![self.child.id()];
        let everyone: Vec<(u32, u32)> = fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter_map(|pid| Some((pid, parent(pid)?)))
            .collect();
        let mut next = 0;
        while let Some(&pid) = family.get(next) {
            family.extend(everyone.iter().filter(|(_, parent)| *parent == pid).map(|(pid, _)| pid));
            next += 1;
        }
        family
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let pid = Pid::from_child(&self.child);
        let _ = kill_process(pid, Signal::TERM);
        let deadline = Instant::now() + Duration::from_secs(10);
        while !self.has_ended() {
            if Instant::now() > deadline {
                let _ = kill_process(pid, Signal::KILL);
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// CPU time that all threads of these processes have had.
pub fn cpu_time(family: &[u32]) -> Result<Duration> {
    Ok(cpu_times(family)?.into_values().sum())
}

/// CPU time that each thread of these processes has had, by its id.
pub fn cpu_times(family: &[u32]) -> Result<HashMap<OsString, Duration>> {
    let mut times = HashMap::new();
    for pid in family {
        for task in fs::read_dir(format!("/proc/{pid}/task"))? {
            let task = task?;
            // A thread may have ended since it was listed.
            let Ok(text) = fs::read_to_string(task.path().join("schedstat")) else { continue };
            let nanos = text.split_whitespace().next().ok_or("an empty schedstat")?.parse()?;
            times.insert(task.file_name(), Duration::from_nanos(nanos));
        }
    }
    Ok(times)
}

/// Forgets how much memory these processes once had, so that the next peak can be read.
pub fn forget_peak(family: &[u32]) -> Result<()> {
    for pid in family {
        fs::write(format!("/proc/{pid}/clear_refs"), "5")?;
    }
    Ok(())
}

/// Memory that is resident now, in KiB, summed over these processes.
pub fn memory(family: &[u32]) -> Result<f64> {
    status(family, "VmRSS:")
}

/// The most memory that was resident at once, in KiB, summed over these processes.
pub fn peak_memory(family: &[u32]) -> Result<f64> {
    status(family, "VmHWM:")
}

fn status(family: &[u32], name: &str) -> Result<f64> {
    let mut kib = 0.0;
    for pid in family {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let value = status.lines().find_map(|line| line.strip_prefix(name));
        let value = value.and_then(|text| text.split_whitespace().next()).ok_or("no such size")?;
        kib += value.parse::<f64>()?;
    }
    Ok(kib)
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it may hold spaces and parentheses.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}
