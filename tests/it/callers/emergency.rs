//! Break-glass on sockets: who may assert an emergency, what that is leave for, and how it ends.

use gateway_tests::world::Toml;
use gateway_tests::{Connection, RawCaller, Running};
use http::{Request, Version};
use http_body_util::Empty;
use serde_json::Value;

use super::permits::{Caller, SEARCH, Scene};
use super::until;

const RETRIEVE: &str = "GET /studies/1.2/metadata";

#[tokio::test]
async fn who_may_has_the_emergency_s_leave_beside_its_own_and_nobody_else_does() {
    let scene = Scene::new().await;
    let gateway = start(&scene, "").await;
    let user = || scene.issuer.user();
    let doctor = || scene.token(user().with("roles", vec!["Dicom.Emergency"]));
    for (caller, request, without, within) in [
        (doctor(), SEARCH, 200, 200),
        (doctor(), RETRIEVE, 403, 200),
        (doctor(), "GET /partitions/ct/studies/1.2/metadata", 403, 200),
        (doctor(), "DELETE /studies/1.2", 403, 403),
        (scene.key("ward-7"), RETRIEVE, 403, 200),
        (scene.certificate("er1.example"), RETRIEVE, 403, 200),
        (scene.key("clerk"), SEARCH, 200, 403),
        (scene.key("clerk"), RETRIEVE, 403, 403),
        (scene.token(user()), RETRIEVE, 403, 403),
        (scene.certificate("mr.example"), RETRIEVE, 403, 403),
    ] {
        let before = scene.recorder.requests().len();
        let (status, problem) = scene.send(&gateway, &caller, request, &[]).await;
        assert_eq!(status, without, "{request}: {problem}");
        let (status, problem) = scene.send(&gateway, &caller, request, &[because("fall")]).await;
        assert_eq!(status, within, "{request}: {problem}");
        let expected = usize::from(without == 200) + usize::from(within == 200);
        assert_eq!(scene.recorder.requests().len() - before, expected, "{request}");
    }
    let (_, problem) = scene.send(&gateway, &scene.key("clerk"), SEARCH, &[because("fall")]).await;
    assert!(problem.contains("emergency-not-permitted"), "{problem}");
    let (_, problem) =
        scene.send(&gateway, &doctor(), "DELETE /studies/1.2", &[because("fall")]).await;
    assert!(problem.contains("not-permitted") && !problem.contains("emergency"), "{problem}");
    for request in scene.recorder.requests() {
        assert!(request.values("emergency-access").is_empty(), "the origin server is not told");
    }
}

#[tokio::test]
async fn an_emergency_holds_in_its_partitions_and_within_the_route_s() {
    let scene = Scene::new().await;
    let gateway = start_with(
        &scene,
        "allow = [\"search\"]\npartitions = [\"ct\", \"mr\"]\n\
         emergency = { to = [\"api_key:ward-7\"], allow = [\"retrieve\"], \
         partitions = [\"ct\", \"other\"] }",
    )
    .await;
    for (partition, expected) in [("ct", 200), ("mr", 403), ("other", 403)] {
        let request = format!("GET /partitions/{partition}/studies/1.2/metadata");
        let caller = scene.key("ward-7");
        let (status, _) = scene.send(&gateway, &caller, &request, &[because("fall")]).await;
        assert_eq!(status, expected, "{partition}");
    }
}

#[tokio::test]
async fn what_gives_no_sound_reason_is_refused() {
    let scene = Scene::new().await;
    let gateway = start(&scene, "").await;
    let ward = scene.key("ward-7");
    let long = "x".repeat(257);
    for reason in ["", " ", "%20", "50% down", "%FF", "a%0Ab", long.as_str()] {
        let (status, problem) = scene.send(&gateway, &ward, RETRIEVE, &[because(reason)]).await;
        assert_eq!(status, 400, "{reason:?}");
        assert!(problem.contains("emergency-malformed"), "{problem}");
        assert!(reason.len() < 4 || !problem.contains(reason), "{problem}");
    }
    let twice = [because("fall"), because("fall")];
    assert_eq!(scene.send(&gateway, &ward, RETRIEVE, &twice).await.0, 400);
    assert_eq!(scene.recorder.bytes_seen(), 0);
    for reason in ["Sturz%2C%20Stra%C3%9Fe", "fall, room 3", &long[1..]] {
        let (status, _) = scene.send(&gateway, &ward, RETRIEVE, &[because(reason)]).await;
        assert_eq!(status, 200, "{reason}");
    }
}

