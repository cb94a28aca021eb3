//! What may be chosen: defaults, numbers, words, clients, scopes.

use std::time::{Duration, SystemTime};

use config::{Credential, Fix, LogFormat, LogLevel, Profile, ResourcePolicy, Transaction, Urls};

use crate::support::{CLIENT, Folder, Parts, ROUTE, file, replace, right, wrong};

fn with_route(lines: &str) -> String {
    file(&Parts { route: lines, ..Parts::default() })
}

#[test]
fn the_defaults_are_those_that_the_rest_counts_on() {
    let config = right(&file(&Parts::default()));
    let secs = Duration::from_secs;

    let listener = &config.listener;
    assert_eq!(listener.address.to_string(), "127.0.0.1:8080");
    assert_eq!(listener.identity, None);
    assert_eq!(
        (listener.max_connections, listener.max_head_bytes, listener.max_streams),
        (10_000, 32_768, 100)
    );
    assert_eq!((listener.handshake_timeout, listener.first_byte_timeout), (secs(10), secs(10)));
    assert_eq!((listener.head_timeout, listener.idle_timeout), (secs(10), secs(120)));
    assert_eq!(listener.body_timeout, secs(60));
    assert_eq!(config.admin.address.to_string(), "127.0.0.1:9090");

    let client = &config.clients[0];
    assert_eq!((&*client.name, client.timeout, client.refresh_percent), ("default", secs(10), 20));

    let route = &config.routes[0];
    assert_eq!((route.profile, route.client, route.urls), (Profile::Generic, 0, Urls::Rewrite));
    assert_eq!(route.allow, [Transaction::Search, Transaction::Retrieve]);
    assert_eq!((route.connect_timeout, route.response_timeout), (secs(5), secs(60)));
    assert_eq!((route.body_timeout, route.idle_timeout), (secs(60), secs(60)));
    assert_eq!((route.max_idle_connections, route.http2), (64, true));
    assert_eq!(route.max_body_bytes, None);
    assert_eq!(route.websocket_idle_timeout, secs(3600));

    let log = &config.log;
    assert_eq!((log.format, log.level, log.transactions), (LogFormat::Text, LogLevel::Info, true));
    assert!(config.runtime.workers >= 1);
    assert_eq!(config.runtime.watch_interval, secs(10));
    assert_eq!((config.drain.delay, config.drain.timeout), (secs(0), secs(120)));
}

#[test]
fn the_end_of_a_credential_is_a_day() {
    let ending = |day: &str| {
        let client = format!("credential.expires = \"{day}\"");
        file(&Parts { client: &client, ..Parts::default() })
    };
    for (day, seconds) in [("2027-01-31", 1_801_353_600), ("2028-02-29", 1_835_395_200)] {
        let config = right(&ending(day));
        let [Credential::Secret(secret)] = &config.clients[0].credentials[..] else {
            panic!("{config:?}")
        };
        assert_eq!(
            secret.ends,
            Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)),
            "{day}"
        );
    }
    for day in ["2027-02-29", "2027-1-31", "31.1.2027", "2027-01-31T00:00:00Z", "soon", "--"] {
        wrong(&ending(day), "client.credential.expires", "such as \"2027-01-31\"");
    }
    let bare = file(&Parts { client: "credential.expires = 2027-01-31", ..Parts::default() });
    wrong(&bare, "client.credential.expires", "must be a string");
}

#[test]
fn times_may_be_fractions_but_not_nothing_nor_for_ever() {
    let time = |value: &str| {
        file(&Parts { client: &format!("timeout_secs = {value}"), ..Parts::default() })
    };
    for (value, millis) in [("0.25", 250), ("1_000", 1_000_000), ("0x10", 16_000), ("0.001", 1)] {
        assert_eq!(
            right(&time(value)).clients[0].timeout,
            Duration::from_millis(millis),
            "{value}"
        );
    }
    for value in
        ["0", "0.0", "-1", "0.0001", "86401", "1e300", "inf", "nan", "99999999999999999999"]
    {
        wrong(&time(value), "client.timeout_secs", "out of range; from 0.001 to 86400");
    }
    right(&file(&Parts { top: "[drain]\ndelay_secs = 0", ..Parts::default() }));
    wrong(
        &file(&Parts { top: "[drain]\ntimeout_secs = 0", ..Parts::default() }),
        "drain.timeout_secs",
        "out of",
    );
}

