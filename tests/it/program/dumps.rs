//! Who sees the program's memory and environment: nobody, unless the operator says so.

use std::io;
use std::path::Path;

use gateway_tests::program::Signal;
use gateway_tests::world::Toml;
use gateway_tests::{Program, Recorder, World};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{
    CapabilitySet, capabilities, remove_capability_from_bounding_set, set_capabilities,
};

use super::{file, search};

#[tokio::test]
async fn no_other_process_of_its_user_sees_its_memory_and_environment() {
    let (_world, _recorder, mut program) = started("").await;
    program.ready_line().await;

    for name in ["environ", "auxv", "mem", "maps"] {
        let seen = seen_by_a_process_of_the_same_user(&program, name);
        let denied = seen.unwrap_err();
        assert_eq!(denied.kind(), io::ErrorKind::PermissionDenied, "{name}: {denied}");
    }
    let core = limit(&program);
    assert_eq!(core, ["0", "0"], "neither now nor later");
}

#[tokio::test]
async fn danger_lets_debuggers_in_and_leaves_dumps_their_size() {
    let (_world, _recorder, mut program) = started("danger_core_dumps = true").await;
    program.ready_line().await;

    let environment = seen_by_a_process_of_the_same_user(&program, "environ").unwrap();
    assert_eq!(environment, b"CANARY=seen\0");
    let [soft, hard] = limit(&program);
    assert_eq!(soft, hard);
    let told = "runtime.danger_core_dumps: is true, which allows core dumps";
    assert!(program.stderr().contains(told), "{}", program.stderr());
}

#[tokio::test]
async fn an_abort_leaves_no_core() {
    for signal in [Signal::ABORT, Signal::QUIT] {
        let (_world, _recorder, mut program) = started("").await;
        program.ready_line().await;
        program.signal(signal);
        let ended = program.ended().await;
        assert_eq!((ended.code, ended.dumped), (None, false), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn whether_it_may_be_dumped_holds_for_its_life() {
    let (world, _recorder, mut program) = started("").await;
    let (callers, _) = program.addresses().await;
    let path = world.scratch.path().join("gateway.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, text + "danger_core_dumps = true\n").unwrap();
    program.signal(Signal::HUP);

    program.wait_for_line("runtime.danger_core_dumps cannot change while the gateway runs").await;
    assert_eq!(search(callers).await, 200);
    assert!(seen_by_a_process_of_the_same_user(&program, "environ").is_err());
}

/// The program with this line about its runtime, started with leave to be dumped and with no privilege.
async fn started(line: &str) -> (World, Recorder, Program) {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let Rlimit { maximum, .. } = getrlimit(Resource::Core);
    setrlimit(Resource::Core, Rlimit { current: maximum, maximum }).unwrap();
    let more = format!("[runtime]\nworkers = 1\n{line}\n");
    let file = file(&world, &Toml { more, ..world.toml(recorder.url()) });
    let start = move || {
        // Capabilities are a thread's own, and end with it. Those of root would decide otherwise.
        for capability in CapabilitySet::all().iter() {
            let _ = remove_capability_from_bounding_set(capability);
        }
        Program::start(&["serve".as_ref(), file.as_os_str()], &[("CANARY", "seen")])
    };
    let program = std::thread::spawn(start).join().unwrap();
    (world, recorder, program)
}

/// The beginning of one of the program's files below `/proc`, as another process sees it that is
/// of the same user and has no privilege either.
fn seen_by_a_process_of_the_same_user(program: &Program, name: &str) -> io::Result<Vec<u8>> {
    let path = format!("/proc/{}/{name}", program.id());
    let without_privilege = move || {
        let mut sets = capabilities(None)?;
        sets.effective = CapabilitySet::empty();
        set_capabilities(None, sets)?;
        std::fs::read(Path::new(&path))
    };
    std::thread::spawn(without_privilege).join().unwrap()
}

/// The soft and the hard limit on the size of cores.
fn limit(program: &Program) -> [String; 2] {
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", program.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let words = core.split_ascii_whitespace().map(str::to_owned).collect::<Vec<_>>();
    [words[4].clone(), words[5].clone()]
}
