use gateway_tests::bulk::{Bulk, Pattern, Sum};

use super::{TOKEN, client, token_check};

#[tokio::test]
async fn any_size_can_be_retrieved_and_is_the_same_each_time() {
    let bulk = Bulk::start(token_check(), None).await.unwrap();
    for bytes in [0, 1, 65_521, 30_000_000] {
        let url = format!("{}/studies/1.2/series/3/instances/{bytes}", bulk.base_url());
        let response = client().get(url).bearer_auth(TOKEN).send().await.unwrap();
        assert_eq!(response.headers()["content-length"], bytes.to_string());
        let sum = Sum::of(reqwest::Body::from(response)).await.unwrap();
        assert_eq!(sum, Pattern::new(bytes).sum());
    }
}

#[tokio::test]
async fn what_is_stored_is_summed_up() {
    let bulk = Bulk::start(token_check(), None).await.unwrap();
    let pattern = Pattern::new(20_000_001);
    let request = client().post(format!("{}/studies", bulk.base_url())).bearer_auth(TOKEN);
    let response = request.body(reqwest::Body::wrap(pattern.clone())).send().await.unwrap();
    assert_eq!(response.json::<Sum>().await.unwrap(), pattern.sum());
    assert_ne!(pattern.sum().crc32, Pattern::new(20_000_000).sum().crc32);
}

#[tokio::test]
async fn it_wants_a_token_too() {
    let bulk = Bulk::start(token_check(), None).await.unwrap();
    let url = format!("{}/studies/1.2/series/3/instances/1", bulk.base_url());
    assert_eq!(client().get(url).send().await.unwrap().status(), 401);
}
