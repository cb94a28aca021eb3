//! How a client proves itself: each kind, and what does not go together.

use config::{
    Certificate, Client, Credential, IdentitySource, KeyFiles, ManagedIdentity, SecretMethod,
    SigningAlgorithm, TokenEndpoint, WhichIdentity,
};

use crate::support::{Folder, Parts, file, replace, wrong, wrong_in};

#[test]
fn a_secret_goes_into_the_form_unless_told_otherwise() {
    for (line, method) in [
        ("", SecretMethod::Post),
        ("credential.secret_method = \"post\"", SecretMethod::Post),
        ("credential.secret_method = \"basic\"", SecretMethod::Basic),
    ] {
        let text = with(&format!("credential.secret_file = \"client-secret\"\n{line}"));
        let [Credential::Secret(secret)] = &right(&folder(), &text).credentials[..] else {
            panic!("{line}")
        };
        assert_eq!(secret.method, method);
    }
    let text = with("credential = { federated_token_file = \"token\", secret_method = \"basic\" }");
    wrong_in(&folder(), &text, "client.credential.secret_method", "is for secret_file");
}

#[test]
fn a_certificate_is_a_pair_of_pem_files_or_one_of_pkcs12() {
    let folder = folder();
    let of = |certificate: &str| {
        let client = right(&folder, &with(&format!("credential.certificate = {certificate}")));
        let [Credential::Certificate(certificate)] = &client.credentials[..] else {
            panic!("{client:?}")
        };
        certificate.clone()
    };
    let Certificate { keys, algorithm, x5c, audience } =
        of("{ chain = \"c.crt\", key = \"c.key\" }");
    assert!(matches!(keys, KeyFiles::Pem(files) if files.key.path() == folder.path("c.key")));
    assert_eq!((algorithm, x5c, audience), (None, false, None));
    let store = of("{ pkcs12 = \"c.pfx\", algorithm = \"RS256\", x5c = true, audience = \"a\" }");
    assert!(matches!(store.keys, KeyFiles::Pkcs12 { password: None, .. }));
    assert_eq!((store.algorithm, store.x5c), (Some(SigningAlgorithm::Rs256), true));
    assert_eq!(store.audience.as_deref(), Some("a"));
    of("{ pkcs12 = \"c.pfx\", password_file = \"client-secret\" }");

    for (certificate, key, message) in [
        ("{ chain = \"c.crt\" }", ".key", "missing; write key = \"client.key\", or pkcs12"),
        ("{ pkcs12 = \"c.pfx\", key = \"c.key\" }", ".key", "keep one"),
        (
            "{ chain = \"c.crt\", key = \"c.key\", password_file = \"client-secret\" }",
            ".password_file",
            "is for pkcs12",
        ),
        (
            "{ chain = \"c.crt\", key = \"c.key\", algorithm = \"HS256\" }",
            ".algorithm",
            "known: PS256, RS256, ES256, ES384",
        ),
        ("{ pkcs12 = \"gone.pfx\" }", ".pkcs12", "cannot be read"),
    ] {
        let text = with(&format!("credential.certificate = {certificate}"));
        wrong_in(&folder, &text, &format!("client.credential.certificate{key}"), message);
    }
}

#[test]
fn keys_that_others_can_read_are_refused_and_projected_tokens_are_not() {
    let folder = folder();
    folder.write("password", "canary");
    for name in ["c.key", "token", "account.json", "password"] {
        folder.permit(name, 0o644);
    }
    for (credential, key) in [
        ("certificate = { chain = \"c.crt\", key = \"c.key\" }", "certificate.key"),
        (
            "certificate = { pkcs12 = \"c.pfx\", password_file = \"password\" }",
            "certificate.password_file",
        ),
        ("tls_certificate = { chain = \"c.crt\", key = \"c.key\" }", "tls_certificate.key"),
        ("service_account = \"account.json\"", "service_account"),
    ] {
        let text = with(&format!("credential.{credential}"));
        wrong_in(&folder, &text, &format!("client.credential.{key}"), "is open to other users");
    }
    folder.permit("c.pfx", 0o640 | 0o004);
    let text = with("credential.certificate = { pkcs12 = \"c.pfx\" }");
    wrong_in(&folder, &text, "client.credential.certificate.pkcs12", "is open to other users");
    // A kubelet gives it to everyone in the container, and it is good for an hour.
    right(&folder, &with("credential.federated_token_file = \"token\""));
    folder.permit("c.crt", 0o644);
    folder.permit("c.key", 0o600);
    right(&folder, &with("credential.certificate = { chain = \"c.crt\", key = \"c.key\" }"));
}

