//! Whose requests may go on.

use gateway_tests::world::Toml;

use super::{Scene, asked, bearer, is_leave, is_refusal};

#[tokio::test]
async fn each_caller_has_leave_for_its_own() {
    let scene = Scene::new().await;
    let gateway = scene.start("x-original").await;
    let signed = |roles: &[&str]| {
        let draft = scene.issuer.user().with("roles", roles.to_vec());
        bearer(&draft.sign(scene.issuer.key()))
    };
    let reader = bearer(&scene.reader);
    let writer = bearer(&scene.writer);
    let (user, author) = (signed(&[]), signed(&["Other", "Dicom.Writer"]));
    let header = format!("X-Api-Key: {}", scene.writer);
    let search = "GET /dicom-web/studies";
    let retrieve = "GET /dicom-web/partitions/radiology/studies/1.2";
    let store = "POST /dicom-web/studies";
    let delete = "DELETE /dicom-web/studies/1.2";
    let delete_there = "DELETE /dicom-web/partitions/radiology/studies/1.2";
    for (credential, allowed) in [
        (&reader, &[search, retrieve][..]),
        (&writer, &[search, retrieve, store, delete_there]),
        (&header, &[search, retrieve, store, delete_there]),
        (&user, &[search, retrieve]),
        (&author, &[search, retrieve, store]),
    ] {
        for request in [search, retrieve, store, delete, delete_there] {
            let answer = asked(&gateway, request, &[credential]).await;
            if allowed.contains(&request) {
                is_leave(&scene, &answer);
            } else {
                is_refusal(&answer, 403, "not-permitted");
            }
        }
    }
    scene.nothing_went_on(gateway).await;
}

#[tokio::test]
async fn a_token_that_is_not_good_brings_none() {
    let scene = Scene::new().await;
    let gateway = scene.start("x-original").await;
    let user = scene.issuer.user();
    for token in [
        user.clone().with("exp", 1).sign(scene.issuer.key()),
        user.clone().with("aud", "another").sign(scene.issuer.key()),
        user.sign(&gateway_tests::issuer::SigningKey::es256("1")),
        scene.world.authority.issue_token(),
    ] {
        let answer = asked(&gateway, "GET /dicom-web/studies", &[&bearer(&token)]).await;
        is_refusal(&answer, 401, "invalid-token");
        let challenges = answer.values("www-authenticate");
        assert!(challenges[0].contains("error=\"invalid_token\""), "{challenges:?}");
    }
    let (good, key) = (user.sign(scene.issuer.key()), format!("X-Api-Key: {}", scene.reader));
    let both = [&*bearer(&good), &*key];
    let answer = asked(&gateway, "GET /dicom-web/studies", &both).await;
    is_refusal(&answer, 400, "ambiguous-credentials");
    scene.nothing_went_on(gateway).await;
}

#[tokio::test]
async fn on_behalf_of_users_each_has_their_own_token() {
    let scene = Scene::new().await;
    let authority = &scene.world.authority;
    let route = format!(
        "grant = \"on_behalf_of\"\ncallers = {{ bearer = {{ issuer = \"{}\", audience = \"{}\", \
         jwks_uri = \"{}\", anchors = \"ca.pem\" }}, api_keys = \"api-keys\" }}",
        authority.issuer(),
        authority.client_id(),
        authority.jwks_uri()
    );
    let gateway = scene.world.start(&Toml { route, ..scene.toml("x-original") });
    let mut subjects = Vec::new();
    for name in ["ann", "bob", "ann"] {
        let token = authority.issue_user_token(&authority.user(name));
        let answer = asked(&gateway, "GET /dicom-web/studies", &[&bearer(&token)]).await;
        is_leave(&scene, &answer);
        let given = answer.header("authorization").unwrap();
        assert!(!given.contains(&token), "the user's own token is for the gateway");
        let claims = authority.verifier().verify(Some(&given.parse().unwrap())).unwrap();
        subjects.push(claims.oid);
    }
    assert!(subjects[0] == subjects[2] && subjects[0] != subjects[1], "{subjects:?}");
    // A key stands for no user.
    let answer = asked(&gateway, "GET /dicom-web/studies", &[&bearer(&scene.reader)]).await;
    is_refusal(&answer, 403, "no-user");
    scene.nothing_went_on(gateway).await;
}
