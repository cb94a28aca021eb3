//! Who may call, what they may do, and on whose behalf.

use std::time::Duration;

use config::{
    AppOnly, CallerKind, Callers, DescribedBy, Exchange, Grant, JwsAlgorithm, Known, NameKind,
    NamePattern, OnBehalfOf, TokenType, Transaction, Who,
};

use crate::support::{Folder, Parts, file, replace, right, wrong, wrong_in};

#[test]
fn an_issuer_and_an_audience_are_enough_to_know_callers_by_their_tokens() {
    let config = right(&with(BEARER, ""));
    let Callers::Known(Known { bearer, api_keys: None, certificates: None }) =
        &config.routes[0].callers
    else {
        panic!("{:?}", config.routes[0].callers)
    };
    let [bearer] = &bearer[..] else { panic!("{bearer:?}") };
    assert_eq!(
        (&*bearer.issuer, &bearer.audiences[..]),
        ("https://auth.example", &["g".into()][..])
    );
    let algorithms = [JwsAlgorithm::Rs256, JwsAlgorithm::Ps256, JwsAlgorithm::Es256];
    assert_eq!((&bearer.algorithms[..], bearer.token_type), (&algorithms[..], TokenType::Any));
    let secs = Duration::from_secs;
    assert_eq!((bearer.leeway, bearer.keys_max_age), (secs(60), secs(600)));
    assert_eq!((bearer.keys_stale, bearer.keys_refetch), (secs(86_400), secs(30)));
    assert_eq!(bearer.keys_timeout, secs(5));
    assert_eq!(config.routes[0].grant, Grant::ClientCredentials);
    assert_eq!(config.listener.max_failed_attempts, 30);
    assert_eq!(config.runtime.max_user_tokens_bytes, 64 << 20);
    assert_eq!(config.forward_auth, None);
}

#[test]
fn what_nobody_could_be_known_by_is_refused() {
    for (callers, key, message) in [
        ("", "callers", "lets nobody in"),
        ("api_key = \"a\"", "callers.api_key", "did you mean \"api_keys\"?"),
        ("api_keys = \"nowhere\"", "callers.api_keys", "cannot be read"),
        (
            "certificates = { anchors = \"ca.crt\" }",
            "callers.certificates",
            "add listener.identity",
        ),
        ("bearer = {}", "callers.bearer.issuer", "write issuer = "),
        ("bearer = []", "callers.bearer", "write at least one"),
        (
            "bearer = { issuer = \"https://a.example\", audience = [] }",
            "callers.bearer.audience",
            "is an empty list",
        ),
        (
            "bearer = { issuer = \"auth\", audience = \"a\" }",
            "callers.bearer.issuer",
            "or name jwks_uri",
        ),
        (
            "bearer = { issuer = \"http://a.example\", audience = \"a\" }",
            "callers.bearer.issuer",
            "danger_plain_http",
        ),
        (
            "bearer = { issuer = \"https://a.example/{tenantid}\", audience = \"a\" }",
            "callers.bearer.tenants",
            "anyone can have a tenant",
        ),
        (
            "bearer = { issuer = \"https://a.example\", audience = \"a\", tenants = [\"contoso\"] }",
            "callers.bearer.tenants",
            "is no tenant's id",
        ),
        (
            "bearer = { issuer = \"https://a.example\", audience = \"a\", algorithms = [\"HS256\"] }",
            "callers.bearer.algorithms",
            "unknown algorithm \"HS256\"",
        ),
        (
            "bearer = [{ issuer = \"https://a.example\", audience = \"a\" }, \
             { issuer = \"https://a.example\", audience = \"b\" }]",
            "callers.bearer",
            "stands twice",
        ),
    ] {
        let folder = Folder::new();
        folder.write("ca.crt", "-----BEGIN");
        wrong_in(&folder, &with(callers, ""), &format!("route[0].{key}"), message);
    }
}

