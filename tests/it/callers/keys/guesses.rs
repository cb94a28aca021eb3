//! Who guesses is slowed, and nobody else.

use super::*;

#[tokio::test]
async fn an_address_that_guesses_has_to_wait_and_good_keys_go_on() {
    let scene = Scene::new().await;
    let key = scene.key("ward-7");
    let known = "correct horse battery";
    scene.keys.add_password(name("slicer"), known, None).unwrap();
    scene.keys.add_password(name("weasis"), "battery horse correct", None).unwrap();
    let toml = Toml { listener: "max_failed_attempts = 3".into(), ..scene.toml() };
    let gateway = scene.world.start_ready(&toml).await;
    assert_eq!(search(&gateway, &[basic("", known)]).await.status(), 200);

    for guess in ["one guess or so", "two guesses", "three guesses"] {
        // Without a credential nobody guesses.
        for _ in 0..3 {
            assert_eq!(search(&gateway, &[]).await.status(), 401);
        }
        assert_eq!(search(&gateway, &[basic("", guess)]).await.status(), 401);
    }
    for guess in ["four guesses or so", "dgw_no_key_of_ours", "battery horse correct"] {
        let response = search(&gateway, &[basic("", guess)]).await;
        assert_eq!(response.status(), 429, "{guess}");
        let wait = response.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
        assert!(challenges(&response).is_empty());
        assert!(response.text().await.unwrap().contains("too-many-attempts"));
    }
    for good in [bearer(&key), ("x-api-key", key.clone()), basic("", &key), basic("", known)] {
        assert_eq!(search(&gateway, std::slice::from_ref(&good)).await.status(), 200, "{good:?}");
    }

    let elsewhere = Ipv4Addr::new(127, 0, 0, 2);
    for (password, status) in [("five guesses or so", 401), ("battery horse correct", 200)] {
        let fields = [basic("", password)];
        assert_eq!(send_from(elsewhere, &gateway, ("", &fields)).await.status(), status);
    }
    let fields = [basic("", "battery horse correct")];
    assert_eq!(search(&gateway, &fields).await.status(), 200, "now it is known to be right");
    let (_, metrics) = gateway.admin("/metrics").await;
    for (kind, count) in [("api_key", 4), ("too_often", 3), ("bearer", 0)] {
        let line = format!("failed_authentications_total{{kind=\"{kind}\"}} {count}\n");
        assert!(metrics.contains(&line), "{line}{metrics}");
    }
}

#[tokio::test]
async fn failures_outlive_a_reload_and_its_limit_counts_at_once() {
    let scene = Scene::new().await;
    scene.key("ward-7");
    let toml = |most| Toml { listener: format!("max_failed_attempts = {most}"), ..scene.toml() };
    let gateway = scene.world.start_ready(&toml(2)).await;
    for status in [401, 401, 429] {
        assert_eq!(search(&gateway, &[bearer("no key at all")]).await.status(), status);
    }
    gateway.reload(scene.world.config(&toml(4))).unwrap();
    super::super::until(async || {
        gateway.admin("/metrics").await.1.contains("reloads_total{outcome=\"published\"} 1")
    })
    .await;
    for status in [401, 429] {
        assert_eq!(search(&gateway, &[bearer("no key at all")]).await.status(), status);
    }
}

#[tokio::test]
async fn many_guesses_at_once_are_no_more_than_one_after_the_other() {
    let scene = Scene::new().await;
    scene.keys.add_password(name("slicer"), "correct horse battery", None).unwrap();
    let toml = Toml { listener: "max_failed_attempts = 3".into(), ..scene.toml() };
    let gateway = scene.world.start_ready(&toml).await;

    let guesses = (0..40).map(|number| format!("guess number {number}"));
    let guesses = guesses.map(|guess| {
        let gateway = &gateway;
        async move { search(gateway, &[basic("", &guess)]).await.status().as_u16() }
    });
    let statuses = futures_util::future::join_all(guesses).await;
    let of = |status| statuses.iter().filter(|one| **one == status).count();
    assert_eq!((of(401), of(429)), (3, 37), "{statuses:?}");
}

#[tokio::test]
async fn all_on_a_unix_socket_are_one_address() {
    let scene = Scene::new().await;
    let key = scene.key("ward-7");
    let socket = scene.world.scratch.path().join("callers.sock");
    let toml = Toml {
        address: format!("unix:{}", socket.display()),
        listener: "max_failed_attempts = 1".into(),
        ..scene.toml()
    };
    let _gateway = scene.world.start_ready(&toml).await;
    for (key, status) in [("wrong", 401), ("wrong", 429), (key.as_str(), 200)] {
        let mut caller = RawCaller::connect_unix(&socket).await.unwrap();
        let head = "GET /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\n";
        caller.send(format!("{head}X-Api-Key: {key}\r\n\r\n")).await.unwrap();
        assert_eq!(caller.read_response().await.unwrap().status, status);
    }
}
