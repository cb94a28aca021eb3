//! Every refusal that Entra is known for: what the caller gets, and what the operator reads.

use futures_util::future::join_all;
use gateway_tests::authority::{Answer, refusal};
use gateway_tests::world::Toml;
use gateway_tests::{Program, RawCaller, Recorder, World};
use serde_json::Value;

#[tokio::test]
async fn each_code_has_its_class_its_status_and_a_remedy() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let mut answers = Vec::new();
    for (error, code, ..) in ROWS {
        let answer = refusal(error, *code, "canary");
        world.authority.answer_client(&client(*code), answer.clone());
        answers.push(ids(&answer));
    }
    let (client, mut route) = tables(&world, &recorder.url());
    let more = route.split_off(route.find("[[route]]").expect("several routes"));
    let toml = Toml { client, route, more, ..world.toml(recorder.url()) };
    let file = world.scratch.file("gateway.toml", toml.text());
    let mut program = Program::start(&["serve".as_ref(), file.as_os_str()], &[]);
    let (callers, operators) = program.addresses().await;

    let told = join_all(
        ROWS.iter()
            .map(|(_, code, ..)| async move { get(callers, &format!("/r{code}/studies")).await }),
    )
    .await;
    let (unready, ready) = get(operators, "/ready").await;
    assert_eq!(unready, 503);
    let ready: Value = serde_json::from_str(&ready).unwrap();

    for (row, ((error, code, class, word), (status, problem))) in ROWS.iter().zip(&told).enumerate()
    {
        let (expected, kind, reason) = match *class {
            "throttle" => (503, "authority-throttles", "throttles this client for 60 s"),
            "transient" => (503, "authority-unavailable", "is out of order: status 400"),
            _ => (500, "client-refused", "refused this client: "),
        };
        assert_eq!(*status, expected, "{code}: {problem}");
        assert!(problem.contains(kind), "{code}: {problem}");
        assert!(!problem.contains("AADSTS") && !problem.contains("canary"), "{code}: {problem}");

        let prefix = format!("/r{code}");
        let routes = ready["routes"].as_array().unwrap();
        let route = routes.iter().find(|route| route["prefix"] == *prefix).unwrap();
        assert_eq!(route["ready"], false, "{code}");
        let told = route["reason"].as_str().unwrap();
        assert!(told.contains(reason) && told.ends_with(&format!(" AADSTS{code}")), "{told}");
        assert!(expected == 503 || told.contains(error), "{told}");
        let remedy = route["remedy"].as_str().unwrap();
        assert!(remedy.contains(word), "{code}: {remedy}");

        let line = program.wait_for_line(&format!("client=\"c{code}\"")).await;
        assert!(line.contains(told), "{line}");
        assert!(line.contains(&format!("class=\"{class}\"")), "{line}");
        assert!(line.contains(&format!("remedy={remedy:?}")), "{line}");
        let (correlation_id, trace_id) = &answers[row];
        assert!(line.contains(&format!("correlation_id={correlation_id} ")), "{line}");
        assert!(line.contains(&format!("trace_id={trace_id}")), "{line}");
    }
    assert!(!program.stderr().contains("canary") && !ready.to_string().contains("canary"));
    assert_eq!(recorder.bytes_seen(), 0);
}

#[tokio::test]
async fn a_code_that_nobody_knows_is_told_by_its_error() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    for (error, status, class) in [
        ("invalid_client", 500, Some("credential")),
        ("unauthorized_client", 500, Some("application")),
        ("invalid_scope", 500, Some("request")),
        ("temporarily_unavailable", 503, Some("transient")),
        ("server_error", 503, Some("transient")),
        ("canary", 500, None),
    ] {
        world.authority.answer_with(refusal(error, 4_294_967_295, "canary"));
        let file = world.scratch.file("gateway.toml", world.toml(recorder.url()).text());
        let mut program = Program::start(&["serve".as_ref(), file.as_os_str()], &[]);
        let (callers, _) = program.addresses().await;

        assert_eq!(get(callers, "/dicom-web/studies").await.0, status, "{error}");

        let line = program.wait_for_line("no token acquired").await;
        assert!(line.contains("AADSTS4294967295") && !line.contains("canary"), "{line}");
        match class {
            Some(class) => assert!(line.contains(&format!("class=\"{class}\"")), "{line}"),
            None => assert!(!line.contains("class="), "{line}"),
        }
    }
}