#[test]
fn several_kinds_of_callers_go_together() {
    let folder = Folder::new();
    for name in ["tls.crt", "tls.key", "ca.crt", "ca.crl", "keys"] {
        folder.write(name, "-----BEGIN");
    }
    let callers = format!(
        "{BEARER}\napi_keys = \"keys\"\n[route.callers.certificates]\nanchors = \"ca.crt\"\n\
         revocation_lists = [\"ca.crl\"]\nnames = [\"dns:*.CT.example\", \"cn:CT1\", \
         \"uri:spiffe://a/b\", \"subject:CN=CT1,O=H\"]"
    );
    let text = with(&callers, "");
    let text = format!("listener.identity = {{ chain = \"tls.crt\", key = \"tls.key\" }}\n{text}");
    let loaded = folder.parse(&text).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    let Callers::Known(known) = &loaded.config.routes[0].callers else { panic!("known") };
    assert_eq!(known.api_keys.as_ref().unwrap().path(), folder.path("keys"));
    let certificates = known.certificates.as_ref().unwrap();
    assert_eq!(certificates.revocation_lists, [folder.path("ca.crl")]);
    let names = certificates.names.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names, ["dns:*.ct.example", "cn:CT1", "uri:spiffe://a/b", "subject:CN=CT1,O=H"]);

    for (name, message) in [
        ("ct1", "unknown kind of name"),
        ("dns:", "has no name"),
        ("dns:*", "at least two labels"),
        ("dns:*.example", "at least two labels"),
        ("dns:a.*.example", "at least two labels"),
        ("email:a@b.example", "unknown kind of name"),
    ] {
        let text = replace(&text, "\"cn:CT1\"", &format!("{name:?}"));
        wrong_in(&folder, &text, "route[0].callers.certificates.names", message);
    }
}

