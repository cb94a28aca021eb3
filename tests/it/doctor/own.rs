//! The gateway's own side: its file, its keys, its addresses, the pages that may call it.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use gateway_tests::Recorder;
use gateway_tests::issuer::{SigningKey, compact};
use gateway_tests::program::Signal;
use serde_json::json;

use super::*;

#[tokio::test]
async fn each_mistake_in_the_file_is_told_with_its_line_and_the_rest_is_left() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let route = "allow = [\"serch\"]\nprofile = \"azur\"".into();

    let found = diagnose(&world, &Toml { route, ..world.toml(recorder.url()) }).await;

    let files = found.each("file", "configuration");
    assert_eq!(files.len(), 2, "{}", found.text());
    assert!(files.iter().all(|one| text(one, "says").contains("gateway.toml:")), "{files:?}");
    assert!(files.iter().any(|one| text(one, "says").contains("route[0].allow")), "{files:?}");
    found.tells(("file", "everything else"), "skip", ("cannot be used", ""));
    assert_eq!((found.code, found.all.len()), (Some(1), 3));

    let found = examine(&world.scratch.path().join("missing.toml"), &[]).await;
    found.fails(("file", "configuration"), "missing.toml: cannot be read", "");
}

#[tokio::test]
async fn a_warning_of_the_file_is_one_of_the_doctor_s() {
    let world = World::new().await;
    let service = service(&world).await;
    let client = format!(
        "[client.default]\ntoken_endpoint = \"{0}\"\nid = \"{1}\"\nanchors = \"ca.pem\"\n\
         credential.secret_file = \"client-secret\"\n[client.spare]\ntoken_endpoint = \"{0}\"\n\
         id = \"{1}\"\nanchors = \"ca.pem\"\ncredential.secret_file = \"client-secret\"\n",
        world.authority.token_endpoint(),
        world.authority.client_id(),
    );
    let toml = azure(&world, &service);
    let route = format!("{}\nclient = \"default\"", toml.route);

    let found = diagnose(&world, &Toml { client, route, ..toml }).await;

    assert_eq!(found.with("warn"), [("file".to_owned(), "configuration".to_owned())]);
    assert_eq!(found.code, Some(0), "{}", found.text());
    assert_eq!(found.each("client spare", "token").len(), 0, "nobody needs it");
}

#[tokio::test]
async fn a_secret_that_others_can_read_is_told() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let secret = world.scratch.path().join("client-secret");
    std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o644)).unwrap();

    let found = diagnose(&world, &world.toml(recorder.url())).await;

    found.fails(
        ("file", "configuration"),
        "is open to other users (its mode is 0644)",
        "chmod 600",
    );
    assert_eq!(world.authority.requests(), 0);
}

#[tokio::test]
async fn the_id_of_a_secret_in_the_place_of_its_value_is_seen_before_it_is_sent() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    world.scratch.file("client-secret", "0d9e2f6c-7f1b-4c5e-8a3d-2b6f1c0a9e8d\n");

    let found = diagnose(&world, &world.toml(recorder.url())).await;

    found.tells(("keys", "secret"), "warn", ("holds a GUID", "copy the secret's Value"));
    assert!(!found.text().contains("0d9e2f6c"));
}

#[tokio::test]
async fn a_key_that_does_not_fit_its_certificate_is_told_and_the_rest_is_examined() {
    let world = World::new().await;
    let service = service(&world).await;
    world.scratch.file("client.crt", &world.ca.issue(&["gateway"]).chain_pem);
    world.scratch.file("client.key", &world.ca.issue(&["gateway"]).key_pem);
    let client = "credential.certificate = { chain = \"client.crt\", key = \"client.key\" }".into();

    let found = diagnose(&world, &Toml { client, ..azure(&world, &service) }).await;

    let command = "openssl pkey -pubout -in ";
    found.fails(("keys", "material"), "do not belong together", command);
    assert_eq!(found.one("client default", "token")["verdict"], "skip");
    assert_eq!(found.one("client default", "clock")["verdict"], "ok");
    assert_eq!(found.one("route /dicom-web", "tls")["verdict"], "ok");
}

