//! Callers who show a certificate in the TLS handshake.

use std::io;
use std::time::{Duration, SystemTime};

use gateway_tests::world::Toml;
use gateway_tests::{Ca, Connection, Issued, Recorder, Running, World};
use http::{Request, StatusCode, Version};
use http_body_util::Empty;
use rcgen::{ExtendedKeyUsagePurpose, SanType, date_time_ymd};
use rustls::{ALL_VERSIONS, ClientConfig};

#[tokio::test]
async fn who_shows_a_certificate_of_the_route_s_authority_is_served() {
    let (scene, gateway) = Scene::start("").await;
    let shown = scene.callers.issue(&["ct1.example"]);
    for version in VERSIONS {
        let connection = scene.connect(&gateway, version, &shown).await.unwrap();
        for _ in 0..3 {
            assert_eq!(status(&connection, SEARCH).await, 200);
        }
    }
    assert_eq!(scene.origin.requests().len(), 6);
}

#[tokio::test]
async fn who_shows_none_is_asked_who_it_is_where_certificates_are_taken() {
    let (scene, gateway) = Scene::start("").await;
    for version in VERSIONS {
        let connection =
            Connection::open_tls(gateway.address(), version, &scene.world.ca).await.unwrap();
        assert_eq!(status(&connection, SEARCH).await, 401);
        assert_eq!(status(&connection, "/open/studies").await, 200);
    }
    gateway.wait_for_line("no credential").await;
    assert_eq!(scene.origin.requests().len(), 2);
}

