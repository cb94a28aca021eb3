//! One line per transaction, whatever becomes of it.

use gateway_tests::paused::paused;
use gateway_tests::world::Toml;
use gateway_tests::{Connection, RawCaller, Recorder, Reply, Running, World};
use http::{Request, Version};
use http_body_util::{BodyExt, Empty};
use serde_json::Value;

const JSON: &str = "[log]\nformat = \"json\"\n";

/// What a line says of the outcome: status, blame, code.
type Outcome = (u64, &'static str, &'static str);

#[tokio::test]
async fn every_outcome_has_one_line_with_the_id_that_the_caller_got() {
    let (world, recorder, gateway) = logging(JSON).await;
    let mut expected = Vec::<(String, Outcome)>::new();
    for version in [Version::HTTP_11, Version::HTTP_2] {
        for (method, path, reply, outcome) in [
            ("GET", "/dicom-web/studies", Reply::Ok, (200, "", "")),
            ("HEAD", "/dicom-web/studies", Reply::Ok, (200, "", "")),
            ("GET", "/dicom-web/studies", bytes("404 Not Found"), (404, "", "")),
            ("GET", "/dicom-web/studies", bytes("204 No Content"), (204, "", "")),
            ("DELETE", "/dicom-web/studies/1.2", Reply::Ok, (403, "caller", "not-permitted")),
            ("GET", "/dicom-web/nothing", Reply::Ok, (404, "caller", "no-transaction")),
            ("GET", "/elsewhere", Reply::Ok, (404, "caller", "no-route")),
            ("HEAD", "/elsewhere", Reply::Ok, (404, "caller", "no-route")),
            ("PUT", "/dicom-web/series", Reply::Ok, (405, "caller", "method")),
            ("FROBNICATE", "/dicom-web/studies", Reply::Ok, (501, "caller", "unknown-method")),
            ("POST", "/dicom-web/studies", Reply::Close, (502, "origin", "origin-broke-off")),
            ("GET", "/dicom-web/studies", bytes("799 Odd"), (502, "origin", "origin-unsound")),
            ("GET", "/dicom-web/studies", Reply::Stall, (504, "origin", "origin-late")),
        ] {
            if outcome.1 != "caller" {
                recorder.reply_next(reply);
            }
            let caller = Connection::open(gateway.address(), version).await.unwrap();
            let answer = caller.send(method, path, Empty::new()).await.unwrap();
            assert_eq!(u64::from(answer.status().as_u16()), outcome.0, "{method} {path}");
            let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
            answer.into_body().collect().await.unwrap();
            expected.push((id, outcome));
        }
    }

    let lines = lines(&gateway, expected.len()).await;
    for (id, outcome) in expected {
        let found = lines.iter().filter(|line| line["request_id"] == *id).collect::<Vec<_>>();
        let [line] = found[..] else { panic!("{} lines of {id}, {outcome:?}", found.len()) };
        assert_eq!(outcome_of(line), outcome, "{line}");
    }
    assert_eq!(world.authority.requests(), 1);
}

#[tokio::test]
async fn what_breaks_off_has_its_line_too() {
    let (_world, recorder, gateway) = patient("response_timeout_secs = 60", JSON).await;
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let seen = lines_so_far(&gateway).len();

        // The caller leaves before the answer.
        let asked = recorder.requests().len();
        recorder.reply_next(Reply::Stall);
        let caller = Connection::open(gateway.address(), version).await.unwrap();
        let waiting = tokio::spawn(async move { caller.fetch("/dicom-web/studies").await });
        recorder.wait_for_requests(asked + 1).await;
        waiting.abort();
        let line = lines(&gateway, seen + 1).await.pop().unwrap();
        assert_eq!(outcome_of(&line), (499, "caller", "caller-left"));

        // The caller leaves amid the answer.
        recorder.reply_next(Reply::Bytes(half()));
        let caller = Connection::open(gateway.address(), version).await.unwrap();
        let mut answer = caller.get("/dicom-web/studies").await.unwrap();
        answer.body_mut().frame().await.unwrap().unwrap();
        drop((answer, caller));
        let line = lines(&gateway, seen + 2).await.pop().unwrap();
        assert_eq!(outcome_of(&line), (200, "caller", "caller-left"));
        assert_eq!(line["sent"], 5);

        // The caller leaves amid its own body.
        let caller = Connection::open(gateway.address(), version).await.unwrap();
        let (body, pause) = paused(1 << 20);
        let sending =
            tokio::spawn(async move { caller.send("POST", "/dicom-web/studies", body).await });
        pause.reached().await;
        sending.abort();
        let line = lines(&gateway, seen + 3).await.pop().unwrap();
        assert_eq!((&line["blame"], &line["transaction"]), (&"caller".into(), &"store".into()));
        assert!(line["received"].as_u64().unwrap() < 1 << 20);

        // The origin server breaks off amid its answer.
        recorder.reply_next(Reply::BytesThenClose(half()));
        let caller = Connection::open(gateway.address(), version).await.unwrap();
        assert!(caller.fetch("/dicom-web/studies").await.is_err());
        let line = lines(&gateway, seen + 4).await.pop().unwrap();
        assert_eq!(outcome_of(&line), (200, "origin", "origin-broke-off"));
        assert_eq!((&line["level"], &line["sent"]), (&"WARN".into(), &5.into()));
    }
}

