//! Tokens that do not come, or are not what they should be.

use gateway_tests::Recorder;
use gateway_tests::authority::{Answer, RetryAfter, refusal};

use super::*;

/// What the authority itself says to mistakes in the file.
#[tokio::test]
async fn each_slip_in_a_client_is_explained() {
    for (mistake, says, remedy) in [
        ("secret", "invalid_client AADSTS7000215", "copied instead of its Value"),
        ("id", "unauthorized_client AADSTS700016", "not the object id"),
        ("tenant", "invalid_request AADSTS90002", "no such tenant"),
        ("resource", "invalid_resource AADSTS500011", "knows no service of that name"),
        ("default", "invalid_scope AADSTS1002012", "/.default at its end"),
    ] {
        let (world, recorder) = (World::new().await, Recorder::start().await);
        let mut toml = world.toml(recorder.url());
        match mistake {
            "secret" => drop(world.scratch.file("client-secret", "another")),
            "id" => toml.id = "7f58e645-c1bf-4f2d-a3b0-9c1f9a1c0a01".into(),
            "tenant" => world.authority.set_tenant("another"),
            "resource" => toml.scope = "https://other.example/.default".into(),
            _ => toml.scope = toml.scope.replace("/.default", "/Dicom.ReadWrite"),
        }

        let found = diagnose(&world, &toml).await;

        found.fails(("client default", "token"), says, remedy);
        let token = found.one("client default", "token");
        assert!(text(token, "says").contains("correlation id "), "{token}");
        assert_eq!(found.one("route /dicom-web", "search")["says"], "there is no token");
        assert_eq!(recorder.requests().len(), 0);
    }
}

/// The rows of the table that `tokens::aadsts` has, all of them, in one examination.
#[tokio::test]
async fn every_remedy_of_the_table_is_given() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let rows = crate::tokens::aadsts::ROWS;
    let (mut client, mut more) = (String::new(), String::new());
    for (error, code, ..) in rows {
        world.authority.answer_client(&format!("of-{code}"), refusal(error, *code, "canary"));
        client.push_str(&format!(
            "[client.c{code}]\ntoken_endpoint = \"{}\"\nid = \"of-{code}\"\nanchors = \"ca.pem\"\n\
             credential.secret_file = \"client-secret\"\n",
            world.authority.token_endpoint()
        ));
        more.push_str(&format!(
            "[[route]]\nprefix = \"/r{code}\"\norigin = \"{}\"\nscope = \"{}\"\n\
             callers = \"anyone\"\nclient = \"c{code}\"\n",
            recorder.url(),
            world.authority.scope()
        ));
    }
    let (_, code, ..) = rows[0];
    let route = format!("client = \"c{code}\"");

    let found = diagnose(&world, &Toml { client, route, more, ..world.toml(recorder.url()) }).await;

    for (_, code, class, word) in rows {
        let token = found.one(&format!("client c{code}"), "token");
        assert_eq!(token["verdict"], "fail", "{token}");
        assert_eq!(token["facts"]["class"], *class, "{token}");
        assert_eq!(token["facts"]["aadsts"], serde_json::json!([code]), "{token}");
        assert!(text(token, "remedy").contains(word), "{token}");
    }
    assert!(!found.text().contains("canary"));
}

#[tokio::test]
async fn a_refusal_without_a_number_is_explained_by_its_error() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    for (error, class, remedy) in [
        ("invalid_client", "credential", "does not accept the credential"),
        ("unauthorized_client", "application", "allow it client credentials"),
        ("unsupported_grant_type", "request", "does not know client credentials"),
        ("invalid_scope", "request", "does not grant this `scope`"),
        ("invalid_request", "request", "finds the request malformed"),
        ("invalid_resource", "resource", "knows no such service"),
        ("invalid_target", "resource", "gives no token for this service"),
        ("access_denied", "consent", "forbids this"),
        ("invalid_grant", "consent", "gives this client no token"),
        ("interaction_required", "user", "wants a person to sign in"),
        ("server_error", "transient", "trouble of its own"),
        ("temporarily_unavailable", "transient", "trouble of its own"),
    ] {
        let body = format!(r#"{{"error":"{error}","error_description":"canary"}}"#);
        world.authority.answer_with(Answer::status(400, "application/json", body));

        let found = diagnose(&world, &world.toml(recorder.url())).await;

        found.fails(("client default", "token"), "", remedy);
        assert_eq!(found.one("client default", "token")["facts"]["class"], class, "{error}");
        assert!(!found.text().contains("canary"), "{}", found.text());
    }
}

#[tokio::test]
async fn answers_that_are_no_refusals_are_explained() {
    for (answer, says, remedy) in [
        (
            refusal("invalid_client", 7_000_222, "canary"),
            "invalid_client AADSTS7000222",
            "has expired: make a new one",
        ),
        (Answer::throttled(RetryAfter::Seconds(17)), "throttles this client for 17 s", "wait"),
        (Answer::unavailable(), "out of order: status 503", "wait"),
        (Answer::status(404, "text/html", "<html>canary"), "status 404", "slip in the path"),
        (Answer::redirect("https://elsewhere.example/canary"), "status 307", "sends elsewhere"),
        (Answer::garbage(), "cannot be used", "is no authority"),
        (Answer::Never, "did not answer in time", "timeout_secs"),
        (Answer::Reset, "cannot be reached", "discovery"),
    ] {
        let (world, recorder) = (World::new().await, Recorder::start().await);
        world.authority.answer_with(answer);
        let client = "timeout_secs = 2".into();

        let found = diagnose(&world, &Toml { client, ..world.toml(recorder.url()) }).await;

        found.fails(("client default", "token"), says, remedy);
        assert!(!found.text().contains("canary"), "{}", found.text());
    }
}

