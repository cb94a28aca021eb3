//! Files that a configuration names, secrets above all.

use crate::support::{Folder, Parts, file, replace, wrong_in};

#[test]
fn a_secret_is_never_told_where_its_path_should_stand() {
    let secret = "Pa55~word.with/slash";
    for line in [
        format!("credential.secret_file = \"{secret}\""),
        format!("credential = \"{secret}\""),
        format!("credential.secret = \"{secret}\""),
        format!("credential.secret_file = [\"{secret}\"]"),
        format!("credential.certificate = \"{secret}\""),
        format!("credential.secret_file = \"{secret}"),
        format!("credential.secret_file = {secret}"),
        format!("secret = \"{secret}\""),
    ] {
        let text =
            replace(&file(&Parts::default()), "credential.secret_file = \"client-secret\"", &line);
        let problems = Folder::new().parse(&text).expect_err(&line);
        assert!(!format!("{problems}{problems:?}").contains("Pa55"), "{problems}");
    }
}

#[test]
fn a_private_key_is_never_told_where_its_path_should_stand() {
    let folder = Folder::new();
    folder.write("tls.crt", "-----BEGIN");
    let identity = "[listener]\nidentity = { chain = \"tls.crt\", key = \"-----BEGIN MIIE\" }";
    let text = file(&Parts { top: identity, ..Parts::default() });
    wrong_in(&folder, &text, "listener.identity.key", "the file it names cannot be read");
    assert!(!folder.parse(&text).unwrap_err().to_string().contains("MIIE"));
}

#[test]
fn a_secret_file_has_to_be_there_readable_and_not_empty() {
    let folder = Folder::new();
    let text = file(&Parts::default());
    let key = "client.credential.secret_file";
    for (content, message) in [
        (&b""[..], "the file it names is empty"),
        (b" \n\t\n", "the file it names is empty"),
        (b"\xff\xfe", "the file it names is not UTF-8 text"),
    ] {
        folder.write("client-secret", content);
        wrong_in(&folder, &text, key, message);
    }
    std::fs::remove_file(folder.path("client-secret")).unwrap();
    wrong_in(&folder, &text, key, "the file it names cannot be read: No such file");
    std::fs::create_dir(folder.path("client-secret")).unwrap();
    wrong_in(&folder, &text, key, "not a regular file");
    wrong_in(&folder, &replace(&text, "\"client-secret\"", "\"\""), key, "is empty");
}

#[test]
fn a_secret_may_end_in_a_newline() {
    let folder = Folder::new();
    folder.write("client-secret", "s3cr3t~+/ &ä\r\n");
    assert!(folder.parse(&file(&Parts::default())).is_ok());
}

#[test]
fn a_secret_that_others_can_read_is_worth_a_warning() {
    let folder = Folder::new();
    let text = file(&Parts::default());
    for (mode, warned) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true)] {
        folder.permit("client-secret", mode);
        let warnings = folder.parse(&text).unwrap().warnings;
        let told = warnings.iter().any(|warning| warning.message.contains("chmod 600"));
        assert_eq!(told, warned, "{mode:o}: {warnings}");
    }
}

#[test]
fn every_file_that_is_named_has_to_be_there() {
    let folder = Folder::new();
    folder.write("empty", "\n");
    let identity = "[listener]\nidentity = { chain = \"gone.crt\", key = \"gone.key\" }";
    let text = file(&Parts {
        top: identity,
        client: "anchors = \"empty\"",
        route: "anchors = \"gone-ca.crt\"",
    });
    let problems = folder.parse(&text).unwrap_err();
    let found = problems.iter().map(|problem| &*problem.key).collect::<Vec<_>>();
    assert_eq!(
        found,
        ["listener.identity.chain", "listener.identity.key", "client.anchors", "route[0].anchors"],
    );
    let told = problems.to_string();
    // Of what is no secret, the place where it was looked for is told.
    assert!(told.contains(folder.path("gone-ca.crt").to_str().unwrap()), "{told}");
    assert!(told.contains("is empty"), "{told}");
}

#[test]
fn an_identity_needs_both_parts() {
    let folder = Folder::new();
    folder.write("tls.crt", "-----BEGIN");
    let top = "[listener]\nidentity = { chain = \"tls.crt\" }";
    let text = file(&Parts { top, ..Parts::default() });
    wrong_in(&folder, &text, "listener.identity.key", "missing; ");
}
