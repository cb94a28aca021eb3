//! What origin servers answer to the one search.

use gateway_tests::{Recorder, Reply};

use super::*;

#[tokio::test]
async fn each_answer_that_is_none_is_explained() {
    for (answer, profile, says, remedy) in [
        (page(200, "text/html; charset=utf-8"), "azure", "200 with a web page", "a portal"),
        (page(200, "text/plain"), "azure", "200 with text/plain", "/studies begins"),
        (page(403, "text/html"), "azure", "403 with a web page", "firewall for web applications"),
        (page(403, "application/json"), "generic", "it lacks a role", "administrator"),
        (page(403, "application/json"), "google", "roles/healthcare.dicomViewer", "DICOM store"),
        (page(400, "text/plain"), "generic", "400: the service does not take", "/studies begins"),
        (page(406, "text/plain"), "azure", "406: the service does not give", "Accept header"),
        (page(429, "text/plain"), "azure", "429: the service is too busy", "wait"),
        (page(500, "text/plain"), "azure", "500: the service, or what", "own log"),
        (page(503, "text/html"), "azure", "503: the service is too busy", "wait"),
        (page(404, "text/plain"), "azure", "no studies at", "nor at /v2 or /v1: see the host"),
        (page(404, "text/plain"), "orthanc", "no studies at", "nor at /dicom-web: `origin`"),
        (
            "HTTP/1.1 302 Found\r\nLocation: https://login.example/oauth2?state=canary\r\n\
             Content-Length: 0\r\n\r\n"
                .to_owned(),
            "azure",
            "302: it sends elsewhere, to https://login.example/oauth2",
            "page to sign in",
        ),
        ("canary\r\n\r\n".to_owned(), "azure", "broke off", "speaks no HTTP"),
    ] {
        let (world, recorder) = (World::new().await, Recorder::start().await);
        recorder.reply_with(Reply::Bytes(answer.into()));
        let route = format!("profile = \"{profile}\"");

        let found = diagnose(&world, &Toml { route, ..world.toml(recorder.url()) }).await;

        found.fails(("route /dicom-web", "search"), says, remedy);
        assert!(!found.text().contains("canary"), "{}", found.text());
        let first = &recorder.requests()[0];
        assert_eq!((first.method.as_str(), first.target.as_str()), ("GET", "/studies?limit=1"));
    }
}

#[tokio::test]
async fn an_origin_server_that_does_not_answer_is_not_waited_for() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    recorder.reply_with(Reply::Stall);
    let route = "response_timeout_secs = 1".into();

    let found = diagnose(&world, &Toml { route, ..world.toml(recorder.url()) }).await;

    found.fails(("route /dicom-web", "search"), "no answer within 1 s", "overloaded");
}

#[tokio::test]
async fn a_path_that_was_not_answered_is_not_among_those_that_were_tried() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    recorder.reply_with(Reply::Close);
    for _ in 0..2 {
        recorder.reply_next(Reply::Bytes(page(404, "text/plain").into()));
    }
    let route = "profile = \"azure\"".into();

    let found = diagnose(&world, &Toml { route, ..world.toml(recorder.url()) }).await;

    found.fails(("route /dicom-web", "search"), "404", "nor at /v2: see the host");
}

#[tokio::test]
async fn an_answer_that_does_not_end_is_not_waited_for() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: application/dicom+json\r\nContent-Length: 99\r\n\r\n[";
    recorder.reply_with(Reply::Bytes(head.into()));
    let route = "body_timeout_secs = 1".into();

    let found = diagnose(&world, &Toml { route, ..world.toml(recorder.url()) }).await;

    let says = "200, application/dicom+json: the answer began, and did not end within 1 s";
    found.fails(("route /dicom-web", "search"), says, "overloaded");
    let took = found.one("route /dicom-web", "search")["took_ms"].as_u64();
    assert!(took.is_some_and(|took| (1000..20_000).contains(&took)), "{took:?}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_told_as_that() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    recorder.reply_with(Reply::Truncate {
        head: "HTTP/1.1 200 OK\r\nContent-Type: application/dicom+json\r\n".into(),
        body: b"[{".to_vec(),
        declared: 99,
    });

    let found = diagnose(&world, &world.toml(recorder.url())).await;

    let says = "200, application/dicom+json: the answer began, and broke off";
    found.fails(("route /dicom-web", "search"), says, "own log");
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_told_as_that() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let body = format!("[{}]", " ".repeat(8 << 20));
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/dicom+json\r\nContent-Length: \
         {}\r\n\r\n{body}",
        body.len()
    );
    recorder.reply_with(Reply::Bytes(answer.into()));

    let found = diagnose(&world, &world.toml(recorder.url())).await;

    let says = "200, application/dicom+json: more than 8 MiB for limit=1";
    found.fails(("route /dicom-web", "search"), says, "knows `limit`");
}

