//! Messages that nobody in their right mind sends.

use std::time::{Duration, Instant};

use gateway_tests::program::Signal;
use gateway_tests::world::Toml;
use gateway_tests::{Program, RawCaller, Recorder, World};
use tokio::time::timeout;

use crate::wire::{Bench, search};

/// Class 15. CVE-2023-27496, CVE-2023-28625 and many more: what was missing, doubled or cut took the
/// process down.
#[tokio::test]
async fn odd_messages_crash_nothing() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let toml = Toml { route: ROUTE.into(), ..world.toml(recorder.url()) };
    let file = world.scratch.file("gateway.toml", toml.text());
    let mut program = Program::start(&["serve".as_ref(), file.as_os_str()], &[]);
    let (callers, operators) = program.addresses().await;
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    for address in [callers, operators] {
        for round in 0..2000 {
            let sound = SOUND[round % SOUND.len()].as_bytes();
            let message = if round < SOUND.len() { sound.to_vec() } else { random.odd(sound) };
            let mut caller = RawCaller::connect(address).await.unwrap();
            // It may have been refused before it was all sent.
            let _ = caller.send(&message).await;
            let _ = caller.finish_sending().await;
            let answer = timeout(LIMIT, caller.read_to_end()).await.expect("an end");
            let answer = String::from_utf8_lossy(&answer);
            let shown = String::from_utf8_lossy(&message);
            assert!(!answer.starts_with("HTTP/1.1 500"), "{answer} to {shown:?}");
        }
    }
    let mut caller = RawCaller::connect(callers).await.unwrap();
    caller.send(search("")).await.unwrap();
    assert_eq!(caller.read_response().await.unwrap().status, 200);
    program.signal(Signal::TERM);
    let ended = program.ended().await;
    assert_eq!(ended.code, Some(0));
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
}

/// Class 16. CVE-2024-24814: a number in a cookie said how often a loop ran.
#[tokio::test]
async fn numbers_of_strangers_cost_nothing() {
    let bench = Bench::with("", ROUTE).await;
    let many = |word: &str, most: usize| word.repeat(most / word.len());
    let huge = "99999999999999999999";
    let commas = many(",", 20_000);
    let requests = [
        search(&format!("Accept: {}\r\n", many("*/*;q=0.1,", 20_000))),
        search(&format!("Accept: {}\r\n", many("a/b;c=\"d\\\"e\", ", 20_000))),
        search(&format!("Accept: a/b{}\r\n", many(";c=d", 20_000))),
        search(&format!("Accept: {commas}\r\n")),
        search(&format!("Connection: {}\r\n", many("x-a,", 20_000))),
        search(&many("Connection: x-a, x-b\r\n", 2_000)),
        search(&many("Accept: a/b\r\n", 1_000)),
        search(&format!("Via: {}\r\n", many("1.1 a (((,", 20_000))),
        search(&format!("Range: bytes={}\r\n", many("0-1,", 20_000))),
        search(&format!("Traceparent: {}\r\n", many("00-", 20_000))),
        search(&format!("Max-Forwards: {huge}{huge}\r\n")),
        search(&format!("Origin: http://{}\r\n", many("a.", 20_000))),
        format!("GET /dicom-web/studies?{} HTTP/1.1\r\nHost: localhost\r\n\r\n", many("a=&", 20_000)),
        format!("GET /dicom-web/{} HTTP/1.1\r\nHost: localhost\r\n\r\n", many("studies/", 20_000)),
        format!("GET /dicom-web/studies/1/series/2/instances/3/frames/{} HTTP/1.1\r\nHost: localhost\r\n\r\n", many("1,", 20_000)),
        format!("OPTIONS /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\nOrigin: https://viewer.example\r\nAccess-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: {}\r\n\r\n", many("a,", 20_000)),
        format!("POST /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\nContent-Length: {huge}\r\n\r\n"),
        "POST /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n".to_owned(),
        "POST /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n7ffffffffffffff0\r\n".to_owned(),
    ];
    for request in requests {
        let shown = request.chars().take(120).collect::<String>();
        let mut caller = bench.caller().await;
        let before = Instant::now();
        caller.send(&request).await.unwrap();
        let _ = caller.finish_sending().await;
        let answer = timeout(LIMIT, caller.read_to_end()).await.expect("an end");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(!answer.starts_with("HTTP/1.1 500"), "{answer} to {shown}");
        // A thousand times what one takes, and a thousandth of what a loop over the numbers would.
        assert!(before.elapsed() < Duration::from_secs(5), "{:?} for {shown}", before.elapsed());
    }
    assert_eq!(bench.ask(search("")).await.status, 200);
}

