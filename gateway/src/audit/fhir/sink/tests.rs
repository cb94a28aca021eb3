//! By a FHIR server in plain HTTP on a real socket, which answers as it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::*;

#[tokio::test]
async fn one_record_is_created_and_several_are_a_batch() {
    let server = Server::start([]).await;
    let mut fhir = server.sink();
    let records = records(3);
    assert_eq!(outcome(&fhir.send(&records[..1]).await), (1, vec![], None));
    assert_eq!(outcome(&fhir.send(&records[1..]).await), (2, vec![], None));
    assert_eq!(
        server.seen(),
        [asked("POST /r4/AuditEvent", &["0"]), asked("POST /r4", &["1", "2"])]
    );
    for head in server.heads() {
        for line in ["content-type: application/fhir+json", "prefer: return=minimal"] {
            assert!(head.contains(line), "{head}");
        }
        assert!(!head.contains("authorization"));
    }
}

#[tokio::test]
async fn what_was_acknowledged_is_never_sent_again() {
    let partly = ["201 Created", "503 Service Unavailable", "201 Created", "400 Bad Request"];
    let server = Server::start([Reply::Batch(partly.to_vec())]).await;
    let mut fhir = server.sink();
    let records = records(5);
    assert_eq!(
        outcome(&fhir.send(&records[..4]).await),
        (
            1,
            vec![],
            Some(
                "it did not take all of a batch, but answered with status 503 for some".to_owned()
            )
        ),
    );
    // The second again, and the one that is new; the third was taken, and the fourth will never be.
    assert_eq!(outcome(&fhir.send(&records[1..]).await), (4, vec![2], None));
    let seen = server.seen();
    assert_eq!(seen[1], asked("POST /r4", &["1", "4"]));
    assert_eq!(seen.len(), 2);
}

#[tokio::test]
async fn nothing_is_acknowledged_by_what_is_no_answer() {
    let ok =
        |body: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let status = |status: &str| format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
    let replies = [
        Reply::Raw(ok("<html>")),
        Reply::Raw(status("302 Found\r\nLocation: /elsewhere")),
        Reply::Raw(status("401 Unauthorized")),
        Reply::Raw(status("403 Forbidden")),
        Reply::Raw(status("500 Internal Server Error")),
        Reply::Raw("garbage\r\n\r\n".to_owned()),
        Reply::Batch(vec!["201 Created"]),
        Reply::Raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{".to_owned()),
        Reply::Close,
        Reply::Silence,
    ];
    let count = replies.len();
    let server = Server::start(replies).await;
    let mut fhir = server.sink();
    let records = records(2);
    for _ in 0..count {
        let (acknowledged, refused, error) = outcome(&fhir.send(&records).await);
        assert_eq!((acknowledged, refused), (0, vec![]));
        assert!(error.is_some());
    }
    assert_eq!(outcome(&fhir.send(&records).await), (2, vec![], None), "it is back");
    assert!(server.seen().iter().all(|(target, _)| *target == "POST /r4"), "nowhere else");
}

#[tokio::test]
async fn a_throttled_sink_says_for_how_long() {
    let reply = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n";
    let server = Server::start([Reply::Raw(reply.to_owned())]).await;
    let sent = server.sink().send(&records(2)).await;
    let after = sent.failure.as_ref().and_then(|failure| failure.retry_after);
    assert_eq!(after, Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn the_one_record_that_is_at_fault_is_found_and_the_others_go_on() {
    let server = Server::start([]).await;
    server.poison("5");
    let mut fhir = server.sink();
    let records = records(8);
    let (mut done, mut refused) = (0, Vec::new());
    while done < records.len() {
        let sent = fhir.send(&records[done..]).await;
        assert_eq!(outcome(&sent).2, None);
        refused.extend(sent.refused.iter().map(|index| done + index));
        done += sent.acknowledged;
    }
    assert_eq!(refused, [5]);
    assert_eq!(server.stored(), ["0", "1", "2", "3", "4", "6", "7"], "each once");
}

#[tokio::test]
async fn a_server_that_knows_no_batches_gets_one_record_after_another() {
    let server = Server::start([]).await;
    server.refuse_batches();
    let mut fhir = server.sink();
    let records = records(5);
    let mut done = 0;
    while done < records.len() {
        done += fhir.send(&records[done..]).await.acknowledged;
    }
    assert_eq!(server.stored(), ["0", "1", "2", "3", "4"]);
    assert_eq!(server.seen().len(), 7, "two batches that were too much, and five records");
}

#[tokio::test]
async fn a_server_that_is_away_is_no_answer() {
    let server = Server::start([]).await;
    let mut fhir = server.sink();
    drop(server);
    let sent = fhir.send(&records(1)).await;
    assert_eq!(outcome(&sent).2.as_deref(), Some("it cannot be reached"));
}

fn asked(line: &str, ids: &[&str]) -> (String, Vec<String>) {
    (line.to_owned(), ids.iter().map(ToString::to_string).collect())
}

fn outcome(sent: &Sent) -> (usize, Vec<usize>, Option<String>) {
    (
        sent.acknowledged,
        sent.refused.clone(),
        sent.failure.as_ref().map(|failure| failure.error.to_string()),
    )
}

fn records(count: usize) -> Vec<Entry> {
    let record = |id: usize| Entry {
        id: id.to_string(),
        time: "2026-11-23T14:00:00.000Z".to_owned(),
        ..Entry::default()
    };
    (0..count).map(record).collect()
}

/// What the server does with its next request; without orders it takes all.
enum Reply {
    Raw(String),
    Batch(Vec<&'static str>),
    Close,
    Silence,
}

struct Server {
    url: String,
    shared: Arc<Mutex<Shared>>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    replies: VecDeque<Reply>,
    heads: Vec<String>,
    seen: Vec<Vec<String>>,
    stored: Vec<String>,
    poison: Option<String>,
    refuses_batches: bool,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/r4", listener.local_addr().expect("an address"));
        let shared = Shared { replies: replies.into_iter().collect(), ..Shared::default() };
        let shared = Arc::new(Mutex::new(shared));
        let answering = shared.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answering.clone()));
            }
        });
        Self { url, shared, task }
    }

    fn sink(&self) -> Fhir {
        let config = config::AuditFhir {
            url: self.url.parse().expect("a URL"),
            anchors: None,
            identity: None,
            token: None,
            timeout: Duration::from_millis(500),
        };
        let source = Source { id: "dicom-gateway".to_owned(), site: None };
        Fhir::new(config, source, Box::new(|| None))
    }

    fn poison(&self, id: &str) {
        self.shared.lock().expect("no panic").poison = Some(id.to_owned());
    }

    fn refuse_batches(&self) {
        self.shared.lock().expect("no panic").refuses_batches = true;
    }

    fn heads(&self) -> Vec<String> {
        self.shared.lock().expect("no panic").heads.clone()
    }

    fn stored(&self) -> Vec<String> {
        self.shared.lock().expect("no panic").stored.clone()
    }

    /// Each request's line and the ids of its records.
    fn seen(&self) -> Vec<(String, Vec<String>)> {
        let shared = self.shared.lock().expect("no panic");
        let line = |head: &String| {
            head.split_once(" http/1.1")
                .map_or("", |(line, _)| line)
                .replace("post", "POST")
                .replace("auditevent", "AuditEvent")
        };
        shared.heads.iter().map(line).zip(shared.seen.iter().cloned()).collect()
    }
}