#[tokio::test]
async fn no_study_at_all_is_no_mistake() {
    for answer in [
        "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Type: application/dicom+json\r\nContent-Length: 2\r\n\r\n[]"
            .to_owned(),
    ] {
        let (world, recorder) = (World::new().await, Recorder::start().await);
        recorder.reply_with(Reply::Bytes(answer.into()));

        let found = diagnose(&world, &world.toml(recorder.url())).await;

        found.tells(("route /dicom-web", "search"), "ok", ("no study", ""));
        assert_eq!(found.code, Some(0));
    }
}

#[tokio::test]
async fn a_missing_role_is_told_with_the_command_that_gives_it() {
    for (allow, role) in [("search", "DICOM Data Reader"), ("store", "DICOM Data Owner")] {
        let (world, recorder) = (World::new().await, Recorder::start().await);
        recorder.reply_with(Reply::Bytes(page(403, "application/json").into()));
        let route = format!("profile = \"azure\"\nallow = [\"search\", \"{allow}\"]");
        let route = route.replace("[\"search\", \"search\"]", "[\"search\"]");

        let found = diagnose(&world, &Toml { route, ..world.toml(recorder.url()) }).await;

        let principal = gateway_tests::Authority::principal_of(&world.authority.client_id());
        let says = format!("{principal} may not search: it lacks {role}");
        let remedy = format!(
            "\naz role assignment create --assignee-object-id {principal} \
             --assignee-principal-type ServicePrincipal --role \"{role}\" --scope \"/subscriptions/\
             <subscription id>/resourceGroups/<resource group>/providers/Microsoft.HealthcareApis/\
             workspaces/<workspace>/dicomservices/<service>\"\n"
        );
        found.fails(("route /dicom-web", "search"), &says, &remedy);
        let remedy = text(found.one("route /dicom-web", "search"), "remedy");
        assert!(remedy.contains("\naz resource list "), "{remedy}");
    }
}

#[tokio::test]
async fn a_token_for_another_audience_is_told_beside_the_one_that_is_asked_for() {
    let azure = "https://dicom.healthcareapis.azure.com";
    for (scope, profile, challenge, wanted, says, remedy) in [
        (
            "https://graph.microsoft.com/.default",
            "azure",
            "Bearer error=\"invalid_token\"",
            Some(azure),
            "for https://graph.microsoft.com",
            "write scope = \"https://dicom.healthcareapis.azure.com/.default\"",
        ),
        (
            "https://graph.microsoft.com/.default",
            "generic",
            "Bearer authorization_uri=\"x\", resource_id=\"https://dicom.example/\"",
            None,
            "for https://graph.microsoft.com",
            "it claims to take those for https://dicom.example/: if its administrator says the \
             same, write scope = \"https://dicom.example/.default\"",
        ),
        (
            "https://graph.microsoft.com/.default",
            "generic",
            "Bearer error=\"invalid_token\", error_description=\"The audience canary is invalid\"",
            None,
            "for https://graph.microsoft.com",
            "write the service's own in `scope`, which is https://graph.microsoft.com/.default now",
        ),
        (
            "https://dicom.healthcareapis.azure.com/.default",
            "azure",
            "Bearer error=\"invalid_token\", error_description=\"The issuer is invalid\"",
            Some(azure),
            "401",
            "the service has to trust that one",
        ),
        (
            "https://dicom.healthcareapis.azure.com/.default",
            "azure",
            "Bearer error=\"invalid_token\", error_description=\"The token is expired\"",
            Some(azure),
            "401",
            "see the clocks",
        ),
        (
            "https://dicom.healthcareapis.azure.com/.default",
            "azure",
            "Bearer error=\"insufficient_claims\", claims=\"e30=\"",
            Some(azure),
            "401",
            "conditional access",
        ),
        (
            "https://x.example/.default",
            "generic",
            "Basic",
            None,
            "401",
            "compare them with `scope`",
        ),
    ] {
        let (world, recorder) = (World::new().await, Recorder::start().await);
        world.authority.set_scope(scope);
        let answer = format!(
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: {challenge}\r\nContent-Length: \
             0\r\n\r\n"
        );
        recorder.reply_with(Reply::Bytes(answer.into()));
        let route = format!("profile = \"{profile}\"");

        let found = diagnose(&world, &Toml { route, ..world.toml(recorder.url()) }).await;

        found.fails(("route /dicom-web", "search"), says, remedy);
        let search = found.one("route /dicom-web", "search");
        assert_eq!(search["facts"]["wanted_audience"].as_str(), wanted, "{search}");
        assert!(!found.text().contains("canary"), "{}", found.text());
    }
}