/// The same numbers in each run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }

    /// A message in which one to three things are not as they were.
    fn odd(&mut self, sound: &[u8]) -> Vec<u8> {
        let mut message = sound.to_vec();
        for _ in 0..=self.below(3) {
            let (from, to) = (self.below(message.len()), self.below(message.len()));
            let (from, to) = (from.min(to), from.max(to));
            match self.below(6) {
                0 => message.truncate(to.max(1)),
                1 => message[from] = u8::try_from(self.below(256)).unwrap(),
                2 => drop(message.drain(from..to.min(from + 20))),
                3 => {
                    let again = message[from..to].to_vec();
                    message.splice(to..to, again);
                }
                4 => {
                    let word = ODD[self.below(ODD.len())].as_bytes();
                    message.splice(from..from, word.iter().copied());
                }
                _ => {
                    // A line less, or one twice.
                    let mut lines =
                        message.split_inclusive(|byte| *byte == b'\n').collect::<Vec<_>>();
                    let index = self.below(lines.len());
                    if self.below(2) == 0 {
                        lines.insert(index, lines[index]);
                    } else {
                        lines.remove(index);
                    }
                    message = lines.concat();
                }
            }
            if message.is_empty() {
                message.push(b'\n');
            }
        }
        message
    }
}

const ROUTE: &str = "allow = [\"search\", \"retrieve\", \"store\", \"worklist\"]\n\
                     public_url = \"https://imaging.example/dicom-web\"\nurls = \"rewrite\"\n\
                     cors.origins = [\"https://viewer.example\"]";

const SOUND: &[&str] = &[
    "GET /dicom-web/studies?PatientID=1&limit=2 HTTP/1.1\r\nHost: localhost\r\nAccept: application/dicom+json; q=0.9, */*\r\nVia: 1.1 a\r\n\r\n",
    "CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n",
    "CONNECT HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: localhost\r\nMax-Forwards: 0\r\n\r\n",
    "OPTIONS /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\nOrigin: https://viewer.example\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type, accept\r\n\r\n",
    "GET http://localhost/dicom-web/studies HTTP/1.1\r\nHost: localhost\r\nTraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "GET /dicom-web/studies HTTP/1.1\r\n\r\n",
    "POST /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc",
    "POST /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/related; type=\"application/dicom\"; boundary=b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n",
    "GET /dicom-web/studies/1.2/series/3/instances/4/frames/1,2 HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-1\r\nExpect: 100-continue\r\nAccept: multipart/related; type=\"application/octet-stream\"; transfer-syntax=*\r\n\r\n",
    "GET /dicom-web/ HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    "GET /dicom-web/studies?accept=application%2Fdicom%2Bjson HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic YTpi\r\nCookie: a=b; c=d\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0",
    "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
];

const ODD: &[&str] = &[
    "\0",
    "\r\n",
    "\r\n\r\n",
    "\r",
    "\t",
    " ",
    ":",
    ";",
    ",",
    "\"",
    "\\",
    "%",
    "%00",
    "#",
    "?",
    "*",
    "\u{feff}",
    "ä",
    "\u{80}",
    "Host: ",
    "Content-Length: 1\r\n",
    "Content-Type: \r\n",
    "Transfer-Encoding: chunked\r\n",
    "Connection: close\r\n",
    "HTTP/1.1",
    "://",
    "[::1]",
    "@",
    "Accept: ;q=\r\n",
    "Origin: null\r\n",
    "99999999999999999999",
];

/// Far more than anything takes.
const LIMIT: Duration = Duration::from_secs(30);