#[test]
fn a_token_is_never_told_where_its_path_should_stand() {
    let text = with("credential.federated_token_file = \"eyJcanary\"");
    let problems = folder().parse(&text).unwrap_err().to_string();
    assert!(problems.contains("cannot be read") && !problems.contains("canary"), "{problems}");
}

#[test]
fn a_workload_identity_needs_its_variables_only() {
    let folder = folder();
    let token = folder.path("token");
    let variables = [
        ("AZURE_CLIENT_ID", "app"),
        ("AZURE_TENANT_ID", "contoso.example"),
        ("AZURE_FEDERATED_TOKEN_FILE", token.to_str().unwrap()),
        ("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.us/"),
    ];
    let bare = replace(&alone("credential.workload_identity = {}"), "id = \"gateway\"\n", "");
    let bare = replace(&bare, "scope = \"dicom\"", "scope = \"api://dicom/.default\"");
    let client = folder.parse_with(&bare, &variables).unwrap().config.clients.remove(0);
    assert_eq!(client.id, "app");
    assert_eq!(
        endpoint(&client),
        "https://login.microsoftonline.us/contoso.example/oauth2/v2.0/token"
    );
    assert!(
        matches!(&client.credentials[..], [Credential::FederatedToken(path)] if *path == token)
    );
    let client = folder.parse_with(&with("credential.workload_identity = {}"), &variables);
    let client = client.unwrap().config.clients.remove(0);
    assert_eq!(client.id, "gateway", "what is written goes before");
    assert_eq!(client.endpoint, TokenEndpoint::Of("https://auth.example/realm".parse().unwrap()));

    for (left_out, key) in [
        ("AZURE_CLIENT_ID", "client.id"),
        ("AZURE_TENANT_ID", "client.authority"),
        ("AZURE_FEDERATED_TOKEN_FILE", "client.credential.workload_identity"),
    ] {
        let variables = variables.into_iter().filter(|(name, _)| *name != left_out);
        let problems = folder.parse_with(&bare, &variables.collect::<Vec<_>>()).unwrap_err();
        let found = problems.iter().map(|problem| &*problem.key).collect::<Vec<_>>();
        assert_eq!(found, [key], "{problems}");
        assert!(problems.to_string().contains(left_out), "{problems}");
    }
}

#[test]
fn a_managed_identity_needs_no_authority_and_no_id() {
    let folder = folder();
    for (identity, which) in [
        ("{}", WhichIdentity::Only),
        ("{ client_id = \"a\" }", WhichIdentity::ClientId("a".to_owned())),
        ("{ object_id = \"a\" }", WhichIdentity::ObjectId("a".to_owned())),
        ("{ resource_id = \"/a\" }", WhichIdentity::ResourceId("/a".to_owned())),
    ] {
        let text = alone(&format!("credential.managed_identity = {identity}"));
        let client = right(&folder, &replace(&text, "id = \"gateway\"\n", ""));
        assert_eq!((client.endpoint, client.id.as_str()), (TokenEndpoint::OfCredential, ""));
        let [Credential::ManagedIdentity(ManagedIdentity { source, which: found })] =
            &client.credentials[..]
        else {
            panic!("{identity}")
        };
        assert_eq!(*found, which);
        assert!(matches!(source, IdentitySource::Imds(_)));
    }
    let twice = with("credential.managed_identity = { client_id = \"a\", object_id = \"b\" }");
    wrong(&twice, "client.credential.managed_identity", "more than once");
    let idle = with("credential.managed_identity = { audience = \"a\" }");
    wrong(&idle, "client.credential.managed_identity.audience", "is for federated = true");
}

