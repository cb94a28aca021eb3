//! Who calls follows from what was proved, each time anew, and nothing happens before.

use std::collections::HashSet;

use config::Address;
use gateway::KeyFile;
use gateway_tests::issuer::{Draft, Issuer, SigningKey};
use gateway_tests::world::Toml;
use gateway_tests::{RawCaller, RawResponse, Recorder, Running, World};
use serde_json::json;

/// A gateway that knows callers by tokens and keys, and that other proxies may ask.
struct Gate {
    world: World,
    issuer: Issuer,
    recorder: Recorder,
    gateway: Running,
    key: String,
}

impl Gate {
    async fn with(rules: &str) -> Self {
        let (world, recorder) = (World::new().await, Recorder::start().await);
        let issuer = Issuer::start(&world.ca).await;
        let keys = KeyFile::at(&world.scratch.path().join("api-keys")).unwrap();
        let key = keys.generate("ward-7".parse().unwrap(), None).unwrap().to_string();
        let toml = toml(&world, (&issuer, &recorder), rules);
        let gateway = world.start_ready(&toml).await;
        Self { world, issuer, recorder, gateway, key }
    }

    fn sign(&self, draft: &Draft) -> String {
        format!("Authorization: Bearer {}\r\n", draft.sign(self.issuer.key()))
    }

    async fn ask(&self, line: &str, fields: &str) -> RawResponse {
        let mut caller = RawCaller::connect(self.gateway.address()).await.unwrap();
        answered(&mut caller, line, fields).await
    }

    /// The answer to another proxy that describes this request.
    async fn vouched(&self, line: &str, fields: &str) -> RawResponse {
        let Some(Address::Tcp(address)) = self.gateway.server().forward_auth_address() else {
            panic!("no listener for other proxies")
        };
        let mut proxy = RawCaller::connect(*address).await.unwrap();
        let (method, target) = line.split_once(' ').unwrap();
        let described = format!("X-Original-Method: {method}\r\nX-Original-Uri: {target}\r\n");
        answered(&mut proxy, "GET /", &format!("{described}{fields}")).await
    }

    /// How many bytes and token requests left.
    fn left(&self) -> (usize, usize) {
        (self.recorder.bytes_seen(), self.world.authority.requests())
    }
}

/// Classes 6 and 23. CVE-2022-29226: a token was enough, whatever it was. CVE-2025-31492: what was
/// protected was sent, and the refusal behind it.
#[tokio::test]
async fn what_looks_like_proof_opens_nothing_and_nothing_is_asked_before_it_is_judged() {
    let gate = Gate::with("allow = [\"search\", \"retrieve\", \"store\", \"delete\"]").await;
    let (user, forger) = (|| gate.issuer.user(), SigningKey::es256("1"));
    let bearer = |token: &str| format!("Authorization: Bearer {token}\r\n");
    let unsigned = gate.issuer.user_token();
    let unsigned = &unsigned[..=unsigned.rfind('.').unwrap()];
    let seeming = [
        String::new(),
        bearer("a.b.c"),
        bearer(unsigned),
        bearer(&user().header("alg", "none").sign(&forger)),
        bearer(&user().sign(&forger)),
        gate.sign(&user().with("exp", 17)),
        gate.sign(&user().with("aud", "another")),
        gate.sign(&user().with("iss", "https://another.example")),
        bearer(&gate.world.authority.issue_token()),
        bearer(&gate.world.authority.last_token().unwrap()),
        bearer("null"),
        bearer(&gate.key[..gate.key.len() - 1]),
        "X-Api-Key: ward-7\r\n".to_owned(),
        "Authorization: Basic d2FyZC03OndhcmQtNw==\r\n".to_owned(),
        "Authorization: Negotiate abc\r\n".to_owned(),
        format!("Cookie: key={0}; session={0}; Authorization={0}\r\n", gate.key),
        format!("Proxy-Authorization: Bearer {}\r\n", gate.key),
        format!("X-Forwarded-Access-Token: {}\r\n", gate.issuer.user_token()),
        "X-Forwarded-User: ward-7\r\nX-Auth-Request-User: ward-7\r\n".to_owned(),
        "X-Forwarded-Client-Cert: Hash=00;Subject=\"CN=ward-7\"\r\n".to_owned(),
        "Origin: http://localhost\r\nSec-Fetch-Site: same-origin\r\n".to_owned(),
        "X-Original-Uri: /live\r\nX-Original-Method: OPTIONS\r\n".to_owned(),
    ];
    let upgrade = "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let stores = "Content-Type: application/dicom\r\nContent-Length: 3\r\n\r\nabc";
    let left = gate.left();
    for fields in &seeming {
        for (line, more) in [
            ("GET /dicom-web/studies", ""),
            ("HEAD /dicom-web/studies", ""),
            ("GET /dicom-web/studies/1.2/metadata", ""),
            ("POST /dicom-web/studies", stores),
            ("DELETE /dicom-web/studies/1.2", ""),
            ("GET /dicom-web/workitems/1.2/subscribers/A", upgrade),
            ("GET /dicom-web/studies?authorization=Bearer", ""),
        ] {
            let told = gate.ask(line, &format!("{fields}{more}")).await.status;
            // A WebSocket that this route does not allow need not ask who it is.
            assert!(told == 401 || !more.is_empty() && told == 403, "{told} to {line} {fields}");
            if more.is_empty() && !fields.contains("X-Original") {
                let told = gate.vouched(line, fields).await;
                assert_eq!(told.status, 401, "{line} {fields}");
                assert_eq!(told.header("authorization"), None);
            }
        }
    }
    assert_eq!(gate.left(), left);

    for fields in [gate.sign(&user()), bearer(&gate.key)] {
        assert_eq!(gate.ask("GET /dicom-web/studies", &fields).await.status, 200, "{fields}");
        let told = gate.vouched("GET /dicom-web/studies", &fields).await;
        assert_eq!(told.status, 200, "{fields}");
        assert!(told.header("authorization").is_some_and(|it| it.starts_with("Bearer ")));
    }
}

