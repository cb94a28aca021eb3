//! Client assertions that the gateway signs.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use futures_util::future::join_all;
use gateway_tests::Issued;

use super::{Scene, check, is_served, parts, until};

const PEM: &str = "certificate = { chain = \"client.crt\", key = \"client.key\" }";

#[tokio::test]
async fn an_assertion_says_what_the_authority_wants_to_know_and_nothing_else() {
    let scene = Scene::new().await;
    let authority = &scene.world.authority;
    let certificate = registered(&scene, scene.world.ca.issue_rsa(&["gateway"]));
    scene.works(&scene.with(PEM)).await;

    let form = &authority.forms()[0];
    let names = form.pairs.iter().map(|(name, _)| name.as_str()).collect::<BTreeSet<_>>();
    let expected =
        ["client_assertion", "client_assertion_type", "client_id", "grant_type", "scope"];
    assert_eq!(names, BTreeSet::from(expected));
    let (header, claims) = parts(form.field("client_assertion").unwrap());
    let thumbprint = digest::digest(&digest::SHA256, certificate.leaf().as_ref());
    let thumbprint = URL_SAFE_NO_PAD.encode(thumbprint);
    assert_eq!(header, serde_json::json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint }));
    let names = claims.as_object().unwrap().keys().map(String::as_str).collect::<BTreeSet<_>>();
    assert_eq!(names, BTreeSet::from(["aud", "exp", "iat", "iss", "jti", "nbf", "sub"]));
    assert_eq!(claims["iss"], authority.client_id());
    assert_eq!(claims["sub"], authority.client_id());
    assert_eq!(claims["aud"], authority.token_endpoint());
    let number = |name: &str| claims[name].as_u64().unwrap_or_else(|| panic!("{name}: {claims}"));
    assert_eq!(number("exp") - number("iat"), 600);
    assert_eq!(number("nbf"), number("iat"));
    claims["jti"].as_str().unwrap().parse::<uuid::Uuid>().unwrap();
}

#[tokio::test]
async fn each_kind_of_key_signs_in_its_own_way() {
    let ca = gateway_tests::Ca::new();
    let names = &["gateway"];
    let (rsa, p256, p384) = (ca.issue_rsa(names), ca.issue(names), ca.issue_p384(names));
    for (certificate, option, algorithm) in [
        (&rsa, "", "PS256"),
        (&rsa, ", algorithm = \"PS256\"", "PS256"),
        (&rsa, ", algorithm = \"RS256\"", "RS256"),
        (&p256, "", "ES256"),
        (&p384, "", "ES384"),
    ] {
        let scene = Scene::new().await;
        registered(&scene, certificate.clone());
        scene.works(&scene.with(&PEM.replace(" }", &format!("{option} }}")))).await;

        let (header, _) =
            parts(scene.world.authority.forms()[0].field("client_assertion").unwrap());
        assert_eq!(header["alg"], algorithm);
    }
}

#[tokio::test]
async fn the_chain_is_sent_where_it_is_asked_for_leaf_first() {
    let scene = Scene::new().await;
    let certificate = registered(&scene, scene.world.ca.issue(&["gateway"]));
    let chain = certificate.chain_pem.clone() + scene.world.ca.pem();
    scene.world.scratch.file("client.crt", chain);
    scene.works(&scene.with(&PEM.replace(" }", ", x5c = true }"))).await;

    let (header, _) = parts(scene.world.authority.forms()[0].field("client_assertion").unwrap());
    let sent = header["x5c"].as_array().unwrap();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0], STANDARD.encode(certificate.leaf()));
}

#[tokio::test]
async fn an_assertion_is_for_the_issuer_where_that_was_discovered() {
    let scene = Scene::new().await;
    let authority = &scene.world.authority;
    registered(&scene, scene.world.ca.issue(&["gateway"]));
    authority.set_assertion_audience(&authority.issuer());
    let discovered = format!("authority = \"{}\"\ncredential.{PEM}", authority.url());
    scene.works(&scene.toml(&discovered)).await;
    let (issuer, id) = (authority.issuer(), authority.client_id());
    let audience = PEM.replace(" }", &format!(", audience = \"{issuer}\" }}"));
    scene.works(&scene.toml(&format!("id = \"{id}\"\ncredential.{audience}"))).await;

    // AADSTS700023: it is for the token endpoint.
    scene.fails(&scene.with(PEM), "invalid_client AADSTS700023").await;
}

#[tokio::test]
async fn what_is_left_of_a_certificate_is_told() {
    let scene = Scene::new().await;
    registered(&scene, scene.world.ca.issue(&["gateway"]));
    let list = format!("credential = [{{ secret_file = \"client-secret\" }}, {{ {PEM} }}]");
    let gateway = scene.works(&scene.toml(&list)).await;
    let (_, metrics) = gateway.admin("/metrics").await;
    let gauge = "key_material_life_left_seconds{key=\"client.default.credential[1]\"} ";
    assert!(metrics.contains(gauge), "{metrics}");
    assert!(!metrics.contains("credential[0]"), "{metrics}");
}

#[tokio::test]
async fn no_assertion_is_shown_twice() {
    let scene = Scene::new().await;
    let authority = &scene.world.authority;
    registered(&scene, scene.world.ca.issue(&["gateway"]));
    authority.set_refresh_in(Some(Duration::from_secs(1)));
    let gateway = scene.works(&scene.with(PEM)).await;
    authority.wait_for_requests(3).await;
    until(async || authority.tokens().len() >= 3).await;
    is_served(&gateway).await;

    let forms = authority.forms();
    let ids = forms.iter().map(|form| {
        parts(form.field("client_assertion").unwrap()).1["jti"].as_str().unwrap().to_owned()
    });
    assert_eq!(ids.collect::<BTreeSet<_>>().len(), forms.len());
}