#[tokio::test]
async fn a_pipeline_of_requests_has_a_line_for_each() {
    let (_world, _recorder, gateway) = logging(JSON).await;
    let mut caller = RawCaller::connect(gateway.address()).await.unwrap();
    let request = "GET /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\n\r\n";
    caller.send(request.repeat(20)).await.unwrap();

    let mut ids = Vec::new();
    for _ in 0..20 {
        let response = caller.read_response().await.unwrap();
        ids.push(response.header("x-request-id").unwrap().to_owned());
    }

    let lines = lines(&gateway, 20).await;
    let told = lines.iter().map(|line| line["request_id"].as_str().unwrap().to_owned());
    assert_eq!(told.collect::<Vec<_>>(), ids);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 20, "no two ids are alike");
}

#[tokio::test]
async fn a_line_has_these_fields_and_no_others() {
    let (_world, recorder, gateway) = logging(JSON).await;
    let caller = Connection::open(gateway.address(), Version::HTTP_11).await.unwrap();
    caller.fetch("/dicom-web/studies?PatientName=Doe").await.unwrap();
    recorder.reply_next(Reply::Close);
    caller.send("POST", "/dicom-web/studies/1.2.3", Empty::new()).await.unwrap();

    let lines = lines(&gateway, 2).await;

    let fields = |line: &Value| {
        let mut fields = line.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        fields.sort();
        fields
    };
    let mut always = vec![
        "caller",
        "duration_us",
        "level",
        "message",
        "method",
        "received",
        "request_id",
        "route",
        "sent",
        "status",
        "timestamp",
        "trace_id",
        "transaction",
    ];
    assert_eq!(fields(&lines[0]), always);
    always.extend(["blame", "code", "error"]);
    always.sort_unstable();
    assert_eq!(fields(&lines[1]), always);
    assert_eq!(lines[0]["message"], "transaction");
    assert_eq!(lines[0]["route"], "/dicom-web");
    assert_eq!(lines[1]["transaction"], "store");
    assert!(lines[1]["error"].as_str().unwrap().starts_with("the origin server broke off: "));
    let time = lines[0]["timestamp"].as_str().unwrap();
    assert_eq!((time.len(), &time[10..11], &time[23..]), (24, "T", "Z"), "{time}");
}

#[tokio::test]
async fn the_text_form_says_the_same() {
    let (_world, recorder, gateway) = logging("[log]\nformat = \"text\"\n").await;
    let caller = Connection::open(gateway.address(), Version::HTTP_11).await.unwrap();
    let answer = caller.get("/dicom-web/studies").await.unwrap();
    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    answer.into_body().collect().await.unwrap();
    recorder.reply_next(Reply::Close);
    let refused = caller.send("POST", "/dicom-web/studies", Empty::new()).await.unwrap();
    assert_eq!(refused.status(), 502);

    let line = gateway.wait_for_line(&format!("request_id={id}")).await;
    for part in [
        "  INFO transaction route=/dicom-web transaction=search caller=anyone method=GET status=200 ",
        " received=0 sent=2 ",
    ] {
        assert!(line.contains(part), "{part} not in {line}");
    }
    assert!(!line.contains("blame="));
    let line = gateway.wait_for_line(" blame=origin code=origin-broke-off error=\"").await;
    assert!(line.contains("  WARN transaction "), "{line}");
    assert_eq!(gateway.log().lines().count(), 2);
}

#[tokio::test]
async fn the_route_of_all_paths_has_a_name() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    for form in ["json", "text"] {
        let more = format!("[log]\nformat = \"{form}\"\n");
        let toml = Toml { route: "prefix = \"/\"".into(), more, ..world.toml(recorder.url()) };
        let gateway = world.start_ready(&toml).await;
        let caller = Connection::open(gateway.address(), Version::HTTP_11).await.unwrap();
        assert_eq!(caller.fetch("/studies").await.unwrap().0, 200);
        let part = if form == "json" { "\"route\":\"/\"" } else { "route=/ " };
        let line = gateway.wait_for_line("search").await;
        assert!(line.contains(part), "{line}");
    }
}

