//! The sidecar: variables in, a configuration and its file out.

use config::{
    Callers, Config, Credential, IdentitySource, ManagedIdentity, PrivateFile, Profile,
    SecretSource, Sidecar, TokenEndpoint, Transaction, WhichIdentity,
};

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
        other => panic!("{other:?} is no endpoint"),
    }
}

fn secret_of(config: &Config) -> &SecretSource {
    match &config.clients[0].credentials[..] {
        [Credential::Secret(secret)] => &secret.source,
        other => panic!("{other:?} is not one secret"),
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
    assert!(matches!(secret_of(&config), SecretSource::Value(_)));
    let [route] = &config.routes[..] else { panic!("not one route") };
    assert_eq!((&*route.prefix, &*route.origin.base), ("/dicom-web", "/v2"));
    assert_eq!((route.profile, &route.callers), (Profile::Azure, &Callers::Anyone));
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
        assert!(matches!(secret_of(&parsed), SecretSource::File(file) if file.path() == expected));
        for config in [&mut config, &mut parsed] {
            let Credential::Secret(secret) = &mut config.clients[0].credentials[0] else {
                panic!()
            };
            secret.source = SecretSource::File(PrivateFile::new("same"));
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
    let problems =
        config::sidecar(|name| (name == "AZURE_CLIENT_SECRET").then(|| "s3cr3t".to_owned()));
    let problems = problems.unwrap_err();
    let mut found = problems.iter().map(|problem| &*problem.key).collect::<Vec<_>>();
    found.sort_unstable();
    assert_eq!(found, ["AZURE_CLIENT_ID", "AZURE_TENANT_ID", "DICOM_SERVICE_URL"]);
    assert!(problems.iter().all(|problem| problem.message.starts_with("missing; set it to")));
    assert!(problems.to_string().lines().any(|line| line.starts_with("AZURE_CLIENT_ID: missing")));
}

#[test]
fn an_empty_variable_is_none() {
    wrong(&[("AZURE_CLIENT_ID", " ")], "AZURE_CLIENT_ID", "missing");
    let config = sidecar(&[
        ("AZURE_CLIENT_SECRET", "\n"),
        ("DICOM_GATEWAY_ALLOW", ""),
        ("DICOM_GATEWAY_LISTEN", ""),
    ]);
    let config = config.unwrap().config;
    assert!(matches!(config.clients[0].credentials[..], [Credential::ManagedIdentity(_)]));
    assert_eq!(config.routes[0].allow.len(), 2);
}

#[test]
fn a_certificate_or_a_token_file_stands_in_for_a_secret() {
    let folder = Folder::new();
    folder.write("client.pem", "-----BEGIN");
    folder.write("token", "e30.e30.e30");
    let path = |name| folder.path(name).to_str().unwrap().to_owned();
    let (pem, token) = (path("client.pem"), path("token"));
    let (pem, token) =
        (("AZURE_CLIENT_CERTIFICATE_PATH", &*pem), ("AZURE_FEDERATED_TOKEN_FILE", &*token));
    for (variables, kind) in [
        (&[pem, token][..], "Secret("),
        (&[("AZURE_CLIENT_SECRET", ""), pem, token], "Certificate("),
        (&[("AZURE_CLIENT_SECRET", ""), token], "FederatedToken("),
    ] {
        let Sidecar { config, file } = sidecar(variables).unwrap();
        let credential = format!("{:?}", config.clients[0].credentials);
        assert!(credential.starts_with(&format!("[{kind}")), "{credential}");
        assert!(endpoint(&config).contains("contoso.example"));
        folder.parse(&file).unwrap_or_else(|problems| panic!("{problems}\n{file}"));
    }
}

#[test]
fn files_that_are_not_there_are_told_by_variable() {
    for (name, value, message) in [
        ("AZURE_CLIENT_CERTIFICATE_PATH", "/gone.pem", "cannot be read"),
        ("AZURE_CLIENT_CERTIFICATE_PATH", "/gone.pfx", "PKCS#12"),
        ("AZURE_FEDERATED_TOKEN_FILE", "/gone", "cannot be read"),
    ] {
        wrong(&[("AZURE_CLIENT_SECRET", ""), (name, value)], name, message);
    }
}

#[test]
fn a_key_that_others_can_read_is_told_by_variable() {
    let folder = Folder::new();
    folder.write("client.pem", "-----BEGIN");
    folder.permit("client.pem", 0o644);
    let path = folder.path("client.pem");
    let pem = ("AZURE_CLIENT_CERTIFICATE_PATH", path.to_str().unwrap());
    wrong(&[("AZURE_CLIENT_SECRET", ""), pem], pem.0, "is open to other users");
}

#[test]
fn without_any_credential_it_is_the_machines_identity() {
    let service = ("DICOM_SERVICE_URL", "https://ws-svc.dicom.azurehealthcareapis.com/v2");
    let arc = [("IDENTITY_ENDPOINT", "http://127.0.0.1:1/t"), ("IDENTITY_HEADER", "canary")];
    for (id, which) in
        [(None, WhichIdentity::Only), (Some("app"), WhichIdentity::ClientId("app".to_owned()))]
    {
        let variables = [service].into_iter().chain(arc);
        let variables = variables.chain(id.map(|id| ("AZURE_CLIENT_ID", id))).collect::<Vec<_>>();
        let find = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let Sidecar { config, file } = config::sidecar(find).unwrap();
        let [Credential::ManagedIdentity(ManagedIdentity { source, which: found })] =
            &config.clients[0].credentials[..]
        else {
            panic!("{config:?}")
        };
        assert_eq!(*found, which);
        assert!(matches!(source, IdentitySource::AppService { .. }), "{source:?}");
        assert_eq!(config.clients[0].endpoint, TokenEndpoint::OfCredential);
        assert!(!format!("{config:?}{file}").contains("canary"));
        Folder::new().parse_with(&file, &arc).unwrap_or_else(|p| panic!("{p}\n{file}"));
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
