//! What services publish of the tokens that they take, where they do not take the gateway's.

use gateway_tests::{Recorder, Reply};
use serde_json::json;

use super::*;

#[tokio::test]
async fn the_audience_of_a_service_s_metadata_is_told_with_the_line_to_write() {
    for is_named in [true, false] {
        let (world, recorder) = refusing(is_named).await;
        let url = recorder.url() + "/dicom";
        recorder.reply_next(document(json!({
            "resource": url, "authorization_servers": [world.authority.issuer()],
        })));

        let found = diagnose(&world, &world.toml(&url)).await;

        let remedy = format!(
            "it takes those for {url}: write scope = \"{url}/.default\" instead of \
             \"https://x.example/.default\" in the route /dicom-web"
        );
        let search = ("route /dicom-web", "search");
        found.fails(search, "which is for https://x.example", &remedy);
        assert_eq!(found.one(search.0, search.1)["facts"]["published_audience"], url);
        let asked = &recorder.requests()[1];
        assert_eq!(asked.target, "/.well-known/oauth-protected-resource/dicom");
        assert_eq!((asked.method.as_str(), asked.header("authorization")), ("GET", None));
        assert_eq!(recorder.requests().len(), 2);
    }
}

#[tokio::test]
async fn an_authority_that_has_no_such_scopes_as_entra_s_is_not_asked_for_them() {
    let (world, recorder) = refusing(false).await;
    world.authority.set_scope("https://x.example/dicom.read");
    let token = world.authority.issue_token_to(&world.authority.client_id(), "https://x.example");
    world.authority.answer_with(gateway_tests::authority::Answer::with(
        "access_token",
        &format!("\"{token}\""),
    ));
    let url = recorder.url();
    recorder.reply_next(document(json!({
        "resource": url, "scopes_supported": ["dicom.read", "dicom.write"],
    })));

    let found = diagnose(&world, &world.toml(&url)).await;

    let remedy = "with scopes such as dicom.read dicom.write: have the authority give such tokens";
    found.fails(("route /dicom-web", "search"), "401", remedy);
}

#[tokio::test]
async fn metadata_at_another_origin_are_not_read() {
    let (world, recorder, other) =
        (World::new().await, Recorder::start().await, Recorder::start().await);
    world.authority.set_scope("https://x.example/.default");
    recorder.reply_with(gone());
    recorder.reply_next(refusal(&format!("Bearer resource_metadata=\"{}/metadata\"", other.url())));

    let found = diagnose(&world, &world.toml(recorder.url() + "/dicom")).await;

    let remedy = "which is not its own origin, and were not read";
    found.fails(("route /dicom-web", "search"), "401", remedy);
    assert_eq!(other.bytes_seen(), 0);
}

#[tokio::test]
async fn metadata_of_another_resource_are_not_believed() {
    for resource in ["https://graph.microsoft.com", "https://x.example/other"] {
        let (world, recorder) = refusing(false).await;
        recorder.reply_next(document(json!({
            "resource": resource, "authorization_servers": ["https://lure.example"],
        })));

        let found = diagnose(&world, &world.toml(recorder.url())).await;

        let remedy = format!("its metadata are those of {resource}, and not of this service");
        found.fails(("route /dicom-web", "search"), "401", &remedy);
        assert!(!found.text().contains("lure") && !found.text().contains("write scope"));
    }

    let (world, recorder) = refusing(false).await;
    recorder.reply_next(document(json!({"resource": "00000003-0000-0000-c000-000000000000"})));
    let found = diagnose(&world, &world.toml(recorder.url())).await;
    let remedy = "which no DICOM service has any business with";
    found.fails(("route /dicom-web", "search"), "401", remedy);
}

#[tokio::test]
async fn another_authority_than_the_token_s_is_told_as_the_service_names_it() {
    for is_smart in [true, false] {
        let (world, recorder) = refusing(false).await;
        let url = recorder.url() + "/fhir";
        if is_smart {
            recorder.reply_next(gone());
            recorder.reply_next(gone());
            recorder.reply_next(document(json!({
                "issuer": "https://login.example", "token_endpoint": "https://login.example/token",
                "capabilities": [],
            })));
        } else {
            world.authority.set_scope(&format!("{url}/.default"));
            recorder.reply_next(document(json!({
                "resource": url, "authorization_servers": ["https://login.example"],
            })));
        }

        let found = diagnose(&world, &world.toml(&url)).await;

        let remedy = "write authority = \"https://login.example\" in the table of this route's";
        found.fails(("route /dicom-web", "search"), "401", remedy);
        let last = recorder.requests().last().map(|last| last.target.clone());
        let smart = "/fhir/.well-known/smart-configuration";
        assert_eq!(last.as_deref() == Some(smart), is_smart, "{last:?}");
        assert!(recorder.requests()[1..].iter().all(|it| it.header("authorization").is_none()));
    }
}

#[tokio::test]
async fn metadata_that_are_too_large_or_do_not_come_are_done_without() {
    let large = json!({"resource": "canary", "padding": "x".repeat(70_000)});
    for reply in [document(large), Reply::Stall, document(json!(["canary"])), Reply::Close] {
        let (world, recorder) = refusing(false).await;
        recorder.reply_next(reply);

        let found = diagnose(&world, &world.toml(recorder.url())).await;

        found.fails(("route /dicom-web", "search"), "401", "compare them with `scope`");
        assert!(!found.text().contains("canary"), "{}", found.text());
    }
}

#[tokio::test]
async fn the_url_of_an_azure_service_is_said_to_be_no_audience() {
    let (world, recorder) = refusing(false).await;
    let url = recorder.url();
    world.authority.set_scope(&format!("{url}/.default"));
    let route = "profile = \"azure\"".into();

    let found = diagnose(&world, &Toml { route, ..world.toml(&url) }).await;

    let search = ("route /dicom-web", "search");
    found.fails(search, &format!("is for {url}"), "what Azure's FHIR services have for that");
    let remedy = text(found.one(search.0, search.1), "remedy");
    assert!(remedy.contains("write scope = \"https://dicom.healthcareapis.azure.com/.default\""));
    assert!(remedy.contains("\naz resource list ") && remedy.contains("authenticationConfig"));
}

/// A service that takes no token, and has nothing else; its challenge may name its metadata.
async fn refusing(is_named: bool) -> (World, Recorder) {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    world.authority.set_scope("https://x.example/.default");
    let at = format!("{}/.well-known/oauth-protected-resource/dicom", recorder.url());
    let challenge =
        if is_named { format!("Bearer resource_metadata=\"{at}\"") } else { "Bearer".to_owned() };
    recorder.reply_with(gone());
    recorder.reply_next(refusal(&challenge));
    (world, recorder)
}

fn refusal(challenge: &str) -> Reply {
    let head = format!("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: {challenge}\r\n");
    Reply::Bytes(format!("{head}Content-Length: 0\r\n\r\n").into())
}

fn document(json: Value) -> Reply {
    let body = json.to_string();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length:";
    Reply::Bytes(format!("{head} {}\r\n\r\n{body}", body.len()).into())
}

fn gone() -> Reply {
    Reply::Bytes("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".into())
}