#[tokio::test]
async fn a_bad_certificate_fails_the_handshake_and_the_alert_says_why() {
    let (scene, gateway) = Scene::start("revocation_lists = [\"callers.crl\"], ").await;
    let (callers, names) = (&scene.callers, &["ct1.example"]);
    let (revoked, other) = (callers.issue(names), Ca::named("somebody else"));
    let list = callers.revocation_list(&[&revoked], SystemTime::now() + DAY);
    scene.world.scratch.file("callers.crl", &list);
    let gateway = scene.again(gateway).await;
    let in_time = callers.issue_as(names, |params| params.not_before = date_time_ymd(4000, 1, 1));
    let server = callers.issue_as(names, |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    for (shown, alert) in [
        (other.issue(names), "UnknownCA"),
        (Ca::named(CALLERS).issue(names), "DecryptError"),
        (callers.expired(names), "CertificateExpired"),
        (in_time, "CertificateExpired"),
        (server, "UnsupportedCertificate"),
        (revoked, "CertificateRevoked"),
    ] {
        for version in VERSIONS {
            let refused = scene.refused(&gateway, version, &shown).await;
            assert!(refused.contains(alert), "{alert}: {refused}");
        }
    }
    let good = scene.connect(&gateway, Version::HTTP_2, &callers.issue(names)).await.unwrap();
    assert_eq!(status(&good, SEARCH).await, 200);
    assert_eq!(scene.origin.requests().len(), 1);
}

#[tokio::test]
async fn a_certificate_for_any_purpose_is_for_tls_too() {
    let (scene, gateway) = Scene::start("").await;
    let shown =
        scene.callers.issue_as(&["ct1.example"], |params| params.extended_key_usages.clear());
    let connection = scene.connect(&gateway, Version::HTTP_11, &shown).await.unwrap();
    assert_eq!(status(&connection, SEARCH).await, 200);
}

#[tokio::test]
async fn intermediate_authorities_lead_to_the_anchor_if_they_are_shown() {
    let (scene, gateway) = Scene::start("").await;
    let ward = scene.callers.intermediate("radiology").intermediate("ward 7");
    let shown = ward.issue(&["ct1.example"]);
    let connection = scene.connect(&gateway, Version::HTTP_11, &shown).await.unwrap();
    assert_eq!(status(&connection, SEARCH).await, 200);

    let mut alone = shown;
    let second = alone.chain_pem.rfind("-----BEGIN").unwrap();
    alone.chain_pem.truncate(second);
    let refused = scene.refused(&gateway, Version::HTTP_11, &alone).await;
    assert!(refused.contains("UnknownCA"), "{refused}");
}

#[tokio::test]
async fn only_wanted_names_open_a_route() {
    let names = "names = [\"dns:*.ct.example\", \"uri:spiffe://hospital/ct\", \"cn:CT 9\"], ";
    let (scene, gateway) = Scene::start(names).await;
    let uri = |uri: &str| {
        let uri = SanType::URI(uri.try_into().unwrap());
        scene.callers.issue_as(&[], |params| params.subject_alt_names = vec![uri])
    };
    let common = |name: &str| {
        scene.callers.issue_as(&[], |params| {
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
        })
    };
    for (shown, expected) in [
        (scene.callers.issue(&["mr.example", "one.ct.example"]), 200),
        (scene.callers.issue(&["ONE.CT.EXAMPLE"]), 200),
        (scene.callers.issue(&["ct.example"]), 401),
        (scene.callers.issue(&["two.one.ct.example"]), 401),
        (scene.callers.issue(&["*.ct.example"]), 401),
        (uri("spiffe://hospital/ct"), 200),
        (uri("spiffe://hospital/CT"), 401),
        (common("CT 9"), 200),
        (common("CT 9\0"), 401),
    ] {
        let connection = scene.connect(&gateway, Version::HTTP_11, &shown).await.unwrap();
        assert_eq!(status(&connection, SEARCH).await, expected, "{}", shown.chain_pem);
    }
}

#[tokio::test]
async fn what_opens_one_route_does_not_open_another() {
    let (scene, gateway) = Scene::start("").await;
    let other = scene.others.issue(&["ct1.example"]);
    let own = scene.callers.issue(&["ct1.example"]);
    for version in VERSIONS {
        let (own, other) = (
            scene.connect(&gateway, version, &own).await.unwrap(),
            scene.connect(&gateway, version, &other).await.unwrap(),
        );
        for _ in 0..2 {
            assert_eq!(status(&own, SEARCH).await, 200);
            assert_eq!(status(&own, "/other/studies").await, 401);
            assert_eq!(status(&other, SEARCH).await, 401);
            assert_eq!(status(&other, "/other/studies").await, 200);
        }
    }
    gateway.wait_for_line("leads to nobody who is believed").await;
}

#[tokio::test]
async fn a_certificate_that_ends_meanwhile_opens_nothing_more() {
    let (scene, gateway) = Scene::start("").await;
    let ends = SystemTime::now() + Duration::from_secs(5);
    let shown = scene.callers.ending(&["ct1.example"], ends);
    let connection = scene.connect(&gateway, Version::HTTP_2, &shown).await.unwrap();
    assert_eq!(status(&connection, SEARCH).await, 200);
    until("its time is over", async || status(&connection, SEARCH).await == 401).await;
    assert!(ends <= SystemTime::now());
}

#[tokio::test]
async fn new_anchors_decide_on_connections_that_are_open() {
    let (scene, gateway) = Scene::start("").await;
    let shown = scene.callers.issue(&["ct1.example"]);
    let mut held = Vec::new();
    for version in VERSIONS {
        held.push(scene.connect(&gateway, version, &shown).await.unwrap());
        assert_eq!(status(held.last().unwrap(), SEARCH).await, 200);
    }

    scene.world.scratch.file("callers.pem", Ca::new().pem());
    for connection in &held {
        until("it is believed no more", async || status(connection, SEARCH).await == 401).await;
    }
    let refused = scene.refused(&gateway, Version::HTTP_11, &shown).await;
    assert!(refused.contains("UnknownCA"), "{refused}");

    scene.world.scratch.file("callers.pem", scene.callers.pem());
    for connection in &held {
        until("it is believed again", async || status(connection, SEARCH).await == 200).await;
    }
}

#[tokio::test]
async fn a_new_revocation_list_decides_on_connections_that_are_open() {
    let (scene, gateway) = Scene::start("revocation_lists = [\"callers.crl\"], ").await;
    let (shown, other) = (scene.callers.issue(&["ct1.example"]), scene.callers.issue(&["ct2"]));
    let held = scene.connect(&gateway, Version::HTTP_2, &shown).await.unwrap();
    let spared = scene.connect(&gateway, Version::HTTP_2, &other).await.unwrap();
    assert_eq!(status(&held, SEARCH).await, 200);

    let list = scene.callers.revocation_list(&[&shown], SystemTime::now() + DAY);
    scene.world.scratch.file("callers.crl", &list);
    until("it is refused", async || status(&held, SEARCH).await == 401).await;
    gateway.wait_for_line("was revoked").await;
    assert_eq!(status(&spared, SEARCH).await, 200);
}

#[tokio::test]
async fn a_revocation_list_that_is_over_opens_nothing_and_is_told() {
    let (scene, gateway) = Scene::start("revocation_lists = [\"callers.crl\"], ").await;
    let shown = scene.callers.issue(&["ct1.example"]);
    let held = scene.connect(&gateway, Version::HTTP_2, &shown).await.unwrap();
    let ends = SystemTime::now() + Duration::from_secs(2);
    scene.world.scratch.file("callers.crl", scene.callers.revocation_list(&[], ends));
    until("the list is over", async || status(&held, SEARCH).await == 401).await;
    gateway.wait_for_line("revocation list of the certificate's issuer is over").await;
    let refused = scene.refused(&gateway, Version::HTTP_2, &shown).await;
    assert!(refused.contains("UnknownCA"), "{refused}");
    let (_, ready) = gateway.admin("/ready").await;
    assert!(ready.contains("route./dicom-web.callers.certificates.revocation_lists"), "{ready}");

    let list = scene.callers.revocation_list(&[], SystemTime::now() + DAY);
    scene.world.scratch.file("callers.crl", &list);
    until("a new one is there", async || status(&held, SEARCH).await == 200).await;
}

#[tokio::test]
async fn a_resumed_session_is_known_by_the_certificate_that_it_was_opened_with() {
    let (scene, gateway) = Scene::start("").await;
    let shown = scene.callers.issue(&["ct1.example"]);
    for version in ALL_VERSIONS {
        let config = shown.client_config(&scene.world.ca, &[version]);
        for is_resumed in [false, true, true] {
            let connection = open(&gateway, Version::HTTP_11, config.clone()).await.unwrap();
            assert_eq!(status(&connection, SEARCH).await, 200);
            assert_eq!(connection.is_resumed(), is_resumed);
        }
    }
}

#[tokio::test]
async fn no_session_outlives_the_anchors_it_was_opened_under() {
    let (scene, gateway) = Scene::start("").await;
    let shown = scene.callers.issue(&["ct1.example"]);
    let config = shown.client_config(&scene.world.ca, ALL_VERSIONS);
    let held = open(&gateway, Version::HTTP_11, config.clone()).await.unwrap();
    assert_eq!(status(&held, SEARCH).await, 200);

    scene.world.scratch.file("callers.pem", Ca::new().pem());
    until("it is believed no more", async || status(&held, SEARCH).await == 401).await;
    let refused = tried(open(&gateway, Version::HTTP_11, config).await).await;
    assert!(refused.contains("UnknownCA"), "{refused}");
}

#[tokio::test]
async fn what_cannot_be_used_changes_nothing() {
    let (scene, gateway) = Scene::start("revocation_lists = [\"callers.crl\"], ").await;
    let shown = scene.callers.issue(&["ct1.example"]);
    let held = scene.connect(&gateway, Version::HTTP_11, &shown).await.unwrap();
    for (refusals, (name, text)) in [
        ("callers.pem", ""),
        ("callers.crl", ""),
        ("callers.crl", "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n"),
    ]
    .into_iter()
    .enumerate()
    {
        scene.world.scratch.file(name, text);
        let refused = format!("rotations_total{{outcome=\"refused\"}} {}", refusals + 1);
        until("it is refused", async || gateway.admin("/metrics").await.1.contains(&refused)).await;
        assert_eq!(status(&held, SEARCH).await, 200);
        scene.world.scratch.file("callers.pem", scene.callers.pem());
    }
}

#[tokio::test]
async fn what_callers_say_of_certificates_stays_here() {
    let (scene, gateway) = Scene::start("").await;
    let shown = scene.callers.issue(&["ct1.example"]);
    let connection = scene.connect(&gateway, Version::HTTP_11, &shown).await.unwrap();
    let names = [
        "Client-Cert",
        "Client-Cert-Chain",
        "SSL-Client-Cert",
        "X-Amzn-Mtls-Clientcert",
        "X-ARR-ClientCert",
        "X-Client-Cert",
        "X-Client-Cert-Chain",
        "X-Client-Certificate",
        "X-Forwarded-Client-Cert",
        "X-Forwarded-Tls-Client-Cert",
        "X-SSL-Cert",
        "X-SSL-Client-Cert",
        "X-SSL-Client-S-DN",
        "X-SSL-Client-Verify",
        "X-TLS-Client-Subject",
    ];
    let request =
        names.iter().fold(Request::get(SEARCH), |request, name| request.header(*name, "forged"));
    let request = request.body(Empty::new()).unwrap();
    assert_eq!(connection.send_request(request).await.unwrap().status(), 200);
    let requests = scene.origin.requests();
    let head = String::from_utf8_lossy(&requests[0].head).to_lowercase();
    assert!(!head.contains("forged") && !head.contains("ct1"), "{head}");
}

/// A gateway with three routes: for callers of one authority, for those of another, for anyone.
struct Scene {
    world: World,
    origin: Recorder,
    callers: Ca,
    others: Ca,
    toml: Toml,
}

impl Scene {
    /// `more` is said of the first route's certificates.
    async fn start(more: &str) -> (Self, Running) {
        let (world, origin) = (World::new().await, Recorder::start().await);
        let (callers, others) = (Ca::named(CALLERS), Ca::named("others' authority"));
        let identity = world.ca.issue(&["localhost"]);
        let list = callers.revocation_list(&[], SystemTime::now() + DAY);
        for (name, text) in [
            ("tls.crt", identity.chain_pem.as_str()),
            ("tls.key", &identity.key_pem),
            ("callers.pem", callers.pem()),
            ("others.pem", others.pem()),
            ("callers.crl", &list),
        ] {
            world.scratch.file(name, text);
        }
        let (url, scope) = (origin.url(), world.authority.scope());
        let toml = Toml {
            listener: "identity = { chain = \"tls.crt\", key = \"tls.key\" }".into(),
            route: format!("callers = {{ certificates = {{ {more}anchors = \"callers.pem\" }} }}"),
            more: format!(
                "[[route]]\nprefix = \"/other\"\norigin = \"{url}\"\nscope = \"{scope}\"\n\
                 callers = {{ certificates = {{ anchors = \"others.pem\" }} }}\n\
                 [[route]]\nprefix = \"/open\"\norigin = \"{url}\"\nscope = \"{scope}\"\n\
                 callers = \"anyone\"\n\
                 [runtime]\nworkers = 2\nwatch_interval_secs = 0.01\n"
            ),
            ..world.toml(url)
        };
        let gateway = world.start_ready(&toml).await;
        (Self { world, origin, callers, others, toml }, gateway)
    }

    /// Starts another gateway with what the files hold by now.
    async fn again(&self, gateway: Running) -> Running {
        drop(gateway);
        self.world.start_ready(&self.toml).await
    }

    async fn connect(
        &self,
        gateway: &Running,
        version: Version,
        shown: &Issued,
    ) -> io::Result<Connection> {
        open(gateway, version, shown.client_config(&self.world.ca, ALL_VERSIONS)).await
    }

    /// What becomes of a connection that shows this.
    async fn refused(&self, gateway: &Running, version: Version, shown: &Issued) -> String {
        tried(self.connect(gateway, version, shown).await).await
    }
}

async fn open(gateway: &Running, version: Version, config: ClientConfig) -> io::Result<Connection> {
    Connection::open_tls_with(gateway.address(), version, config).await
}

/// Why a connection is of no use. By TLS 1.3 a caller learns of it when it first reads.
async fn tried(connection: io::Result<Connection>) -> String {
    match connection {
        Err(error) => format!("{error:?}"),
        Ok(connection) => format!("{:?}", connection.get(SEARCH).await.map(|_| "served")),
    }
}

async fn status(connection: &Connection, path: &str) -> StatusCode {
    connection.fetch(path).await.unwrap().0
}

async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let waited = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(30), waited).await;
    waited.unwrap_or_else(|_| panic!("waited in vain until {what}"));
}

const VERSIONS: [Version; 2] = [Version::HTTP_11, Version::HTTP_2];
const SEARCH: &str = "/dicom-web/studies";
const CALLERS: &str = "callers' authority";
const DAY: Duration = Duration::from_secs(24 * 3600);
