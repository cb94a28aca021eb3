//! A file of keys that others can read or change: at the start, and below a running gateway.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::*;

#[tokio::test]
async fn nothing_starts_with_keys_that_others_can_read_or_change() {
    let scene = Scene::new().await;
    let key = scene.key("ward-7");
    let path = scene.world.scratch.file("gateway.toml", scene.toml().text());
    for (mode, code) in [
        (0o604, 78),
        (0o644, 78),
        (0o602, 78),
        (0o660, 78),
        (0o666, 78),
        (0o600, 0),
        (0o400, 0),
        (0o640, 0),
    ] {
        permit(&scene, mode);
        let commands: &[&str] = if code == 0 { &["check"] } else { &["check", "serve"] };
        for command in commands {
            let ended = Program::run(&[command.as_ref(), path.as_os_str()], &[]).await;
            assert_eq!(ended.code, Some(code), "{command} with {mode:o}: {}", ended.stderr);
            let told = "callers.api_keys: the file it names is open to other users";
            assert_eq!(ended.stderr.contains(told), code == 78, "{}", ended.stderr);
            assert!(!(ended.stdout + &ended.stderr).contains(&key[..20]));
        }
    }
}

#[tokio::test]
async fn keys_that_are_opened_to_others_stay_as_they_were() {
    let scene = Scene::new().await;
    let known = scene.key("ward-7");
    let toml = Toml { listener: "max_failed_attempts = 1000000".into(), ..scene.toml() };
    let gateway = scene.world.start_ready(&toml).await;

    permit(&scene, 0o646);
    until_refused(&gateway, 0).await;
    // What others can write may be theirs.
    let others = KeyFile::at(&scene.world.scratch.path().join("others")).unwrap();
    let stranger = others.generate(name("stranger"), None).unwrap().to_string();
    let mut text = fs::read_to_string(scene.keys.path()).unwrap();
    text.push_str(fs::read_to_string(others.path()).unwrap().lines().last().unwrap());
    fs::write(scene.keys.path(), text).unwrap();
    until_refused(&gateway, 1).await;
    assert_eq!(search(&gateway, &[bearer(&known)]).await.status(), 200);
    assert_eq!(search(&gateway, &[bearer(&stranger)]).await.status(), 401);

    permit(&scene, 0o600);
    until_status(&gateway, &stranger, 200).await;
    assert_eq!(search(&gateway, &[bearer(&known)]).await.status(), 200);
}

fn permit(scene: &Scene, mode: u32) {
    fs::set_permissions(scene.keys.path(), Permissions::from_mode(mode)).unwrap();
}