/// Class 8. CVE-2026-40574: an address with two `@` was of the domain that was let in.
#[tokio::test]
async fn nobody_is_known_by_a_name_that_people_choose() {
    let (oid, role) = ("1d2c3b4a-0000-4000-8000-0123456789ab", "Dicom.Reader");
    let gate = Gate::with(&format!(
        "allow = []\npermits = [{{ to = [\"role:{role}\", \"group:{role}\"], allow = [\"search\"] }}, \
         {{ to = [\"subject:{oid}\", \"application:{oid}\"], allow = [\"search\"] }}]"
    ))
    .await;
    let other = || gate.issuer.user().with("oid", "another").with("sub", "another");
    let mut drafts = Vec::new();
    for value in [oid, role] {
        for claim in [
            "preferred_username",
            "upn",
            "unique_name",
            "email",
            "emails",
            "name",
            "given_name",
            "nickname",
            "login_hint",
            "verified_primary_email",
            "appid_name",
            "wids",
            "idtyp",
            "role",
            "group",
            "acct",
            "xms_mirid",
            "azp_name",
            "nameid",
            "samaccountname",
        ] {
            drafts.push(other().with(claim, value));
            drafts.push(other().with(claim, json!([value])));
        }
        for odd in [
            format!("{value} "),
            format!(" {value}"),
            format!("{value}\0"),
            format!("{value}x"),
            format!("x{value}"),
            format!("{value}@evil.example"),
            format!("evil@{value}"),
            format!("{value}@evil.example@{value}"),
            format!("*.{value}"),
            format!("{value},x"),
            format!("role:{value}"),
            "*".to_owned(),
            String::new(),
            value[..8].to_owned(),
            value.to_uppercase(),
        ] {
            drafts.push(other().with("roles", json!([odd])));
            drafts.push(other().with("groups", json!([odd])));
            drafts.push(other().with("azp", odd.as_str()));
            if !odd.is_empty() {
                drafts.push(other().with("oid", odd.as_str()));
                drafts.push(other().without(&["oid"]).with("sub", odd.as_str()));
            }
        }
    }
    // The subject is the object id, where there is one.
    drafts.push(other().with("sub", oid));
    for draft in &drafts {
        let told = gate.ask("GET /dicom-web/studies", &gate.sign(draft)).await;
        assert!(matches!(told.status, 401 | 403), "{} to {}", told.status, draft.claims_text());
    }
    assert_eq!(gate.recorder.bytes_seen(), 0);
    for draft in [
        other().with("oid", oid),
        other().with("roles", json!(["x", role])),
        other().with("groups", json!([role])),
        other().with("azp", oid),
    ] {
        let told = gate.ask("GET /dicom-web/studies", &gate.sign(&draft)).await;
        assert_eq!(told.status, 200, "{}", draft.claims_text());
    }
}

