use gateway_tests::{Authority, Ca, Guard, RawCaller, Recorder, Reply};

#[tokio::test]
async fn only_a_good_token_gets_past_and_the_server_behind_never_sees_it() {
    let (ca, recorder) = (Ca::new(), Recorder::start().await);
    let authority = Authority::start(&ca).await;
    let guard = Guard::start(&ca, authority.verifier(), recorder.address()).await;
    let client =
        reqwest::Client::builder().tls_backend_preconfigured(ca.client_config()).build().unwrap();
    let url = format!("{}/dicom-web/studies?limit=%31", guard.url());

    let refused = client.get(&url).bearer_auth("e30.e30.e30").send().await.unwrap();
    assert_eq!(refused.status(), 401);
    assert!(refused.headers()["www-authenticate"].to_str().unwrap().contains("invalid_token"));
    assert_eq!(recorder.bytes_seen(), 0);

    let post = client.post(&url).bearer_auth(authority.issue_token()).body("body");
    assert_eq!(post.send().await.unwrap().text().await.unwrap(), "ok");

    let request = &recorder.requests()[0];
    assert_eq!(request.target, "/dicom-web/studies?limit=%31");
    assert_eq!(
        (request.header("host"), request.header("authorization")),
        (Some("127.0.0.1"), None)
    );
    assert_eq!(request.body, b"body");
}

#[tokio::test]
async fn a_body_that_breaks_off_behind_the_guard_breaks_off_before_it() {
    let (ca, recorder) = (Ca::new(), Recorder::start().await);
    let authority = Authority::start(&ca).await;
    let guard = Guard::start(&ca, authority.verifier(), recorder.address()).await;
    let head = "HTTP/1.1 200 OK\r\n".to_owned();
    recorder.reply_with(Reply::Truncate { head, body: b"half".to_vec(), declared: 8 });

    let mut caller = RawCaller::connect_tls(guard.address(), &ca, &[b"http/1.1"]).await.unwrap();
    let token = authority.issue_token();
    caller
        .send(format!("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n"))
        .await
        .unwrap();
    let response = caller.read_response().await.unwrap();

    assert_eq!((response.status, response.complete), (200, false));
}