#[tokio::test]
async fn whoever_refuses_a_token_cannot_have_one_for_another_service() {
    for (profile, remedy) in [
        ("azure", "it takes those for https://dicom.healthcareapis.azure.com: write scope = "),
        ("generic", "it claims to take those for https://graph.microsoft.com, which no DICOM"),
    ] {
        for resource in ["resource_id", "resource", "audience"] {
            let (world, recorder) = (World::new().await, Recorder::start().await);
            world.authority.set_scope("https://x.example/.default");
            let answer = format!(
                "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer \
                 {resource}=\"https://graph.microsoft.com\"\r\nContent-Length: 0\r\n\r\n"
            );
            recorder.reply_with(Reply::Bytes(answer.into()));
            let route = format!("profile = \"{profile}\"");

            let found = diagnose(&world, &Toml { route, ..world.toml(recorder.url()) }).await;

            found.fails(("route /dicom-web", "search"), "for https://x.example", remedy);
            let said = text(found.one("route /dicom-web", "search"), "remedy");
            assert!(!said.contains("graph.microsoft.com/.default"), "{said}");
        }
    }
}

#[tokio::test]
async fn a_service_s_own_refusal_of_an_audience_is_explained() {
    let world = World::new().await;
    let service = service(&world).await;
    // It goes on to check for the audience that it had.
    world.authority.answer_with(gateway_tests::authority::Answer::with(
        "access_token",
        &format!("\"{}\"", world.authority.issue_token_to(&world.authority.client_id(), "api://x")),
    ));

    let found = diagnose(&world, &azure(&world, &service)).await;

    let remedy = "write scope = \"https://dicom.healthcareapis.azure.com/.default\"";
    found.fails(("route /dicom-web", "search"), "which is for api://x", remedy);
}

#[tokio::test]
async fn a_url_without_its_version_is_told_with_the_right_one() {
    let world = World::new().await;
    let service = service(&world).await;
    let right = service.base_url();
    let host = right.strip_suffix("/v2").expect("a URL with a version");
    for wrong in [host.to_owned(), format!("{host}/v1"), format!("{host}/v3")] {
        let toml = Toml { origin: wrong.clone(), ..azure(&world, &service) };

        let found = diagnose(&world, &toml).await;

        let search = found.one("route /dicom-web", "search");
        assert_eq!(search["verdict"], "fail", "{wrong}: {}", found.text());
        found.fails(
            ("route /dicom-web", "search"),
            "and has them at /v2",
            &format!("write origin = \"{right}\""),
        );
    }
}

#[tokio::test]
async fn a_service_with_data_partitions_is_told_so() {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let list = r#"[{"partitionName":"canary"}]"#;
    let list = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{list}",
        list.len()
    );
    recorder.reply_with(Reply::Bytes(list.into()));
    // The search, and the two other places where it is tried.
    for _ in 0..3 {
        recorder.reply_next(Reply::Bytes(page(400, "text/plain").into()));
    }
    let route = "profile = \"azure\"".into();

    let found = diagnose(&world, &Toml { route, ..world.toml(recorder.url() + "/v2") }).await;

    let asked = recorder.requests().iter().map(|it| it.target.clone()).collect::<Vec<_>>();
    assert_eq!(asked.last().map(String::as_str), Some("/v2/partitions"), "{asked:?}");
    found.fails(
        ("route /dicom-web", "search"),
        "but in data partitions",
        "/v2/partitions/<partition>",
    );
    assert!(!found.text().contains("canary"), "{}", found.text());
}

fn page(status: u16, kind: &str) -> String {
    let body = "<html>canary</html>";
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}")
}