#[tokio::test]
async fn a_trace_goes_through_and_a_missing_one_begins_here() {
    let (_world, recorder, gateway) = logging(JSON).await;
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let caller = Connection::open(gateway.address(), Version::HTTP_11).await.unwrap();
    let traced = Request::get("/dicom-web/studies").header("traceparent", parent);
    let traced = traced.header("tracestate", "vendor=1").body(Empty::new()).unwrap();
    caller.send_request(traced).await.unwrap().into_body().collect().await.unwrap();
    caller.fetch("/dicom-web/studies").await.unwrap();
    let broken = Request::get("/dicom-web/studies").header("traceparent", "00-xyz-1-01");
    let broken = broken.body(Empty::new()).unwrap();
    caller.send_request(broken).await.unwrap().into_body().collect().await.unwrap();

    let lines = lines(&gateway, 3).await;
    let sent = recorder.requests();
    let parents = sent.iter().map(|request| request.header("traceparent").unwrap());
    let parents = parents.collect::<Vec<_>>();
    assert_eq!(parents[0], parent);
    assert_eq!(sent[0].header("tracestate"), Some("vendor=1"));
    assert_eq!(lines[0]["trace_id"], parent[3..35]);
    for (line, parent) in lines.iter().zip(&parents).skip(1) {
        let parts = parent.split('-').collect::<Vec<_>>();
        let [version, trace, span, flags] = parts[..] else { panic!("{parent}") };
        assert_eq!((version, trace.len(), span.len(), flags), ("00", 32, 16, "00"));
        assert_eq!(line["trace_id"], *trace);
    }
    assert_ne!(lines[1]["trace_id"], lines[2]["trace_id"]);
}

#[tokio::test]
async fn transactions_can_be_left_out() {
    let (_world, _recorder, gateway) = logging("[log]\ntransactions = false\n").await;
    let caller = Connection::open(gateway.address(), Version::HTTP_11).await.unwrap();
    assert_eq!(caller.fetch("/dicom-web/studies").await.unwrap().0, 200);
    assert_eq!(caller.fetch("/elsewhere").await.unwrap().0, 404);

    assert_eq!(gateway.log_at_its_end().await, "");
}

#[tokio::test]
async fn a_level_leaves_out_what_is_less_severe() {
    for (level, count) in [("error", 0), ("warn", 1), ("info", 3), ("trace", 3)] {
        let (_world, recorder, gateway) = logging(&format!("[log]\nlevel = \"{level}\"\n")).await;
        let caller = Connection::open(gateway.address(), Version::HTTP_11).await.unwrap();
        assert_eq!(caller.fetch("/dicom-web/studies").await.unwrap().0, 200);
        assert_eq!(caller.fetch("/elsewhere").await.unwrap().0, 404);
        recorder.reply_next(Reply::Close);
        let refused = caller.send("POST", "/dicom-web/studies", Empty::new()).await.unwrap();
        assert_eq!(refused.status(), 502);

        let log = gateway.log_at_its_end().await;
        assert_eq!(log.lines().count(), count, "{level}:\n{log}");
    }
}

#[tokio::test]
async fn a_reload_changes_what_is_logged() {
    let (world, recorder, gateway) =
        logging("[log]\nformat = \"json\"\ntransactions = false\n").await;
    let caller = Connection::open(gateway.address(), Version::HTTP_11).await.unwrap();
    assert_eq!(caller.fetch("/dicom-web/studies").await.unwrap().0, 200);
    let toml = Toml { more: JSON.into(), ..world.toml(recorder.url()) };
    gateway.reload(world.config(&toml)).unwrap();
    assert_eq!(caller.fetch("/dicom-web/studies").await.unwrap().0, 200);

    assert_eq!(lines(&gateway, 1).await.len(), 1);
}

/// A gateway with this `[log]`, before a recorder. Store is allowed.
async fn logging(log: &str) -> (World, Recorder, Running) {
    patient("response_timeout_secs = 0.5", log).await
}

/// The same with this patience.
async fn patient(patience: &str, log: &str) -> (World, Recorder, Running) {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let route = format!("allow = [\"search\", \"retrieve\", \"store\"]\n{patience}");
    let toml = Toml { route, more: log.to_owned(), ..world.toml(recorder.url()) };
    let gateway = world.start_ready(&toml).await;
    (world, recorder, gateway)
}

/// The lines so far, once there are `count`.
async fn lines(gateway: &Running, count: usize) -> Vec<Value> {
    let waited = async {
        while lines_so_far(gateway).len() < count {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(std::time::Duration::from_secs(30), waited).await;
    waited.unwrap_or_else(|_| panic!("not {count} lines:\n{}", gateway.log()));
    let lines = lines_so_far(gateway);
    assert_eq!(lines.len(), count, "{lines:?}");
    lines
}

fn lines_so_far(gateway: &Running) -> Vec<Value> {
    let log = gateway.log();
    // What follows the last line end is still being written.
    let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn outcome_of(line: &Value) -> (u64, &str, &str) {
    let text = |field: &str| line[field].as_str().unwrap_or_default();
    (line["status"].as_u64().unwrap(), text("blame"), text("code"))
}

fn bytes(status: &str) -> Reply {
    let length = if status.starts_with("204") { "" } else { "Content-Length: 0\r\n" };
    Reply::Bytes(format!("HTTP/1.1 {status}\r\n{length}\r\n").into())
}

/// An answer that promises more than it gives.
fn half() -> Vec<u8> {
    b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello".into()
}