#[test]
fn no_timeout_can_be_zero() {
    let properties = config::schema()["properties"].clone();
    let listener = properties["listener"]["properties"].as_object().unwrap().clone();
    let route = properties["route"]["items"]["properties"].as_object().unwrap().clone();
    let timeouts = |keys: serde_json::Map<String, serde_json::Value>| {
        keys.into_iter()
            .map(|(key, _)| key)
            .filter(|key| key.ends_with("_secs"))
            .collect::<Vec<_>>()
    };
    let (listener, route) = (timeouts(listener), timeouts(route));
    assert_eq!((listener.len(), route.len()), (5, 5));
    for key in listener {
        let top = format!("[listener]\n{key} = 0");
        wrong(
            &file(&Parts { top: &top, ..Parts::default() }),
            &format!("listener.{key}"),
            "out of",
        );
    }
    for key in route {
        wrong(&with_route(&format!("{key} = 0")), &format!("route[0].{key}"), "out of range");
    }
}

#[test]
fn numbers_stay_in_their_range() {
    for (part, key, range) in [
        ("[listener]\nmax_connections = 0", "listener.max_connections", "from 1 to 1000000"),
        ("[listener]\nmax_head_bytes = 100", "listener.max_head_bytes", "from 8192 to 1048576"),
        ("[listener]\nmax_streams = -1", "listener.max_streams", "from 1 to 10000"),
        ("[runtime]\nworkers = 100000", "runtime.workers", "from 0 to 1024"),
    ] {
        wrong(&file(&Parts { top: part, ..Parts::default() }), key, range);
    }
    for percent in [0, 91, 100, 256, -1] {
        let client = format!("refresh_percent = {percent}");
        let text = file(&Parts { client: &client, ..Parts::default() });
        wrong(&text, "client.refresh_percent", "from 1 to 90");
    }
    for percent in [1, 90] {
        let client = format!("refresh_percent = {percent}");
        let text = file(&Parts { client: &client, ..Parts::default() });
        assert_eq!(right(&text).clients[0].refresh_percent, percent);
    }
    wrong(&with_route("max_body_bytes = 0"), "route[0].max_body_bytes", "out of range");
    let most = right(&with_route("max_body_bytes = 9223372036854775807")).routes[0].max_body_bytes;
    assert_eq!(most, Some(9_223_372_036_854_775_807));
    let workers =
        right(&file(&Parts { top: "[runtime]\nworkers = 3", ..Parts::default() })).runtime;
    assert_eq!(workers.workers, 3);
}

#[test]
fn every_word_is_understood_and_others_are_not() {
    for profile in Profile::ALL {
        let text = with_route(&format!("profile = \"{}\"", profile.name()));
        assert_eq!(right(&text).routes[0].profile, profile);
    }
    for level in LogLevel::ALL {
        let top = format!("[log]\nlevel = \"{}\"", level.name());
        assert_eq!(right(&file(&Parts { top: &top, ..Parts::default() })).log.level, level);
    }
    for format in LogFormat::ALL {
        let top = format!("[log]\nformat = \"{}\"", format.name());
        assert_eq!(right(&file(&Parts { top: &top, ..Parts::default() })).log.format, format);
    }
    right(&with_route("grant = \"client_credentials\""));
    wrong(&with_route("profile = \"Azure\""), "route[0].profile", "did you mean \"azure\"?");
    wrong(&with_route("grant = \"password\""), "route[0].grant", "known: client_credentials");
    let text = replace(&file(&Parts::default()), "\"anyone\"", "\"everyone\"");
    wrong(&text, "route[0].callers", "known: anyone");
}

#[test]
fn allow_holds_each_transaction_once_and_at_least_one() {
    let all = Transaction::ALL.map(|one| format!("{:?}", one.name())).join(", ");
    assert_eq!(right(&with_route(&format!("allow = [{all}]"))).routes[0].allow, Transaction::ALL);
    wrong(&with_route("allow = []"), "route[0].allow", "is empty; known: search, retrieve");
    wrong(
        &with_route("allow = [\"store\", \"store\"]"),
        "route[0].allow",
        "\"store\" stands twice",
    );
    wrong(&with_route("allow = [\"stor\"]"), "route[0].allow", "did you mean \"store\"?");
    wrong(&with_route("allow = [1]"), "route[0].allow", "is an integer; must be a string");
}

