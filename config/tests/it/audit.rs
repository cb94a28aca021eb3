//! Where records go, and who may assert an emergency.

use std::time::Duration;

use config::{
    AuditFhir, AuditSyslog, Durability, Emergency, NameKind, NamePattern, OnFailure, Transaction,
    Who,
};

use crate::support::{Folder, Parts, file, replace, right, wrong, wrong_in};

#[test]
fn a_file_is_enough_to_keep_records() {
    let folder = Folder::new();
    let loaded = folder.parse(&with_audit("file = \"audit.jsonl\"")).unwrap();
    let audit = loaded.config.audit.unwrap();
    assert_eq!(audit.file, Some(folder.path("audit.jsonl")));
    assert_eq!((audit.chain_key, audit.queue, audit.site), (None, None, None));
    assert_eq!((audit.max_queue_bytes, audit.max_waiting), (1 << 30, 65_536));
    assert_eq!((audit.durability, audit.on_failure), (Durability::Written, OnFailure::Refuse));
    assert_eq!((&*audit.source, audit.alert_after), ("dicom-gateway", 60));
    assert_eq!((audit.syslog, audit.fhir), (vec![], vec![]));
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    assert_eq!(right(&file(&Parts::default())).audit, None, "none are kept without [audit]");
}

#[test]
fn records_go_to_several_sinks_at_once() {
    let folder = Folder::new();
    for name in ["chain-key", "ca.crt", "own.crt", "own.key"] {
        folder.write(name, "-----BEGIN");
    }
    let text = with_audit(
        "file = \"audit.jsonl\"
        chain_key_file = \"chain-key\"
        queue = \"queue\"
        durability = \"synced\"
        on_failure = \"continue\"
        source = \"gateway-1\"
        site = \"Straße 7\"
        [[audit.syslog]]
        address = \"ARR.example:6514\"
        anchors = \"ca.crt\"
        identity = { chain = \"own.crt\", key = \"own.key\" }
        [[audit.syslog]]
        address = \"[::1]:514\"
        timeout_secs = 0.5
        [audit.fhir]
        url = \"https://fhir.example/r4/\"
        client = \"default\"
        scope = \"fhir/.default\"",
    );
    let loaded = folder.parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
    let audit = loaded.config.audit.unwrap();
    assert_eq!(audit.chain_key.unwrap().path(), folder.path("chain-key"));
    assert_eq!(audit.queue, Some(folder.path("queue")));
    assert_eq!((audit.durability, audit.on_failure), (Durability::Synced, OnFailure::Continue));
    assert_eq!((&*audit.source, audit.site.as_deref()), ("gateway-1", Some("Straße 7")));
    let [first, second] = &audit.syslog[..] else { panic!("{:?}", audit.syslog) };
    assert_eq!((&*first.host, first.port, first.timeout), ("arr.example", 6514, secs(10.0)));
    assert_eq!(first.anchors, Some(folder.path("ca.crt")));
    assert_eq!(first.identity.as_ref().unwrap().key.path(), folder.path("own.key"));
    let local = AuditSyslog {
        host: "::1".into(),
        port: 514,
        anchors: None,
        identity: None,
        timeout: secs(0.5),
        danger_bare_end: false,
    };
    assert_eq!(*second, local);
    let fhir = AuditFhir {
        url: "https://fhir.example/r4".parse().unwrap(),
        anchors: None,
        identity: None,
        token: Some((0, "fhir/.default".into())),
        timeout: secs(30.0),
    };
    assert_eq!(audit.fhir, [fhir]);
}

#[test]
fn records_that_could_not_be_kept_or_sent_as_they_should_are_refused() {
    const SYSLOG: &str = "syslog = { address = \"arr.example:6514\" }";
    for (lines, key, message) in [
        ("", "", "keeps no record; write any of these: known: file, syslog, fhir"),
        ("queue = \"q\"", "", "keeps no record"),
        (SYSLOG, ".queue", "missing; write queue = "),
        ("fhir = { url = \"https://a.example\" }", ".queue", "missing; write queue = "),
        ("file = \"a\"\nqueue = \"q\"", ".queue", "leave it out"),
        ("file = \"nowhere/a\"", ".file", "make the folder that it is in"),
        ("file = \".\"", ".file", "is no regular file"),
        ("file = \"..\"", ".file", "cannot be made"),
        ("file = \"a\"\nfile_name = \"b\"", ".file_name", "unknown key"),
        ("flie = \"a\"", ".flie", "did you mean \"file\"?"),
        ("queue = \"q\"\nsyslog = []", ".syslog", "write at least one"),
        ("file = \"a\"\ndurability = \"sync\"", ".durability", "did you mean \"synced\"?"),
        ("file = \"a\"\non_failure = \"ignore\"", ".on_failure", "known: refuse, continue"),
        ("file = \"a\"\nmax_queue_bytes = 1", ".max_queue_bytes", "out of range"),
        ("file = \"a\"\nmax_waiting = 0", ".max_waiting", "out of range"),
        ("file = \"a\"\nalert_after = 0", ".alert_after", "out of range"),
        ("file = \"a\"\nsource = \"\"", ".source", "is empty"),
        ("file = \"a\"\nsource = \"a\\nb\"", ".source", "is no name for records"),
        ("file = \"a\"\nsite = \" a\"", ".site", "is no name for records"),
    ] {
        wrong(&with_audit(lines), &format!("audit{key}"), message);
    }
    for (sink, key, message) in [
        ("[audit.syslog]", ".syslog.address", "missing; write address = "),
        ("[audit.syslog]\naddress = \"arr\"", ".syslog.address", "write host and port"),
        ("[[audit.syslog]]\naddress = \"::1:1\"", ".syslog[0].address", "[::1]:6514"),
        ("[audit.fhir]", ".fhir.url", "missing; write url = "),
        ("[audit.fhir]\nurl = \"http://a.example\"", ".fhir.url", "danger_plain_http = true"),
        ("[audit.fhir]\nurl = \"https://a:b@c.example\"", ".fhir.url", "password"),
        (
            "[audit.fhir]\nurl = \"https://a.example\"\nclient = \"default\"",
            ".fhir.scope",
            "missing; write scope",
        ),
        (
            "[audit.fhir]\nurl = \"https://a.example\"\nscope = \"s\"",
            ".fhir.client",
            "missing; write client",
        ),
        (
            "[audit.fhir]\nurl = \"https://a.example\"\nscope = \"s\"\nclient = \"pacs\"",
            ".fhir.client",
            "unknown client \"pacs\"; known: default",
        ),
        (
            "[audit.syslog]\naddress = \"a:1\"\nidentity = { chain = \"gateway.toml\" }",
            ".syslog.identity.key",
            "missing",
        ),
    ] {
        let folder = Folder::new();
        folder.write("gateway.toml", "-----BEGIN");
        let text = with_audit(&format!("queue = \"queue\"\n{sink}"));
        wrong_in(&folder, &text, &format!("audit{key}"), message);
    }
    let folder = Folder::new();
    folder.write("queue", "not a folder");
    let text = with_audit(&format!("queue = \"queue\"\n{SYSLOG}"));
    wrong_in(&folder, &text, "audit.queue", "is no folder");
}

#[test]
fn plain_http_to_a_fhir_server_is_for_loopback_or_has_to_be_said() {
    let to = |lines: &str| with_audit(&format!("queue = \"queue\"\n[audit.fhir]\n{lines}"));
    right(&to("url = \"http://127.0.0.1:1/r4\""));
    let said = to("url = \"http://fhir.example\"\ndanger_plain_http = true");
    let warnings = Folder::new().parse(&said).unwrap().warnings.to_string();
    assert!(warnings.contains("audit.fhir.danger_plain_http: is true, which allows"), "{warnings}");
}

#[test]
fn the_chain_s_key_is_nobody_else_s_and_belongs_to_a_file() {
    let folder = Folder::new();
    folder.write("chain-key", "k3y");
    let alone = "chain_key_file = \"chain-key\"\nqueue = \"queue\"\n\
                 syslog = { address = \"arr.example:6514\" }";
    wrong_in(&folder, &with_audit(alone), "audit.chain_key_file", "add file");
    let beside = with_audit("file = \"audit.jsonl\"\nchain_key_file = \"chain-key\"");
    assert!(folder.parse(&beside).is_ok());
    folder.permit("chain-key", 0o644);
    wrong_in(&folder, &beside, "audit.chain_key_file", "is open to other users");
    let secret = replace(&beside, "\"chain-key\"", "\"Pa55word\"");
    let told = folder.parse(&secret).unwrap_err().to_string();
    assert!(told.contains("cannot be read") && !told.contains("Pa55"), "{told}");
}

#[test]
fn a_client_whose_token_a_sink_wants_is_used() {
    let text = replace(&file(&Parts::default()), "[client]", "[client.pacs]");
    let text = replace(&text, "callers =", "client = \"pacs\"\ncallers =");
    let text = format!(
        "{text}[client.fhir]\nauthority = \"https://auth.example\"\nid = \"f\"\n\
         credential.secret_file = \"client-secret\"\n\
         [audit]\nqueue = \"queue\"\n\
         fhir = {{ url = \"https://a.example\", client = \"fhir\", scope = \"s\" }}\n"
    );
    let loaded = Folder::new().parse(&text).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    assert_eq!(loaded.config.audit.unwrap().fhir[0].token, Some((1, "s".into())));
}

#[test]
fn an_emergency_says_who_may_do_what_and_for_how_long() {
    let config = right(&with_emergency("to = [\"role:E\"]\nallow = [\"retrieve\"]"));
    let expected = Emergency {
        to: vec![Who::Role("E".into())],
        allow: vec![Transaction::Retrieve],
        partitions: vec![],
        max: secs(3600.0),
    };
    assert_eq!(config.routes[0].emergency, Some(expected));
    let all = "to = [\"kind:bearer\", \"subject:u\"]\nallow = [\"search\", \"store\"]\n\
               partitions = [\"radiology\"]\nmax_secs = 0.5";
    let config = right(&with_emergency(all));
    let emergency = config.routes[0].emergency.as_ref().unwrap();
    assert_eq!((emergency.to.len(), emergency.max), (2, secs(0.5)));
    assert_eq!(emergency.partitions, ["radiology"]);
    assert_eq!(right(&file(&Parts::default())).routes[0].emergency, None);
}

#[test]
fn an_emergency_that_could_not_be_answered_for_is_refused() {
    const GOOD: &str = "to = [\"role:E\"]\nallow = [\"retrieve\"]";
    for (lines, key, message) in [
        ("allow = [\"retrieve\"]", "to", "missing; write to = "),
        ("to = [\"role:E\"]", "allow", "missing; write allow = "),
        ("to = []\nallow = [\"retrieve\"]", "to", "is an empty list"),
        ("to = [\"roel:E\"]\nallow = [\"retrieve\"]", "to", "did you mean \"role\"?"),
        ("to = [\"api_key:k\"]\nallow = [\"retrieve\"]", "to", "add api_keys to [route.callers]"),
        ("to = [\"role:E\"]\nallow = [\"read\"]", "allow", "unknown transaction"),
        ("to = [\"role:E\"]\nallow = [\"store\"]\nmax_secs = 0", "max_secs", "out of range"),
        ("to = [\"role:E\"]\nallow = [\"store\"]\nmax_secs = 90000", "max_secs", "out of range"),
        (
            "to = [\"role:E\"]\nallow = [\"store\"]\npartitions = [\"a/b\"]",
            "partitions",
            "is no partition's name",
        ),
    ] {
        wrong(&with_emergency(lines), &format!("route[0].emergency.{key}"), message);
    }
    let text = replace(&with_emergency(GOOD), "[audit]\nfile = \"audit.jsonl\"\n", "");
    wrong(&text, "route[0].emergency", "leaves no record; add [audit]");
    let route = "emergency = { to = [\"kind:bearer\"], allow = [\"retrieve\"] }";
    let top = "[audit]\nfile = \"audit.jsonl\"";
    let anyone = file(&Parts { top, route, ..Parts::default() });
    wrong(&anyone, "route[0].emergency", "nobody here proves who it is");
    let two = "bearer = [{ issuer = \"https://auth.example\", audience = \"a\" }, \
               { issuer = \"https://b.example\", audience = \"b\" }]";
    let text = replace(&with_emergency(GOOD), BEARER, two);
    wrong(&text, "route[0].emergency.to", "each of this route's issuers");
}

#[test]
fn certificates_may_assert_emergencies_too() {
    let folder = Folder::new();
    for name in ["tls.crt", "tls.key", "ca.crt"] {
        folder.write(name, "-----BEGIN");
    }
    let text = with_emergency("to = [\"certificate:cn:ER1\"]\nallow = [\"retrieve\"]");
    let text = replace(&text, BEARER, "certificates = { anchors = \"ca.crt\" }");
    let text = format!("listener.identity = {{ chain = \"tls.crt\", key = \"tls.key\" }}\n{text}");
    let config = folder.parse(&text).unwrap_or_else(|problems| panic!("{problems}")).config;
    let pattern = NamePattern { kind: NameKind::CommonName, value: "ER1".into() };
    let emergency = config.routes[0].emergency.as_ref().unwrap();
    assert_eq!(emergency.to, [Who::Certificate(pattern)]);
}

#[test]
fn only_azure_s_audit_log_is_told_of_the_principal() {
    let stamped = "stamp_principal = true";
    let route = |lines: &str| file(&Parts { route: lines, ..Parts::default() });
    wrong(&route(stamped), "route[0].stamp_principal", "write profile = \"azure\"");
    let azure = format!("profile = \"azure\"\n{stamped}");
    assert!(right(&route(&azure)).routes[0].stamp_principal);
    assert!(!right(&route("profile = \"azure\"")).routes[0].stamp_principal);
}

fn with_audit(lines: &str) -> String {
    format!("{}[audit]\n{lines}\n", file(&Parts::default()))
}

/// A file with records, callers that have tokens, and this emergency.
fn with_emergency(lines: &str) -> String {
    let top = "[audit]\nfile = \"audit.jsonl\"\n";
    let text = replace(&file(&Parts { top, ..Parts::default() }), "callers = \"anyone\"\n", "");
    format!("{text}[route.callers]\n{BEARER}\n[route.emergency]\n{lines}\n")
}

fn secs(secs: f64) -> Duration {
    Duration::from_secs_f64(secs)
}

const BEARER: &str = "bearer = { issuer = \"https://auth.example\", audience = \"g\" }";
