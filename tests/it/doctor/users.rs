//! Routes that act on behalf of users, and the issuers of callers' tokens.

use gateway_tests::issuer::Said;
use gateway_tests::{Issuer, OriginServer, User};

use super::*;

#[tokio::test]
async fn without_a_user_all_but_users_is_examined() {
    let world = World::new().await;
    let service = service(&world).await;

    let found = diagnose(&world, &on_behalf(&world, &service, "{}")).await;

    assert_eq!(found.code, Some(0), "{}", found.text());
    found.tells(("callers of /dicom-web", "issuer"), "ok", ("has 1 key", ""));
    found.tells(("client default", "token"), "ok", ("credential (secret)", ""));
    found.tells(("route /dicom-web", "user"), "skip", ("--token-file", ""));
    found.tells(("route /dicom-web", "search"), "skip", ("there is no token", ""));
    assert_eq!(service.requests().len(), 0);
}

#[tokio::test]
async fn a_client_that_gets_no_token_of_its_own_may_get_users_ones() {
    let world = World::new().await;
    let service = service(&world).await;
    let scope = "https://dicom.healthcareapis.azure.com/Dicom.ReadWrite".to_owned();
    let toml = Toml { scope, ..on_behalf(&world, &service, "{}") };

    let found = diagnose(&world, &toml).await;
    found.tells(("client default", "token"), "skip", ("only users get tokens here", ""));
    assert_eq!(found.code, Some(0), "{}", found.text());

    world.scratch.file("client-secret", "another");
    let found = diagnose(&world, &toml).await;
    found.fails(("client default", "token"), "AADSTS7000215", "Value");
}

#[tokio::test]
async fn a_user_s_token_is_judged_exchanged_and_searched_with() {
    let world = World::new().await;
    let service = service(&world).await;
    let user = world.authority.user("ada");
    let token = world.authority.issue_user_token(&user);
    world.scratch.file("user-token", format!("{token}\n"));

    let found = of_user(&world, &on_behalf(&world, &service, "{}")).await;

    assert_eq!(found.code, Some(0), "{}", found.text());
    found.tells(("route /dicom-web", "user"), "ok", ("on behalf of a user: aud https://dicom", ""));
    assert_eq!(found.one("route /dicom-web", "user")["facts"]["scp"], "Dicom.ReadWrite");
    found.tells(("route /dicom-web", "search"), "ok", ("1 study", ""));
    for secret in world.authority.tokens().iter().chain([&token]) {
        assert!(secret.split('.').all(|part| !found.text().contains(part)));
    }
}

#[tokio::test]
async fn a_user_for_whom_there_is_no_token_is_explained() {
    for (fault, says, remedy) in [
        ("consent", "AADSTS65001", "grant consent"),
        ("factor", "AADSTS50076", "second factor"),
        ("audience", "callers with this token are refused", "the route takes one of"),
        ("application", "no user is behind it", "signed in to a viewer"),
        ("text", "callers with this token are refused", "the route takes one of"),
    ] {
        let world = World::new().await;
        let service = service(&world).await;
        let authority = &world.authority;
        let user: User = authority.user("ada");
        let token = match fault {
            "audience" => authority.issue_token_to(&authority.client_id(), "api://other"),
            "application" => authority.issue_app_token("11111111-aaaa-4bbb-8ccc-111111111111"),
            "text" => "canary".to_owned(),
            _ => authority.issue_user_token(&user),
        };
        match fault {
            "consent" => authority.withhold_consent(&user),
            "factor" => authority.demand_second_factor(&user),
            _ => {}
        }
        world.scratch.file("user-token", &token);

        let found = of_user(&world, &on_behalf(&world, &service, "{}")).await;

        found.fails(("route /dicom-web", "user"), says, remedy);
        assert!(!found.text().contains("canary"));
        assert_eq!(service.requests().len(), 0);
    }
}

#[tokio::test]
async fn a_user_s_token_that_others_can_read_is_not_used() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new().await;
    let service = service(&world).await;
    let token = world.authority.issue_user_token(&world.authority.user("ada"));
    let path = world.scratch.file("user-token", token);
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o644)).unwrap();

    let found = of_user(&world, &on_behalf(&world, &service, "{}")).await;

    found.fails(("route /dicom-web", "user"), "is open to other users", "chmod 600");
}

#[tokio::test]
async fn an_application_s_token_is_no_mistake_where_the_route_takes_one() {
    let world = World::new().await;
    let service = service(&world).await;
    let token = world.authority.issue_app_token("11111111-aaaa-4bbb-8ccc-111111111111");
    world.scratch.file("user-token", token);
    let toml = on_behalf(&world, &service, "{ app_only = \"client_credentials\" }");

    let found = of_user(&world, &toml).await;

    found.tells(("route /dicom-web", "user"), "skip", ("no user is behind", ""));
    found.tells(("route /dicom-web", "search"), "ok", ("1 study", ""));
    assert_eq!(found.code, Some(0));
}

#[tokio::test]
async fn issuers_without_keys_are_told() {
    for (said, says) in [
        (Said::Status(500), "answered with status 500"),
        (Said::Redirect("https://elsewhere.example".into()), "answered with status 30"),
        (Said::Text("<html>canary".into()), "its answer cannot be used"),
        (Said::Nothing, "did not answer in time"),
    ] {
        let world = World::new().await;
        let service = service(&world).await;
        let issuer = Issuer::start(&world.ca).await;
        issuer.say_of_metadata(said);
        let bearer = format!(
            "callers = {{ bearer = {{ issuer = \"{}\", audience = \"a\", anchors = \"ca.pem\", \
             keys_timeout_secs = 1 }} }}",
            issuer.issuer()
        );
        let toml = azure(&world, &service);
        let route = format!("{}\n{bearer}", toml.route);

        let found = diagnose(&world, &Toml { route, ..toml }).await;

        let says = says.replace("its answer", "the issuer's answer");
        found.fails(("callers of /dicom-web", "issuer"), &says, "`jwks_uri`");
        assert!(!found.text().contains("canary"));
        assert_eq!(found.one("route /dicom-web", "search")["verdict"], "ok");
    }
}

#[tokio::test]
async fn an_issuer_whose_keys_are_of_no_use_is_told() {
    let world = World::new().await;
    let service = service(&world).await;
    let issuer = Issuer::start(&world.ca).await;
    issuer.publish(&[]);
    let toml = azure(&world, &service);
    let route = format!(
        "{}\ncallers = {{ bearer = {{ issuer = \"{}\", audience = \"a\", anchors = \"ca.pem\" }} \
         }}",
        toml.route,
        issuer.issuer()
    );

    let found = diagnose(&world, &Toml { route, ..toml }).await;

    found.fails(("callers of /dicom-web", "issuer"), "has no key that can be used", "RS256");
}

fn on_behalf(world: &World, service: &OriginServer, how: &str) -> Toml {
    let authority = &world.authority;
    let toml = azure(world, service);
    let route = format!(
        "{}\ngrant = \"on_behalf_of\"\non_behalf_of = {how}\ncallers = {{ bearer = {{ issuer = \
         \"{}\", audience = \"{}\", jwks_uri = \"{}\", anchors = \"ca.pem\" }} }}",
        toml.route,
        authority.issuer(),
        authority.client_id(),
        authority.jwks_uri()
    );
    Toml { route, ..toml }
}

async fn of_user(world: &World, toml: &Toml) -> Findings {
    let token = world.scratch.path().join("user-token");
    examine(&file(world, toml), &["--token-file", token.to_str().unwrap()]).await
}