#[tokio::test]
async fn a_token_is_told_by_what_it_says_and_never_shown() {
    let world = World::new().await;
    let service = service(&world).await;
    let file = file(&world, &azure(&world, &service));

    for arguments in [&[][..], &["--json"]] {
        let ended = run(&file, arguments).await;

        assert_eq!(ended.code, Some(0), "{}", ended.stdout);
        let token = world.authority.last_token().unwrap();
        for part in token.split('.').chain([world.authority.secret().as_str()]) {
            assert!(!ended.stdout.contains(part) && !ended.stderr.contains(part));
        }
        for known in [
            "credential (secret): aud https://dicom.healthcareapis.azure.com",
            &format!("iss {}", world.authority.issuer()),
            &format!("tid {}", world.authority.tenant()),
            &format!("azp {}", world.authority.client_id()),
            "usable for 59 min",
        ] {
            assert!(ended.stdout.contains(known), "{known} is not in {}", ended.stdout);
        }
        assert!(!ended.stdout.contains("PatientName") && !ended.stdout.contains("2.25."));
    }
}

#[tokio::test]
async fn no_level_of_the_log_shows_a_secret_a_token_or_a_study() {
    let world = World::new().await;
    let service = service(&world).await;
    let user = world.authority.issue_user_token(&world.authority.user("ada"));
    world.scratch.file("user-token", &user);
    let proxy = ("HTTPS_PROXY", "http://canary-user:canary-password@proxy.example:3128");
    let mut secrets = Vec::new();
    for fault in ["none", "secret", "service"] {
        match fault {
            "secret" => drop(world.scratch.file("client-secret", "canary-secret")),
            "service" => drop(world.scratch.file("client-secret", world.authority.secret())),
            _ => {}
        }
        let toml = azure(&world, &service);
        let toml = match fault {
            "service" => Toml { origin: service.base_url().replace("/v2", "/v3"), ..toml },
            _ => toml,
        };
        let file = file(&world, &toml);
        let token = world.scratch.path().join("user-token");
        let arguments =
            ["doctor".as_ref(), file.as_os_str(), "--token-file".as_ref(), token.as_ref()];

        let ended = Program::run(&arguments, &[("RUST_LOG", "trace"), proxy]).await;

        secrets.extend(
            world
                .authority
                .tokens()
                .iter()
                .chain([&user])
                .flat_map(|token| token.split('.').map(str::to_owned).collect::<Vec<_>>()),
        );
        secrets.push(world.authority.secret());
        secrets.extend(["canary", "PatientName", "2.25."].map(str::to_owned));
        for secret in &secrets {
            let told = [&ended.stdout, &ended.stderr];
            assert!(told.iter().all(|told| !told.contains(secret)), "{fault} {}", ended.stdout);
        }
    }
}

#[tokio::test]
async fn an_opaque_token_is_said_to_be_one() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    world.authority.answer_with(Answer::with("access_token", "\"canary-opaque\""));

    let found = diagnose(&world, &world.toml(recorder.url())).await;

    found.tells(("client default", "token"), "ok", ("an opaque token", ""));
    assert!(!found.text().contains("canary"));
}

#[tokio::test]
async fn each_of_several_credentials_is_tried_and_one_that_works_makes_up_for_others() {
    let world = World::new().await;
    let service = service(&world).await;
    world.scratch.file("old-secret", "old");
    let both =
        "credential = [{ secret_file = \"old-secret\" }, { secret_file = \"client-secret\" }]";
    let toml = Toml { client: both.into(), ..azure(&world, &service) };

    let found = diagnose(&world, &toml).await;

    let tokens = found.each("client default", "token");
    assert_eq!(tokens.len(), 2, "{}", found.text());
    assert_eq!((&tokens[0]["verdict"], &tokens[1]["verdict"]), (&"warn".into(), &"ok".into()));
    assert!(text(tokens[0], "says").starts_with("credential[0] (secret): the authority refused"));
    assert!(text(tokens[1], "says").starts_with("credential[1] (secret): aud "));
    assert_eq!(found.one("route /dicom-web", "search")["verdict"], "ok");
    assert_eq!(found.code, Some(0));

    world.authority.reject_secret();
    let found = diagnose(&world, &toml).await;
    assert_eq!(found.with("fail").len(), 2, "{}", found.text());
    assert_eq!(found.code, Some(1));
}

#[tokio::test]
async fn a_managed_identity_that_is_not_there_is_explained() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let client = "[client]\ncredential.managed_identity = {}\ntimeout_secs = 1\n".to_owned();
    let file = file(&world, &Toml { client, ..world.toml(recorder.url()) });
    let silent = odd::Odd::silent().await;
    let endpoint = format!("http://{}/msi", silent.address);
    let variables = [("IDENTITY_ENDPOINT", &*endpoint), ("IDENTITY_HEADER", "canary")];

    let ended =
        Program::run(&["doctor".as_ref(), file.as_os_str(), "--json".as_ref()], &variables).await;

    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    assert!(ended.stdout.contains("no platform here gives managed identities"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("canary"));
}

#[tokio::test]
async fn an_authority_that_is_known_by_its_issuer_is_examined_too() {
    let world = World::new().await;
    let service = service(&world).await;
    let client = format!("authority = \"{}\"", world.authority.issuer());
    let found = diagnose(&world, &Toml { client, ..azure(&world, &service) }).await;
    assert_eq!(found.code, Some(0), "{}", found.text());

    let client = format!("authority = \"{}/nobody\"", world.authority.url());
    let found = diagnose(&world, &Toml { client, ..azure(&world, &service) }).await;
    found.fails(("client default", "token"), "it has no metadata", "see `authority`");
}
