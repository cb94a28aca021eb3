//! Where users' tokens lie: who shares a place, and how many places there are.

use proptest::prelude::*;

use super::*;

#[tokio::test]
async fn memory_is_bounded_and_a_new_bound_keeps_what_fits() {
    let authority = Authority::start(|asked| token_of(&asked.user)).await;
    let users = authority.users(Exchange::JwtBearer);
    let tokens = &users.tokens;
    tokens.limit(100 << 10);
    for n in 0..200 {
        users.of(&assertion(&n.to_string()), None).token().await.unwrap();
    }
    let usage = tokens.usage();
    assert!(usage.bytes <= 100 << 10 && usage.entries > 50 && usage.evicted > 90, "{usage:?}");

    let asked = authority.asked().len();
    users.of(&assertion("199"), None).token().await.unwrap();
    tokens.limit(1 << 20);
    users.of(&assertion("199"), None).token().await.unwrap();
    assert_eq!(authority.asked().len(), asked, "the newest is still there");
    assert_eq!(tokens.usage().entries, usage.entries);
    tokens.limit(10 << 10);
    assert!(tokens.usage().bytes <= 10 << 10);
}

#[tokio::test]
async fn a_large_token_counts_as_such() {
    let size = 20_000;
    let authority = Authority::start(move |_| token_of(&"a".repeat(size))).await;
    let users = authority.users(Exchange::JwtBearer);
    users.of(&assertion("ann"), None).token().await.unwrap();
    let usage = users.tokens.usage();
    assert_eq!(usage.entries, 1);
    assert!(usage.bytes > size as u64, "{usage:?}");
}

#[tokio::test]
async fn routes_with_the_same_client_and_scope_share_their_users_tokens() {
    let authority = Authority::start(|asked| token_of(&asked.user)).await;
    let users = authority.users(Exchange::JwtBearer);
    let again = Arc::new(users.tokens.users(users.client(), "b a", Exchange::JwtBearer));
    let ann = assertion("ann");
    users.of(&ann, None).token().await.unwrap();
    again.of(&ann, None).token().await.unwrap();
    assert_eq!(authority.asked().len(), 1);

    for (scope, exchange) in [("a", Exchange::JwtBearer), ("a b", Exchange::TokenExchange)] {
        let other = Arc::new(users.tokens.users(users.client(), scope, exchange));
        other.of(&ann, None).token().await.unwrap();
    }
    users.of(&ann, Some(Uuid::nil())).token().await.unwrap();
    assert_eq!(authority.asked().len(), 4);
}

proptest! {
    /// Of all that a token depends on, one difference is enough for a place of its own.
    #[test]
    fn two_questions_never_share_a_place(a in question(), b in question()) {
        thread_local!(static CACHE: Cache = Cache::new(1 << 30));
        let place = |it: &Question| {
            let (client, scope, exchange, tenant, text) = it.clone();
            let request = TokenRequest { client, scope };
            let ends_at = Instant::now() + Duration::from_secs(3600);
            let assertion = Assertion::new(Arc::new(text.into()), SystemTime::now()).sha256();
            let purpose = Arc::new(Purpose { request, exchange });
            CACHE.with(|cache| cache.entry(&Key { purpose, tenant, assertion }, ends_at))
        };
        prop_assert_eq!(Arc::ptr_eq(&place(&a), &place(&b)), a == b);
    }
}

type Question = (u64, String, Exchange, Option<Uuid>, String);

/// Few values of each, so that questions differ in one thing, and in none, often enough.
fn question() -> impl Strategy<Value = Question> {
    let exchange = prop_oneof![Just(Exchange::JwtBearer), Just(Exchange::TokenExchange)];
    let tenant = proptest::option::of((0..2u128).prop_map(Uuid::from_u128));
    (0..2u64, "[ab]", exchange, tenant, prop_oneof!["[ab]{1,2}", ".{0,4}"])
}
