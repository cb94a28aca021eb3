//! Problems: all at once, each with its place, each with what would be right.

use config::Problem;

use crate::support::{Folder, Parts, file, line_of, nowhere, replace, right, wrong};

#[test]
fn all_problems_are_told_at_once_in_the_order_of_their_lines() {
    let text = "[listner]
[listener]
idle_timeout_secs = 0
[client]
id = 7
credential.secret_file = \"gone\"
[[route]]
prefix = \"dicom-web\"
origin = \"http://pacs.example\"
callers = \"anyone\"
allow = [\"serch\", \"reed\"]
[audit]
";
    let problems = Folder::new().parse(text).unwrap_err();
    let found = problems.iter().map(|problem| (problem.line.unwrap(), &*problem.key));
    assert_eq!(
        found.collect::<Vec<_>>(),
        [
            (1, "listner"),
            (3, "listener.idle_timeout_secs"),
            (4, "client.authority"),
            (5, "client.id"),
            (6, "client.credential.secret_file"),
            (7, "route[0].scope"),
            (8, "route[0].prefix"),
            (9, "route[0].origin"),
            (11, "route[0].allow"),
            (11, "route[0].allow"),
            (12, "audit"),
        ],
        "{problems}"
    );
    assert_eq!(problems.len(), 11);
}

#[test]
fn a_problem_reads_as_place_key_fault_and_remedy() {
    let text = file(&Parts { route: "allow = [\"serch\"]", ..Parts::default() });
    let problems = config::parse(&text, nowhere()).unwrap_err();
    let told = problems.to_string();
    let line = format!(
        "gateway.toml:{}: route[0].allow: unknown transaction \"serch\"; did you mean \"search\"? \
         known: search, retrieve, store, delete, worklist, manage",
        line_of(&text, "allow")
    );
    assert!(told.lines().any(|told| told == line), "{told}\nhas no line\n{line}");
}

#[test]
fn an_unknown_key_is_told_with_the_nearest_known_one() {
    for (part, key, near) in [
        ("[listener]\naddres = \"127.0.0.1:1\"", "listener.addres", Some("address")),
        ("[listener]\nidle_timeout = 1", "listener.idle_timeout", Some("idle_timeout_secs")),
        ("[log]\nlevle = \"info\"", "log.levle", Some("level")),
        ("[Drain]", "Drain", Some("drain")),
        ("[drain]\nzzz = 1", "drain.zzz", None),
        ("[listener]\nidentity = { chain = \"gateway.toml\", kye = \"\" }", "", Some("key")),
    ] {
        let text = file(&Parts { top: part, ..Parts::default() });
        let problems = Folder::new().parse(&text).unwrap_err();
        let problem = problems.iter().find(|problem| problem.message.starts_with("unknown key"));
        let Problem { key: found, message, .. } = problem.unwrap();
        assert!(key.is_empty() || key == found, "{found}");
        match near {
            Some(near) => {
                assert!(message.contains(&format!("did you mean {near:?}?")), "{message}")
            }
            None => assert!(!message.contains("did you mean"), "{message}"),
        }
        assert!(message.contains("known: "), "{message}");
    }
}

#[test]
fn a_value_of_the_wrong_type_is_told_with_the_right_one() {
    for (part, key, message) in [
        ("listener = 1", "listener", "is an integer; must be a table"),
        ("listener = { address = 8080 }", "listener.address", "is an integer; must be a string"),
        (
            "listener = { identity = \"a\" }",
            "listener.identity",
            "must be a table, such as { chain",
        ),
        ("listener = { hosts = \"a\" }", "listener.hosts", "must be a list of strings"),
        ("listener = { hosts = [1] }", "listener.hosts", "is an integer; must be a string"),
        ("log = { transactions = \"yes\" }", "log.transactions", "must be true or false"),
        ("log = { level = true }", "log.level", "is a boolean; must be a string"),
        ("drain = { timeout_secs = \"5\" }", "drain.timeout_secs", "a number of seconds"),
        ("runtime = { workers = 1.5 }", "runtime.workers", "is a float; must be an integer"),
    ] {
        wrong(&file(&Parts { top: part, ..Parts::default() }), key, message);
    }
    for (old, new, key, message) in [
        ("[client]\n", "[[client]]\n", "client", "is an array; must be a table"),
        ("[[route]]", "[route]", "route", "[[route]], with two brackets"),
        (
            ".secret_file = \"client-secret\"",
            " = \"client-secret\"",
            "client.credential",
            "a table",
        ),
        (
            "callers = \"anyone\"",
            "callers = []",
            "route[0].callers",
            "must be \"anyone\" or a table",
        ),
    ] {
        wrong(&replace(&file(&Parts::default()), old, new), key, message);
    }
    let allow = file(&Parts { route: "allow = \"search\"", ..Parts::default() });
    wrong(&allow, "route[0].allow", "is a string; must be a list of words");
}

#[test]
fn what_must_be_there_and_is_not_is_told_with_an_example() {
    for (line, key, message) in [
        ("authority = \"https://auth.example/realm\"\n", "client.authority", "token_endpoint"),
        ("id = \"gateway\"\n", "client.id", "write id = "),
        ("credential.secret_file = \"client-secret\"\n", "client.credential", "secret_file = "),
        ("prefix = \"/dicom-web\"\n", "route[0].prefix", "write prefix = \"/dicom-web\""),
        ("origin = \"https://pacs.example/rs\"\n", "route[0].origin", "write origin = "),
        ("scope = \"dicom\"\n", "route[0].scope", "only profile azure has a default"),
        ("callers = \"anyone\"\n", "route[0].callers", "callers = \"anyone\""),
    ] {
        let text = replace(&file(&Parts::default()), line, "");
        wrong(&text, key, "missing; ");
        wrong(&text, key, message);
    }
}

#[test]
fn a_missing_key_has_the_line_of_its_table() {
    let text = replace(&file(&Parts::default()), "origin = ", "# origin = ");
    let problems = Folder::new().parse(&text).unwrap_err();
    assert_eq!(problems.iter().next().unwrap().line, Some(line_of(&text, "[[route]]")));
}

#[test]
fn an_empty_file_lacks_a_client_and_a_route() {
    let problems = config::parse("", nowhere()).unwrap_err();
    let found = problems.iter().map(|problem| &*problem.key).collect::<Vec<_>>();
    assert_eq!(found, ["client", "route"]);
    wrong(&format!("route = []\n[client]\n{}", crate::support::CLIENT), "route", "missing");
}

#[test]
fn a_breach_of_grammar_is_told_with_its_line_and_beside_other_problems() {
    let text = file(&Parts {
        top: "[listener]\naddress = 127.0.0.1:8080\n[log]\nlevle = \"info\"\nformat = \"text",
        ..Parts::default()
    });
    let problems = Folder::new().parse(&text).unwrap_err();
    let lines = problems.iter().map(|problem| problem.line.unwrap()).collect::<Vec<_>>();
    assert_eq!(lines, [2, 4, 5], "{problems}");
    for index in [0, 2] {
        let problem = problems.iter().nth(index).unwrap();
        assert!(problem.key.is_empty() && problem.message.starts_with("not TOML: "), "{problems}");
    }
}

#[test]
fn a_broken_file_is_not_said_to_lack_what_may_stand_behind_the_break() {
    let problems = config::parse("[client\nid = \"a\"\n", nowhere()).unwrap_err();
    assert!(!problems.to_string().contains("missing;"), "{problems}");
}

#[test]
fn a_key_that_stands_twice_is_told() {
    wrong(&file(&Parts { client: "id = \"b\"", ..Parts::default() }), "", "duplicate key");
}

#[test]
fn a_file_that_cannot_be_read_is_told_by_name() {
    let folder = Folder::new();
    let problems = config::load(&folder.path("gone.toml")).unwrap_err();
    let told = problems.to_string();
    assert!(told.contains("gone.toml: cannot be read: No such file"), "{told}");
}

#[test]
fn what_is_dangerous_is_told_at_each_start() {
    let mut known = config::schema().to_string().matches("\"danger_").count();
    for (top, client, route, key) in [
        ("[runtime]\ndanger_core_dumps = true", "", "", "runtime.danger_core_dumps"),
        ("[runtime]\ndanger_loose_key_files = true", "", "", "runtime.danger_loose_key_files"),
        ("", "danger_plain_http = true", "", "client.danger_plain_http"),
        ("", "", "danger_plain_http = true", "route[0].danger_plain_http"),
        (
            "",
            "",
            "danger_anyone_on_public_address = true",
            "route[0].danger_anyone_on_public_address",
        ),
        (
            "[forward_auth]\naddress = \"127.0.0.1:1\"\ndescribed_by = \"request\"\n\
             danger_public_address = true",
            "",
            BEARER,
            "forward_auth.danger_public_address",
        ),
        (
            "",
            "",
            "callers = { bearer = { issuer = \"https://a.example\", audience = \"a\", \
             danger_plain_http = true } }",
            "route[0].callers.bearer.danger_plain_http",
        ),
        (
            "[audit]\nqueue = \"q\"\nsyslog = { address = \"a.example:1\", danger_bare_end = true }",
            "",
            "",
            "audit.syslog.danger_bare_end",
        ),
        (
            "[audit]\nqueue = \"q\"\nfhir = { url = \"https://a.example\", danger_plain_http = true }",
            "",
            "",
            "audit.fhir.danger_plain_http",
        ),
    ] {
        let text = file(&Parts { top, client, route });
        let text = if route.starts_with("callers") {
            text.replace("callers = \"anyone\"\n", "")
        } else {
            text
        };
        let warnings = Folder::new().parse(&text).unwrap().warnings;
        let [told] = &warnings.iter().collect::<Vec<_>>()[..] else { panic!("{warnings}") };
        assert!(told.key == key && told.message.starts_with("is true, which allows "), "{told:?}");
        let text = text.replace("= true", "= false");
        assert!(Folder::new().parse(&text).unwrap().warnings.is_empty(), "{key}");
        // These stand in the schema in two forms, one table or several.
        let is_twice =
            ["client.", "bearer.", "fhir.", "syslog."].iter().any(|table| key.contains(table));
        known -= if is_twice { 2 } else { 1 };
    }
    assert_eq!(known, 0, "each that there is was tried");
}

#[test]
fn a_file_is_loaded_with_paths_relative_to_its_folder() {
    let folder = Folder::new();
    folder.write("gateway.toml", file(&Parts::default()));
    let loaded = config::load(&folder.path("gateway.toml")).unwrap();
    let credential = format!("{:?}", loaded.config.clients[0].credentials);
    assert!(credential.contains(&format!("{:?}", folder.path("client-secret"))));
}

#[test]
fn what_this_version_cannot_do_is_refused_by_name_and_with_what_to_do_instead() {
    const LATER: &str = "not available in this version; ";
    let text = file(&Parts { route: "grant = \"sign_in\"", ..Parts::default() });
    let remedy = "use \"on_behalf_of\" or \"client_credentials\"";
    wrong(&text, "route[0].grant", &format!("{LATER}{remedy}"));
}

#[test]
fn the_parts_of_these_tests_are_right() {
    right(&file(&Parts::default()));
}

#[test]
fn a_file_that_is_damaged_anywhere_gives_problems_and_no_panic() {
    let folder = Folder::new();
    let text = file(&Parts { top: "[listener]\naddress = \"127.0.0.1:1\"", ..Parts::default() });
    for at in 0..text.len() {
        let (before, after) = text.split_at(at);
        let complete = before.contains("\"anyone\"");
        assert_eq!(folder.parse(before).is_ok(), complete, "{before}");
        for damage in ["\"", "[", "]", "=", "\n", "{", "#", "\0", "ä", ".", "'''"] {
            let damaged = format!("{before}{damage}{after}");
            if let Err(problems) = folder.parse(&damaged) {
                assert!(!problems.is_empty(), "refused without a reason:\n{damaged}");
            }
        }
    }
}

const BEARER: &str = "callers = { bearer = { issuer = \"https://a.example\", audience = \"a\" } }";