#[tokio::test]
async fn a_reason_is_good_for_a_while_and_then_refused_until_there_is_another() {
    let scene = Scene::new().await;
    let gateway = start(&scene, "max_secs = 0.3, ").await;
    let ward = scene.key("ward-7");
    let send = async |reason| {
        let (status, problem) = scene.send(&gateway, &ward, RETRIEVE, &[because(reason)]).await;
        (status, problem.contains("emergency-over"))
    };
    assert_eq!(send("fall").await, (200, false));
    until(async || send("fall").await == (403, true)).await;
    let (status, _) = scene.send(&gateway, &ward, SEARCH, &[because("fall")]).await;
    assert_eq!(status, 403, "what it may do anyway is no emergency either");
    assert_eq!(scene.send(&gateway, &ward, SEARCH, &[]).await.0, 200);
    assert_eq!(send("stroke").await, (200, false));
    // Somebody else has an emergency of its own, and so has the same one after a reload.
    let er1 = scene.certificate("er1.example");
    assert_eq!(scene.send(&gateway, &er1, RETRIEVE, &[because("fall")]).await.0, 200);
    gateway.reload(scene.world.config(&toml(&scene, ""))).unwrap();
    assert_eq!(send("fall").await, (403, true), "a reload forgets none");
}

#[tokio::test]
async fn emergencies_are_counted_and_the_log_has_neither_name_nor_reason() {
    let scene = Scene::new().await;
    let gateway = start(&scene, "max_secs = 0.5, ").await;
    let ward = scene.key("ward-7");
    let metrics = async || gateway.admin("/metrics").await.1;
    let is_counted = |text: &str, total, open| {
        let route = "{route=\"/dicom-web\"}";
        let total = format!("\ndicom_gateway_emergencies_total{route} {total}\n");
        let open = format!("\ndicom_gateway_emergencies{route} {open}\n");
        text.contains(&total) && text.contains(&open)
    };
    assert!(is_counted(&metrics().await, 0, 0));
    for reason in ["fall-4711", "fall-4711", "stroke-4711"] {
        let (status, _) = scene.send(&gateway, &ward, RETRIEVE, &[because(reason)]).await;
        assert_eq!(status, 200);
    }
    until(async || is_counted(&metrics().await, 2, 0)).await;
    let log = gateway.log_at_its_end().await;
    assert!(!log.contains("4711") && !log.contains("ward-7"), "{log}");
}

#[tokio::test]
async fn an_emergency_s_start_and_end_and_what_is_done_in_it_are_on_record() {
    let scene = Scene::new().await;
    let gateway = start(&scene, "max_secs = 1, ").await;
    let ward = scene.key("ward-7");
    let reason = "Sturz, Straße \"4\"".to_owned() + &"ß".repeat(200);
    let encoded = reason.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    for request in [RETRIEVE, SEARCH, "DELETE /studies/1.2"] {
        scene.send(&gateway, &ward, request, &[because(&encoded)]).await;
    }
    until(async || of(&records(&scene), "emergency-stop").len() == 1).await;
    let (status, _) = scene.send(&gateway, &ward, RETRIEVE, &[because(&encoded)]).await;
    assert_eq!(status, 403, "over");
    let er1 = scene.certificate("er1.example");
    assert_eq!(scene.send(&gateway, &er1, RETRIEVE, &[because("fall")]).await.0, 200);
    gateway.drain().await;

    let records = records(&scene);
    let (starts, stops) = (of(&records, "emergency-start"), of(&records, "emergency-stop"));
    assert_eq!((starts.len(), stops.len()), (2, 2), "the process ends what is left: {records:#?}");
    for record in [starts[0], stops[0]] {
        assert_eq!(record["outcome"], "success");
        assert_eq!(record["emergency"], reason.as_str());
        assert_eq!(
            (&record["principal"]["kind"], &record["principal"]["id"]),
            (&"api_key".into(), &"ward-7".into())
        );
        assert_eq!(record["route"], "/dicom-web");
    }
    assert_eq!(starts[0]["address"], "127.0.0.1");
    assert_ne!(starts[0]["id"], stops[0]["id"]);
    assert_eq!(starts[1]["principal"], stops[1]["principal"]);
    // Each worker hands over its own: between workers there is no order.
    let mut asserted = of(&records, "transaction").into_iter().map(|record| {
        let reason = record["emergency"].as_str().map(str::to_owned);
        (record["status"].as_u64().unwrap(), reason)
    });
    let asserted = sorted(&mut asserted);
    let within = |status| (status, Some(reason.clone()));
    let expected =
        [within(200), within(200), (403, None), (403, None), (200, Some("fall".to_owned()))];
    let expected = sorted(&mut expected.into_iter());
    assert!(asserted == expected, "what was refused is done in none");
    let last = of(&records, "stop");
    assert_eq!(last, [records.last().unwrap()], "after the emergencies' ends");
}