#[tokio::test]
async fn a_certificate_tells_how_long_it_lasts() {
    for (days, verdict, says) in
        [(-1, "fail", "ended "), (5, "warn", "5 days left"), (90, "ok", "90 days left")]
    {
        let world = World::new().await;
        let service = service(&world).await;
        let ends = SystemTime::now() + Duration::from_secs(60);
        let distance = Duration::from_secs(86_400 * i64::unsigned_abs(days));
        let issued = match days {
            ..0 => world.ca.issue_as(&["gateway"], |certificate| {
                certificate.not_before = (ends - distance * 2).into();
                certificate.not_after = (ends - distance).into();
            }),
            _ => world.ca.ending(&["gateway"], ends + distance),
        };
        world.authority.register_certificate(&issued);
        world.scratch.file("client.crt", &issued.chain_pem);
        world.scratch.file("client.key", &issued.key_pem);
        let client =
            "credential.certificate = { chain = \"client.crt\", key = \"client.key\" }".into();

        let found = diagnose(&world, &Toml { client, ..azure(&world, &service) }).await;

        let ends = found.each("keys", "end");
        let end =
            ends.iter().find(|end| text(end, "says").starts_with("client.default.credential"));
        let end = end.unwrap_or_else(|| panic!("{}", found.text()));
        assert_eq!(end["verdict"], verdict, "{end}");
        assert!(text(end, "says").contains(says), "{end}");
        found.tells(("keys", "pair"), "ok", ("client.key is the key of ", ""));
        assert_eq!(found.code, Some(i32::from(days < 0)), "{}", found.text());
    }
}

#[tokio::test]
async fn a_secret_tells_how_long_it_lasts() {
    for (days, verdict, says, remedy) in [
        (-3, "fail", "client.default.credential: ended ", "nobody takes it any more"),
        (5, "warn", "client.default.credential: ", "have the next one made"),
        (90, "ok", "client.default.credential: ", ""),
    ] {
        let world = World::new().await;
        let service = service(&world).await;
        let ends = time::OffsetDateTime::now_utc().date() + time::Duration::days(days);
        let client =
            format!("credential = {{ secret_file = \"client-secret\", expires = \"{ends}\" }}");

        let found = diagnose(&world, &Toml { client, ..azure(&world, &service) }).await;

        let all = found.each("keys", "end");
        let end = all.iter().find(|end| text(end, "says").starts_with(says));
        let end = end.unwrap_or_else(|| panic!("{}", found.text()));
        assert_eq!(end["verdict"], verdict, "{end}");
        assert!(text(end, "remedy").contains(remedy), "{end}");
        // Until the day begins; and a midnight may pass meanwhile.
        let left = end["facts"]["days_left"].as_i64();
        assert!(left.is_some_and(|left| (days - 2..days).contains(&left)), "{end}");
        assert_eq!(found.code, Some(i32::from(days < 0)), "{}", found.text());
    }
}

#[tokio::test]
async fn a_federated_token_is_told_by_what_the_authority_compares() {
    for (content, verdict, says) in [
        (
            jwt(json!({"iss": "https://k8s", "sub": "system:a:b", "aud": ["x"], "exp": 1})),
            "fail",
            "has ended",
        ),
        (
            jwt(json!({"iss": "https://k8s", "sub": "system:a:b", "aud": ["x"]})),
            "ok",
            "iss https://k8s, sub system:a:b, aud x",
        ),
        ("canary".to_owned(), "fail", "holds no JSON Web Token"),
    ] {
        let (world, recorder) = (World::new().await, Recorder::start().await);
        world.scratch.file("federated", &content);
        let client = "credential.federated_token_file = \"federated\"".into();

        let found = diagnose(&world, &Toml { client, ..world.toml(recorder.url()) }).await;

        found.tells(("keys", "federated"), verdict, (says, ""));
        assert!(!found.text().contains(&content) && !found.text().contains("canary"));
    }
}

