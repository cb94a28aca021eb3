//! Callers that have a key.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gateway::{KeyFile, KeyName};
use gateway_tests::world::Toml;
use gateway_tests::{Program, RawCaller, Recorder, Running, World};
use reqwest::Response;

mod command;
mod guesses;
mod modes;

/// A gateway whose callers have keys, before an origin server that writes down what it is sent.
struct Scene {
    world: World,
    recorder: Recorder,
    keys: KeyFile,
}

impl Scene {
    async fn new() -> Self {
        let (world, recorder) = (World::new().await, Recorder::start().await);
        let keys = KeyFile::at(&world.scratch.path().join("api-keys")).unwrap();
        Self { world, recorder, keys }
    }

    fn toml(&self) -> Toml {
        Toml {
            route: "callers = { api_keys = \"api-keys\" }".into(),
            more: "[runtime]\nworkers = 2\nwatch_interval_secs = 0.01\n".into(),
            ..self.world.toml(self.recorder.url())
        }
    }

    async fn start(&self) -> Running {
        self.world.start_ready(&self.toml()).await
    }

    /// A new key, which this name has from now on.
    fn key(&self, name: &str) -> String {
        self.keys.generate(self::name(name), None).unwrap().to_string()
    }
}

#[tokio::test]
async fn a_key_is_taken_in_three_ways_and_goes_no_further() {
    let scene = Scene::new().await;
    let key = scene.key("ward-7");
    let password = "correct horse battery";
    scene.keys.add_password(name("slicer"), password, None).unwrap();
    let gateway = scene.start().await;

    let secrets = [key.as_str(), password];
    let mut sent = 0;
    for secret in secrets {
        for fields in [
            vec![bearer(secret)],
            vec![("authorization", format!("bearer   {secret}"))],
            vec![("x-api-key", secret.to_owned())],
            vec![basic("anybody", secret)],
            vec![basic("", secret)],
        ] {
            let response = search(&gateway, &fields).await;
            assert_eq!(response.status(), 200, "{fields:?}");
            sent += 1;
        }
    }

    let requests = scene.recorder.requests();
    assert_eq!(requests.len(), sent);
    for request in requests {
        let head = String::from_utf8(request.head.clone()).unwrap();
        assert_eq!(request.values("authorization").len(), 1);
        assert!(request.header("authorization").unwrap().starts_with("Bearer "));
        assert_eq!(request.header("x-api-key"), None);
        for secret in secrets {
            assert!(!head.contains(secret), "{head}");
            assert!(!head.contains(&STANDARD.encode(format!("anybody:{secret}"))), "{head}");
        }
    }
    let log = gateway.log_at_its_end().await;
    assert!(secrets.iter().all(|secret| !log.contains(secret)), "{log}");
}