/// Class 25: of two credentials the last one counted, or each reader took another.
#[tokio::test]
async fn of_two_credentials_neither_counts() {
    let gate = Gate::with("").await;
    let (token, key) = (gate.sign(&gate.issuer.user()), format!("X-Api-Key: {}\r\n", gate.key));
    let bare = token.trim_start_matches("Authorization: Bearer ").trim_end();
    let left = gate.left();
    let mut pairs = vec![
        ("", format!("{token}{token}")),
        ("", format!("{token}Authorization: x\r\n")),
        ("", format!("Authorization:\r\n{token}")),
        ("", format!("{token}aUTHORIZATION: Bearer {}\r\n", gate.key)),
        ("", format!("{key}{key}")),
        ("", format!("{key}x-api-key: x\r\n")),
        ("", format!("{token}{key}")),
        ("", format!("{key}{token}")),
    ];
    let spelled = ["access_token", "access%5ftoken", "%61ccess_token", "limit=1&access_token"];
    for name in spelled {
        for fields in [&token, &key, &String::new()] {
            pairs.push((name, fields.clone()));
        }
    }
    for (name, fields) in &pairs {
        let query = if name.is_empty() { "limit=1" } else { &format!("{name}={bare}") };
        let line = format!("GET /dicom-web/studies?{query}");
        assert_eq!(gate.ask(&line, fields).await.status, 400, "{name} {fields}");
        let told = gate.vouched(&line, fields).await;
        assert_eq!((told.status, told.header("authorization")), (400, None), "{name} {fields}");
    }
    // A list is no token and no key.
    for fields in [format!("{},x\r\n", token.trim_end()), format!("{},x\r\n", key.trim_end())] {
        assert_eq!(gate.ask("GET /dicom-web/studies", &fields).await.status, 401, "{fields}");
    }
    assert_eq!(gate.left(), left);
}

/// Class 22. CVE-2021-41230: what somebody had once been allowed stayed allowed.
#[tokio::test]
async fn leave_ends_with_what_gave_it() {
    let rules = |role: &str| {
        format!("allow = []\npermits = [{{ to = [\"role:{role}\"], allow = [\"search\"] }}]")
    };
    let gate = Gate::with(&rules("reader")).await;
    let of = |roles: &[&str]| gate.sign(&gate.issuer.user().with("roles", json!(roles)));
    let (reader, writer, neither) = (of(&["reader"]), of(&["writer"]), of(&[]));
    let mut told = HashSet::new();
    for (fields, status) in
        [(&reader, 200), (&neither, 403), (&writer, 403), (&reader, 200), (&neither, 403)]
    {
        assert_eq!(gate.ask("GET /dicom-web/studies", fields).await.status, status);
        told.insert(gate.vouched("GET /dicom-web/studies", fields).await.status);
    }
    assert_eq!(told, [200, 403].into());

    let toml = toml(&gate.world, (&gate.issuer, &gate.recorder), &rules("writer"));
    gate.gateway.reload(gate.world.config(&toml)).unwrap();
    for (fields, status) in [(&reader, 403), (&writer, 200)] {
        assert_eq!(gate.ask("GET /dicom-web/studies", fields).await.status, status);
        assert_eq!(gate.vouched("GET /dicom-web/studies", fields).await.status, status);
    }
}

fn toml(world: &World, (issuer, recorder): (&Issuer, &Recorder), rules: &str) -> Toml {
    let callers = format!(
        "callers = {{ api_keys = \"api-keys\", bearer = {{ issuer = \"{}\", audience = \"{}\", \
         algorithms = [\"ES256\"], anchors = \"ca.pem\" }} }}",
        issuer.issuer(),
        Issuer::AUDIENCE
    );
    Toml {
        // One address sends all that is wrong here, and there is much of it.
        listener: "max_failed_attempts = 10000".into(),
        route: format!("{callers}\n{rules}"),
        more: "[forward_auth]\naddress = \"127.0.0.1:0\"\ndescribed_by = \"x-original\"\n".into(),
        ..world.toml(recorder.url() + "/v2")
    }
}

async fn answered(caller: &mut RawCaller, line: &str, fields: &str) -> RawResponse {
    let (method, _) = line.split_once(' ').unwrap();
    let end = if fields.contains("\r\n\r\n") { "" } else { "\r\n" };
    let raw = format!("{line} HTTP/1.1\r\nHost: localhost\r\n{fields}{end}");
    caller.send(raw).await.unwrap();
    caller.read_response_to(method).await.unwrap()
}