#[test]
fn urls_are_rewritten_unless_asking_is_known_to_be_enough() {
    let of = |profile: &str, lines: &str| {
        let lines = format!("profile = \"{profile}\"\n{lines}");
        right(&with_route(&lines)).routes[0].urls
    };
    for profile in Profile::ALL.map(Profile::name) {
        for (lines, azure, orthanc, other) in [
            ("", Urls::Rewrite, Urls::Rewrite, Urls::Rewrite),
            (PUBLIC, Urls::Ask, Urls::Rewrite, Urls::Rewrite),
            ("public_url = \"http://a.example/b\"", Urls::Rewrite, Urls::Rewrite, Urls::Rewrite),
            ("public_url = \"http://a.example/rs\"", Urls::Rewrite, Urls::Ask, Urls::Rewrite),
        ] {
            let expected = match profile {
                "azure" => azure,
                "orthanc" => orthanc,
                _ => other,
            };
            assert_eq!(of(profile, lines), expected, "{profile} {lines}");
        }
        for urls in Urls::ALL {
            let lines = format!("{PUBLIC}\nurls = \"{}\"", urls.name());
            assert_eq!(of(profile, &lines), urls);
        }
    }
}

#[test]
fn a_public_url_is_derived_where_only_this_machine_can_connect() {
    let of = |listener: &str, lines: &str| {
        let lines = format!("danger_anyone_on_public_address = true\n{lines}");
        let top = format!("[listener]\n{listener}");
        let route = right(&file(&Parts { top: &top, route: &lines, ..Parts::default() }));
        let route = route.routes.into_iter().next().unwrap();
        (route.public_url.map(String::from), route.urls)
    };
    let known = |url: &str| (Some(url.to_owned()), Urls::Rewrite);
    assert_eq!(of("", ""), known("http://127.0.0.1:8080/dicom-web"));
    assert_eq!(of("address = \"[::1]:81\"", ""), known("http://[::1]:81/dicom-web"));
    assert_eq!(of("", PUBLIC), known("https://a.example/b"));
    for elsewhere in ["unix:/run/a.sock", "0.0.0.0:8080", "127.0.0.1:0"] {
        let listener = format!("address = \"{elsewhere}\"");
        assert_eq!(of(&listener, ""), (None, Urls::Keep), "{elsewhere}");
        for urls in ["ask", "rewrite"] {
            let lines = format!("danger_anyone_on_public_address = true\nurls = \"{urls}\"");
            let top = format!("[listener]\n{listener}");
            let text = file(&Parts { top: &top, route: &lines, ..Parts::default() });
            wrong(&text, "route[0].urls", "needs the public_url, which is missing");
        }
    }
}

#[test]
fn fixes_follow_the_profile_and_each_can_be_switched() {
    for profile in Profile::ALL {
        let line = format!("profile = \"{}\"\n", profile.name());
        assert_eq!(right(&with_route(&line)).routes[0].fixes, profile.fixes());
        for fix in Fix::ALL {
            for made in [true, false] {
                let lines = format!("{line}fixes.{} = {made}", fix.name());
                let fixes = right(&with_route(&lines)).routes[0].fixes;
                assert_eq!(fixes, profile.fixes().with(fix, made));
                assert_eq!(fixes.contains(fix), made);
            }
        }
    }
    wrong(
        &with_route("fixes.accept_quote = true"),
        "route[0].fixes.accept_quote",
        "did you mean \"accept_quotes\"?",
    );
}

#[test]
fn pages_that_may_call_are_listed_one_by_one() {
    let lines = "cors = { origins = [\"https://B.example:443\", \"http://a.example:3000\"] }";
    let config = right(&with_route(lines));
    let cors = config.routes[0].cors.as_ref().unwrap();
    assert_eq!(cors.origins, ["http://a.example:3000", "https://b.example"]);
    assert!(cors.headers.is_empty());
    assert_eq!((cors.credentials, cors.max_age), (false, Duration::from_secs(600)));
    assert_eq!(cors.resource_policy, ResourcePolicy::CrossOrigin);
    for (lines, key, message) in [
        ("cors.origins = [\"*\"]", "route[0].cors.origins", "every web page"),
        ("cors.origins = []", "route[0].cors.origins", "is empty"),
        ("cors.origins = [\"https://a.example/x\"]", "route[0].cors.origins", "has a path"),
        ("cors.credentials = true", "route[0].cors.origins", "missing"),
        (
            "cors = { origins = [\"https://a.example\"], headers = [\"*\"] }",
            "route[0].cors.headers",
            "list each by its name",
        ),
        (
            "cors = { origins = [\"https://a.example\"], headers = [\"x site\"] }",
            "route[0].cors.headers",
            "is no name of a header",
        ),
    ] {
        wrong(&with_route(lines), key, message);
    }
    let lines =
        "cors = { origins = [\"https://a.example\"], headers = [\"X-B\", \"x-a\", \"x-b\"] }";
    let config = right(&with_route(lines));
    assert_eq!(config.routes[0].cors.as_ref().unwrap().headers, ["x-a", "x-b"]);
}