async fn serve(stream: TcpStream, shared: Arc<Mutex<Shared>>) {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let head = head.to_ascii_lowercase();
    let length = head.split_once("content-length: ").expect("a length").1;
    let length = length.split_once("\r\n").expect("a line").0.parse().expect("a number");
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.expect("a body");
    let body = serde_json::from_slice::<Value>(&body).expect("JSON");
    let reply = shared.lock().expect("no panic").answer(head, &body);
    match reply {
        Reply::Silence => std::future::pending().await,
        Reply::Raw(bytes) => stream.write_all(bytes.as_bytes()).await.expect("a peer"),
        Reply::Batch(_) | Reply::Close => {}
    }
}

impl Shared {
    fn answer(&mut self, head: String, body: &Value) -> Reply {
        let id = |resource: &Value| {
            let request = resource["entity"].as_array().and_then(|all| all.last()).expect("one");
            request["what"]["identifier"]["value"].as_str().expect("an id").to_owned()
        };
        let batch = body["entry"].as_array();
        let ids = match batch {
            Some(entries) => entries.iter().map(|entry| id(&entry["resource"])).collect(),
            None => vec![id(body)],
        };
        self.heads.push(head);
        self.seen.push(ids.clone());
        let poisoned = self.poison.as_ref().is_some_and(|poison| ids.contains(poison));
        match self.replies.pop_front() {
            Some(Reply::Batch(statuses)) => raw(200, &response(&statuses)),
            Some(reply) => reply,
            None if poisoned => raw(400, r#"{"resourceType":"OperationOutcome"}"#),
            None if batch.is_some() && self.refuses_batches => raw(405, ""),
            None => {
                self.stored.extend(ids.iter().cloned());
                match batch {
                    Some(_) => raw(200, &response(&vec!["201 Created"; ids.len()])),
                    None => raw(201, ""),
                }
            }
        }
    }
}

fn response(statuses: &[&str]) -> String {
    let entry = |status: &&str| serde_json::json!({ "response": { "status": status } });
    let entries = statuses.iter().map(entry).collect::<Vec<_>>();
    serde_json::json!({
        "resourceType": "Bundle",
        "type": "batch-response",
        "entry": entries,
    })
    .to_string()
}

fn raw(status: u16, body: &str) -> Reply {
    Reply::Raw(format!("HTTP/1.1 {status} x\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
}