#[tokio::test]
async fn a_thousand_requests_cost_one_assertion_and_the_next_token_another() {
    let scene = Scene::new().await;
    let authority = &scene.world.authority;
    registered(&scene, scene.world.ca.issue(&["gateway"]));
    let gateway = scene.world.start(&scene.with(PEM));
    // The first of them come before there is a token.
    for _ in 0..20 {
        join_all((0..50).map(|_| is_served(&gateway))).await;
    }
    assert_eq!(authority.forms().len(), 1);

    authority.revoke(&authority.last_token().unwrap());
    join_all((0..50).map(|_| is_served(&gateway))).await;
    let forms = authority.forms();
    let ids = forms.iter().map(|form| {
        parts(form.field("client_assertion").unwrap()).1["jti"].as_str().unwrap().to_owned()
    });
    assert_eq!((forms.len(), ids.collect::<BTreeSet<_>>().len()), (2, 2));
}

#[tokio::test]
async fn a_certificate_that_is_not_registered_is_refused_and_told() {
    let scene = Scene::new().await;
    scene.write("client", &scene.world.ca.issue(&["gateway"]));
    let gateway = scene.fails(&scene.with(PEM), "invalid_client AADSTS700027").await;

    let written = gateway.log() + &gateway.admin("/ready").await.1;
    let assertion = scene.world.authority.forms()[0].field("client_assertion").unwrap().to_owned();
    assert!(!written.contains(&assertion[..40]));
}

#[tokio::test]
async fn a_new_certificate_is_taken_up_and_a_half_written_one_is_not() {
    let scene = Scene::new().await;
    let authority = &scene.world.authority;
    let old = registered(&scene, scene.world.ca.issue(&["gateway"]));
    authority.set_refresh_in(Some(Duration::from_millis(1000)));
    let gateway = scene.works(&scene.with(PEM)).await;
    let new = scene.world.ca.issue(&["gateway"]);
    authority.register_certificate(&new);

    // The chain is there already, its key is not.
    scene.world.scratch.file("client.crt", &new.chain_pem);
    authority.wait_for_requests(authority.requests() + 2).await;
    is_served(&gateway).await;
    assert_eq!(thumbprint_of_last(&scene), thumbprint(&old));

    scene.world.scratch.file("client.key", &new.key_pem);
    until(async || thumbprint_of_last(&scene) == thumbprint(&new)).await;
    is_served(&gateway).await;
    assert_eq!(authority.tokens().len() + authority.in_flight(), authority.requests());
}

#[tokio::test]
async fn pkcs12_is_as_good_as_pem_whoever_wrote_it() {
    let scene = Scene::new().await;
    registered(&scene, scene.world.ca.issue(&["gateway"]));
    scene.world.scratch.file("ca.crt", scene.world.ca.pem());
    scene.world.scratch.file("password", "pässword\n");
    for (name, options) in [
        ("modern", &["-passout", "file:password"][..]),
        ("old", &["-legacy", "-passout", "file:password"]),
        ("bare", &["-passout", "pass:"]),
    ] {
        let store = format!("{name}.pfx");
        openssl(&scene, &store, options);
        let password = if name == "bare" { "" } else { ", password_file = \"password\"" };
        let toml =
            scene.with(&format!("certificate = {{ pkcs12 = \"{store}\"{password}, x5c = true }}"));
        let before = scene.world.authority.requests();
        scene.works(&toml).await;

        let form = &scene.world.authority.forms()[before];
        let (header, _) = parts(form.field("client_assertion").unwrap());
        assert_eq!(header["x5c"].as_array().unwrap().len(), 2, "{name}");
    }
}

#[tokio::test]
async fn what_cannot_sign_is_refused_at_the_start() {
    let scene = Scene::new().await;
    scene.write("client", &scene.world.ca.issue(&["gateway"]));
    scene.world.scratch.file("other.key", &scene.world.ca.issue(&["gateway"]).key_pem);
    scene.world.scratch.file("broken.pfx", b"\x30\x00");
    for (credential, why) in [
        (PEM.replace("client.key", "other.key"), "do not belong together"),
        (PEM.replace(" }", ", algorithm = \"PS256\" }"), "cannot sign PS256"),
        ("certificate = { pkcs12 = \"broken.pfx\" }".to_owned(), "is no PKCS#12 file"),
        (PEM.replace("client.crt", "client.key"), "holds no certificate"),
    ] {
        let error = check(&scene.world, &scene.with(&credential)).await;
        assert!(error.contains("client \"default\"") && error.contains(why), "{error}");
    }
}

fn registered(scene: &Scene, certificate: Issued) -> Issued {
    scene.write("client", &certificate);
    scene.world.authority.register_certificate(&certificate);
    certificate
}

/// Writes `client.crt` and `client.key` as PKCS#12 with a tool that is not ours.
fn openssl(scene: &Scene, store: &str, options: &[&str]) {
    let done = Command::new("openssl")
        .current_dir(scene.world.scratch.path())
        .args(["pkcs12", "-export", "-in", "client.crt", "-inkey", "client.key"])
        .args(["-certfile", "ca.crt", "-out", store])
        .args(options)
        .output()
        .expect("openssl is installed");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn thumbprint(certificate: &Issued) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, certificate.leaf().as_ref()))
}

fn thumbprint_of_last(scene: &Scene) -> String {
    let forms = scene.world.authority.forms();
    let (header, _) = parts(forms.last().unwrap().field("client_assertion").unwrap());
    header["x5t#S256"].as_str().unwrap().to_owned()
}
