//! What holds of users' tokens, with an authority that does as it is told, user by user.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use futures_util::future::join_all;
use secrecy::SecretString;

use self::authority::Authority;
use super::*;

mod authority;
mod cost;
mod places;

#[tokio::test]
async fn users_get_their_own_tokens_each_by_one_request() {
    let authority = Authority::start(|asked| token_of(&asked.user)).await;
    let users = authority.users(Exchange::JwtBearer);
    let (ann, bob) = (assertion("ann"), assertion("bob"));

    let tokens = join_all((0..40).map(|n| {
        let (users, user) = (users.clone(), if n % 2 == 0 { ann.clone() } else { bob.clone() });
        async move { users.of(&user, None).token().await.unwrap() }
    }))
    .await;

    for (n, token) in tokens.iter().enumerate() {
        let user = if n % 2 == 0 { "ann" } else { "bob" };
        assert_eq!(token.authorization(), &format!("Bearer {user}"));
    }
    assert_eq!(authority.asked().len(), 2);
}

#[tokio::test]
async fn a_user_is_asked_for_as_entra_wants_it_in_the_users_own_tenant() {
    let authority = Authority::start(|asked| token_of(&asked.user)).await;
    let tenant = Uuid::from_u128(7);

    let users = authority.users(Exchange::JwtBearer);
    users.of(&assertion("ann"), Some(tenant)).token().await.unwrap();

    let asked = &authority.asked()[0];
    assert_eq!(asked.path, format!("/{tenant}/oauth2/v2.0/token"));
    let expected = [
        ("assertion", "ann"),
        ("client_id", "test"),
        ("client_secret", "secret"),
        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("requested_token_use", "on_behalf_of"),
        ("scope", "a b"),
    ];
    assert_eq!(asked.form(), expected);
}

#[tokio::test]
async fn a_user_is_asked_for_as_rfc_8693_wants_it() {
    let authority = Authority::start(|asked| token_of(&asked.user)).await;

    let users = authority.users(Exchange::TokenExchange);
    users.of(&assertion("ann"), None).token().await.unwrap();

    let asked = &authority.asked()[0];
    assert_eq!(asked.path, "/home/oauth2/v2.0/token");
    let kind = "urn:ietf:params:oauth:token-type:access_token";
    let expected = [
        ("client_id", "test"),
        ("client_secret", "secret"),
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("requested_token_type", kind),
        ("scope", "a b"),
        ("subject_token", "ann"),
        ("subject_token_type", kind),
    ];
    assert_eq!(asked.form(), expected);
}

#[tokio::test]
async fn an_exchange_for_anything_but_an_access_token_is_none() {
    let authority = Authority::start(|_| {
        ok(r#"{"access_token":"a","token_type":"Bearer","expires_in":3600,
               "issued_token_type":"urn:ietf:params:oauth:token-type:refresh_token"}"#)
    })
    .await;
    let users = authority.users(Exchange::TokenExchange);
    let error = users.of(&assertion("ann"), None).token().await.unwrap_err().error;
    assert!(matches!(*error, AcquireError::Malformed(_)), "{error:?}");
}

#[tokio::test]
async fn a_refresh_repeats_the_grant() {
    // Old enough to be renewed at once, and good for as long as anybody waits here.
    let authority = Authority::start(|asked| {
        let user = &asked.user;
        ok(&format!(
            r#"{{"access_token":"{user}","token_type":"Bearer","expires_in":600,
                 "refresh_in":0.001}}"#
        ))
    })
    .await;
    let users = authority.users(Exchange::JwtBearer);
    let ann = assertion("ann");
    users.of(&ann, None).token().await.unwrap();
    authority.wait_for(1).await;

    while authority.asked().len() < 2 {
        users.of(&ann, None).token().await.unwrap();
        tokio::task::yield_now().await;
    }

    let asked = authority.asked();
    assert_eq!(asked[0].form(), asked[1].form());
}

