use serde_json::{Value, json};

use super::*;

#[test]
fn both_versions_of_entra_and_rfc_9068_are_read() {
    let version_2 = claims(json!({
        "oid": "o", "sub": "s", "tid": "t", "azp": "app", "scp": "A B", "roles": ["R"],
        "groups": ["g"], "idtyp": "user",
    }));
    assert_eq!((version_2.subject.as_str(), version_2.application.as_str()), ("o", "app"));
    assert_eq!(version_2.scopes, ["A", "B"]);
    assert_eq!((version_2.roles, version_2.groups), (vec!["R".to_owned()], vec!["g".to_owned()]));
    let version_1 = claims(json!({ "oid": "o", "sub": "s", "appid": "app", "scp": "A" }));
    assert_eq!((version_1.application.as_str(), version_1.app_only), ("app", false));
    let rfc_9068 = claims(json!({ "sub": "s", "client_id": "app", "scope": "A B" }));
    assert_eq!((rfc_9068.subject.as_str(), rfc_9068.application.as_str()), ("s", "app"));
    assert_eq!(rfc_9068.scopes, ["A", "B"]);
    let okta = claims(json!({ "sub": "s", "scp": ["A", "B"], "aud": ["x", "y"] }));
    assert_eq!((okta.scopes, okta.audiences.len()), (vec!["A".to_owned(), "B".to_owned()], 2));
}

#[test]
fn only_what_is_certain_makes_a_token_an_application_s_own() {
    for (app_only, said) in [
        (true, json!({ "idtyp": "app", "oid": "o", "sub": "o", "azp": "a", "roles": ["R"] })),
        (true, json!({ "tid": TENANT, "oid": "o", "sub": "o", "azp": "a", "roles": ["R"] })),
        (true, json!({ "sub": "a", "client_id": "a", "roles": ["R"] })),
        (true, json!({ "sub": "a@clients", "azp": "a", "gty": "client-credentials" })),
        (false, json!({ "idtyp": "user", "oid": "o", "sub": "o", "azp": "o" })),
        (false, json!({ "oid": "o", "sub": "o", "azp": "a", "roles": ["R"] })),
        (false, json!({ "sub": "a", "client_id": "a", "scope": "A" })),
        (false, json!({ "tid": TENANT, "oid": "o", "sub": "s", "azp": "a", "roles": ["R"] })),
        (false, json!({ "sub": "s", "azp": "a", "roles": ["R"] })),
        (false, json!({ "oid": "o", "sub": "o", "azp": "a", "scp": "A" })),
    ] {
        assert_eq!(claims(said.clone()).app_only, app_only, "{said}");
    }
}

#[test]
fn times_are_numbers_of_our_calendar() {
    for (exp, ends) in [
        (json!(1_800_000_000u64), Some(1_800_000_000)),
        (json!(1_800_000_000.75), Some(1_800_000_000)),
        (json!(0), Some(0)),
        (json!("1800000000"), None),
        (json!([1_800_000_000u64]), None),
        (json!(1e300), None),
        (json!(u64::MAX), None),
        (json!(-1), None),
        (json!(-0.5), None),
        (json!(true), None),
        (json!(null), None),
        (json!({}), None),
    ] {
        for name in ["exp", "nbf", "iat"] {
            let read = read(with(json!({ "sub": "s" }), name, exp.clone()));
            assert_eq!(read.is_ok(), ends.is_some(), "{name} {exp}");
            let told =
                read.ok().and_then(|it| if name == "exp" { Some(it.ends) } else { it.starts });
            assert_eq!(told, ends, "{name} {exp}");
        }
    }
    let both = claims(json!({ "sub": "s", "nbf": 5, "iat": 7 }));
    assert_eq!(both.starts, Some(7), "the later one");
}

