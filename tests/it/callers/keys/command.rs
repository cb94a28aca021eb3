//! `dicom-gateway key`, as an operator runs it.

use std::fs;
use std::os::unix::fs::MetadataExt;

use gateway_tests::program::Ended;

use super::*;

#[tokio::test]
async fn a_key_that_was_made_opens_the_gateway_and_one_that_was_removed_does_not() {
    let scene = Scene::new().await;
    let (_, first) = made(&scene, "first", &[]).await;
    let file = scene.world.scratch.file("gateway.toml", scene.toml().text());
    let mut program = Program::start(&["serve".as_ref(), file.as_os_str()], &[]);
    let (callers, _) = program.addresses().await;
    assert_eq!(search_at(callers, &first).await, 200);

    let (ended, second) = made(&scene, "second", &["--expires", "2099-01-31"]).await;
    assert!(ended.stderr.contains("second is added to"), "{}", ended.stderr);
    assert!(!ended.stderr.contains(&second), "a key is told once");
    program.wait_for_line("new key material is in use").await;
    assert_eq!(search_at(callers, &second).await, 200);

    let listed = key(&scene, "list", &[]).await;
    assert_eq!(listed.stdout, "first\tgenerated\tfor ever\nsecond\tgenerated\tuntil 2099-01-31\n");
    assert_eq!(key(&scene, "remove", &["first"]).await.code, Some(0));
    program.wait_for_lines("new key material is in use", 2).await;
    assert_eq!(search_at(callers, &first).await, 401);
    assert_eq!(search_at(callers, &second).await, 200);

    fs::write(scene.keys.path(), format!("a-slip {second}\n")).unwrap();
    let line = program.wait_for_line("api-keys:1: ").await;
    assert!(line.contains("the old stays in use") && !line.contains(&second), "{line}");
    let told = program.stderr();
    assert!(!told.contains(&first) && !told.contains(&second), "{told}");
}

#[tokio::test]
async fn two_at_once_lose_nothing() {
    let scene = Scene::new().await;
    let names = (0..12).map(|number| format!("ward-{number}")).collect::<Vec<_>>();
    let made = names.iter().map(|name| made(&scene, name, &[]));
    let made = futures_util::future::join_all(made).await;

    let gateway = scene.start().await;
    for (_, key) in made {
        assert_eq!(search(&gateway, &[bearer(&key)]).await.status(), 200);
    }
    let mut listed = scene.keys.list().unwrap();
    listed.sort_by_key(|key| key.name.to_string());
    let mut names = names;
    names.sort();
    assert_eq!(listed.iter().map(|key| key.name.to_string()).collect::<Vec<_>>(), names);
    assert_eq!(fs::metadata(scene.keys.path()).unwrap().mode() & 0o7777, 0o600);
    let left = fs::read_dir(scene.world.scratch.path()).unwrap();
    let left = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(left.into_iter().all(|name| !name.ends_with(".new")));
}

#[tokio::test]
async fn a_password_comes_by_standard_input() {
    let scene = Scene::new().await;
    let path = scene.keys.path().to_str().unwrap();
    let hash = ["key", "hash", "slicer", "--file", path];
    let ended = Program::run_with(&hash, "correct horse battery\r\n").await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""), "{}", ended.stderr);
    assert!(!ended.stderr.contains("horse"), "{}", ended.stderr);
    let again = Program::run_with(&hash, "correct horse battery\n").await;
    assert_eq!(again.code, Some(1), "there is one of this name");
    for wrong in ["", "\n", "short\n", " correct horse battery\n", "h\u{f6}rse battery correct\n"] {
        let ended = Program::run_with(&["key", "hash", "other", "--file", path], wrong).await;
        assert_eq!(ended.code, Some(64), "{wrong:?}: {}", ended.stderr);
    }

    let gateway = scene.start().await;
    let fields = [basic("anybody", "correct horse battery")];
    assert_eq!(search(&gateway, &fields).await.status(), 200);
}

#[tokio::test]
async fn each_way_to_fail_has_its_exit_code() {
    let scene = Scene::new().await;
    made(&scene, "ward-7", &[]).await;
    let before = fs::read_to_string(scene.keys.path()).unwrap();
    for (command, arguments, code) in [
        ("new", &["ward-7"][..], 1),
        ("new", &["ward/8"], 64),
        ("new", &["ward-8", "--expires", "tomorrow"], 64),
        ("new", &["ward-8", "--expires", "2020-01-31"], 64),
        ("new", &[], 64),
        ("remove", &["ward-8"], 1),
    ] {
        let ended = key(&scene, command, arguments).await;
        assert_eq!(ended.code, Some(code), "{command} {arguments:?}: {}", ended.stderr);
        assert_eq!(ended.stdout, "");
        assert!(!ended.stderr.is_empty());
    }
    assert_eq!(fs::read_to_string(scene.keys.path()).unwrap(), before);

    fs::write(scene.keys.path(), "nonsense\n").unwrap();
    for (command, arguments) in [("new", &["ward-8"][..]), ("remove", &["ward-7"]), ("list", &[])] {
        let ended = key(&scene, command, arguments).await;
        assert_eq!(ended.code, Some(78), "{}", ended.stderr);
        assert!(ended.stderr.contains("api-keys:1: "), "{}", ended.stderr);
    }
    assert_eq!(fs::read_to_string(scene.keys.path()).unwrap(), "nonsense\n");
}

/// Makes a key of this name.
async fn made(scene: &Scene, name: &str, more: &[&str]) -> (Ended, String) {
    let ended = key(scene, "new", &[&[name], more].concat()).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let made = ended.stdout.trim_end().to_owned();
    assert!(made.starts_with("dgw_") && !made.contains('\n'), "{made}");
    (ended, made)
}

async fn key(scene: &Scene, command: &str, arguments: &[&str]) -> Ended {
    let path = scene.keys.path().to_str().unwrap();
    let all = [&["key", command], arguments, &["--file", path]].concat();
    Program::run(&all, &[]).await
}