#[test]
fn no_code_of_the_gateway_s_table_is_without_a_row() {
    let table = include_str!("../../../gateway/src/token/aadsts.rs");
    let (_, codes) = table.split_once("const CODES").expect("the table");
    let (codes, _) = codes.split_once("const ERRORS").expect("its end");
    let lists = codes.split("&[").skip(1).filter_map(|rest| rest.split_once(']'));
    let numbers = lists.flat_map(|(list, _)| list.split(','));
    let numbers = numbers.filter_map(|number| number.trim().replace('_', "").parse::<u32>().ok());
    let mut known = numbers.collect::<Vec<_>>();
    let mut rows = ROWS.iter().map(|(_, code, ..)| *code).collect::<Vec<_>>();
    known.sort_unstable();
    rows.sort_unstable();
    assert!(known.len() > 80, "{known:?}");
    assert_eq!(known, rows);
}

/// A client and a route for each row: the clients' tables, and the routes' without the first head.
fn tables(world: &World, origin: &str) -> (String, String) {
    let (mut clients, mut routes) = (String::new(), String::new());
    let endpoint = world.authority.token_endpoint();
    for (_, code, ..) in ROWS {
        let id = client(*code);
        clients.push_str(&format!(
            "[client.c{code}]\ntoken_endpoint = \"{endpoint}\"\nid = \"{id}\"\n\
             anchors = \"ca.pem\"\ncredential.secret_file = \"client-secret\"\n"
        ));
        if !routes.is_empty() {
            routes.push_str("[[route]]\n");
        }
        let scope = world.authority.scope();
        routes.push_str(&format!(
            "prefix = \"/r{code}\"\norigin = \"{origin}\"\nscope = \"{scope}\"\n\
             callers = \"anyone\"\nclient = \"c{code}\"\n"
        ));
    }
    (clients, routes)
}

fn client(code: u32) -> String {
    format!("client-of-{code}")
}

/// Correlation id and trace id of an answer.
fn ids(answer: &Answer) -> (String, String) {
    let Answer::Fixed { body, .. } = answer else { panic!("{answer:?} is not fixed") };
    let body: Value = serde_json::from_slice(body).unwrap();
    let id = |name: &str| body[name].as_str().unwrap().to_owned();
    (id("correlation_id"), id("trace_id"))
}

async fn get(address: std::net::SocketAddr, path: &str) -> (u16, String) {
    let mut caller = RawCaller::connect(address).await.unwrap();
    caller.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await.unwrap();
    let response = caller.read_response().await.unwrap();
    (response.status, response.text())
}

