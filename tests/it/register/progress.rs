//! Progress, where somebody watches, and plain lines where nobody does.

use std::process::Command;

use gateway_tests::Program;

use super::{Scene, good};

#[tokio::test]
async fn a_terminal_shows_what_is_under_way_and_then_what_became_of_it() {
    let scene = Scene::new().await;
    let mut arguments = scene.unsigned(&["--secret"]);
    arguments.extend(scene.tokens());
    let quoted = |it: &str| format!("'{}'", it.replace('\'', r"'\''"));
    let program = Program::path().display().to_string();
    let words = [program].into_iter().chain(arguments).map(|it| quoted(&it)).collect::<Vec<_>>();
    // Of util-linux: its child's terminal is a real one.
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &words.join(" "), "/dev/null"]);
    script.stdin(std::process::Stdio::null());
    let run = tokio::task::spawn_blocking(move || script.output().unwrap()).await.unwrap();
    let told = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(run.status.success(), "{told}");
    for part in [
        "\r\u{1b}[K… the application",
        "\r\u{1b}[K✓ made: application \"DICOM gateway\"",
        "\r\u{1b}[K… the credential",
        "\r\u{1b}[K✓ made: secret",
        "\r\u{1b}[K! the DICOM service answers 403",
    ] {
        assert!(told.contains(part), "{part:?}: {told:?}");
    }
    // What is under way is wiped off before anything stays.
    let last = told.lines().map(|line| line.rsplit("\u{1b}[K").next().unwrap_or_default());
    assert!(last.clone().all(|line| !line.starts_with('…')), "{told:?}");
    assert!(!told.contains(&scene.text("client-secret")));
}

#[tokio::test]
async fn elsewhere_there_are_lines_and_nothing_that_moves_a_cursor() {
    let scene = Scene::new().await;
    for ended in [
        scene.register(&["--secret"]).await,
        scene.register(&["--secret"]).await,
        scene.run("rotate", &["--grace-secs", "1"]).await,
        scene.run("list", &[]).await,
        scene.run("remove", &["--yes"]).await,
    ] {
        good(&ended);
        let controls = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
        assert!(!ended.stderr.contains(controls), "{:?}", ended.stderr);
        assert!(!ended.stdout.contains(controls), "{:?}", ended.stdout);
        assert!(!ended.stderr.contains('…') && !ended.stderr.contains('✓'), "{}", ended.stderr);
    }
}
