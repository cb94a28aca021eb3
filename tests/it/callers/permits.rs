//! What each caller may do: requests of all kinds of callers on sockets, and what of them arrives.
//!
//! The whole table is gone through beside the code; here it is shown that who a caller proved to be is
//! who it is held to be, and that nothing goes on that was not permitted.

use std::collections::{BTreeMap, BTreeSet};

use gateway::{KeyFile, KeyName};
use gateway_tests::connection::whole;
use gateway_tests::issuer::Draft;
use gateway_tests::world::Toml;
use gateway_tests::{Ca, Connection, Issued, Issuer, Recorder, Running, World};
use http::{Request, Version};
use http_body_util::Empty;
use rustls::ALL_VERSIONS;
use serde_json::Value;

#[tokio::test]
async fn each_kind_of_caller_may_do_what_its_permits_say_where_they_say_it() {
    let scene = Scene::new().await;
    let gateway = scene
        .start(
            "allow = [\"search\"]\npermits = [\n\
             { to = [\"api_key:ward-7\", \"role:Dicom.Writer\"], allow = [\"store\"] },\n\
             { to = [\"certificate:dns:*.ct.example\"], allow = [\"store\", \"delete\"], \
                partitions = [\"ct\"] },\n\
             { to = [\"kind:bearer\"], allow = [\"retrieve\"] },\n\
             { to = [\"scope:Dicom.Manage\", \"group:admins\"], allow = [\"manage\"] },\n\
             { to = [\"subject:u-1\", \"application:app-1\"], allow = [\"worklist\"] },\n]",
        )
        .await;
    let user = || scene.issuer.user();
    for (index, (caller, allowed)) in [
        (scene.key("unnamed"), &["search"][..]),
        (scene.key("ward-7"), &["search", "store", "store in ct"]),
        (scene.token(user()), &["search", "retrieve"]),
        (
            scene.token(user().with("roles", vec!["Reader", "Dicom.Writer"])),
            &["search", "retrieve", "store", "store in ct"],
        ),
        (
            scene.token(user().with("scp", "Dicom.Read Dicom.Manage")),
            &["search", "retrieve", "manage"],
        ),
        (scene.token(user().with("groups", vec!["admins"])), &["search", "retrieve", "manage"]),
        (scene.token(user().with("oid", "u-1")), &["search", "retrieve", "worklist"]),
        (scene.token(user().with("azp", "app-1")), &["search", "retrieve", "worklist"]),
        (scene.certificate("one.ct.example"), &["search", "store in ct", "delete in ct"]),
        (scene.certificate("mr.example"), &["search"]),
    ]
    .into_iter()
    .enumerate()
    {
        for (what, request) in REQUESTS {
            let before = scene.recorder.requests().len();
            let (status, problem) = scene.send(&gateway, &caller, request, &[]).await;
            let arrived = scene.recorder.requests().len() - before;
            let expected = if allowed.contains(&what) { (200, 1) } else { (403, 0) };
            assert_eq!((status, arrived), expected, "{what} by caller {index}: {problem}");
        }
    }
}

#[tokio::test]
async fn what_people_can_choose_for_themselves_gives_no_right() {
    let scene = Scene::new().await;
    let gateway = scene
        .start(
            "allow = []\npermits = [{ to = [\"subject:boss\", \"role:boss\", \"group:boss\", \
             \"scope:boss\", \"application:boss\", \"api_key:boss\"], allow = [\"search\"] }]",
        )
        .await;
    let user = || scene.issuer.user();
    let names =
        ["email", "upn", "preferred_username", "unique_name", "name", "nickname", "login_hint"];
    let everywhere = names.iter().fold(user(), |draft, name| draft.with(name, "boss"));
    // A name of another case, one with more to it, and claims that are something else.
    let nearly = user().with("roles", vec!["Boss", "boss ", "boss,boss", "api_key:boss"]);
    let elsewhere = user().with("role", "boss").with("wids", vec!["boss"]).with("appid", "boss");
    for draft in [user(), everywhere, nearly, elsewhere] {
        let (status, _) = scene.send(&gateway, &scene.token(draft.clone()), SEARCH, &[]).await;
        assert_eq!(status, 403, "{}", draft.claims_text());
    }
    for caller in [scene.key("bosses"), scene.certificate("boss")] {
        assert_eq!(scene.send(&gateway, &caller, SEARCH, &[]).await.0, 403);
    }
    assert_eq!(scene.recorder.bytes_seen(), 0);
    let boss = scene.token(user().with("roles", vec!["boss"]));
    assert_eq!(scene.send(&gateway, &boss, SEARCH, &[]).await.0, 200);
    assert_eq!(scene.send(&gateway, &scene.key("boss"), SEARCH, &[]).await.0, 200);
}

