//! The page that tells of it shows what is really printed.

use super::{RESOURCE, Scene, good, json};

#[tokio::test]
async fn the_page_shows_what_is_really_printed() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/register.md");
    let page = std::fs::read_to_string(page).unwrap();
    let scene = Scene::new().await;
    let arguments = ["--secret", "--admin-consent", "--role", "reader", "--resource", RESOURCE];
    let shows = |printed: &str, known: &[(String, &str)]| {
        let mut text = printed.replace(&format!("{}/", scene.world.scratch.path().display()), "");
        for (real, shown) in known {
            text = text.replace(real, shown);
        }
        assert!(page.contains(&text), "the page lacks:\n{text}");
    };

    let first = scene.register(&arguments).await;
    good(&first);
    let application = scene.application();
    let secret = &application["passwordCredentials"][0];
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let ends = text(&secret["endDateTime"])[..10].to_owned();
    let mut known = vec![
        (text(&application["appId"]), "11111111-1111-1111-1111-111111111111"),
        (text(&application["id"]), "55555555-5555-5555-5555-555555555555"),
        (text(&scene.graph.assignments()[0]["properties"]["principalId"]), PRINCIPAL),
        (text(&secret["keyId"]), "33333333-3333-3333-3333-333333333333"),
        (ends, "2027-05-23"),
    ];
    shows(&first.stderr, &known);
    let again = scene.register(&arguments).await;
    good(&again);
    shows(&again.stderr, &known);

    let told = json(&scene.run("list", &["--json"]).await);
    let left = told["credentials"][0]["days_left"].as_u64().unwrap();
    known.push((format!("{left} days left"), "180 days left"));
    known.push((text(&secret["displayName"]), "dicom-gateway 3f2a9c10"));
    shows(&scene.run("list", &[]).await.stdout, &known);

    let rotated = scene.run("rotate", &["--grace-secs", "1"]).await;
    good(&rotated);
    let new = text(&scene.application()["passwordCredentials"][0]["keyId"]);
    known.push((new, "44444444-4444-4444-4444-444444444444"));
    known.push(("good for 1 s more".to_owned(), "good for 120 s more"));
    shows(&rotated.stderr, &known);

    let removed = scene.run("remove", &["--resource", RESOURCE, "--yes"]).await;
    good(&removed);
    shows(&removed.stderr, &known);
    assert!(scene.graph.applications().is_empty());
}

const PRINCIPAL: &str = "22222222-2222-2222-2222-222222222222";