#[tokio::test]
async fn no_token_is_served_past_its_assertions_end_or_renewed_for_it() {
    // Another client would renew it at once.
    let authority = Authority::start(|_| {
        ok(r#"{"access_token":"a","token_type":"Bearer","expires_in":600,"refresh_in":0.001}"#)
    })
    .await;
    let users = authority.users(Exchange::JwtBearer);
    let ann = Arc::new(Assertion::new(
        Arc::new("ann".into()),
        SystemTime::now() + Duration::from_millis(300),
    ));

    let error = loop {
        let began = Instant::now();
        match users.of(&ann, None).token().await {
            Ok(_) => assert!(began < ann.ends_at()),
            Err(held) => break held.error,
        }
        tokio::task::yield_now().await;
    };

    assert!(Instant::now() >= ann.ends_at());
    assert!(matches!(*error, AcquireError::AssertionEnded), "{error:?}");
    assert_eq!(authority.asked().len(), 1);
    // Those that have ended are swept out once in a while.
    while users.tokens.usage().entries > 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn one_users_failure_is_that_users_only_and_holds_for_a_while() {
    for (status, body) in [
        ("400 Bad Request", refusal("interaction_required", 50_076)),
        ("400 Bad Request", refusal("invalid_grant", 65_001)),
        ("400 Bad Request", refusal("invalid_grant", 500_133)),
        ("429 Too Many Requests\r\nRetry-After: 60", String::new()),
        ("503 Service Unavailable", String::new()),
        ("400 Bad Request", refusal("unauthorized_client", 700_016)),
    ] {
        let authority = Authority::start(move |asked| match &*asked.user {
            "ann" => answer(status, &body),
            user => token_of(user),
        })
        .await;
        let users = authority.users(Exchange::JwtBearer);
        let (ann, bob) = (assertion("ann"), assertion("bob"));

        let first = users.of(&ann, None).token().await.unwrap_err();
        let second = users.of(&ann, None).token().await.unwrap_err();

        assert!(Arc::ptr_eq(&first.error, &second.error), "{status}");
        users.of(&bob, None).token().await.unwrap();
        assert_eq!(authority.asked().len(), 2, "{status}");
        if first.error.blames_user() {
            assert!(first.retry_after <= Duration::from_secs(5), "{:?}", first.retry_after);
        }
    }
}

#[tokio::test]
async fn refusals_say_whether_the_user_can_mend_them() {
    let claims = r#","claims":"{\"access_token\":{\"acrs\":{\"value\":\"c1\"}}}""#;
    let rows = [
        (refusal("interaction_required", 50_076), "user_needed"),
        (refusal("invalid_grant", 50_173), "user_needed"),
        (r#"{"error":"interaction_required"}"#.to_owned(), "user_needed"),
        (format!(r#"{{"error":"invalid_grant","error_codes":[53003]{claims}}}"#), "user_needed"),
        (format!(r#"{{"error":"access_denied"{claims}}}"#), "user_needed"),
        (refusal("interaction_required", 53_003), "not_granted"),
        (refusal("invalid_grant", 65_001), "not_granted"),
        (refusal("invalid_grant", 50_105), "not_granted"),
        (r#"{"error":"access_denied"}"#.to_owned(), "not_granted"),
        (refusal("invalid_grant", 50_013), "assertion"),
        (refusal("invalid_grant", 500_131), "assertion"),
        (refusal("invalid_grant", 500_133), "assertion"),
        (refusal("invalid_request", 7_000_114), "assertion"),
        (refusal("invalid_grant", 1), "assertion"),
        (r#"{"error":"invalid_grant"}"#.to_owned(), "assertion"),
        (refusal("invalid_client", 7_000_215), "refused"),
        (refusal("invalid_scope", 70_011), "refused"),
        (refusal("invalid_request", 9_002_313), "refused"),
        (refusal("invalid_grant", 50_196), "throttled"),
    ];
    let bodies = rows.clone().map(|(body, _)| body);
    let authority = Authority::start(move |asked| {
        answer("400 Bad Request", &bodies[asked.user.parse::<usize>().unwrap()])
    })
    .await;
    for (row, (body, kind)) in rows.iter().enumerate() {
        // Each its own tenant: some of them would shut the way for others.
        let tenant = Some(Uuid::from_u128(row as u128));
        let users = authority.users(Exchange::JwtBearer);
        let user = users.of(&assertion(&row.to_string()), tenant).token().await;
        assert_eq!(user.unwrap_err().error.kind(), *kind, "{body}");
    }
}

#[tokio::test]
async fn what_the_user_has_to_show_is_told_in_a_challenge() {
    let claims = r#"{"access_token":{"acrs":{"essential":true,"value":"c1"}}}"#;
    let body = serde_json::json!({
        "error": "interaction_required", "error_codes": [50_076], "claims": claims,
    });
    let authority = Authority::start(move |_| answer("400 Bad Request", &body.to_string())).await;
    let users = authority.users(Exchange::JwtBearer);
    let (ann, tenant) = (assertion("ann"), Uuid::from_u128(7));

    let user = users.of(&ann, Some(tenant));
    let held = user.token().await.unwrap_err();
    let AcquireError::UserNeeded { claims: demanded, .. } = &*held.error else {
        panic!("{held:?}")
    };

    let base = authority.base();
    let encoded = demanded.as_ref().and_then(Claims::encoded).unwrap();
    assert_eq!(
        user.challenge(demanded.as_ref()),
        format!(
            "Bearer realm=\"dicom-gateway\", \
             authorization_uri=\"{base}/{tenant}/oauth2/v2.0/authorize\", \
             error=\"insufficient_claims\", claims=\"{encoded}\""
        )
    );
    assert!(!format!("{held:?}").contains("acrs"), "{held:?}");
}

#[tokio::test]
async fn a_demand_of_the_origin_server_is_asked_for_once_with_the_same_assertion() {
    let authority = Authority::start(|asked| token_of(&asked.user)).await;
    let users = authority.users(Exchange::JwtBearer);
    let ann = assertion("ann");
    let user = users.of(&ann, None);
    let rejected = user.token().await.unwrap();
    let demanded = || Claims::read(br#"{"access_token":{"nbf":{"value":"1"}}}"#);

    assert!(user.reject(&rejected, demanded()));
    let token = user.token().await.unwrap();

    assert!(!Arc::ptr_eq(&token, &rejected));
    let asked = authority.asked();
    assert_eq!((asked.len(), asked[1].user.as_str()), (2, "ann"));
    assert_eq!(asked[1].field("claims"), r#"{"access_token":{"nbf":{"value":"1"}}}"#);
    assert!(!user.reject(&token, demanded()), "not twice in half a minute");
}

#[tokio::test]
async fn a_thousand_users_are_no_storm_for_an_authority_that_is_out_of_order() {
    let authority = Authority::start(|_| answer("503 Service Unavailable", "")).await;
    let users = authority.users(Exchange::JwtBearer);
    let all = (0..1000).map(|n| assertion(&n.to_string())).collect::<Vec<_>>();

    for _ in 0..3 {
        let tokens = all.iter().map(|user| async { users.of(user, None).token().await });
        assert!(join_all(tokens).await.iter().all(Result::is_err));
    }

    let asked = authority.asked().len();
    assert!(asked <= gate::ACQUISITIONS_MOST + 10, "{asked} requests");
    let now = Instant::now();
    assert!(users.trouble(now).is_some());
    assert!(users.trouble(now + Duration::from_secs(60)).is_none(), "else nobody would ask again");
}

#[tokio::test]
async fn when_an_authority_is_back_all_have_their_tokens_soon() {
    let works = Arc::new(AtomicBool::new(false));
    let does = works.clone();
    let authority = Authority::start(move |asked| match does.load(Ordering::Relaxed) {
        true => token_of(&asked.user),
        false => answer("503 Service Unavailable", ""),
    })
    .await;
    let users = authority.users(Exchange::JwtBearer);
    let all = (0..200).map(|n| assertion(&n.to_string())).collect::<Vec<_>>();
    let ask = async || {
        let tokens = all.iter().map(|user| async { users.of(user, None).token().await });
        join_all(tokens).await.iter().filter(|token| token.is_ok()).count()
    };
    assert_eq!(ask().await, 0);
    works.store(true, Ordering::Relaxed);
    let began = Instant::now();
    while ask().await < all.len() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(users.trouble(Instant::now()).is_none());
}

#[tokio::test]
async fn a_tenant_that_the_client_is_not_welcome_in_shuts_out_no_other() {
    let authority = Authority::start(|asked| match asked.path.contains("0007") {
        true => answer("400 Bad Request", &refusal("unauthorized_client", 700_016)),
        false => token_of(&asked.user),
    })
    .await;
    let users = authority.users(Exchange::JwtBearer);
    let in_tenant = |user: usize, tenant| {
        let (users, tenant) = (users.clone(), Some(Uuid::from_u128(tenant)));
        async move { users.of(&assertion(&user.to_string()), tenant).token().await }
    };
    for user in 0..10 {
        in_tenant(user, 7).await.unwrap_err();
    }
    assert_eq!(authority.asked().len(), 3, "three users are enough to know");
    in_tenant(0, 8).await.unwrap();
}

#[tokio::test]
async fn only_so_many_users_tokens_are_acquired_at_once() {
    let authority = Authority::start(|asked| token_of(&asked.user)).await;
    authority.hold();
    let users = authority.users(Exchange::JwtBearer);
    let tokens = (0..200).map(|n| {
        let users = users.clone();
        tokio::spawn(async move { users.of(&assertion(&n.to_string()), None).token().await })
    });
    let tokens = tokens.collect::<Vec<_>>();
    authority.wait_for(gate::ACQUISITIONS_MOST).await;
    authority.release();
    for token in tokens {
        token.await.unwrap().unwrap();
    }
    assert_eq!(authority.most_at_once(), gate::ACQUISITIONS_MOST);
    assert_eq!(authority.asked().len(), 200);
}

fn assertion(user: &str) -> Arc<Assertion> {
    let ends = SystemTime::now() + Duration::from_secs(3600);
    Arc::new(Assertion::new(Arc::new(SecretString::from(user)), ends))
}

fn token_of(user: &str) -> String {
    ok(&format!(r#"{{"access_token":"{user}","token_type":"Bearer","expires_in":3600}}"#))
}

fn ok(body: &str) -> String {
    answer("200 OK", body)
}

fn refusal(error: &str, code: u32) -> String {
    format!(r#"{{"error":"{error}","error_codes":[{code}]}}"#)
}

fn answer(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
}