#[tokio::test]
async fn nobody_asserts_an_emergency_where_none_is_provided_for() {
    let scene = Scene::new().await;
    let gateway = start_with(&scene, "allow = [\"search\", \"retrieve\"]").await;
    let ward = scene.key("ward-7");
    let (status, problem) = scene.send(&gateway, &ward, RETRIEVE, &[because("fall")]).await;
    assert!(status == 403 && problem.contains("emergency-not-permitted"), "{problem}");
    let stranger = Caller::Field("Bearer dgw_nobody".into());
    let (status, _) = scene.send(&gateway, &stranger, RETRIEVE, &[because("fall")]).await;
    assert_eq!(status, 401, "who somebody is comes first");
    assert_eq!(scene.recorder.bytes_seen(), 0);
    assert!(!gateway.admin("/metrics").await.1.contains("emergencies_total{"));
}

#[tokio::test]
async fn pages_may_assert_emergencies_where_callers_may() {
    let scene = Scene::new().await;
    for (emergency, headers, methods) in
        [(true, "accept, emergency-access", "GET, HEAD, OPTIONS"), (false, "accept", "OPTIONS")]
    {
        let emergency = if emergency { EMERGENCY } else { "" };
        let gateway = start_with(
            &scene,
            &format!(
                "allow = [\"search\"]\ncors.origins = [\"https://viewer.example\"]\n{emergency}"
            ),
        )
        .await;
        let version = Version::HTTP_11;
        let caller = Connection::open_tls(gateway.address(), version, &scene.world.ca).await;
        let request = Request::options("/dicom-web/studies/1.2/metadata")
            .header("origin", "https://viewer.example")
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "accept, emergency-access")
            .body(Empty::new())
            .unwrap();
        let answer = caller.unwrap().send_request(request).await.unwrap();
        let allowed = |name: &str| {
            let value = answer.headers().get(format!("access-control-allow-{name}"));
            value.map_or("", |value| value.to_str().unwrap()).to_owned()
        };
        assert_eq!((answer.status().as_u16(), &*allowed("headers")), (204, headers));
        let allowed = allowed("methods");
        assert!(allowed == methods || methods == "OPTIONS" && allowed.is_empty(), "{allowed}");
    }
}

#[tokio::test]
async fn proxies_get_tokens_for_emergencies_too() {
    let scene = Scene::new().await;
    let asked = "[forward_auth]\naddress = \"127.0.0.1:0\"\ndescribed_by = \"x-original\"\n";
    let toml = toml(&scene, "");
    let toml = Toml { more: format!("{asked}{}", toml.more), ..toml };
    let gateway = scene.world.start_ready(&toml).await;
    let Caller::Field(key) = scene.key("ward-7") else { unreachable!() };
    for (field, status) in
        [("", 403), ("Emergency-Access: fall\r\n", 200), ("Emergency-Access: \r\n", 400)]
    {
        let mut proxy = RawCaller::connect(gateway.forward_auth_address()).await.unwrap();
        let asking = format!(
            "GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: {key}\r\n\
             X-Original-Method: GET\r\nX-Original-Uri: /dicom-web/studies/1.2\r\n{field}\r\n"
        );
        proxy.send(asking).await.unwrap();
        assert_eq!(proxy.read_response().await.unwrap().status, status, "{field}");
    }
    assert_eq!(scene.recorder.bytes_seen(), 0);
}

/// What is on record.
fn records(scene: &Scene) -> Vec<Value> {
    let text = std::fs::read_to_string(scene.world.scratch.path().join("audit.jsonl")).unwrap();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn of<'r>(records: &'r [Value], event: &str) -> Vec<&'r Value> {
    records.iter().filter(|record| record["event"] == event).collect()
}

fn sorted<T: Ord>(all: &mut dyn Iterator<Item = T>) -> Vec<T> {
    let mut all = all.collect::<Vec<_>>();
    all.sort_unstable();
    all
}

fn because(reason: &str) -> (&'static str, &str) {
    ("Emergency-Access", reason)
}

/// A gateway whose emergencies have these further keys.
async fn start(scene: &Scene, keys: &str) -> Running {
    scene.world.start_ready(&toml(scene, keys)).await
}

async fn start_with(scene: &Scene, route: &str) -> Running {
    scene.world.start_ready(&Toml { more: AUDIT.into(), ..scene.toml(route) }).await
}

fn toml(scene: &Scene, keys: &str) -> Toml {
    let emergency = EMERGENCY.replace("{ to", &format!("{{ {keys}to"));
    let route = format!("allow = [\"search\"]\n{emergency}");
    Toml { more: AUDIT.into(), ..scene.toml(&route) }
}

const EMERGENCY: &str = "emergency = { to = [\"role:Dicom.Emergency\", \"api_key:ward-7\", \
                         \"certificate:dns:er1.example\"], allow = [\"search\", \"retrieve\"] }";
const AUDIT: &str = "[audit]\nfile = \"audit.jsonl\"\n";
