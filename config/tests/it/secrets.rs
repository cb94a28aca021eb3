//! Files that a configuration names, secrets above all.

use std::os::unix::fs::{PermissionsExt, symlink};

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
fn a_secret_that_others_can_read_or_change_is_refused() {
    let folder = Folder::new();
    let text = file(&Parts::default());
    for mode in [0o600, 0o400, 0o700, 0o640, 0o440] {
        folder.permit("client-secret", mode);
        let loaded = folder.parse(&text).unwrap_or_else(|problems| panic!("{mode:o}: {problems}"));
        assert!(loaded.warnings.is_empty(), "{mode:o}: {}", loaded.warnings);
    }
    for mode in [0o644, 0o604, 0o602, 0o620, 0o660, 0o444, 0o777] {
        folder.permit("client-secret", mode);
        let message = format!("is open to other users (its mode is {mode:04o}); allow its owner");
        wrong_in(&folder, &text, "client.credential.secret_file", &message);
    }
}

#[test]
fn a_secret_that_a_group_can_read_is_for_a_group_of_ours() {
    let folder = Folder::new();
    let text = file(&Parts::default());
    folder.permit("client-secret", 0o440);
    assert!(folder.parse(&text).is_ok(), "as a kubelet gives it, by fsGroup");
    let stranger = (60_000..).find(|group| !groups().contains(group)).unwrap();
    if std::os::unix::fs::chown(folder.path("client-secret"), None, Some(stranger)).is_ok() {
        wrong_in(&folder, &text, "client.credential.secret_file", "is open to other users");
    }
}

#[test]
fn a_secret_is_looked_at_behind_its_link() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("..1")).unwrap();
    std::fs::rename(folder.path("client-secret"), folder.path("..1/client-secret")).unwrap();
    symlink("..1", folder.path("..data")).unwrap();
    symlink("..data/client-secret", folder.path("client-secret")).unwrap();
    let text = file(&Parts::default());
    assert!(folder.parse(&text).is_ok(), "the link itself has 0777");
    folder.permit("..1/client-secret", 0o644);
    wrong_in(&folder, &text, "client.credential.secret_file", "its mode is 0644");
}

/// systemd's credentials are root's, and a list of their own lets the service read them.
#[test]
fn a_secret_that_a_list_lets_the_gateway_alone_read_is_fine() {
    let folder = Folder::new();
    let text = file(&Parts::default());
    let us = rustix::process::geteuid().as_raw();
    let no_group_of_ours = (60_000..).find(|group| !groups().contains(group)).unwrap();
    let path = folder.path("client-secret");
    for (reader, is_fine) in [(us, true), (us + 1, false)] {
        let list = [(0x01, 4, u32::MAX), (0x02, 4, reader), (0x04, 0, u32::MAX)];
        let list = list.into_iter().chain([(0x10, 4, u32::MAX), (0x20, 0, u32::MAX)]);
        let entry = |(tag, permissions, who): (u16, u16, u32)| {
            [&tag.to_le_bytes()[..], &permissions.to_le_bytes(), &who.to_le_bytes()].concat()
        };
        let list = [2_u32.to_le_bytes().to_vec()].into_iter().chain(list.map(entry));
        let list = list.collect::<Vec<_>>().concat();
        let flags = rustix::fs::XattrFlags::empty();
        let name = "system.posix_acl_access";
        let set = rustix::fs::setxattr(&path, name, &list, flags);
        if set.is_err() || std::os::unix::fs::chown(&path, None, Some(no_group_of_ours)).is_err() {
            // A file system without lists, or not root: the list itself is read in a test of its own.
            return;
        }
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o440, "so it looks to who knows no lists");
        assert_eq!(folder.parse(&text).is_ok(), is_fine, "read by {reader}");
    }
}

#[test]
fn danger_lets_files_with_secrets_be_open_and_says_so() {
    let folder = Folder::new();
    folder.permit("client-secret", 0o777);
    let top = "[runtime]\ndanger_loose_key_files = true";
    let text = file(&Parts { top, ..Parts::default() });
    let loaded = folder.parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
    let told = loaded.warnings.to_string();
    assert!(told.contains("runtime.danger_loose_key_files: is true, which allows"), "{told}");
    assert!(told.contains("client.credential.secret_file: the file it names is open"), "{told}");
    // Wherever the table stands.
    let after = file(&Parts::default()) + top;
    assert!(folder.parse(&after).is_ok());
}

fn groups() -> Vec<u32> {
    let groups = rustix::process::getgroups().unwrap();
    groups.into_iter().chain([rustix::process::getegid()]).map(|group| group.as_raw()).collect()
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
