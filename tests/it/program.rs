//! The program: what it says, which signals it obeys, how it ends.

use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use gateway_tests::program::{Ended, Signal};
use gateway_tests::world::Toml;
use gateway_tests::{Program, RawCaller, Recorder, World};

mod audit;
mod dumps;
mod emergencies;
mod ends;
mod files;
mod rotation;
mod sidecar;
mod signals;

const SEARCH: &[u8] = b"GET /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\n\
                        Accept: application/dicom+json\r\n\r\n";

/// Starts the program with this file.
fn serve(world: &World, toml: &Toml) -> Program {
    Program::start(&["serve".as_ref(), file(world, toml).as_os_str()], &[])
}

/// Runs one of the commands that take this file.
async fn run(command: &str, file: &Path) -> Ended {
    Program::run(&[command.as_ref(), file.as_os_str()], &[]).await
}

fn file(world: &World, toml: &Toml) -> std::path::PathBuf {
    world.scratch.file("gateway.toml", toml.text())
}

/// The status of a search at this address.
async fn search(address: std::net::SocketAddr) -> u16 {
    let mut caller = RawCaller::connect(address).await.unwrap();
    caller.send(SEARCH).await.unwrap();
    caller.read_response().await.unwrap().status
}

/// The admin listener's answer: its status.
async fn admin(address: std::net::SocketAddr, path: &str) -> (u16, String) {
    let mut caller = RawCaller::connect(address).await.unwrap();
    caller.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await.unwrap();
    let response = caller.read_response().await.unwrap();
    (response.status, response.text())
}

#[tokio::test]
async fn one_line_on_standard_output_tells_where_it_serves() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let mut program = serve(&world, &world.toml(recorder.url()));

    let (callers, operators) = program.addresses().await;

    assert_ne!((callers.port(), operators.port()), (0, 0), "the ports are the real ones");
    assert_eq!(search(callers).await, 200);
    assert_eq!(admin(operators, "/live").await.0, 200);
    program.signal(Signal::TERM);
    let ended = program.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stdout.lines().count(), 1, "{}", ended.stdout);
}

#[tokio::test]
async fn a_second_gateway_on_the_same_port_does_not_start() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let mut first = serve(&world, &world.toml(recorder.url()));
    let (callers, _) = first.addresses().await;

    let toml = Toml { address: callers.to_string(), ..world.toml(recorder.url()) };
    let second = run("serve", &file(&world, &toml)).await;

    assert_eq!((second.code, second.stdout.as_str()), (Some(1), ""));
    let told = format!("dicom-gateway: listener.address {callers}: Address already in use");
    assert!(second.stderr.contains(&told), "{}", second.stderr);
    assert_eq!(search(callers).await, 200, "the first one is not disturbed");
}

#[tokio::test]
async fn a_socket_file_that_a_killed_gateway_left_is_taken_over() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let path = world.scratch.path().join("gateway.sock");
    drop(UnixListener::bind(&path).unwrap());
    let toml = on_unix(&world, &recorder, &path);

    let mut program = serve(&world, &toml);
    let line = program.ready_line().await;

    assert!(line.contains(&format!("unix:{}", path.display())), "{line}");
    assert_eq!(search_unix(&path).await, 200);
    program.signal(Signal::TERM);
    assert_eq!(program.ended().await.code, Some(0));
    assert!(!path.exists(), "what it made it removes");
}

#[tokio::test]
async fn a_socket_file_that_somebody_serves_is_left_alone() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let path = world.scratch.path().join("gateway.sock");
    let mut first = serve(&world, &on_unix(&world, &recorder, &path));
    first.ready_line().await;

    let second = run("serve", &world.scratch.path().join("gateway.toml")).await;

    assert_eq!(second.code, Some(1));
    assert!(second.stderr.contains("Address already in use"), "{}", second.stderr);
    assert_eq!(search_unix(&path).await, 200, "the first one is not disturbed");
}

#[tokio::test]
async fn a_file_that_is_no_socket_is_not_taken_for_one() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let path = world.scratch.file("patients.csv", "precious");

    let ended = run("serve", &file(&world, &on_unix(&world, &recorder, &path))).await;

    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[tokio::test]
async fn a_gateway_that_drains_leaves_its_successor_s_socket_file_alone() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let path = world.scratch.path().join("gateway.sock");
    let mut first = serve(&world, &on_unix(&world, &recorder, &path));
    first.ready_line().await;
    recorder.reply_next(gateway_tests::Reply::Stall);
    let mut held = RawCaller::connect_unix(&path).await.unwrap();
    held.send(SEARCH).await.unwrap();
    recorder.wait_for_requests(1).await;
    first.signal(Signal::TERM);
    while UnixStream::connect(&path).is_ok() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }

    let mut second = serve(&world, &on_unix(&world, &recorder, &path));
    second.ready_line().await;
    held.reset();
    assert_eq!(first.ended().await.code, Some(0));

    assert_eq!(search_unix(&path).await, 200);
}

#[tokio::test]
async fn no_secret_is_on_the_command_line() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let mut program = serve(&world, &world.toml(recorder.url()));
    program.ready_line().await;

    let command_line = std::fs::read(format!("/proc/{}/cmdline", program.id())).unwrap();

    let command_line = String::from_utf8_lossy(&command_line).into_owned();
    assert!(!command_line.contains(&world.authority.secret()), "{command_line}");
}

fn on_unix(world: &World, recorder: &Recorder, path: &Path) -> Toml {
    Toml { address: format!("unix:{}", path.display()), ..world.toml(recorder.url()) }
}

async fn search_unix(path: &Path) -> u16 {
    let mut caller = RawCaller::connect_unix(path).await.unwrap();
    caller.send(SEARCH).await.unwrap();
    caller.read_response().await.unwrap().status
}