#[tokio::test]
async fn an_address_that_another_has_is_told() {
    let world = World::new().await;
    let service = service(&world).await;
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    let toml = Toml { address: address.to_string(), ..azure(&world, &service) };

    let found = diagnose(&world, &toml).await;

    let listeners = found.each("listener", "address");
    assert_eq!(listeners[0]["verdict"], "fail", "{}", found.text());
    assert!(text(listeners[0], "says").contains("Address already in use"), "{}", listeners[0]);
    let command = format!("\nss -ltnp 'sport = :{}'", address.port());
    assert!(text(listeners[0], "remedy").contains(&command), "{}", listeners[0]);
    assert_eq!(listeners[1]["verdict"], "ok");
    assert_eq!(found.code, Some(1));

    let path = world.scratch.path().join("missing/gateway.sock");
    let address = format!("unix:{}", path.display());
    let found = diagnose(&world, &Toml { address, ..azure(&world, &service) }).await;
    let listeners = found.each("listener", "address");
    assert_eq!(listeners[0]["verdict"], "fail", "{}", found.text());
    assert!(text(listeners[0], "remedy").contains("RuntimeDirectory="), "{}", listeners[0]);
}

#[tokio::test]
async fn a_gateway_that_serves_is_examined_and_not_disturbed() {
    let world = World::new().await;
    let service = service(&world).await;
    let (callers, operators) = (free(), free());
    let toml = azure(&world, &service);
    let text = toml.text().replacen("127.0.0.1:0", &callers, 1);
    let file = world.scratch.file("gateway.toml", text.replacen("127.0.0.1:0", &operators, 1));
    let mut program = Program::start(&["serve".as_ref(), file.as_os_str()], &[]);
    program.ready_line().await;

    let found = examine(&file, &[]).await;

    assert_eq!(found.code, Some(0), "{}", found.text());
    let listeners = found.each("listener", "address");
    assert_eq!(listeners.len(), 2);
    for listener in listeners {
        assert!(super::text(listener, "says").contains("a gateway serves"), "{listener}");
    }
    found.tells(("listener", "public_url"), "ok", ("/dicom-web answers (204)", ""));
    program.signal(Signal::TERM);
    assert_eq!(program.ended().await.code, Some(0));
}

#[tokio::test]
async fn a_certificate_that_is_not_for_the_host_that_callers_address_is_told() {
    let world = World::new().await;
    let service = service(&world).await;
    let issued = world.ca.issue(&["other.example", "*.clinic.example"]);
    world.scratch.file("tls.crt", &issued.chain_pem);
    world.scratch.file("tls.key", &issued.key_pem);
    let listener = "identity = { chain = \"tls.crt\", key = \"tls.key\" }".to_owned();
    for (host, verdict, says) in [
        ("imaging.clinic.example", "ok", "its certificate is for imaging.clinic.example"),
        ("imaging.example", "warn", "not for imaging.example"),
    ] {
        let toml = azure(&world, &service);
        let route = format!("{}\npublic_url = \"https://{host}/dicom-web\"", toml.route);
        let toml = Toml { listener: listener.clone(), route, ..toml };

        let found = diagnose(&world, &toml).await;

        found.tells(("listener", "names"), verdict, (says, ""));
        let public = found.one("listener", "public_url");
        assert_eq!(public["verdict"], "skip", "nobody serves: {public}");
    }
}

#[tokio::test]
async fn a_public_url_that_leads_elsewhere_is_told_while_the_gateway_serves() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let gone = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n";
    recorder.reply_with(gateway_tests::Reply::Bytes(gone.into()));
    let service = service(&world).await;
    let operators = free();
    let toml = azure(&world, &service);
    let route = format!("{}\npublic_url = \"{}/dicom-web\"", toml.route, recorder.url());
    let text = Toml { address: free(), route, ..toml }.text();
    let file = world.scratch.file("gateway.toml", text.replacen("127.0.0.1:0", &operators, 1));
    let mut program = Program::start(&["serve".as_ref(), file.as_os_str()], &[]);
    program.ready_line().await;

    let found = examine(&file, &[]).await;

    found.tells(("listener", "public_url"), "warn", ("502", "listener.address"));
    let asked = &recorder.requests()[0];
    assert_eq!((asked.method.as_str(), asked.header("max-forwards")), ("OPTIONS", Some("0")));
    assert_eq!(asked.header("authorization"), None);
}

