//! The listener that proxies ask, from its start to its end.

use config::Address;
use gateway_tests::world::Toml;
use gateway_tests::{RawCaller, World};

use super::{Scene, asked, bearer, forward_auth, is_leave, is_refusal};

#[tokio::test]
async fn nobody_is_asked_where_nothing_is_said_of_it() {
    let world = World::new().await;
    let gateway = world.start(&world.toml("http://127.0.0.1:9"));
    assert_eq!(gateway.server().forward_auth_address(), None);
}

#[tokio::test]
async fn a_unix_socket_will_do_and_is_gone_at_the_end() {
    let scene = Scene::new().await;
    let path = scene.world.scratch.path().join("ask.sock");
    let table = forward_auth("request").replace("127.0.0.1:0", &format!("unix:{}", path.display()));
    let gateway = scene.world.start_ready(&Toml { more: table, ..scene.toml("request") }).await;
    assert_eq!(gateway.server().forward_auth_address(), Some(&Address::Unix(path.clone())));

    let mut proxy = RawCaller::connect_unix(&path).await.unwrap();
    let key = bearer(&scene.reader);
    let head = format!("GET /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\n{key}\r\n\r\n");
    proxy.send(head).await.unwrap();
    is_leave(&scene, &proxy.read_response().await.unwrap());
    drop(proxy);
    assert!(path.exists());
    gateway.drain().await;
    assert!(!path.exists());
    assert_eq!(scene.recorder.bytes_seen(), 0);
}

#[tokio::test]
async fn the_file_may_change_what_describes_a_request_but_not_where_it_is_asked_about() {
    let scene = Scene::new().await;
    let gateway = scene.start("x-forwarded").await;
    let key = bearer(&scene.reader);
    let search = "GET /dicom-web/studies";
    is_refusal(&asked(&gateway, search, &[&key]).await, 400, "description");

    let original = scene.toml("x-original");
    gateway.reload(scene.world.config(&original)).unwrap();
    is_leave(&scene, &asked(&gateway, search, &[&key]).await);

    let elsewhere = original.more.replace("127.0.0.1:0", "127.0.0.1:1");
    for more in [elsewhere, String::new()] {
        let toml = Toml { more, ..original.clone() };
        let error = gateway.reload(scene.world.config(&toml)).unwrap_err();
        assert!(error.to_string().starts_with("forward_auth.address cannot change"), "{error}");
        is_leave(&scene, &asked(&gateway, search, &[&key]).await);
    }

    // Who may no longer call is told so at once.
    let no_longer = original.route.replace("callers = {", "allow = [\"retrieve\"]\ncallers = {");
    gateway.reload(scene.world.config(&Toml { route: no_longer, ..original })).unwrap();
    is_refusal(&asked(&gateway, search, &[&key]).await, 403, "not-permitted");
    scene.nothing_went_on(gateway).await;
}

#[tokio::test]
async fn a_gateway_that_drains_lets_go_of_proxies_that_only_wait() {
    let scene = Scene::new().await;
    let gateway = scene.start("request").await;
    let address = gateway.forward_auth_address();
    let mut proxy = RawCaller::connect(address).await.unwrap();
    let key = bearer(&scene.reader);
    let head = format!("GET /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\n{key}\r\n\r\n");
    proxy.send(head).await.unwrap();
    is_leave(&scene, &proxy.read_response().await.unwrap());

    assert_eq!(gateway.drain().await.cut_off, 0);
    assert_eq!(proxy.read_to_end().await, b"");
    assert!(RawCaller::connect(address).await.is_err());
}
