//! Tokens that are not good: each is refused in the same way, says no more than what its owner can mend,
//! and reaches nobody.

use gateway_tests::issuer::{Issuer, SigningKey, compact, encoded};
use serde_json::{Value, json};

use super::{Gate, Scene, now};

#[tokio::test]
async fn a_signature_counts_only_by_the_issuer_s_key_and_the_configured_algorithm() {
    let scene = Scene::new().await;
    let rsa = SigningKey::rsa("rsa", "RS256");
    let other = SigningKey::es384("other");
    scene.issuer.publish(&[scene.issuer.key(), &rsa, &other]);
    let gate = scene.gate("algorithms = [\"ES256\", \"RS256\"]").await;
    let user = scene.user();
    let good = scene.sign(&user);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (head, claims) = signed.split_once('.').unwrap();
    let alg = |alg: Value| user.clone().header("alg", alg).sign(scene.issuer.key());
    let hmac = |secret: &[u8]| {
        let head = encoded(r#"{"alg":"HS256","typ":"JWT","kid":"rsa"}"#);
        let text = format!("{head}.{claims}");
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
        let tag = aws_lc_rs::hmac::sign(&key, text.as_bytes());
        format!("{text}.{}", base64(tag.as_ref()))
    };
    let n = rsa.jwk()["n"].as_str().unwrap().to_owned();
    let none = encoded(r#"{"alg":"none","typ":"JWT"}"#);
    let later = encoded(&user.clone().with("exp", now() + 86_400).claims_text());

    let refused = [
        ("none", format!("{none}.{claims}."), ALGORITHM),
        ("none with a signature", format!("{none}.{claims}.{signature}"), ALGORITHM),
        ("None", alg(json!("None")), ALGORITHM),
        ("mixed case", alg(json!("es256")), ALGORITHM),
        ("mixed case of RSA's", alg(json!("Rs256")), ALGORITHM),
        ("no algorithm", alg(Value::Null), ALGORITHM),
        ("a number", alg(json!(256)), ALGORITHM),
        ("a list", alg(json!(["ES256"])), ALGORITHM),
        ("HMAC by the public key", hmac(rsa.jwk().to_string().as_bytes()), ALGORITHM),
        ("HMAC by its modulus", hmac(n.as_bytes()), ALGORITHM),
        ("HMAC by nothing", hmac(b""), ALGORITHM),
        ("an algorithm not configured", user.sign(&other), ALGORITHM),
        (
            "a key of another kind",
            user.clone().header("kid", "rsa").sign(scene.issuer.key()),
            SIGNATURE,
        ),
        ("RSA's algorithm, EC's key", alg(json!("RS256")), SIGNATURE),
        ("another key by its name", user.sign(&SigningKey::es256("1")), SIGNATURE),
        ("a signature of another text", format!("{head}.{later}.{signature}"), SIGNATURE),
        ("no signature", format!("{signed}."), SIGNATURE),
        ("a short one", format!("{signed}.{}", &signature[..40]), SIGNATURE),
        ("zeros", format!("{signed}.{}", base64(&[0; 64])), SIGNATURE),
        ("one in padded base64", format!("{good}=="), SIGNATURE),
        ("a key of nobody's", user.sign(&SigningKey::es256("2")), UNKNOWN_KEY),
        ("a key by nobody's name, twice", user.sign(&SigningKey::es256("3")), UNKNOWN_KEY),
    ];
    all_are_refused(&scene, &gate, &refused).await;
    gate.search(&good).await.is_ok();
}

#[tokio::test]
async fn a_name_of_a_key_is_looked_up_and_nothing_else() {
    let scene = Scene::new().await;
    let gate = scene.gate("").await;
    let named = |kid: Value| scene.sign(&scene.user().header("kid", kid));
    let refused = [
        ("a path", named(json!("../../../../dev/null")), UNKNOWN_KEY),
        ("SQL", named(json!("1' OR '1'='1")), UNKNOWN_KEY),
        ("a URL", named(json!("https://127.0.0.1:1/key")), UNKNOWN_KEY),
        ("8 KiB", named(json!("1".repeat(8 << 10))), UNKNOWN_KEY),
        ("a NUL", named(json!("1\u{0}")), UNKNOWN_KEY),
        ("nothing", named(json!("")), UNKNOWN_KEY),
        ("a number", named(json!(1)), MALFORMED),
        ("a list", named(json!(["1"])), MALFORMED),
    ];
    all_are_refused(&scene, &gate, &refused).await;
    assert!(scene.issuer.keys_asked() <= 2, "{}", scene.issuer.keys_asked());

    // Of several keys an unnamed one is none.
    scene.issuer.publish(&[scene.issuer.key(), &SigningKey::es256("other")]);
    let gate = scene.gate("keys_timeout_secs = 4").await;
    let refused = [("no name", named(Value::Null), SIGNATURE)];
    all_are_refused(&scene, &gate, &refused).await;
    gate.search(&named(json!("1"))).await.is_ok();
}

#[tokio::test]
async fn what_is_no_token_is_malformed() {
    let scene = Scene::new().await;
    let gate = scene.gate("").await;
    let (user, key) = (scene.user(), scene.issuer.key());
    let good = scene.sign(&user);
    let header = |name: &str, value: Value| user.clone().header(name, value).sign(key);
    let (head, claims) = (r#"{"alg":"ES256","typ":"JWT","kid":"1"}"#, user.claims_text());
    let open = claims.strip_suffix('}').unwrap();
    let with = |more: &str| compact(head, &format!("{open},{more}}}"), key);
    let aud = format!("\"aud\":\"{}\"", Issuer::AUDIENCE);
    let deep = format!("\"x\":{}1{}", "[".repeat(3000), "]".repeat(3000));
    let large = user.clone().with("x", "y".repeat(13 << 10)).sign(key);
    assert!(large.len() > 16 << 10);
    let parts = good.split('.').collect::<Vec<_>>();

    let refused = [
        ("no token", "opaque".to_owned(), MALFORMED),
        ("nothing", String::new(), MALFORMED),
        ("dots", "..".to_owned(), MALFORMED),
        ("two parts", parts[..2].join("."), MALFORMED),
        ("four parts", format!("{good}.x"), ENCRYPTED),
        ("a JWE's five", format!("{}.e30.e30.e30.e30", parts[0]), ENCRYPTED),
        ("enc", header("enc", json!("A128GCM")), ENCRYPTED),
        ("zip", header("zip", json!("DEF")), ENCRYPTED),
        ("not base64", format!("{}.%%.{}", parts[0], parts[2]), MALFORMED),
        ("standard base64", format!("+/+/.{}.{}", parts[1], parts[2]), MALFORMED),
        ("not JSON", compact("{", &claims, key), MALFORMED),
        ("a list for a header", compact("[]", &claims, key), MALFORMED),
        ("claims in a list", compact(head, &format!("[{claims}]"), key), MALFORMED),
        ("claims in a text", compact(head, &json!(claims).to_string(), key), MALFORMED),
        ("something after them", compact(head, &format!("{claims}{claims}"), key), MALFORMED),
        ("crit unknown", header("crit", json!(["exp"])), CRITICAL),
        ("crit empty", header("crit", json!([])), CRITICAL),
        ("b64", header("b64", json!(false)), CRITICAL),
        ("aud twice", with(&aud), MALFORMED),
        ("aud twice, in escapes", with(&aud.replacen('a', "\\u0061", 1)), MALFORMED),
        ("another tid", with("\"TID\":\"x\""), MALFORMED),
        ("twice further down", with("\"x\":{\"y\":1,\"y\":2}"), MALFORMED),
        ("alg twice", compact(&head.replace('}', ",\"alg\":\"none\"}"), &claims, key), MALFORMED),
        ("deep", with(&deep), MALFORMED),
        ("over 16 KiB", large, TOO_LARGE),
    ];
    all_are_refused(&scene, &gate, &refused).await;
}

#[tokio::test]
async fn claims_have_to_say_what_is_configured() {
    let scene = Scene::new().await;
    let gate = scene.gate("").await;
    let issuer = scene.issuer.issuer();
    let with = |name: &str, value: Value| scene.sign(&scene.user().with(name, value));
    let without = |name: &str| scene.sign(&scene.user().without(&[name]));
    let ours = Issuer::AUDIENCE;
    let refused = [
        ("another issuer", with("iss", json!("https://issuer.example")), ISSUER),
        ("a slash more", with("iss", json!(format!("{issuer}/"))), ISSUER),
        ("a longer one", with("iss", json!(format!("{issuer}.evil.example"))), ISSUER),
        ("a shorter one", with("iss", json!(issuer[..issuer.len() - 1])), ISSUER),
        ("upper case", with("iss", json!(issuer.to_uppercase())), ISSUER),
        ("no issuer", without("iss"), ISSUER),
        ("empty", with("iss", json!("")), ISSUER),
        ("issuers in a list", with("iss", json!([issuer])), MALFORMED),
        ("another audience", with("aud", json!("other")), AUDIENCE),
        ("a longer audience", with("aud", json!(format!("{ours}/"))), AUDIENCE),
        ("a part of it", with("aud", json!(ours[..8])), AUDIENCE),
        ("with a space", with("aud", json!(format!("{ours} other"))), AUDIENCE),
        ("none", without("aud"), AUDIENCE),
        ("an empty list", with("aud", json!([])), AUDIENCE),
        ("other ones", with("aud", json!(["other", ours.to_uppercase()])), AUDIENCE),
        ("a list in a list", with("aud", json!([[ours]])), MALFORMED),
        ("an object", with("aud", json!({ (ours): 1 })), MALFORMED),
        ("nobody", scene.sign(&scene.user().without(&["sub", "oid"])), NOBODY),
        ("ended", with("exp", json!(now() - 61)), EXPIRED),
        ("ended long ago", with("exp", json!(0)), EXPIRED),
        ("no end", without("exp"), ENDLESS),
        ("an end in a text", with("exp", json!((now() + 60).to_string())), MALFORMED),
        ("an end in a list", with("exp", json!([now() + 60])), MALFORMED),
        ("1e300", with("exp", json!(1e300)), MALFORMED),
        ("no number", with("exp", json!(null)), MALFORMED),
        ("before 1970", with("exp", json!(-1)), MALFORMED),
        ("not yet", with("nbf", json!(now() + 120)), EARLY),
        ("not yet, by a fraction", with("nbf", json!(now() as f64 + 120.5)), EARLY),
        ("issued tomorrow", with("iat", json!(now() + 86_400)), EARLY),
        ("a beginning in a text", with("nbf", json!("0")), MALFORMED),
        ("never", with("nbf", json!(1e300)), MALFORMED),
    ];
    all_are_refused(&scene, &gate, &refused).await;
    let strict = scene.gate("leeway_secs = 0").await;
    strict.search(&with("exp", json!(now() - 1))).await.is_refused(EXPIRED);
}

#[tokio::test]
async fn other_tokens_of_the_same_issuer_are_none() {
    let scene = Scene::new().await;
    let gate = scene.gate("").await;
    let user = || scene.user();
    let identity = || user().without(&["scp", "azp", "azpacr"]);
    let typ = |typ: &str| user().header("typ", typ);
    let graph = |aud: &str| user().with("aud", aud).with("iss", "https://sts.windows.net/x/");
    let refused = [
        ("Entra's ID token", identity().with("nonce", "n"), IDENTITY),
        ("with roles", identity().with("nonce", "n").with("roles", json!(["R"])), IDENTITY),
        ("without a nonce", identity(), PURPOSE),
        ("without a nonce, with roles", identity().with("roles", json!(["R"])), PURPOSE),
        ("of a viewer", identity().with("aud", "viewer").with("nonce", "n"), IDENTITY),
        ("at_hash", user().with("at_hash", "h"), IDENTITY),
        ("c_hash", user().with("c_hash", "h"), IDENTITY),
        ("Keycloak's", user().with("typ", "ID"), IDENTITY),
        ("a refresh token", user().with("typ", "Refresh"), IDENTITY),
        ("Cognito's", user().with("token_use", "id"), IDENTITY),
        ("no scope, no role", user().without(&["scp"]), PURPOSE),
        ("an empty scope", user().with("scp", " "), PURPOSE),
        ("a logout token", typ("logout+jwt"), TYPE),
        ("a proof", typ("dpop+jwt"), TYPE),
        ("an event", typ("secevent+jwt"), TYPE),
        ("no type's name", typ("at+jwt;v=1"), TYPE),
        ("a type in a list", user().header("typ", json!(["JWT"])), TYPE),
        ("Graph's", graph("https://graph.microsoft.com"), GRAPH),
        ("Graph's, by number", graph("00000003-0000-0000-c000-000000000000"), GRAPH),
        ("Graph's of a cloud", graph("https://graph.microsoft.us/"), GRAPH),
    ];
    let refused = refused.map(|(what, draft, title)| (what, scene.sign(&draft), title));
    all_are_refused(&scene, &gate, &refused).await;

    let strict = scene.gate("token_type = \"at+jwt\"").await;
    strict.search(&scene.issuer.user_token()).await.is_refused(TYPE);
    strict.search(&scene.sign(&typ("AT+JWT"))).await.is_ok();
}

/// Sends each twice: nothing that is remembered of the first may help the second.
async fn all_are_refused(scene: &Scene, gate: &Gate, tokens: &[(&str, String, &str)]) {
    let (asked, reached) = (scene.world.authority.requests(), scene.recorder.bytes_seen());
    for (what, token, title) in tokens {
        for _ in 0..2 {
            let told = gate.search(token).await;
            assert_eq!(told.title, *title, "{what}: {told:?}");
            told.is_refused(title);
            let parts = token.split('.').filter(|part| part.len() > 8);
            for part in parts {
                assert!(!told.text.contains(part), "{what}: {told:?}");
            }
        }
    }
    assert_eq!(scene.recorder.bytes_seen(), reached, "nothing came to the origin server");
    assert_eq!(scene.world.authority.requests(), asked, "nor to the authority");
}

fn base64(bytes: &[u8]) -> String {
    use ::base64::Engine;
    ::base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

const TOO_LARGE: &str = "The access token is larger than 16 KiB";
const MALFORMED: &str = "The access token is malformed";
const ENCRYPTED: &str = "The access token is encrypted; the gateway takes signed ones";
const CRITICAL: &str = "The access token's header demands what the gateway does not do";
const ALGORITHM: &str = "The access token is signed with an algorithm not taken here";
const TYPE: &str = "The token's type is not that of an access token taken here";
const IDENTITY: &str =
    "This is an ID token; ask for an access token whose audience is this gateway";
const PURPOSE: &str = "The token has neither scopes nor roles, as an ID token; ask for an access \
                       token with a scope of this gateway";
const GRAPH: &str = "The token is for Microsoft Graph; ask for one whose audience is this gateway";
const AUDIENCE: &str =
    "The access token is for another audience; ask for one whose audience is this gateway";
const ISSUER: &str = "The access token is of an issuer not taken here";
const EXPIRED: &str = "The access token has expired";
const EARLY: &str = "The access token is not valid yet";
const ENDLESS: &str = "The access token has no end";
const NOBODY: &str = "The access token does not say whom it is for";
const SIGNATURE: &str = "The access token's signature is wrong";
const UNKNOWN_KEY: &str = "The access token's key is none of its issuer's";
