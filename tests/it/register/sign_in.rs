//! Who asks: a device code, the Azure CLI.

use std::process::Command;

use gateway_tests::Program;

use super::{RESOURCE, Scene, failed, good};

#[tokio::test]
async fn a_device_code_is_shown_and_polled_as_the_authority_wants() {
    let scene = Scene::new().await;
    scene.world.authority.answer_polls(&["authorization_pending", "slow_down"]);
    let arguments = scene.unsigned(&["--secret", "--role", "reader", "--resource", RESOURCE]);
    let ended = Program::run(&arguments, &[]).await;
    good(&ended);
    assert!(ended.stderr.contains("/devicelogin and enter the code E7W4-T2QK"), "{}", ended.stderr);
    let forms = scene.world.authority.forms();
    let polls = forms.iter().filter(|form| form.field("device_code").is_some()).count();
    assert_eq!(polls, 3, "it asked too often, or too soon");
    let refreshed = forms.iter().filter(|form| form.field("refresh_token").is_some()).count();
    assert_eq!(refreshed, 1, "one sign-in is enough for both services");
    assert_eq!(scene.graph.assignments().len(), 1);
    // Nobody said which tenant: the directory does.
    assert!(scene.text("gateway.toml").contains(&scene.graph.tenant()));
}

#[tokio::test]
async fn whoever_does_not_sign_in_makes_nothing() {
    for (error, told) in [
        ("authorization_declined", "declined"),
        ("expired_token", "nobody signed in"),
        ("invalid_client", "the authority refused it"),
    ] {
        let scene = Scene::new().await;
        scene.world.authority.answer_polls(&[error]);
        let ended = Program::run(&scene.unsigned(&["--secret"]), &[]).await;
        failed(&ended, 1, told);
        assert!(scene.graph.seen().is_empty());
    }
}

#[tokio::test]
async fn a_tenant_that_is_not_there_is_told() {
    let scene = Scene::new().await;
    let arguments = scene.unsigned(&["--secret", "--tenant", "nowhere.example"]);
    failed(&Program::run(&arguments, &[]).await, 1, "tenant");
}

#[tokio::test]
async fn the_azure_cli_gives_the_token_where_there_is_one() {
    let scene = Scene::new().await;
    let (token, arm) = (scene.graph.token(), scene.graph.arm_token());
    let tenant = scene.graph.tenant();
    let script = format!(
        "#!/bin/sh\necho \"$@\" >> az.log\ncase \"$*\" in *127.0.0.1*) t='{arm}';; *) t='{token}';; esac\n\
         echo '{{\"accessToken\": \"'$t'\", \"expires_on\": 1, \"tenant\": \"{tenant}\"}}'\n"
    );
    let path = with_az(&scene, &script);
    let arguments = scene.unsigned(&["--secret", "--role", "reader", "--resource", RESOURCE]);
    let ended = Program::run(&arguments, &[("PATH", &path)]).await;
    good(&ended);
    assert!(!ended.stderr.contains("devicelogin"), "{}", ended.stderr);
    assert!(!ended.stderr.contains(&token), "a token is told");
    assert!(scene.text("gateway.toml").contains(&tenant));
    assert_eq!(scene.graph.assignments().len(), 1);
}

#[tokio::test]
async fn a_cli_that_nobody_is_signed_in_to_is_told_and_a_device_code_asked_for() {
    let scene = Scene::new().await;
    let script = "#!/bin/sh\necho \"ERROR: Please run 'az login' to setup account.\" >&2\nexit 1\n";
    let path = with_az(&scene, script);
    let ended = Program::run(&scene.unsigned(&["--secret"]), &[("PATH", &path)]).await;
    good(&ended);
    assert!(ended.stderr.contains("Please run 'az login'"), "{}", ended.stderr);
    assert!(ended.stderr.contains("enter the code"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_cli_that_never_ends_is_ended_and_it_is_said_what_to_do() {
    let scene = Scene::new().await;
    let ids = scene.path("ids");
    // As the real one, it is a script that starts the program proper.
    let script = format!(
        "#!/bin/sh\necho $$ > {0}\n/bin/sleep 100000 &\necho $! >> {0}\nwait\n",
        ids.display()
    );
    let path = with_az(&scene, &script);
    let ended = Program::run(&scene.unsigned(&["--secret"]), &[("PATH", &path)]).await;
    for part in ["az login", "--graph-token-file", "--device-code"] {
        failed(&ended, 1, part);
    }
    assert!(!ended.stderr.contains("enter the code"), "{}", ended.stderr);
    assert!(scene.graph.seen().is_empty());
    let ids = scene.text("ids");
    assert_eq!(ids.lines().count(), 2);
    for id in ids.lines() {
        // One that nobody has waited for is dead all the same.
        let state = || std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        while !matches!(state().rsplit(')').next(), Some("") | None) && !state().contains(") Z ") {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}

/// Puts a program called `az` on the path, which is given.
fn with_az(scene: &Scene, script: &str) -> String {
    let az = scene.world.scratch.file("az", script.replace("az.log", "/dev/null"));
    Command::new("chmod").arg("700").arg(&az).status().unwrap();
    scene.world.scratch.path().display().to_string()
}