#[test]
fn what_is_missing_or_of_another_type_is_refused() {
    for (name, value, flaw) in [
        ("iss", json!(17), flaw::MALFORMED),
        ("iss", Value::Null, flaw::MALFORMED),
        ("aud", json!(17), flaw::MALFORMED),
        ("aud", json!(["a", 17]), flaw::MALFORMED),
        ("aud", json!({ "a": 1 }), flaw::MALFORMED),
        ("sub", json!(["s"]), flaw::MALFORMED),
        ("oid", json!(17), flaw::MALFORMED),
        ("oid", json!(""), flaw::NOBODY),
        ("tid", json!(17), flaw::MALFORMED),
        ("TID", json!("other"), flaw::MALFORMED),
        ("azp", json!(17), flaw::MALFORMED),
        ("cnf", json!("x"), flaw::MALFORMED),
        ("cnf", json!({}), flaw::BINDING),
        ("cnf", json!({ "jkt": "x" }), flaw::BINDING),
        ("cnf", json!({ "kid": "x" }), flaw::BINDING),
        ("cnf", json!({ "x5t#S256": 17 }), flaw::BINDING),
        ("cnf", json!({ "x5t#S256": "short" }), flaw::MALFORMED),
        ("cnf", json!({ "x5t#S256": "A".repeat(43), "jkt": "x" }), flaw::BINDING),
    ] {
        let said = with(json!({ "sub": "s", "tid": "t" }), name, value.clone());
        assert_eq!(read(said).err(), Some(flaw), "{name} {value}");
    }
    for (name, flaw) in [("iss", flaw::ISSUER), ("exp", flaw::ENDLESS)] {
        let mut said = with(json!({ "sub": "s" }), "x", json!(1));
        said.remove(name);
        assert_eq!(read(said).err(), Some(flaw), "without {name}");
    }
    assert_eq!(read(with(json!({}), "x", json!(1))).err(), Some(flaw::NOBODY));
}

#[test]
fn what_is_no_text_in_a_list_gives_no_right() {
    let said =
        claims(json!({ "sub": "s", "roles": ["R", 1, null], "scp": 7, "groups": { "g": 1 } }));
    assert_eq!(said.roles, ["R"]);
    assert!(said.scopes.is_empty() && said.groups.is_empty());
}

#[test]
fn id_tokens_are_told_from_access_tokens() {
    use Purpose::{Access, Identity, Unsaid};
    for (purpose, said) in [
        (Access, json!({ "scp": "A" })),
        (Access, json!({ "scp": "A", "nonce": "n" })),
        (Access, json!({ "roles": ["R"], "azp": "a" })),
        (Access, json!({ "roles": ["R"], "appid": "a" })),
        (Access, json!({ "typ": "Bearer", "azp": "a" })),
        (Identity, json!({ "nonce": "n" })),
        (Identity, json!({ "nonce": "n", "roles": ["R"], "azp": "a" })),
        (Identity, json!({ "at_hash": "h", "scope": "openid" })),
        (Identity, json!({ "c_hash": "h", "roles": ["R"], "azp": "a" })),
        (Identity, json!({ "typ": "ID", "azp": "a" })),
        (Identity, json!({ "typ": "Refresh", "scope": "A" })),
        (Identity, json!({ "token_use": "id" })),
        (Unsaid, json!({ "roles": ["R"] })),
        (Unsaid, json!({ "azp": "a", "name": "Jane", "scp": "" })),
        (Unsaid, json!({ "name": "Jane" })),
    ] {
        let said = with(said, "sub", json!("s"));
        let text = Value::Object(said.clone()).to_string();
        assert_eq!(read(said).map(|claims| claims.purpose).ok(), Some(purpose), "{text}");
    }
}

fn claims(said: Value) -> Claims {
    read(with(said, "x", json!(1))).unwrap_or_else(|flaw| panic!("{flaw}"))
}

fn read(said: Map<String, Value>) -> Result<Claims, Flaw> {
    Claims::read(&said)
}

/// These claims with an issuer and an end, and one more.
fn with(said: Value, name: &str, value: Value) -> Map<String, Value> {
    let mut all = said.as_object().cloned().unwrap_or_default();
    all.entry("iss").or_insert(json!("https://issuer.example"));
    all.entry("exp").or_insert(json!(1));
    all.insert(name.to_owned(), value);
    all
}

const TENANT: &str = "11111111-2222-3333-4444-555555555555";