#[test]
fn the_scope_has_a_default_for_azure_only() {
    let azure = replace(&file(&Parts::default()), "scope = \"dicom\"", "profile = \"azure\"");
    let scope = "https://dicom.healthcareapis.azure.com/.default";
    assert_eq!(right(&azure).routes[0].scope, scope);
    let orthanc = replace(&azure, "\"azure\"", "\"orthanc\"");
    wrong(&orthanc, "route[0].scope", "missing; ");
    let misspelt = replace(&azure, "\"azure\"", "\"azur\"");
    wrong(&misspelt, "route[0].profile", "did you mean \"azure\"?");
}

#[test]
fn entra_gives_tokens_for_default_scopes_only() {
    let entra = replace(
        &file(&Parts::default()),
        "authority = \"https://auth.example/realm\"",
        "authority = \"https://login.microsoftonline.com/t.example\"",
    );
    wrong(&entra, "route[0].scope", "AADSTS1002012");
    let by_endpoint = replace(
        &entra,
        "authority = \"https://login.microsoftonline.com/t.example\"",
        "token_endpoint = \"https://login.microsoftonline.com/t.example/oauth2/v2.0/token\"",
    );
    wrong(&by_endpoint, "route[0].scope", "AADSTS1002012");
    right(&replace(&entra, "\"dicom\"", "\"api://dicom/.default\""));
    right(&replace(&file(&Parts::default()), "\"dicom\"", "\"dicom read\""));
}

#[test]
fn an_empty_id_or_scope_is_refused() {
    wrong(&replace(&file(&Parts::default()), "\"gateway\"", "\"\""), "client.id", "is empty");
    wrong(&replace(&file(&Parts::default()), "\"dicom\"", "\"\""), "route[0].scope", "is empty");
}

fn two_clients(route: &str) -> String {
    let zulu = format!("[client.zulu]\n{CLIENT}");
    format!("{zulu}[client.alfa]\n{CLIENT}[[route]]\n{ROUTE}{route}\n")
}

#[test]
fn clients_with_names_keep_the_order_of_the_file() {
    let config = right(&two_clients("client = \"alfa\""));
    let names = config.clients.iter().map(|client| &*client.name).collect::<Vec<_>>();
    assert_eq!((names, config.routes[0].client), (vec!["zulu", "alfa"], 1));
    let one = format!("[client.pacs]\n{CLIENT}[[route]]\n{ROUTE}");
    assert_eq!(right(&one).clients[0].name, "pacs");
}

#[test]
fn a_route_says_which_of_several_clients_is_meant() {
    wrong(&two_clients(""), "route[0].client", "zulu, alfa");
    wrong(&two_clients("client = \"alpha\""), "route[0].client", "did you mean \"alfa\"?");
    wrong(&with_route("client = \"pacs\""), "route[0].client", "known: default");
    right(&with_route("client = \"default\""));
}

#[test]
fn a_client_that_no_route_uses_is_worth_a_warning() {
    let loaded = Folder::new().parse(&two_clients("client = \"alfa\"")).unwrap();
    assert_eq!(loaded.warnings.len(), 1, "{}", loaded.warnings);
    assert!(loaded.warnings.to_string().contains("nothing uses the client \"zulu\""));
}

#[test]
fn problems_of_named_clients_tell_the_name() {
    let text =
        replace(&two_clients("client = \"alfa\""), "[client.zulu]", "[client.zulu]\nidd = 1");
    wrong(&text, "client.zulu.idd", "did you mean \"id\"?");
    let text = replace(&two_clients("client = \"alfa\""), "client.zulu", "client.\"zu lu\"");
    wrong(&text, "client.zu lu", "is not a client's name");
}

#[test]
fn a_plain_client_beside_a_named_one_is_refused() {
    let text = file(&Parts { client: "[client.pacs]\nid = \"a\"", ..Parts::default() });
    let problems = Folder::new().parse(&text).unwrap_err();
    assert!(problems.to_string().contains("both keys and [client.pacs]"), "{problems}");
}

const PUBLIC: &str = "public_url = \"https://a.example/b\"";

#[test]
fn aliases_that_nothing_would_rewrite_are_refused() {
    let alias = "origin_aliases = [\"http://pacs.internal\"]";
    let config = right(&with_route(alias));
    assert_eq!(config.routes[0].origin_aliases.len(), 1);
    let kept = format!("{alias}\nurls = \"keep\"");
    wrong(&with_route(&kept), "route[0].origin_aliases", "write \"rewrite\"");
}