#[test]
fn a_permit_says_to_whom_and_what() {
    let permits = "allow = []
        permits = [
            { to = [\"role:Dicom.Writer\", \"subject:a:b\", \"kind:bearer\"], allow = [\"store\"] },
            { to = [\"scope:s\", \"group:g\", \"application:p\"], allow = [\"delete\"],
              partitions = [\"radiology\"], audit_fields = true },
        ]
        partitions = [\"radiology\", \"cardiology\"]
        search_needs_key = true";
    let config = right(&with(BEARER, permits));
    let route = &config.routes[0];
    assert!(route.allow.is_empty() && route.search_needs_key);
    assert_eq!(route.partitions, ["radiology", "cardiology"]);
    let [writers, others] = &route.permits[..] else { panic!("{:?}", route.permits) };
    assert_eq!(
        writers.to,
        [
            Who::Role("Dicom.Writer".into()),
            Who::Subject("a:b".into()),
            Who::Kind(CallerKind::Bearer)
        ]
    );
    assert_eq!((&writers.allow[..], writers.audit_fields), (&[Transaction::Store][..], false));
    assert_eq!((&others.partitions[..], others.audit_fields), (&["radiology".into()][..], true));
}

#[test]
fn a_permit_that_could_not_hold_is_refused() {
    for (permit, key, message) in [
        ("allow = [\"store\"]", "to", "write to = "),
        ("to = [\"role:W\"]", "allow", "write allow = "),
        ("to = [], allow = [\"store\"]", "to", "is an empty list"),
        ("to = [\"roles:W\"], allow = [\"store\"]", "to", "did you mean \"role\"?"),
        ("to = [\"role:\"], allow = [\"store\"]", "to", "names nobody"),
        ("to = [\"kind:basic\"], allow = [\"store\"]", "to", "unknown kind of caller"),
        ("to = [\"api_key:k\"], allow = [\"store\"]", "to", "add api_keys to [route.callers]"),
        ("to = [\"certificate:cn:C\"], allow = [\"store\"]", "to", "add certificates to"),
        ("to = [\"api_key:dgw_k\"], allow = [\"store\"]", "to", "a key stands behind api_key:"),
        ("to = [\"dgw_k\"], allow = [\"store\"]", "to", "one of them is of no kind"),
        ("to = [\"email:a@b.example\"], allow = [\"store\"]", "to", "unknown kind"),
        (
            "to = [\"role:W\"], allow = [\"store\"], partitions = [\"a/b\"]",
            "partitions",
            "is no partition's name",
        ),
    ] {
        let text = with(BEARER, &format!("permits = [{{ {permit} }}]"));
        wrong(&text, &format!("route[0].permits[0].{key}"), message);
    }
    let two = "bearer = [{ issuer = \"https://a.example\", audience = \"a\" }, \
               { issuer = \"https://b.example\", audience = \"b\" }]";
    let permit = |to: &str| format!("permits = [{{ to = [{to:?}], allow = [\"store\"] }}]");
    wrong(&with(two, &permit("role:W")), "route[0].permits[0].to", "each of this route's issuers");
    right(&with(two, &permit("kind:bearer")));
    let anyone = file(&Parts {
        route: "permits = [{ to = [\"kind:bearer\"], allow = [\"store\"] }]",
        ..Parts::default()
    });
    wrong(&anyone, "route[0].permits", "nobody here proves who it is");
    let nothing = file(&Parts { route: "allow = []", ..Parts::default() });
    wrong(&nothing, "route[0].allow", "is empty");
}

#[test]
fn tokens_are_got_on_behalf_of_callers_that_have_some() {
    let config = right(&with(BEARER, "grant = \"on_behalf_of\""));
    let entra = OnBehalfOf { exchange: Exchange::JwtBearer, app_only: AppOnly::Refuse };
    assert_eq!(config.routes[0].grant, Grant::OnBehalfOf(entra));
    let other = "grant = \"on_behalf_of\"\n\
                 on_behalf_of = { exchange = \"token_exchange\", app_only = \"client_credentials\" }";
    let other_way =
        OnBehalfOf { exchange: Exchange::TokenExchange, app_only: AppOnly::ClientCredentials };
    assert_eq!(right(&with(BEARER, other)).routes[0].grant, Grant::OnBehalfOf(other_way));

    let anyone = file(&Parts { route: "grant = \"on_behalf_of\"", ..Parts::default() });
    wrong(&anyone, "route[0].grant", "add bearer to [route.callers]");
    let idle = file(&Parts { route: "on_behalf_of = {}", ..Parts::default() });
    wrong(&idle, "route[0].on_behalf_of", "leave it out");
    let text = with(BEARER, "grant = \"on_behalf_of\"");
    let text = replace(&text, "secret_file = \"client-secret\"", "managed_identity = {}");
    wrong(&text, "route[0].grant", "managed_identity without federated = true");
}

#[test]
fn other_proxies_may_ask_on_an_address_of_their_own() {
    let asked = |lines: &str| {
        let text = with(BEARER, "");
        format!("[forward_auth]\n{lines}\n{text}")
    };
    let open = "[forward_auth]\naddress = \"127.0.0.1:9191\"\ndescribed_by = \"request\"";
    let open = file(&Parts { top: open, ..Parts::default() });
    wrong(&open, "route[0].callers", "other proxies get tokens for whomever they let in");
    let config = right(&asked("address = \"127.0.0.1:9191\"\ndescribed_by = \"x-original\""));
    let forward_auth = config.forward_auth.unwrap();
    assert_eq!(forward_auth.address.to_string(), "127.0.0.1:9191");
    assert_eq!(forward_auth.described_by, DescribedBy::XOriginal);

    for (lines, key, message) in [
        ("described_by = \"request\"", "address", "write address = "),
        ("address = \"127.0.0.1:9191\"", "described_by", "write described_by = "),
        ("address = \"127.0.0.1:9090\"\ndescribed_by = \"request\"", "address", "clash"),
        ("address = \"127.0.0.1:8080\"\ndescribed_by = \"request\"", "address", "clash"),
        ("address = \"0.0.0.0:9191\"\ndescribed_by = \"request\"", "address", "hold tokens"),
        ("address = \"127.0.0.1:9191\"\ndescribed_by = \"any\"", "described_by", "unknown"),
    ] {
        wrong(&asked(lines), &format!("forward_auth.{key}"), message);
    }
}

#[test]
fn a_name_of_a_certificate_is_shown_as_it_was_written() {
    let pattern = NamePattern { kind: NameKind::CommonName, value: "CT1".into() };
    assert_eq!(pattern.to_string(), "cn:CT1");
}

/// The shortest file with these callers, and these lines in its route.
fn with(callers: &str, route: &str) -> String {
    let text = replace(&file(&Parts { route, ..Parts::default() }), "callers = \"anyone\"\n", "");
    format!("{text}[route.callers]\n{callers}\n")
}

const BEARER: &str = "bearer = { issuer = \"https://auth.example\", audience = \"g\" }";
