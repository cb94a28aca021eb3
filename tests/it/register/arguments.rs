//! What makes no sense is told before anybody is asked.

use gateway_tests::Program;

use super::{Scene, failed};

#[tokio::test]
async fn a_command_that_makes_no_sense_ends_with_64() {
    let scene = Scene::new().await;
    for (arguments, why) in [
        (&["--secret", "--certificate"][..], "cannot be used with"),
        (&[], "--secret|--certificate|--federated"),
        (&["--secret", "--expires", "soon"], "90d, 6mo, 2y"),
        (&["--secret", "--expires", "2020-01-01"], "over already"),
        (&["--secret", "--redirect-uri", "http://gateway.example/cb"], "it is https://"),
        (&["--secret", "--redirect-uri", "http://127.0.0.1/cb"], "localhost"),
        (&["--secret", "--role", "reader"], "--resource"),
        (&["--secret", "--role", "reader", "--resource", "ct"], "a DICOM service is"),
        (&["--certificate", "--print-secret"], "cannot be used with"),
        (&["--secret", "--print-secret", "--json"], "cannot be used with"),
        (&["--federated", "http://a.example,b"], "https://"),
        (&["--secret", "--account-types", "everybody"], "my-organization"),
    ] {
        failed(&scene.register(arguments).await, 64, why);
    }
    assert!(scene.graph.seen().is_empty(), "nobody was asked");
}

#[tokio::test]
async fn a_service_that_no_gateway_can_serve_is_told_before_anything_is_made() {
    let scene = Scene::new().await;
    for origin in ["ftp://dicom.example", "dicom.example", "https://"] {
        for credential in ["--secret", "--certificate"] {
            let ended = scene.register_at(origin, &[credential]).await;
            failed(&ended, 64, "makes no configuration: route[0].origin");
        }
    }
    assert!(scene.graph.writes().is_empty(), "{:?}", scene.graph.writes());
}

#[tokio::test]
async fn tokens_are_sent_in_the_clear_to_this_machine_alone() {
    for option in ["--graph-url", "--arm-url", "--authority-host"] {
        let arguments = [
            "register",
            "--secret",
            "--origin",
            "https://a.example",
            option,
            "http://graph.example",
        ];
        failed(&Program::run(&arguments, &[]).await, 64, "https://");
    }
}

#[tokio::test]
async fn a_file_that_is_no_configuration_ends_with_78() {
    let scene = Scene::new().await;
    failed(&scene.run("list", &[]).await, 78, "gateway.toml");
    scene.world.scratch.file("gateway.toml", "[client]\n");
    for command in ["list", "rotate", "remove"] {
        failed(&scene.run(command, &[]).await, 78, "gateway.toml");
    }
}
