//! The sidecar: variables in, a configuration and its file out.

use config::{Callers, Config, Credential, Profile, Sidecar, TokenEndpoint, Transaction};

use crate::support::Folder;

fn sidecar(variables: &[(&str, &str)]) -> Result<Sidecar, config::Problems> {
    // Later ones go before earlier ones, so that a test can change a variable of the usual ones.
    config::sidecar(|name| {
        let found = USUAL.iter().chain(variables).rev().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

fn endpoint(config: &Config) -> &str {
    match &config.clients[0].endpoint {
        TokenEndpoint::At(url) => url.as_str(),
        TokenEndpoint::Of(url) => panic!("{url} needs discovery"),
    }
}

#[track_caller]
fn wrong(variables: &[(&str, &str)], variable: &str, message: &str) {
    let problems = sidecar(variables).expect_err(variable);
    let found = problems.iter().collect::<Vec<_>>();
    assert!(
        matches!(found[..], [only] if only.key == variable && only.message.contains(message)),
        "not the one problem with {variable}, {message:?}:\n{problems}"
    );
    assert_eq!(found[0].line, None);
}

#[test]
fn four_variables_are_enough() {
    let config = sidecar(&[]).unwrap().config;
    assert_eq!(config.listener.address.to_string(), "127.0.0.1:8080");
    assert_eq!(config.admin.address.to_string(), "127.0.0.1:9090");
    assert_eq!(
        endpoint(&config),
        "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token"
    );
    assert_eq!(config.clients[0].id, "app");
    assert!(matches!(config.clients[0].credential, Credential::Secret(_)));
    let [route] = &config.routes[..] else { panic!("not one route") };
    assert_eq!((&*route.prefix, &*route.origin.base), ("/dicom-web", "/v2"));
    assert_eq!((route.profile, route.callers), (Profile::Azure, Callers::Anyone));
    assert_eq!(route.scope, "https://dicom.healthcareapis.azure.com/.default");
    assert_eq!(route.allow, [Transaction::Search, Transaction::Retrieve]);
}

#[test]
fn the_file_that_is_printed_is_the_configuration_that_runs() {
    for variables in [
        &[][..],
        &[
            ("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.us/"),
            ("DICOM_GATEWAY_ALLOW", "store, search,"),
            ("DICOM_GATEWAY_LISTEN", "127.0.0.1:0"),
            ("DICOM_GATEWAY_ADMIN", "unix:/run/admin.sock"),
            ("AZURE_CLIENT_ID", "odd \" \\ \u{7f} \u{1} ä"),
        ],
    ] {
        let Sidecar { mut config, file } = sidecar(variables).unwrap();
        let folder = Folder::new();
        let mut parsed = folder.parse(&file).unwrap_or_else(|p| panic!("{p}\n{file}")).config;
        let expected = folder.path("client-secret");
        assert!(
            matches!(&parsed.clients[0].credential, Credential::SecretFile(path) if *path == expected)
        );
        for config in [&mut config, &mut parsed] {
            config.clients[0].credential = Credential::SecretFile("same".into());
        }
        assert_eq!(format!("{config:?}"), format!("{parsed:?}"), "{file}");
    }
}

#[test]
fn the_file_that_is_printed_has_no_secret_but_says_where_to_put_it() {
    let Sidecar { file, config } = sidecar(&[]).unwrap();
    assert!(!file.contains("s3cr3t") && !format!("{config:?}").contains("s3cr3t"));
    let line = file.lines().position(|line| line.starts_with("credential.")).unwrap();
    assert!(file.lines().nth(line - 1).unwrap().starts_with("# Put the secret into this file"));
}

#[test]
fn all_missing_variables_are_told_at_once() {
    let problems = config::sidecar(|_| None).unwrap_err();
    let mut found = problems.iter().map(|problem| &*problem.key).collect::<Vec<_>>();
    found.sort_unstable();
    let all = ["AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID", "DICOM_SERVICE_URL"];
    assert_eq!(found, all);
    assert!(problems.iter().all(|problem| problem.message.starts_with("missing; set it to")));
    assert!(problems.to_string().lines().any(|line| line.starts_with("AZURE_CLIENT_ID: missing")));
}

#[test]
fn an_empty_variable_is_none() {
    wrong(&[("AZURE_CLIENT_ID", " ")], "AZURE_CLIENT_ID", "missing");
    wrong(&[("AZURE_CLIENT_SECRET", "\n")], "AZURE_CLIENT_SECRET", "managed identity");
    let config =
        sidecar(&[("DICOM_GATEWAY_ALLOW", ""), ("DICOM_GATEWAY_LISTEN", "")]).unwrap().config;
    assert_eq!(config.routes[0].allow.len(), 2);
}

#[test]
fn other_credentials_are_refused_by_name() {
    for other in ["AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE"] {
        let without = [("AZURE_CLIENT_SECRET", ""), (other, "/run/a")];
        wrong(&without, other, "not available in this version; set AZURE_CLIENT_SECRET instead");
        assert!(sidecar(&[(other, "/run/a")]).is_ok(), "a secret goes before {other}");
    }
}

#[test]
fn problems_are_told_by_variable() {
    for (variable, value, message) in [
        ("DICOM_SERVICE_URL", "http://dicom.example", "loopback only"),
        ("DICOM_SERVICE_URL", "dicom.example/v2", "is not a URL"),
        ("AZURE_TENANT_ID", "common", "many tenants"),
        ("AZURE_TENANT_ID", "a/b", "is not a tenant"),
        ("AZURE_AUTHORITY_HOST", "http://login.example", "loopback only"),
        ("AZURE_AUTHORITY_HOST", "https://a?b", "query"),
        ("DICOM_GATEWAY_ALLOW", "serch", "did you mean \"search\"?"),
        ("DICOM_GATEWAY_ALLOW", ",", "is empty"),
        ("DICOM_GATEWAY_LISTEN", "8080", "IP address with port"),
        ("DICOM_GATEWAY_LISTEN", "0.0.0.0:8080", "other machines can reach"),
        ("DICOM_GATEWAY_ADMIN", "127.0.0.1:8080", "DICOM_GATEWAY_LISTEN"),
    ] {
        wrong(&[(variable, value)], variable, message);
    }
}

#[test]
fn an_authority_host_is_entra_wherever_it_is() {
    for (host, endpoint_of) in [
        ("https://login.microsoftonline.us", "https://login.microsoftonline.us"),
        ("https://login.partner.microsoftonline.cn/", "https://login.partner.microsoftonline.cn"),
        ("login.microsoftonline.us", "https://login.microsoftonline.us"),
        ("https://login.example:8443/", "https://login.example:8443"),
        ("http://127.0.0.1:8443", "http://127.0.0.1:8443"),
    ] {
        let config = sidecar(&[("AZURE_AUTHORITY_HOST", host)]).unwrap().config;
        let right = format!("{endpoint_of}/contoso.example/oauth2/v2.0/token");
        assert_eq!(endpoint(&config), right, "{host}");
    }
}

const USUAL: [(&str, &str); 4] = [
    ("DICOM_SERVICE_URL", "https://ws-svc.dicom.azurehealthcareapis.com/v2"),
    ("AZURE_TENANT_ID", "contoso.example"),
    ("AZURE_CLIENT_ID", "app"),
    ("AZURE_CLIENT_SECRET", "s3cr3t\n"),
];