/// `error`, code, class, and a word of the remedy.
pub(crate) const ROWS: &[(&str, u32, &str, &str)] = &[
    ("invalid_client", 7_000_215, "credential", "Value"),
    ("invalid_client", 7_000_222, "credential", "expired"),
    ("invalid_client", 70_002, "credential", "Value"),
    ("invalid_client", 7_000_216, "credential", "no credential"),
    ("invalid_client", 7_000_218, "credential", "no credential"),
    ("invalid_client", 700_025, "credential", "public client"),
    ("invalid_client", 700_027, "credential", "thumbprint"),
    ("invalid_client", 7_000_274, "credential", "thumbprint"),
    ("invalid_client", 700_024, "credential", "clock"),
    ("invalid_client", 7_000_214, "credential", "revoked"),
    ("invalid_client", 7_000_277, "credential", "revoked"),
    ("invalid_client", 1_000_502, "credential", "renew"),
    ("invalid_client", 700_030, "credential", "subject"),
    ("invalid_client", 50_012, "credential", "thumbprint"),
    ("invalid_request", 50_027, "credential", "audience"),
    ("invalid_client", 50_048, "credential", "issuer and subject"),
    ("invalid_client", 700_213, "credential", "federated"),
    ("invalid_client", 7_002_131, "credential", "federated"),
    ("invalid_client", 700_229, "credential", "managed identity"),
    ("invalid_client", 70_023, "credential", "a day"),
    ("unauthorized_client", 700_016, "application", "object id"),
    ("unauthorized_client", 70_001, "application", "disabled"),
    ("unauthorized_client", 7_000_112, "application", "disabled"),
    ("unauthorized_client", 1_000_031, "application", "administrator"),
    ("invalid_grant", 7_000_114, "assertion", "client_credentials"),
    ("invalid_request", 90_002, "tenant", "slip"),
    ("invalid_request", 900_023, "tenant", "slip"),
    ("invalid_request", 90_038, "tenant", "login host"),
    ("invalid_request", 900_432, "tenant", "login host"),
    ("invalid_request", 900_382, "tenant", "login host"),
    ("invalid_request", 50_194, "tenant", "one tenant"),
    ("invalid_resource", 500_011, "resource", "deployed"),
    ("invalid_resource", 50_001, "resource", "deployed"),
    ("invalid_resource", 650_052, "resource", "subscription"),
    ("invalid_resource", 650_057, "resource", "API permissions"),
    ("invalid_grant", 65_001, "consent", "consent"),
    ("invalid_client", 65_005, "consent", "API permissions"),
    ("invalid_client", 650_056, "consent", "API permissions"),
    ("invalid_grant", 90_094, "consent", "administrator"),
    ("invalid_grant", 90_095, "consent", "administrator"),
    ("invalid_grant", 501_051, "consent", "app roles"),
    ("invalid_grant", 50_105, "policy", "assign"),
    ("interaction_required", 50_076, "user", "second factor"),
    ("interaction_required", 50_079, "user", "second factor"),
    ("interaction_required", 50_078, "user", "second factor"),
    ("interaction_required", 50_074, "user", "second factor"),
    ("interaction_required", 50_072, "user", "second factor"),
    ("interaction_required", 50_158, "user", "second factor"),
    ("interaction_required", 53_000, "policy", "conditional access"),
    ("interaction_required", 53_001, "policy", "conditional access"),
    ("interaction_required", 53_002, "policy", "conditional access"),
    ("access_denied", 53_003, "policy", "conditional access"),
    ("interaction_required", 53_004, "policy", "conditional access"),
    ("interaction_required", 53_010, "policy", "conditional access"),
    ("interaction_required", 53_011, "policy", "conditional access"),
    ("access_denied", 530_031, "policy", "security defaults"),
    ("access_denied", 530_032, "policy", "security defaults"),
    ("access_denied", 530_035, "policy", "security defaults"),
    ("invalid_grant", 50_131, "policy", "device"),
    ("invalid_grant", 50_097, "policy", "device"),
    ("invalid_grant", 50_129, "policy", "device"),
    ("invalid_grant", 50_013, "assertion", "caller's token"),
    ("invalid_grant", 500_131, "assertion", "caller's token"),
    ("invalid_grant", 500_132, "assertion", "caller's token"),
    ("invalid_grant", 500_133, "assertion", "caller's token"),
    ("invalid_grant", 240_002, "assertion", "caller's token"),
    ("invalid_grant", 50_057, "user", "sign in again"),
    ("invalid_grant", 50_173, "user", "sign in again"),
    ("invalid_grant", 50_132, "user", "sign in again"),
    ("invalid_grant", 50_133, "user", "sign in again"),
    ("invalid_grant", 700_082, "user", "sign in again"),
    ("invalid_grant", 70_008, "user", "sign in again"),
    ("invalid_grant", 70_043, "user", "sign in again"),
    ("invalid_scope", 70_011, "request", "App ID URI"),
    ("invalid_scope", 28_002, "request", "App ID URI"),
    ("invalid_scope", 1_002_012, "request", "/.default"),
    ("invalid_scope", 700_022, "request", "one service"),
    ("invalid_request", 900_144, "request", "proxy"),
    ("invalid_request", 900_561, "request", "proxy"),
    ("invalid_request", 9_002_313, "request", "proxy"),
    ("invalid_request", 90_014, "request", "proxy"),
    ("invalid_request", 90_023, "request", "proxy"),
    ("invalid_grant", 501_481, "request", "replica"),
    ("invalid_client", 50_011, "request", "redirect URI"),
    ("invalid_grant", 54_005, "request", "twice"),
    ("invalid_grant", 50_196, "throttle", "too often"),
    ("invalid_request", 90_055, "throttle", "too often"),
    ("temporarily_unavailable", 90_006, "transient", "trouble"),
    ("temporarily_unavailable", 90_024, "transient", "trouble"),
    ("temporarily_unavailable", 90_033, "transient", "trouble"),
    ("invalid_request", 50_033, "transient", "trouble"),
    ("invalid_request", 50_087, "transient", "trouble"),
    ("invalid_request", 90_012, "transient", "trouble"),
];