#[tokio::test]
async fn a_web_page_learns_whether_browsers_let_it_call() {
    let world = World::new().await;
    let service = service(&world).await;
    let toml = azure(&world, &service);
    let cors = "cors = { origins = [\"https://viewer.example\"], credentials = true }";
    let route = format!("{}\npublic_url = \"https://imaging.example/d\"\n{cors}", toml.route);
    let file = file(&world, &Toml { route, ..toml });
    for (page, verdict, says, remedy) in [
        ("https://viewer.example", "ok", "is let in: GET", ""),
        ("https://viewer.example/study?id=1", "ok", "with credentials", ""),
        ("https://imaging.example", "ok", "the gateway's own", ""),
        (
            "http://viewer.example",
            "fail",
            "listed is https://viewer.example",
            "scheme, host and port",
        ),
        (
            "https://other.example:8443",
            "fail",
            "Access-Control-Allow-Origin",
            "cors = { origins = [\"https://viewer.example\", \"https://other.example:8443\"] }",
        ),
        ("viewer.example", "fail", "is no origin", "https://viewer.example"),
        ("file:///tmp/x", "fail", "is no origin", "https://viewer.example"),
    ] {
        let found = examine(&file, &["--origin", page]).await;

        found.tells(("route /dicom-web", "cors"), verdict, (says, remedy));
        assert_eq!(found.code, Some(i32::from(verdict == "fail")), "{}", found.text());
    }
}

#[tokio::test]
async fn one_route_alone_can_be_examined() {
    let world = World::new().await;
    let (service, wrong) = (service(&world).await, Recorder::start().await);
    wrong.stop().await;
    let toml = azure(&world, &service);
    let more = format!(
        "[[route]]\nprefix = \"/wrong\"\norigin = \"{}\"\nscope = \"{}\"\ncallers = \"anyone\"\n",
        wrong.url(),
        world.authority.scope()
    );
    let file = file(&world, &Toml { more, ..toml });

    assert_eq!(examine(&file, &[]).await.code, Some(1));
    let found = examine(&file, &["--route", "/dicom-web/"]).await;
    assert_eq!(found.code, Some(0), "{}", found.text());
    assert!(!found.text().contains("/wrong"), "{}", found.text());

    let ended = run(&file, &["--route", "/other"]).await;
    assert_eq!((ended.code, ended.stdout.contains("route")), (Some(64), true), "{}", ended.stderr);
    assert!(ended.stderr.contains("\"/dicom-web\", \"/wrong\""), "{}", ended.stderr);
}

#[tokio::test]
async fn lines_for_people_have_words_where_there_is_no_terminal_and_end_with_a_sum() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let file = file(&world, &world.toml(recorder.url()));

    let ended = run(&file, &[]).await;

    assert_eq!(ended.code, Some(1));
    assert!(ended.stdout.contains("\nroute /dicom-web\n  ok   name "), "{}", ended.stdout);
    assert!(ended.stdout.contains("\n  FAIL search "), "{}", ended.stdout);
    assert!(ended.stdout.contains("\n       -> another service answers"), "{}", ended.stdout);
    let sum = ended.stdout.lines().last().unwrap();
    assert!(sum.ends_with(" good, 0 to be seen to, 1 failed, 0 not looked at"), "{sum}");
    assert!(ended.stdout.is_ascii(), "{}", ended.stdout);
}

#[tokio::test]
async fn anchors_that_are_none_stop_only_what_needs_them() {
    let world = World::new().await;
    let service = service(&world).await;
    world
        .scratch
        .file("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let toml = azure(&world, &service);
    let route = format!("{}\nanchors = \"broken.pem\"", toml.route);

    let found = diagnose(&world, &Toml { route, ..toml }).await;

    found.fails(("keys", "material"), "broken.pem", "as PEM");
    assert_eq!(found.one("client default", "token")["verdict"], "ok");
    assert_eq!(found.one("route /dicom-web", "search")["verdict"], "skip");
}

fn jwt(claims: Value) -> String {
    let key = SigningKey::es256("1");
    compact(&json!({"alg": "ES256"}).to_string(), &claims.to_string(), &key)
}

/// An address of this machine that is free, and that nobody asks the system for but here.
fn free() -> String {
    TcpListener::bind("127.77.0.1:0").unwrap().local_addr().unwrap().to_string()
}
