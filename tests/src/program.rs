//! The program itself, as an operator starts it: a process, its signals, its words, its exit code.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, kill_process, prlimit};

pub use rustix::process::Signal;

/// A process of the gateway's program. Dropped, it is killed.
pub struct Program {
    child: Child,
    stdout: Heard,
    stderr: Heard,
}

/// How a process ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Whether the kernel left an image of its memory.
    pub dumped: bool,
    /// All that it wrote to standard output.
    pub stdout: String,
    /// All that it wrote to standard error.
    pub stderr: String,
}

impl Program {
    /// Starts it with these arguments, and with these variables as its whole environment.
    pub fn start<A: AsRef<OsStr>>(arguments: &[A], environment: &[(&str, &str)]) -> Self {
        Self::start_with(arguments, environment, Stdio::null())
    }

    /// The same, where no file may grow beyond 32 KiB until [`Self::let_files_grow`].
    pub fn start_short_of_room<A: AsRef<OsStr>>(arguments: &[A]) -> Self {
        // A write that goes too far is to fail, and not to kill.
        let limited = "trap '' XFSZ; ulimit -S -f 64; exec \"$0\" \"$@\"";
        let mut command = Command::new("/bin/sh");
        command.args(["-c", limited]).arg(binary()).args(arguments).env_clear();
        Self::spawn(command, Stdio::null())
    }

    /// Lets files grow.
    pub fn let_files_grow(&self) {
        let pid = Pid::from_child(&self.child);
        let maximum = getrlimit(Resource::Fsize).maximum;
        let limit = Rlimit { current: maximum, maximum };
        prlimit(Some(pid), Resource::Fsize, limit).expect("a limit may be raised");
    }

    fn start_with<A: AsRef<OsStr>>(
        arguments: &[A],
        environment: &[(&str, &str)],
        stdin: Stdio,
    ) -> Self {
        let mut command = Command::new(binary());
        command.args(arguments).env_clear().envs(environment.iter().copied());
        Self::spawn(command, stdin)
    }

    fn spawn(mut command: Command, stdin: Stdio) -> Self {
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let stdout = Heard::listen(child.stdout.take().expect("a pipe"));
        let stderr = Heard::listen(child.stderr.take().expect("a pipe"));
        Self { child, stdout, stderr }
    }

    /// Starts it, and gives what it said once it has ended.
    pub async fn run<A: AsRef<OsStr>>(arguments: &[A], environment: &[(&str, &str)]) -> Ended {
        Self::start(arguments, environment).ended().await
    }

    /// The same with this as its standard input, and without an environment.
    pub async fn run_with<A: AsRef<OsStr>>(arguments: &[A], input: &str) -> Ended {
        let mut program = Self::start_with(arguments, &[], Stdio::piped());
        let mut stdin = program.child.stdin.take().expect("a pipe");
        // It may end before it has read all of it.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        program.ended().await
    }

    /// Where its program is.
    pub fn path() -> PathBuf {
        binary()
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(id, signal).expect("a process that has not been waited for");
    }

    /// What it wrote to standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// What it wrote to standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Waits until it says that it serves; gives that line.
    pub async fn ready_line(&mut self) -> String {
        loop {
            if let Some((line, _)) = self.stdout().split_once('\n') {
                return line.to_owned();
            }
            if let Some(status) = self.child.try_wait().expect("a child") {
                panic!("it ended with {status} before it served:\n{}", self.stderr());
            }
            pause().await;
        }
    }

    /// Waits until it serves: where callers connect, and where operators look.
    pub async fn addresses(&mut self) -> (SocketAddr, SocketAddr) {
        let line = self.ready_line().await;
        let mut found = line.split([' ', ',']).filter_map(|word| word.parse().ok());
        let both = found.next().zip(found.next());
        both.unwrap_or_else(|| panic!("not two addresses in {line:?}"))
    }

    /// Waits until a line of standard error holds `part`, and gives that line.
    pub async fn wait_for_line(&self, part: &str) -> String {
        self.wait_for_lines(part, 1).await.remove(0)
    }

    /// Waits until `count` lines of standard error hold `part`, and gives those lines.
    pub async fn wait_for_lines(&self, part: &str, count: usize) -> Vec<String> {
        let waited = async {
            loop {
                let text = self.stderr();
                let found = text.lines().filter(|line| line.contains(part)).map(str::to_owned);
                let found = found.collect::<Vec<_>>();
                if found.len() >= count {
                    return found;
                }
                pause().await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waited).await;
        waited.unwrap_or_else(|_| panic!("waited in vain for {part:?} in\n{}", self.stderr()))
    }

    /// Waits until it has ended.
    pub async fn ended(mut self) -> Ended {
        let waited = async {
            loop {
                if let Some(status) = self.child.try_wait().expect("a child") {
                    return status;
                }
                pause().await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waited).await;
        let status = waited.unwrap_or_else(|_| panic!("it does not end:\n{}", self.stderr.text()));
        Ended {
            code: status.code(),
            dumped: status.core_dumped(),
            stdout: self.stdout.whole_text(),
            stderr: self.stderr.whole_text(),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A pipe's other end, read by a thread so that the program never waits for us.
struct Heard {
    bytes: Arc<Mutex<Vec<u8>>>,
    listening: Option<JoinHandle<()>>,
}

impl Heard {
    fn listen(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::<Mutex<Vec<u8>>>::default();
        let heard = bytes.clone();
        let listening = std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(count @ 1..) = pipe.read(&mut chunk) {
                let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                heard.extend_from_slice(&chunk[..count]);
            }
        });
        Self { bytes, listening: Some(listening) }
    }

    fn text(&self) -> String {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn whole_text(&mut self) -> String {
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
        self.text()
    }
}

async fn pause() {
    tokio::time::sleep(Duration::from_millis(5)).await;
}

/// Where `cargo build` put it: beside the folder of the test that runs.
fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("this test has a path");
    let folders = test.ancestors().skip(1).take(2);
    let found = folders.map(|folder| folder.join("dicom-gateway")).find(|path| path.is_file());
    found.expect("no dicom-gateway beside this test: run `cargo build --workspace` first")
}

/// Far more than anything takes, far less than a person waits.
const PATIENCE: Duration = Duration::from_secs(100);
