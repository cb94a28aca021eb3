//! Where things are: listeners, hosts, authorities, origin servers, prefixes.

use config::{Address, TokenEndpoint};

use crate::support::{Folder, Parts, file, line_of, replace, right, wrong};

fn with_listener(lines: &str) -> String {
    file(&Parts { top: &format!("[listener]\n{lines}"), ..Parts::default() })
}

#[test]
fn an_address_that_is_a_name_is_refused() {
    wrong(&with_listener("address = \"localhost:8080\""), "listener.address", "127.0.0.1:8080");
}

#[test]
fn a_unix_socket_is_relative_to_the_file() {
    let folder = Folder::new();
    let loaded = folder.parse(&with_listener("address = \"unix:gateway.sock\"")).unwrap();
    assert_eq!(loaded.config.listener.address, Address::Unix(folder.path("gateway.sock")));
    assert!(loaded.config.listener.hosts.is_empty());
}

#[test]
fn two_listeners_cannot_share_an_address() {
    let text = "[listener]\naddress = \"127.0.0.1:9090\"";
    let text = file(&Parts { top: text, ..Parts::default() });
    wrong(&text, "admin.address", "clash; use another port");
}

#[test]
fn anyone_on_a_public_address_has_to_be_said_twice() {
    for address in ["0.0.0.0:8080", "[::]:8080", "10.0.0.1:8080", "192.0.2.1:8080"] {
        let text = with_listener(&format!("address = \"{address}\""));
        wrong(&text, "route[0].callers", "danger_anyone_on_public_address = true");
        let said = format!("{text}danger_anyone_on_public_address = true\n");
        assert!(right(&said).listener.hosts.is_empty(), "{address}");
    }
    for address in ["127.0.0.1:8080", "127.1.2.3:0", "[::1]:8080", "unix:/run/a.sock"] {
        right(&with_listener(&format!("address = \"{address}\"")));
    }
}

#[test]
fn on_loopback_only_loopback_and_public_hosts_may_be_addressed() {
    let text = replace(
        &with_listener("address = \"127.0.0.2:8080\""),
        "[[route]]",
        "[[route]]\npublic_url = \"https://Imaging.Example:8443/dicom-web\"",
    );
    assert_eq!(
        right(&text).listener.hosts,
        ["localhost", "127.0.0.1", "::1", "127.0.0.2", "imaging.example"]
    );
    let plain = right(&with_listener("")).listener.hosts;
    assert_eq!(plain, ["localhost", "127.0.0.1", "::1"]);
}

#[test]
fn hosts_that_nobody_names_are_worth_a_warning_where_other_machines_connect() {
    let warnings = |lines: &str| {
        let top = format!("[listener]\n{lines}");
        let route = "danger_anyone_on_public_address = true";
        let text = file(&Parts { top: &top, route, ..Parts::default() });
        Folder::new().parse(&text).unwrap().warnings.to_string()
    };
    assert!(warnings("address = \"0.0.0.0:80\"").contains("any name is answered"));
    for quiet in [
        "address = \"127.0.0.1:80\"",
        "address = \"0.0.0.0:80\"\nhosts = [\"*\"]",
        "address = \"0.0.0.0:80\"\nhosts = [\"imaging.example\"]",
    ] {
        assert!(!warnings(quiet).contains("listener.hosts"), "{quiet}");
    }
}

