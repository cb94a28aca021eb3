//! Each user has a token of their own, and needs one request for it.

use std::time::Duration;

use futures_util::future::join_all;

use super::{Scene, soon};

#[tokio::test]
async fn the_origin_server_sees_the_user_who_called() {
    let scene = Scene::new().await;
    let gateway = scene.start();
    let users = ["ann", "bob"].map(|name| scene.world.authority.user(name));

    for user in &users {
        scene.search(&gateway, &scene.token(user)).await.is_ok();
    }

    for (brought, user) in scene.brought().iter().zip(&users) {
        assert_eq!((&brought.oid, &brought.tid), (&user.oid, &user.tenant));
        assert_eq!(brought.azp, scene.world.authority.client_id());
    }
    let forms = scene.world.authority.forms();
    assert_eq!(forms.len(), 2, "nothing was asked for in the application's own name");
    assert!(forms.iter().all(|form| form.field("requested_token_use") == Some("on_behalf_of")));
}

#[tokio::test]
async fn a_guest_is_asked_about_in_the_tenant_of_their_token() {
    let scene = Scene::new().await;
    let elsewhere = "22222222-2222-4222-8222-222222222222";
    scene.world.authority.add_tenant(elsewhere);
    let gateway = scene.world.start(&scene.toml(&[elsewhere]));
    let guest = scene.world.authority.user("guest").of_tenant(elsewhere);

    scene.search(&gateway, &scene.token(&guest)).await.is_ok();

    assert_eq!(scene.brought()[0].tid, elsewhere);
    assert_eq!(scene.world.authority.forms()[0].tenant, elsewhere);
}

#[tokio::test]
async fn many_requests_of_a_user_cost_one_token_request() {
    let scene = Scene::new().await;
    let gateway = scene.start();
    let token = scene.token(&scene.world.authority.user("ann"));

    let told = soon(join_all((0..50).map(|_| scene.search(&gateway, &token)))).await;

    told.iter().for_each(super::Told::is_ok);
    assert_eq!(scene.world.authority.requests(), 1);
}

#[tokio::test]
async fn another_token_of_the_same_user_is_another_proof() {
    let scene = Scene::new().await;
    let gateway = scene.start();
    let ann = scene.world.authority.user("ann");

    for token in [scene.token(&ann), scene.token(&ann)] {
        scene.search(&gateway, &token).await.is_ok();
        scene.search(&gateway, &token).await.is_ok();
    }

    assert_eq!(scene.world.authority.requests(), 2);
}

#[tokio::test]
async fn a_refresh_is_the_users_again_and_nobody_waits_for_it() {
    let scene = Scene::new().await;
    let authority = &scene.world.authority;
    authority.set_refresh_in(Some(Duration::from_millis(1000)));
    let gateway = scene.start();
    let ann = authority.user("ann");
    let token = scene.token(&ann);
    scene.search(&gateway, &token).await.is_ok();
    authority.hold();

    soon(async {
        while authority.requests() < 2 {
            scene.search(&gateway, &token).await.is_ok();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    scene.search(&gateway, &token).await.is_ok();
    authority.release_all();

    let forms = authority.forms();
    assert_eq!(forms[0].raw, forms[1].raw, "the same grant, to the letter");
    assert!(scene.brought().iter().all(|brought| brought.oid == ann.oid));
}

#[tokio::test]
async fn nobody_tends_the_token_of_a_user_who_does_not_ask() {
    let scene = Scene::new().await;
    scene.world.authority.set_refresh_in(Some(Duration::from_secs(1)));
    let gateway = scene.start();
    let (ann, bob) = (scene.world.authority.user("ann"), scene.world.authority.user("bob"));
    scene.search(&gateway, &scene.token(&ann)).await.is_ok();
    let bob = scene.token(&bob);
    // Once bob's was renewed, ann's would have been as well.
    soon(async {
        while scene.world.authority.requests() < 3 {
            scene.search(&gateway, &bob).await.is_ok();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let forms = scene.world.authority.forms();
    assert!(forms[1..].iter().all(|form| form.field("assertion") == Some(&*bob)));
}

#[tokio::test]
async fn users_tokens_survive_a_reload_and_are_counted() {
    let scene = Scene::new().await;
    let gateway = scene.start();
    let token = scene.token(&scene.world.authority.user("ann"));
    scene.search(&gateway, &token).await.is_ok();

    let mut toml = scene.toml(&[]);
    toml.more = "[runtime]\nworkers = 2\nmax_user_tokens_bytes = 33554432\n".to_owned();
    gateway.reload(scene.world.config(&toml)).unwrap();
    scene.search(&gateway, &token).await.is_ok();

    assert_eq!(scene.world.authority.requests(), 1);
    let (_, metrics) = gateway.admin("/metrics").await;
    assert!(metrics.contains("\ndicom_gateway_user_tokens 1\n"), "{metrics}");
    assert!(metrics.contains(
        "scope=\"https://dicom.healthcareapis.azure.com/.default\",outcome=\"acquired\"} 1"
    ));
}

#[tokio::test]
async fn a_gateway_that_acts_for_users_only_is_ready_at_once() {
    let scene = Scene::new().await;
    let gateway = scene.world.start_ready(&scene.toml(&[])).await;
    assert_eq!(scene.world.authority.requests(), 0);
    drop(gateway);
}