#[test]
fn a_federated_identity_is_for_an_application_and_its_cloud() {
    let federated = "credential.managed_identity = { federated = true }";
    wrong(&alone(federated), "client.authority", "missing; ");
    for (authority, audience) in [
        ("https://login.microsoftonline.com/t.example", "api://AzureADTokenExchange"),
        ("https://login.microsoftonline.us/t.example", "api://AzureADTokenExchangeUSGov"),
        ("https://login.partner.microsoftonline.cn/t.example", "api://AzureADTokenExchangeChina"),
        ("https://auth.example/realm", "api://AzureADTokenExchange"),
    ] {
        let text = replace(&with(federated), "https://auth.example/realm", authority);
        let text = replace(&text, "scope = \"dicom\"", "scope = \"api://dicom/.default\"");
        let client = right(&folder(), &text);
        let [Credential::FederatedIdentity { audience: found, .. }] = &client.credentials[..]
        else {
            panic!("{client:?}")
        };
        assert_eq!(found, audience, "{authority}");
    }
}

#[test]
fn a_service_account_says_all_itself() {
    let text = alone("credential.service_account = \"account.json\"");
    let client = right(&folder(), &replace(&text, "id = \"gateway\"\n", ""));
    assert!(matches!(client.credentials[..], [Credential::ServiceAccount(_)]));
    assert_eq!(client.endpoint, TokenEndpoint::OfCredential);
}

#[test]
fn several_credentials_keep_their_order() {
    let list = "credential = [{ secret_file = \"client-secret\" }, { service_account = \"account.json\" }]";
    let client = right(&folder(), &with(list));
    assert!(matches!(
        client.credentials[..],
        [Credential::Secret(_), Credential::ServiceAccount(_)]
    ));
    let tables = "[[client.credential]]\nsecret_file = \"client-secret\"\n\
                  [[client.credential]]\nfederated_token_file = \"token\"\n";
    assert_eq!(right(&folder(), &with(tables)).credentials.len(), 2);
    // One that needs the authority is enough to need it.
    wrong_in(&folder(), &alone(list), "client.authority", "missing; ");
    wrong(&with("credential = []"), "client.credential", "is empty");
    wrong(
        &with("credential = [{ secret_file = \"client-secret\" }, { secret_file = \"gone\" }]"),
        "client.credential[1].secret_file",
        "cannot be read",
    );
}

#[test]
fn a_credential_is_one_thing() {
    let both = "credential = { secret_file = \"client-secret\", managed_identity = {} }";
    wrong(&with(both), "client.credential.managed_identity", "write a list");
    wrong(&with("credential = {}"), "client.credential", "known: secret_file, certificate");
    wrong(
        &with("credential.secretfile = \"a\""),
        "client.credential.secretfile",
        "did you mean \"secret_file\"?",
    );
}

#[test]
fn further_parameters_may_not_be_those_of_the_gateway() {
    let text = file(&Parts {
        client: "parameters = { resource = \"https://a.example\", audience = \"b\" }",
        ..Parts::default()
    });
    let client = right(&folder(), &text);
    let (resource, audience) = (("resource", "https://a.example"), ("audience", "b"));
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    assert_eq!(client.parameters, [owned(resource), owned(audience)]);
    for (parameter, message) in [
        ("client_id = \"a\"", "the gateway's own"),
        ("Client_Secret = \"a\"", "the gateway's own"),
        ("grant_type = \"a\"", "the gateway's own"),
        ("scope = \"a\"", "the gateway's own"),
        ("assertion = \"a\"", "the gateway's own"),
        ("resource = \"\"", "is empty"),
        ("resource = 1", "is an integer; must be a string"),
    ] {
        let client = format!("parameters = {{ {parameter} }}");
        let text = file(&Parts { client: &client, ..Parts::default() });
        wrong(&text, "client.parameters", message);
    }
}

/// A folder with one file of each kind.
fn folder() -> Folder {
    let folder = Folder::new();
    for name in ["c.crt", "c.key", "token", "account.json"] {
        folder.write(name, "canary");
    }
    folder.write("c.pfx", b"\x30\xff\xfe");
    folder
}

/// A client with this credential.
fn with(credential: &str) -> String {
    replace(&file(&Parts::default()), "credential.secret_file = \"client-secret\"", credential)
}

/// The same without an authority.
fn alone(credential: &str) -> String {
    replace(&with(credential), "authority = \"https://auth.example/realm\"\n", "")
}

#[track_caller]
fn right(folder: &Folder, text: &str) -> Client {
    let loaded = folder.parse(text).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    loaded.config.clients.into_iter().next().unwrap()
}

fn endpoint(client: &Client) -> &str {
    match &client.endpoint {
        TokenEndpoint::At(url) => url.as_str(),
        other => panic!("{other:?} is no endpoint"),
    }
}