#[tokio::test]
async fn a_refusal_does_not_say_who_may() {
    let scene = Scene::new().await;
    let gateway = scene
        .start("allow = [\"search\"]\npermits = [{ to = [\"role:Chief\"], allow = [\"store\"] }]")
        .await;
    let callers = [
        (scene.key("ward-7"), "api_key"),
        (scene.token(scene.issuer.user()), "bearer"),
        (scene.certificate("ct1.example"), "certificate"),
    ];
    let mut problems = BTreeSet::new();
    for (caller, _) in &callers {
        for request in ["POST /studies", "DELETE /studies/1.2", "GET /changefeed"] {
            let (status, problem) = scene.send(&gateway, caller, request, &[]).await;
            assert_eq!(status, 403);
            let mut problem = serde_json::from_str::<Value>(&problem).unwrap();
            problem.as_object_mut().unwrap().remove("request_id");
            problems.insert(problem.to_string());
        }
    }
    assert_eq!(problems.len(), 1, "the rules make no difference: {problems:?}");
    assert!(problems.first().unwrap().contains("not-permitted"));

    // The log tells the kind of caller, and neither its name nor the rule's.
    let log = gateway.log_at_its_end().await;
    for (_, kind) in callers {
        assert_eq!(log.matches(&format!("caller={kind} ")).count(), 3, "{log}");
    }
    for name in ["ward-7", "Chief", "ct1.example", "jane", "1d2c3b4a"] {
        assert!(!log.contains(name), "{log}");
    }
}

#[tokio::test]
async fn fields_that_delete_or_sign_go_on_with_leave_for_that() {
    let scene = Scene::new().await;
    let gateway = scene
        .start(
            "allow = [\"store\"]\npermits = [\n\
             { to = [\"api_key:janitor\"], allow = [\"delete\"], partitions = [\"attic\"] },\n\
             { to = [\"api_key:clerk\"], allow = [\"store\"], partitions = [\"attic\"], \
                audit_fields = true },\n]",
        )
        .await;
    let fields = [
        ("msdicom-expiry-time-milliseconds", "1000"),
        ("MSDICOM-Expiry-Option", "RelativeToNow"),
        ("X-MS-AZUREDICOM-AUDIT-User", "somebody"),
    ];
    let (plain, attic) = ("POST /studies", "POST /partitions/attic/studies");
    for (name, request, expiry, audit) in [
        ("anybody", plain, false, false),
        ("anybody", attic, false, false),
        ("janitor", plain, false, false),
        ("janitor", attic, true, false),
        ("clerk", plain, false, false),
        ("clerk", attic, false, true),
    ] {
        let (status, _) = scene.send(&gateway, &scene.key(name), request, &fields).await;
        assert_eq!(status, 200);
        let arrived = scene.recorder.requests().pop().unwrap();
        let goes_on = [expiry, expiry, audit];
        for ((field, _), goes_on) in fields.iter().zip(goes_on) {
            assert_eq!(arrived.header(field).is_some(), goes_on, "{field}: {name}, {request}");
        }
    }
}