#[test]
fn hosts_that_are_named_replace_the_default() {
    let hosts = |list: &str| right(&with_listener(&format!("hosts = {list}"))).listener.hosts;
    assert_eq!(hosts(r#"["A.Example", "[::1]", "10.0.0.1"]"#), ["a.example", "::1", "10.0.0.1"]);
    assert_eq!(hosts(r#"["a.example", "A.example"]"#), ["a.example"]);
    assert!(hosts(r#"["*"]"#).is_empty());
    let wrong = |list: &str, message| {
        wrong(&with_listener(&format!("hosts = {list}")), "listener.hosts", message);
    };
    wrong("[]", "is empty");
    wrong(r#"["*", "a.example"]"#, "no other is needed");
    wrong(r#"["a.example:8080"]"#, "without scheme and port");
    wrong(r#"["https://a.example"]"#, "without scheme and port");
    wrong(r#"["*.example"]"#, "is not a host");
}

#[test]
fn plain_http_is_for_loopback_or_has_to_be_said() {
    let authority = "https://auth.example/realm";
    let origin = "https://pacs.example/rs";
    for loopback in ["http://127.0.0.1:1", "http://127.9.9.9", "http://[::1]", "http://localhost"] {
        right(&replace(&file(&Parts::default()), authority, loopback));
        right(&replace(&file(&Parts::default()), origin, loopback));
    }
    let danger = "danger_plain_http = true";
    for public in ["http://a.example", "http://10.0.0.1", "http://localhost.a.example"] {
        let text = replace(&file(&Parts::default()), authority, public);
        wrong(&text, "client.authority", danger);
        wrong(&replace(&text, "authority =", "token_endpoint ="), "client.token_endpoint", danger);
        let text = file(&Parts { client: danger, ..Parts::default() });
        right(&replace(&text, authority, public));

        let text = replace(&file(&Parts::default()), origin, public);
        wrong(&text, "route[0].origin", danger);
        let text = file(&Parts { route: danger, ..Parts::default() });
        right(&replace(&text, origin, public));
    }
}

#[test]
fn urls_are_absolute_and_bare_wherever_they_stand() {
    for (url, message) in [
        ("pacs.example", "is not a URL"),
        ("", "is empty"),
        ("ftp://pacs.example", "not an http or https URL"),
        ("https://user:hunter2@pacs.example", "user name or password"),
        ("https://pacs.example?a=hunter2", "query"),
        ("https://pacs.example#hunter2", "fragment"),
    ] {
        for (text, key) in [
            (
                replace(&file(&Parts::default()), "https://auth.example/realm", url),
                "client.authority",
            ),
            (replace(&file(&Parts::default()), "https://pacs.example/rs", url), "route[0].origin"),
            (
                file(&Parts { client: &format!("token_endpoint = \"{url}\""), ..Parts::default() }),
                "client.token_endpoint",
            ),
            (
                file(&Parts { route: &format!("public_url = \"{url}\""), ..Parts::default() }),
                "route[0].public_url",
            ),
        ] {
            wrong(&text, key, message);
            assert!(!Folder::new().parse(&text).unwrap_err().to_string().contains("hunter2"));
        }
    }
}

#[test]
fn a_public_url_has_no_slash_at_its_end() {
    let text = file(&Parts { route: "public_url = \"http://a.example/b/\"", ..Parts::default() });
    assert_eq!(right(&text).routes[0].public_url.as_ref().unwrap().as_str(), "http://a.example/b");
}

#[test]
fn prefixes_may_nest_but_not_repeat() {
    let second = |prefix: &str| {
        let route = "origin = \"https://b.example\"\nscope = \"b\"\ncallers = \"anyone\"";
        let route = format!("[[route]]\nprefix = \"{prefix}\"\n{route}");
        file(&Parts { route: &route, ..Parts::default() })
    };
    for prefix in ["/dicom-web/archive", "/", "/dicom-web2"] {
        assert_eq!(right(&second(prefix)).routes.len(), 2);
    }
    let text = second("/dicom-web");
    let first = line_of(&text, "prefix = \"/dicom-web\"");
    wrong(&text, "route[1].prefix", &format!("the route of line {first} has the same"));
    wrong(&second("/dicom-web/"), "route[1].prefix", "write \"/dicom-web\"");
    wrong(&second("/dicom-web/../x"), "route[1].prefix", "segment of dots");
}

#[test]
fn an_entra_authority_needs_no_discovery() {
    let endpoint = |authority: &str| {
        let text = file(&Parts::default());
        let text = replace(&text, "https://auth.example/realm", authority);
        let text = replace(&text, "scope = \"dicom\"", "scope = \"api://dicom/.default\"");
        right(&text).clients.remove(0).endpoint
    };
    for host in [
        "login.microsoftonline.com",
        "login.windows.net",
        "login.microsoft.com",
        "sts.windows.net",
        "login.microsoftonline.us",
        "login.usgovcloudapi.net",
        "login.partner.microsoftonline.cn",
        "login.chinacloudapi.cn",
    ] {
        let TokenEndpoint::At(url) = endpoint(&format!("https://{host}/t.example")) else {
            panic!("{host} is not known");
        };
        assert_eq!(url.as_str(), format!("https://{host}/t.example/oauth2/v2.0/token"));
    }
    for issuer in
        ["https://auth.example/realms/x", "https://auth.example/", "https://localhost:1/t"]
    {
        let TokenEndpoint::Of(url) = endpoint(issuer) else { panic!("{issuer} is not an issuer") };
        assert_eq!(url.as_str(), issuer);
    }
}

#[test]
fn an_entra_authority_names_one_tenant() {
    for (tenant, message) in [
        ("common", "many tenants"),
        ("organizations", "many"),
        ("consumers", "many"),
        ("", "no tenant"),
    ] {
        let authority = format!("https://login.microsoftonline.com/{tenant}");
        let text = replace(&file(&Parts::default()), "https://auth.example/realm", &authority);
        wrong(&text, "client.authority", message);
    }
}

#[test]
fn a_token_endpoint_goes_before_an_authority() {
    let client = "token_endpoint = \"https://auth.example/token\"";
    let text = file(&Parts { client, ..Parts::default() });
    let TokenEndpoint::At(url) = &right(&text).clients[0].endpoint else { panic!("not taken") };
    assert_eq!(url.as_str(), "https://auth.example/token");
    let alone = replace(&text, "authority = \"https://auth.example/realm\"\n", "");
    right(&alone);
}
