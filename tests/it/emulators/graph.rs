//! The directory answers and refuses as Graph does.

use gateway_tests::{Graph, World};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

struct Caller {
    _world: World,
    graph: Graph,
    http: reqwest::Client,
}

impl Caller {
    async fn new() -> Self {
        let world = World::new().await;
        let graph = Graph::start(&world.ca, &world.authority).await;
        let http = reqwest::Client::builder();
        let http = http.tls_backend_preconfigured(world.ca.client_config()).build().unwrap();
        Self { _world: world, graph, http }
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let url = format!("{}/v1.0{path}", self.graph.url());
        let mut request = self.http.request(method, url).bearer_auth(self.graph.token());
        if !body.is_null() {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        (status, serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default())
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.ask(Method::GET, path, Value::Null).await
    }

    async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        self.ask(Method::POST, path, body).await
    }

    async fn application(&self, name: &str) -> Value {
        let (status, made) = self.post("/applications", json!({ "displayName": name })).await;
        assert_eq!(status, 201, "{made}");
        made
    }
}

fn code(answer: &(StatusCode, Value)) -> (u16, &str) {
    (answer.0.as_u16(), answer.1["error"]["code"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn an_application_has_graph_s_defaults_and_no_principal() {
    let caller = Caller::new().await;
    let made = caller.application("a").await;
    assert_eq!(made["signInAudience"], "AzureADandPersonalMicrosoftAccount");
    assert_eq!(made["passwordCredentials"], json!([]));
    let path = format!("/servicePrincipals(appId='{}')", made["appId"].as_str().unwrap());
    assert_eq!(code(&caller.get(&path).await), (404, "Request_ResourceNotFound"));
}

#[tokio::test]
async fn what_graph_refuses_is_refused() {
    let caller = Caller::new().await;
    for (body, status) in [
        (json!({}), 400),
        (json!({ "displayName": "a", "passwordCredentials": [] }), 400),
        (json!({ "displayName": "a", "signInAudience": "Everyone" }), 400),
        (json!({ "displayName": "a", "signInAudience": "PersonalMicrosoftAccount" }), 400),
        (json!({ "displayName": "a", "web": { "redirectUris": ["http://a.example"] } }), 400),
        (json!({ "displayName": "a", "signInAudience": "AzureADMyOrg" }), 201),
    ] {
        assert_eq!(caller.post("/applications", body.clone()).await.0, status, "{body}");
    }
    let unknown = json!({ "appId": "99999999-9999-4999-8999-999999999999" });
    let refused = caller.post("/servicePrincipals", unknown).await;
    assert_eq!(code(&refused), (400, "Request_BadRequest"));
    assert_eq!(refused.1["error"]["details"][0]["code"], "NoBackingApplicationObject");
    let stranger = caller.http.get(format!("{}/v1.0/applications", caller.graph.url()));
    assert_eq!(stranger.bearer_auth("e30.e30.e30").send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn lists_are_filtered_and_come_in_pages() {
    let caller = Caller::new().await;
    caller.graph.set_page_size(2);
    for name in ["same", "other", "same", "it's", "same"] {
        caller.application(name).await;
    }
    let path = "/applications?$filter=displayName%20eq%20'Same'&$select=appId";
    let (_, first) = caller.get(path).await;
    assert_eq!(first["value"].as_array().unwrap().len(), 2);
    assert!(first["value"][0]["displayName"].is_null(), "it was not selected");
    let next = first["@odata.nextLink"].as_str().unwrap().to_owned();
    let next = next.strip_prefix(&format!("{}/v1.0", caller.graph.url())).unwrap();
    let (_, second) = caller.get(next).await;
    assert_eq!(second["value"].as_array().unwrap().len(), 1);
    assert!(second["@odata.nextLink"].is_null());
    let (_, quoted) = caller.get("/applications?$filter=displayName%20eq%20'it''s'").await;
    assert_eq!(quoted["value"].as_array().unwrap().len(), 1);
    assert_eq!(caller.get("/applications?$filter=displayName%20eq%20'it's'").await.0, 400);
}

#[tokio::test]
async fn a_secret_is_shown_once_and_a_list_of_certificates_replaced_whole() {
    let caller = Caller::new().await;
    let id = caller.application("a").await["id"].as_str().unwrap().to_owned();
    let add = format!("/applications/{id}/addPassword");
    let (status, made) = caller.post(&add, json!({ "passwordCredential": {} })).await;
    let value = made["secretText"].as_str().unwrap();
    assert_eq!((status, made["hint"].as_str()), (StatusCode::OK, value.get(..3)));
    let (_, read) = caller.get(&format!("/applications/{id}")).await;
    assert!(read["passwordCredentials"][0]["secretText"].is_null());

    let path = format!("/applications/{id}");
    let key = |der: &str| json!({ "type": "AsymmetricX509Cert", "usage": "Verify", "key": der, "endDateTime": "2099-01-01T00:00:00Z" });
    let one = json!({ "keyCredentials": [key("MAEB")] });
    assert_eq!(caller.ask(Method::PATCH, &path, one).await.0, 204);
    let (_, listed) = caller.get(&path).await;
    assert!(listed["keyCredentials"][0]["key"].is_null());
    let (_, read) = caller.get(&format!("{path}?$select=keyCredentials")).await;
    assert_eq!(read["keyCredentials"][0]["key"], "MAEB");
    let other = json!({ "keyCredentials": [key("MAEC")] });
    assert_eq!(caller.ask(Method::PATCH, &path, other).await.0, 204);
    let (_, read) = caller.get(&format!("{path}?$select=keyCredentials")).await;
    assert_eq!(read["keyCredentials"].as_array().unwrap().len(), 1, "the first one is gone");
    let none = json!({ "keyCredentials": [{ "type": "AsymmetricX509Cert", "usage": "Verify" }] });
    assert_eq!(caller.ask(Method::PATCH, &path, none).await.0, 400);
}

#[tokio::test]
async fn what_is_new_is_not_found_at_once() {
    let caller = Caller::new().await;
    caller.graph.set_lag(2);
    let made = caller.application("a").await;
    let path = format!("/applications/{}", made["id"].as_str().unwrap());
    for status in [404, 404, 200] {
        assert_eq!(caller.get(&path).await.0, status);
    }
}