#[tokio::test]
async fn a_search_that_names_nothing_is_refused_where_the_route_says_so() {
    let scene = Scene::new().await;
    let gateway = scene.start("allow = [\"search\", \"worklist\"]\nsearch_needs_key = true").await;
    let caller = scene.key("ward-7");
    for (request, expected) in [
        ("GET /studies", 403),
        ("GET /studies?limit=1&offset=5&includefield=PatientName", 403),
        ("GET /studies?fuzzymatching=true&PatientID=", 403),
        ("GET /studies?PatientName=*", 403),
        ("GET /series?PatientName=%2A", 403),
        ("GET /instances", 403),
        ("GET /partitions/ct/studies", 403),
        ("HEAD /studies", 403),
        ("GET /workitems", 403),
        ("GET /studies?PatientID=1", 200),
        ("GET /series?0020000D=1.2", 200),
        ("GET /studies/1.2/series", 200),
        ("GET /partitions/ct/studies/1.2/instances", 200),
        ("GET /workitems?ScheduledStationNameCodeSequence.CodeValue=x", 200),
    ] {
        let before = scene.recorder.requests().len();
        let (status, problem) = scene.send(&gateway, &caller, request, &[]).await;
        assert_eq!(status, expected, "{request}: {problem}");
        let arrived = scene.recorder.requests().len() - before;
        assert_eq!(arrived, usize::from(expected == 200), "{request}");
        let named = problem.contains("search-needs-key") || request.starts_with("HEAD");
        assert_eq!(named, expected == 403, "{request}: {problem}");
    }
}

#[tokio::test]
async fn a_route_s_partitions_bound_every_path_in_whatever_form() {
    let scene = Scene::new().await;
    let gateway = scene
        .start(
            "allow = [\"search\", \"retrieve\"]\npartitions = [\"ct\"]\n\
             permits = [{ to = [\"api_key:ward-7\"], allow = [\"store\", \"manage\"] }]",
        )
        .await;
    let caller = scene.key("ward-7");
    for (request, expected) in [
        ("GET /partitions/ct/studies", 200),
        ("POST /partitions/ct/studies", 200),
        // Without one it is the service's own, which is another.
        ("GET /studies", 403),
        ("GET /?requestType=WADO&studyUID=1&seriesUID=2&objectUID=3", 403),
        ("GET /partitions/mr/studies", 403),
        ("GET /partitions/CT/studies", 403),
        ("GET /partitions/Microsoft.Default/studies", 403),
        ("POST /partitions/mr/studies", 403),
        // What all partitions have in common is more than this one.
        ("GET /partitions", 403),
        ("GET /changefeed", 403),
        ("GET /extendedquerytags", 403),
        ("GET /partitions/ct/../mr/studies", 400),
        ("GET /partitions/ct/%2e%2e/mr/studies", 400),
        ("GET /partitions/%63t/studies", 400),
        ("GET /partitions/ct%2F..%2Fmr/studies", 400),
        ("GET /partitions//ct/studies", 400),
        ("GET /partitions/ct/partitions/mr/studies", 404),
    ] {
        let before = scene.recorder.requests().len();
        let (status, problem) = scene.send(&gateway, &caller, request, &[]).await;
        assert_eq!(status, expected, "{request}: {problem}");
        let requests = scene.recorder.requests();
        assert_eq!(requests.len() - before, usize::from(expected == 200), "{request}");
        if expected == 200 {
            let (_, path) = request.split_once(' ').unwrap();
            assert_eq!(requests.last().unwrap().target, path, "what was permitted went on");
        }
    }
}

/// A gateway that takes keys, tokens and certificates on one route, before an origin server that writes
/// down what it is sent.
pub(super) struct Scene {
    pub(super) world: World,
    pub(super) issuer: Issuer,
    pub(super) recorder: Recorder,
    authority: Ca,
    keys: BTreeMap<&'static str, String>,
}

/// How somebody proves who it is.
pub(super) enum Caller {
    Field(String),
    Certificate(Issued),
}

