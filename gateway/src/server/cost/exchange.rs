//! A whole exchange, of the gateway as it runs: sockets, connections on both sides, log and audit file.
//!
//! The caller, the origin server and the authority are threads of the same process and as plain as can
//! be, so that almost all that the process does is the gateway's. What its start costs is in the count
//! of few requests and of many alike.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use config::{Address, Config};

use crate::log::Log;
use crate::server::Server;

#[test]
#[ignore = "for callgrind, which counts instructions"]
fn a_thousand_exchanges() {
    exchange(1_000);
}

#[test]
#[ignore = "for callgrind, which counts instructions"]
fn three_thousand_exchanges() {
    exchange(3_000);
}

#[test]
fn what_is_counted_is_answered_and_put_on_record() {
    let folder = tempfile::tempdir().unwrap();
    exchange_in(folder.path(), 3);
    let records = std::fs::read_to_string(folder.path().join("audit.jsonl")).unwrap();
    let of_accesses = records.lines().filter(|line| line.contains("\"transaction\"")).count();
    assert_eq!(of_accesses, 3, "{records}");
}

fn exchange(requests: usize) {
    let folder = tempfile::tempdir().unwrap();
    exchange_in(folder.path(), requests);
}

fn exchange_in(folder: &Path, requests: usize) {
    let (log, _) = Log::start(std::io::sink()).unwrap();
    let server = Server::start(configuration(folder, serve()), log).unwrap();
    wait_for_the_token(&server);
    let Address::Tcp(address) = server.address() else { panic!("no TCP") };
    let mut caller = TcpStream::connect(address).unwrap();
    caller.set_nodelay(true).unwrap();
    let mut answer = Vec::with_capacity(4 << 10);
    for _ in 0..requests {
        caller.write_all(REQUEST.as_bytes()).unwrap();
        read_until(&mut caller, &mut answer, END);
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    }
    drop(caller);
    server.drain();
}

fn wait_for_the_token(server: &Server) {
    for slot in server.workers.current().routes.slots() {
        while slot.status(Instant::now()).token.is_none() {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Origin server and authority.
fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let connection = connection.unwrap();
            connection.set_nodelay(true).unwrap();
            thread::spawn(|| answer(connection));
        }
    });
    address
}

/// Answers until the other end leaves. A question for a token ends with its form, which is in one piece
/// with the head or comes alone.
fn answer(mut connection: TcpStream) {
    let body = format!("{}{END}", " ".repeat(1_024 - END.len()));
    let answer = format!(
        "HTTP/1.1 200 OK\r\nDate: Mon, 02 Nov 2026 07:00:00 GMT\r\nContent-Length: 1024\r\n\
         Content-Type: application/dicom+json\r\n\r\n{body}"
    );
    let mut question = Vec::with_capacity(4 << 10);
    loop {
        read_until(&mut connection, &mut question, "\r\n\r\n");
        if question.is_empty() {
            return;
        }
        if question.starts_with(b"POST") {
            let token = format!(
                "{{\"token_type\":\"Bearer\",\"expires_in\":86399,\"access_token\":\"{:01500}\"}}",
                7
            );
            let length = token.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n\
                 Connection: close\r\nContent-Length: {length}\r\n\r\n"
            );
            connection.write_all((head + &token).as_bytes()).unwrap();
            // Not before the form was read, or a reset would overtake the answer.
            let _ = connection.shutdown(std::net::Shutdown::Write);
            let _ = connection.read_to_end(&mut question);
            return;
        }
        connection.write_all(answer.as_bytes()).unwrap();
    }
}

/// Reads what ends with `end`, or a whole question for a token; nothing if the other end left.
fn read_until(connection: &mut TcpStream, buffer: &mut Vec<u8>, end: &str) {
    buffer.clear();
    let mut piece = [0; 4 << 10];
    while !buffer.ends_with(end.as_bytes()) {
        let read = connection.read(&mut piece).unwrap_or_default();
        if read == 0 {
            buffer.clear();
            return;
        }
        buffer.extend_from_slice(&piece[..read]);
        if buffer.starts_with(b"POST") {
            return;
        }
    }
}

fn configuration(folder: &Path, server: SocketAddr) -> Config {
    let records = folder.join("audit.jsonl").display().to_string();
    let text = CONFIGURATION.replace("SERVER", &server.to_string()).replace("RECORDS", &records);
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("gateway.toml");
    let loaded = config::parse_with(&text, &here, |_| None);
    loaded.unwrap_or_else(|error| panic!("{error}")).config
}

/// Any file will do as a secret for an authority that gives a token to everyone.
const CONFIGURATION: &str = r#"
[listener]
address = "127.0.0.1:0"
[admin]
address = "127.0.0.1:0"
[runtime]
workers = 1
danger_loose_key_files = true
[log]
transactions = true
[audit]
file = "RECORDS"
[client]
token_endpoint = "http://SERVER/token"
id = "gateway"
credential.secret_file = "Cargo.toml"
[[route]]
prefix = "/dicom-web"
origin = "http://SERVER/v2"
scope = "https://dicom.example/.default"
callers = "anyone"
"#;

const REQUEST: &str = "GET /dicom-web/studies/1.2.840.113619.2.55.3/series/1.2.840.113619.2.55.3.7/\
    metadata HTTP/1.1\r\nHost: localhost\r\nAccept: application/dicom+json\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\nAccept-Language: en-GB\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\nReferer: https://imaging.example/viewer\r\n\r\n";

const END: &str = "the end";