#[tokio::test]
async fn what_is_wrong_is_refused_and_reaches_nobody() {
    let scene = Scene::new().await;
    let key = scene.key("ward-7");
    let other = KeyFile::at(&scene.world.scratch.path().join("others")).unwrap();
    let unknown = other.generate(name("ward-7"), None).unwrap();
    let expired = scene.keys.generate(name("old"), Some("2020-01-31".parse().unwrap())).unwrap();
    scene.keys.add_password(name("slicer"), "correct horse battery", None).unwrap();
    let gateway = scene.start().await;

    let broken = &key[..key.len() - 1];
    let hash = std::fs::read_to_string(scene.keys.path()).unwrap();
    let hash = hash.split(['\n', ' ', ':']).find(|word| word.len() == 64).unwrap();
    for (fields, code) in [
        (vec![bearer(&unknown)], "invalid-key"),
        (vec![bearer(broken)], "invalid-key"),
        (vec![bearer(hash)], "invalid-key"),
        (vec![bearer(&key.to_lowercase())], "invalid-key"),
        (vec![("x-api-key", unknown.to_string())], "invalid-key"),
        (vec![("x-api-key", String::new())], "invalid-key"),
        (vec![basic("ward-7", "incorrect horse")], "invalid-key"),
        (vec![basic("slicer", "")], "invalid-key"),
        (vec![basic(&key, "")], "invalid-key"),
        (vec![("authorization", "Basic !".into())], "invalid-key"),
        (vec![bearer(&expired)], "expired-key"),
        (vec![basic("old", &expired)], "expired-key"),
        // Of no kind that this route takes: as if there were none.
        (vec![("authorization", "Negotiate abc".into())], "no-credentials"),
        (vec![("cookie", format!("key={key}"))], "no-credentials"),
        (vec![], "no-credentials"),
    ] {
        let response = search(&gateway, &fields).await;
        assert_eq!(response.status(), 401, "{fields:?}");
        assert_eq!(
            challenges(&response),
            [r#"Bearer realm="dicom-gateway""#, r#"Basic realm="dicom-gateway", charset="UTF-8""#]
        );
        let problem = response.text().await.unwrap();
        assert!(problem.contains(code), "{fields:?}: {problem}");
        assert!(!problem.contains(broken) && !problem.contains(&unknown[..20]), "{problem}");
    }
    assert_eq!(scene.recorder.bytes_seen(), 0);
    let (_, metrics) = gateway.admin("/metrics").await;
    assert!(metrics.contains("failed_authentications_total{kind=\"api_key\"} 12"), "{metrics}");
}

/// It would ask its user for a password, and send that with requests of any page from then on.
#[tokio::test]
async fn a_browser_is_not_told_of_passwords() {
    let scene = Scene::new().await;
    scene.key("ward-7");
    let gateway = scene.start().await;
    for field in [("origin", "null"), ("sec-fetch-site", "same-origin")] {
        let response = search(&gateway, &[(field.0, field.1.to_owned())]).await;
        assert_eq!(response.status(), 401);
        assert_eq!(challenges(&response), [r#"Bearer realm="dicom-gateway""#], "{field:?}");
    }
}

#[tokio::test]
async fn a_request_has_one_credential() {
    let scene = Scene::new().await;
    let key = scene.key("ward-7");
    let gateway = scene.start().await;
    let header = ("x-api-key", key.clone());

    for (query, fields) in [
        ("", vec![bearer(&key), bearer(&key)]),
        ("", vec![bearer(&key), basic("any", &key)]),
        ("", vec![header.clone(), header.clone()]),
        ("", vec![bearer(&key), header.clone()]),
        ("", vec![basic("any", &key), header.clone()]),
        ("?access_token=x", vec![header]),
        ("?PatientID=1&access_token", vec![bearer(&key)]),
        ("?Access%5Ftoken=x", vec![bearer(&key)]),
        ("?a;oauth_token=x", vec![]),
    ] {
        let response = send(&gateway, query, &fields).await;
        assert_eq!(response.status(), 400, "{query} {fields:?}");
        assert_eq!(
            challenges(&response),
            [r#"Bearer realm="dicom-gateway", error="invalid_request""#]
        );
    }
    assert_eq!(scene.recorder.bytes_seen(), 0);
}

#[tokio::test]
async fn a_key_comes_and_goes_while_the_gateway_runs() {
    let scene = Scene::new().await;
    let (stays, goes) = (scene.key("stays"), scene.key("goes"));
    let toml = Toml { listener: "max_failed_attempts = 1000000".into(), ..scene.toml() };
    let gateway = scene.world.start_ready(&toml).await;
    for key in [&stays, &goes] {
        assert_eq!(search(&gateway, &[bearer(key)]).await.status(), 200);
    }

    let comes = scene.key("comes");
    until_status(&gateway, &comes, 200).await;
    scene.keys.remove(&name("goes")).unwrap();
    until_status(&gateway, &goes, 401).await;
    for key in [&stays, &comes] {
        assert_eq!(search(&gateway, &[bearer(key)]).await.status(), 200);
    }

    // Whatever is wrong with the file, those who are known stay known.
    let good = std::fs::read_to_string(scene.keys.path()).unwrap();
    for (refusals, wrong) in ["", &format!("{good}and nonsense\n")].into_iter().enumerate() {
        std::fs::write(scene.keys.path(), wrong).unwrap();
        until_refused(&gateway, refusals).await;
        assert_eq!(search(&gateway, &[bearer(&comes)]).await.status(), 200);
    }
    std::fs::write(scene.keys.path(), good).unwrap();

    for name in ["stays", "comes"] {
        scene.keys.remove(&self::name(name)).unwrap();
    }
    for key in [&stays, &comes] {
        until_status(&gateway, key, 401).await;
    }
    assert_eq!(scene.world.authority.requests(), 1, "tokens outlive the keys");
}

#[tokio::test]
async fn a_file_that_is_wrong_is_told_line_by_line_and_without_hashes() {
    let scene = Scene::new().await;
    let key = scene.key("ward-7");
    let text = std::fs::read_to_string(scene.keys.path()).unwrap();
    let hash = text.split(':').next_back().unwrap().trim().to_owned();
    std::fs::write(scene.keys.path(), format!("{text}ward-8 {key}\nward/9 sha256:{hash}\n"))
        .unwrap();

    let config = scene.world.config(&scene.toml());
    let checked = tokio::task::spawn_blocking(|| gateway::Server::check(config)).await.unwrap();
    let told = checked.unwrap_err().to_string();
    for part in ["route \"/dicom-web\": callers.api_keys: ", "api-keys:3: ", "api-keys:4: "] {
        assert!(told.contains(part), "{told}");
    }
    assert!(!told.contains(&key[..20]) && !told.contains(&hash[..20]), "{told}");
}

#[tokio::test]
async fn the_end_of_a_key_is_told_before_it_comes() {
    let scene = Scene::new().await;
    scene.keys.generate(name("ward-7"), Some("2099-01-31".parse().unwrap())).unwrap();
    let gateway = scene.start().await;
    let (_, metrics) = gateway.admin("/metrics").await;
    let gauge = "key_material_life_left_seconds{key=\"route./dicom-web.callers.api_keys.ward-7\"} ";
    assert!(metrics.contains(gauge), "{metrics}");
}

fn bearer(key: &str) -> (&'static str, String) {
    ("authorization", format!("Bearer {key}"))
}

fn basic(user: &str, password: &str) -> (&'static str, String) {
    ("authorization", format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
}

fn name(text: &str) -> KeyName {
    text.parse().unwrap()
}

async fn search(gateway: &Running, fields: &[(&str, String)]) -> Response {
    send(gateway, "", fields).await
}

async fn send(gateway: &Running, query: &str, fields: &[(&str, String)]) -> Response {
    send_from(Ipv4Addr::LOCALHOST, gateway, (query, fields)).await
}

/// Sends a search from this address of the machine's own.
async fn send_from(
    from: Ipv4Addr,
    gateway: &Running,
    (query, fields): (&str, &[(&str, String)]),
) -> Response {
    let client = reqwest::Client::builder().no_proxy().local_address(IpAddr::from(from));
    let request = client.build().unwrap().get(gateway.url(&format!("/dicom-web/studies{query}")));
    let request =
        fields.iter().fold(request, |request, (name, value)| request.header(*name, value));
    request.send().await.unwrap()
}

fn challenges(response: &Response) -> Vec<&str> {
    let values = response.headers().get_all("www-authenticate").iter();
    values.map(|value| value.to_str().unwrap()).collect()
}

async fn until_status(gateway: &Running, key: &str, status: u16) {
    super::until(async || search(gateway, &[bearer(key)]).await.status() == status).await;
}

/// Waits until more than this many changes of key material were refused.
async fn until_refused(gateway: &Running, refusals: usize) {
    let counted = "dicom_gateway_rotations_total{outcome=\"refused\"} ";
    super::until(async || {
        let (_, metrics) = gateway.admin("/metrics").await;
        let count = metrics.lines().find_map(|line| line.strip_prefix(counted));
        count.unwrap().parse::<usize>().unwrap() > refusals
    })
    .await;
}

/// The status of a search by the program that runs there.
async fn search_at(address: SocketAddr, key: &str) -> u16 {
    let mut caller = RawCaller::connect(address).await.unwrap();
    let head = "GET /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\n";
    caller.send(format!("{head}Authorization: Bearer {key}\r\n\r\n")).await.unwrap();
    caller.read_response().await.unwrap().status
}