impl Scene {
    pub(super) async fn new() -> Self {
        let (world, recorder) = (World::new().await, Recorder::start().await);
        let issuer = Issuer::start(&world.ca).await;
        let (authority, identity) = (Ca::named("callers"), world.ca.issue(&["localhost"]));
        for (name, text) in [
            ("tls.crt", identity.chain_pem.as_str()),
            ("tls.key", &identity.key_pem),
            ("callers.pem", authority.pem()),
        ] {
            world.scratch.file(name, text);
        }
        let file = KeyFile::at(&world.scratch.path().join("api-keys")).unwrap();
        let key =
            |name: &str| file.generate(name.parse::<KeyName>().unwrap(), None).unwrap().to_string();
        let keys = NAMES.map(|name| (name, key(name))).into();
        Self { world, issuer, recorder, authority, keys }
    }

    /// A gateway whose route has these further lines.
    pub(super) async fn start(&self, route: &str) -> Running {
        self.world.start_ready(&self.toml(route)).await
    }

    /// The configuration of such a gateway.
    pub(super) fn toml(&self, route: &str) -> Toml {
        let bearer = format!(
            "{{ issuer = \"{}\", audience = \"{}\", algorithms = [\"ES256\"], anchors = \"ca.pem\" }}",
            self.issuer.issuer(),
            Issuer::AUDIENCE
        );
        Toml {
            listener: "identity = { chain = \"tls.crt\", key = \"tls.key\" }".into(),
            route: format!(
                "callers = {{ api_keys = \"api-keys\", bearer = {bearer}, \
                 certificates = {{ anchors = \"callers.pem\" }} }}\n{route}"
            ),
            ..self.world.toml(self.recorder.url())
        }
    }

    pub(super) fn key(&self, name: &str) -> Caller {
        Caller::Field(format!("Bearer {}", self.keys[name]))
    }

    pub(super) fn token(&self, draft: Draft) -> Caller {
        Caller::Field(format!("Bearer {}", draft.sign(self.issuer.key())))
    }

    pub(super) fn certificate(&self, name: &str) -> Caller {
        Caller::Certificate(self.authority.issue(&[name]))
    }

    /// The status of a caller's request below the route, and the answer's body.
    pub(super) async fn send(
        &self,
        gateway: &Running,
        caller: &Caller,
        request: &str,
        fields: &[(&str, &str)],
    ) -> (u16, String) {
        let (method, path) = request.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(format!("/dicom-web{path}"));
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let (address, version) = (gateway.address(), Version::HTTP_11);
        let connection = match caller {
            Caller::Field(value) => {
                request = request.header("authorization", value);
                Connection::open_tls(address, version, &self.world.ca).await
            }
            Caller::Certificate(shown) => {
                let config = shown.client_config(&self.world.ca, ALL_VERSIONS);
                Connection::open_tls_with(address, version, config).await
            }
        };
        let request = request.body(Empty::new()).unwrap();
        let connection = connection.unwrap();
        let response = connection.send_request(request).await.unwrap();
        let (status, body) = whole(response).await.unwrap();
        (status.as_u16(), String::from_utf8_lossy(&body).into_owned())
    }
}

/// A request of each class, and some in a partition.
const REQUESTS: [(&str, &str); 9] = [
    ("search", SEARCH),
    ("retrieve", "GET /studies/1.2/metadata"),
    ("store", "POST /studies"),
    ("delete", "DELETE /studies/1.2"),
    ("worklist", "GET /workitems/1.2"),
    ("manage", "GET /changefeed"),
    ("store in ct", "POST /partitions/ct/studies"),
    ("delete in ct", "DELETE /partitions/ct/studies/1.2"),
    ("delete in mr", "DELETE /partitions/mr/studies/1.2"),
];
pub(super) const SEARCH: &str = "GET /studies";
const NAMES: [&str; 7] = ["unnamed", "ward-7", "bosses", "boss", "anybody", "janitor", "clerk"];
