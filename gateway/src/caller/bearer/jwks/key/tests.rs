use serde_json::json;

use super::*;

#[test]
fn rsa_keys_are_of_a_size_that_is_safe_and_cheap() {
    for (bits, is_taken) in
        [(1024, false), (2040, false), (2048, true), (8192, true), (8200, false)]
    {
        let n = URL_SAFE_NO_PAD.encode(vec![0xff; bits / 8]);
        let jwk = json!({ "kty": "RSA", "kid": "1", "n": n, "e": "AQAB" });
        assert_eq!(Key::read(&jwk, None).is_some(), is_taken, "{bits}");
    }
}

#[test]
fn a_key_of_entra_s_is_for_its_tenant() {
    const TENANT: &str = "7f58e645-c1bf-4f2d-a3b0-9c1f9a1c0a01";
    const OTHER: &str = "11111111-2222-4333-8444-555555555555";
    let template = "https://login.microsoftonline.com/{tenantid}/v2.0";
    let fixed = |tenant| template.replace("{tenantid}", tenant);
    let version_1 = |tenant| format!("https://sts.windows.net/{tenant}/");
    for (issuer, iss, tid, is_its) in [
        (template.to_owned(), fixed(TENANT), Some(TENANT), true),
        (template.to_owned(), version_1(TENANT), Some(TENANT), true),
        (fixed(TENANT), version_1(TENANT), Some(TENANT), true),
        (fixed(OTHER), version_1(TENANT), Some(TENANT), false),
        (fixed(OTHER), fixed(TENANT), Some(TENANT), false),
        (template.to_owned(), version_1(OTHER), Some(TENANT), false),
        (template.to_owned(), version_1(TENANT), None, false),
        (template.to_owned(), format!("https://sts.windows.net/{TENANT}"), Some(TENANT), false),
        (
            format!("https://login.evil.example/x/{TENANT}/v2.0"),
            version_1(TENANT),
            Some(TENANT),
            false,
        ),
        ("https://issuer.example".to_owned(), "https://issuer.example".to_owned(), None, true),
    ] {
        let mut claims = json!({ "iss": iss, "sub": "s", "exp": 1 });
        if let Some(tid) = tid {
            claims["tid"] = tid.into();
        }
        let part = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let token = format!("{}.{}.", part(json!({ "alg": "RS256" })), part(claims));
        let token = Jws::read(&token).unwrap_or_else(|flaw| panic!("{flaw}"));
        assert_eq!(is_of(&issuer, &token), is_its, "{issuer} {iss}");
    }
}
