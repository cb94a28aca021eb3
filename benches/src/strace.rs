//! System calls per request: a figure that no other work on the machine disturbs.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Result;

/// Counts the system calls of `family` while `work` sends `requests` requests.
pub fn count(
    family: &[u32],
    requests: u64,
    work: impl FnOnce() -> Result<()>,
) -> Result<Vec<(String, f64)>> {
    let mut table = tempfile::NamedTempFile::new()?;
    let mut command = Command::new("strace");
    command.args(["-c", "-f", "-q", "-o"]).arg(table.path());
    for pid in family {
        command.args(["-p", &pid.to_string()]);
    }
    let mut strace = command.stderr(Stdio::null()).spawn()?;
    let deadline = Instant::now() + Duration::from_secs(10);
    while !family.iter().all(|pid| is_traced(*pid)) {
        if Instant::now() > deadline {
            return Err("strace does not attach".into());
        }
        thread::sleep(Duration::from_millis(10));
    }
    let worked = work();
    kill_process(Pid::from_child(&strace), Signal::INT)?;
    strace.wait()?;
    worked?;
    let mut text = String::new();
    std::io::Read::read_to_string(table.as_file_mut(), &mut text)?;
    let mut calls: Vec<_> = parse(&text).into_iter().collect();
    calls.sort_by_key(|(_, calls)| std::cmp::Reverse(*calls));
    Ok(calls.into_iter().map(|(name, calls)| (name, calls as f64 / requests as f64)).collect())
}

/// Calls by name, of a table of `strace -c`.
fn parse(table: &str) -> BTreeMap<String, u64> {
    let rows = table.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        // Percentage, seconds, microseconds a call, calls, perhaps errors, name.
        let calls = words.get(3)?.parse().ok()?;
        let name = words.last().filter(|name| words.len() >= 5 && **name != "total")?;
        Some(((*name).to_owned(), calls))
    });
    rows.collect()
}

fn is_traced(pid: u32) -> bool {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    tasks.map(|task| fs::read_to_string(task.path().join("status")).unwrap_or_default()).all(
        |status| {
            let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:"));
            tracer.is_some_and(|tracer| tracer.trim() != "0")
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_by_name() {
        let table = "% time     seconds  usecs/call     calls    errors syscall\n\
                     ------ ----------- ----------- --------- --------- ----------------\n \
                     60.00    0.000060           1        60         3 read\n \
                     40.00    0.000040           1        40           write\n\
                     ------ ----------- ----------- --------- --------- ----------------\n\
                     100.00    0.000100           1       100         3 total\n";
        let calls: Vec<_> = parse(table).into_iter().collect();
        assert_eq!(calls, [("read".to_owned(), 60), ("write".to_owned(), 40)]);
    }
}
