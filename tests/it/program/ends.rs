//! The commands that end by themselves, and their exit codes.

use gateway_tests::world::Toml;
use gateway_tests::{Program, World};

use super::{file, run};

#[tokio::test]
async fn a_good_file_is_good() {
    let world = World::new().await;
    let path = file(&world, &world.toml("http://127.0.0.1:1/v2"));

    let ended = run("check", &path).await;

    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stdout, format!("{}: good\n", path.display()));
    assert_eq!(world.authority.requests(), 0, "it asks for no token");
}

#[tokio::test]
async fn all_that_is_wrong_with_a_file_is_told_at_once_with_its_lines() {
    let world = World::new().await;
    let route = "allow = [\"serch\"]\nprofil = \"azure\"\nprefix = \"dicom-web\"";
    let toml = Toml { route: route.into(), ..world.toml("http://pacs.example/v2") };
    let path = file(&world, &toml);
    let text = toml.text();
    let line = |part: &str| 1 + text.lines().position(|line| line.starts_with(part)).unwrap();

    for command in ["check", "serve"] {
        let ended = run(command, &path).await;

        assert_eq!((ended.code, ended.stdout.as_str()), (Some(78), ""));
        for (part, key) in [
            ("origin", "route[0].origin"),
            ("allow", "route[0].allow"),
            ("profil", "route[0].profil"),
            ("prefix", "route[0].prefix"),
        ] {
            let told = format!("{}:{}: {key}", path.display(), line(part));
            assert!(ended.stderr.contains(&told), "{told}\n{}", ended.stderr);
        }
        assert_eq!(ended.stderr.lines().count(), 4, "{}", ended.stderr);
    }
}

#[tokio::test]
async fn what_only_building_shows_is_a_wrong_configuration_too() {
    let world = World::new().await;
    world.scratch.file("ca.pem", "no certificate");
    let path = file(&world, &world.toml("https://localhost:1/v2"));

    for command in ["check", "serve"] {
        let ended = run(command, &path).await;
        assert_eq!(ended.code, Some(78), "{}", ended.stderr);
        assert!(ended.stderr.contains("client \"default\": anchors: "), "{}", ended.stderr);
        assert!(ended.stderr.contains("route \"/dicom-web\": anchors: "), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn a_file_that_is_not_there_is_a_wrong_configuration() {
    let path = std::path::Path::new("/nowhere/gateway.toml");
    for command in ["check", "serve"] {
        let ended = run(command, path).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(78), ""));
        assert!(ended.stderr.starts_with("/nowhere/gateway.toml: cannot be read"));
    }
}

#[tokio::test]
async fn wrong_usage_is_told_from_a_wrong_configuration() {
    let cases: [&[&str]; 6] =
        [&[], &["serv", "x"], &["serve"], &["serve", "a", "b"], &["check"], &["schema", "--x"]];
    for arguments in cases {
        let ended = Program::run(arguments, &[]).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(64), ""), "{arguments:?}");
        assert!(ended.stderr.contains("Usage: dicom-gateway"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn it_tells_of_itself() {
    for arguments in [&["--help"][..], &["serve", "--help"], &["help", "check"]] {
        let ended = Program::run(arguments, &[]).await;
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        assert!(ended.stdout.contains("Usage: dicom-gateway"), "{}", ended.stdout);
    }
    let ended = Program::run(&["--version"], &[]).await;
    assert_eq!(ended.code, Some(0));
    assert_eq!(ended.stdout, format!("dicom-gateway {}\n", env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
async fn its_schema_is_json() {
    let ended = Program::run(&["schema"], &[]).await;

    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let schema = serde_json::from_str::<serde_json::Value>(&ended.stdout).unwrap();
    assert!(schema["$schema"].is_string() && schema["properties"]["route"].is_object());
}
