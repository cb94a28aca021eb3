//! The emulated origin servers are what they pretend to be.

mod bulk;
mod change_feed;
mod controls;
mod manners;
mod operations;
mod partitions;
mod retrieve;
mod search;
mod store;
mod tags;
mod worklist;

use std::sync::Arc;

use gateway_tests::origin::sample::{CT_SERIES, CT_STUDY, ct_instance};
use gateway_tests::origin::{Options, OriginServer, Store, TokenCheck, sample};
use http::HeaderValue;
use http::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;

/// A server with the sample studies and a caller with a good token.
struct World {
    origin: OriginServer,
    client: Client,
}

impl World {
    async fn new() -> Self {
        let store = Store::default();
        sample::load(&store);
        Self::holding(store).await
    }

    async fn holding(store: Store) -> Self {
        let options = Options { check: token_check(), tls: None, store };
        Self { origin: OriginServer::start(options).await.unwrap(), client: client() }
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(self.url(path)).bearer_auth(TOKEN)
    }

    async fn accepting(&self, path: &str, accept: &str) -> Response {
        self.get(path).header(ACCEPT, accept).send().await.unwrap()
    }

    async fn search(&self, path: &str) -> Vec<Value> {
        let response = self.accepting(path, "application/dicom+json").await;
        match response.status().as_u16() {
            200 => response.json().await.unwrap(),
            204 => Vec::new(),
            other => panic!("{other} for {path}"),
        }
    }

    async fn store(
        &self,
        path: &str,
        content_type: &str,
        body: impl Into<reqwest::Body>,
    ) -> Response {
        self.client
            .post(self.url(path))
            .bearer_auth(TOKEN)
            .header(ACCEPT, "application/dicom+json")
            .header(CONTENT_TYPE, content_type)
            .body(body)
            .send()
            .await
            .unwrap()
    }

    /// Stores one instance, in place of what was there.
    async fn put(&self, path: &str, file: impl Into<reqwest::Body>) -> Response {
        self.send("PUT", path, "application/dicom", file).await
    }

    /// Sends `body` as `content_type`, with an Accept header that lets in all that this server says
    /// in JSON.
    async fn send(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: impl Into<reqwest::Body>,
    ) -> Response {
        self.client
            .request(method.parse().unwrap(), self.url(path))
            .bearer_auth(TOKEN)
            .header(ACCEPT, "application/*")
            .header(CONTENT_TYPE, content_type)
            .body(body)
            .send()
            .await
            .unwrap()
    }

    async fn send_json(&self, method: &str, path: &str, body: &Value) -> Response {
        self.send(method, path, "application/json", body.to_string()).await
    }

    /// The JSON at `path`, which is there.
    async fn json(&self, path: &str) -> Value {
        let response = self.accepting(path, "application/json").await;
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }

    /// Polls the operation that `answer` is about until it is done, and gives its state.
    async fn operation(&self, answer: Response) -> Value {
        assert_eq!(answer.status(), 202);
        let reference: Value = answer.json().await.unwrap();
        let href = reference["href"].as_str().unwrap();
        let path = href.strip_prefix(&self.origin.base_url()).unwrap();
        loop {
            let response = self.accepting(path, "application/json").await;
            match response.status().as_u16() {
                200 => return response.json().await.unwrap(),
                202 => assert_eq!(response.headers()["location"], href),
                other => panic!("{other} for an operation"),
            }
        }
    }

    async fn delete(&self, path: &str) -> Response {
        self.client.delete(self.url(path)).bearer_auth(TOKEN).send().await.unwrap()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin.base_url())
    }
}

fn token_check() -> TokenCheck {
    Arc::new(|authorization| match authorization.map(HeaderValue::as_bytes) {
        Some(value) if value == format!("Bearer {TOKEN}").as_bytes() => Ok(()),
        _ => Err(HeaderValue::from_static(CHALLENGE)),
    })
}

fn client() -> Client {
    // Fails if another test was first, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Client::builder().no_proxy().build().unwrap()
}

/// The path of the `slice`th image of the phantom.
fn ct_path(slice: usize) -> String {
    format!("/studies/{CT_STUDY}/series/{CT_SERIES}/instances/{}", ct_instance(slice))
}

/// The first value of an attribute of DICOM JSON.
fn value<'a>(attributes: &'a Value, tag: &str) -> &'a Value {
    &attributes[tag]["Value"][0]
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// The contents of a multipart body's parts, and the media type of each.
fn parts(content_type: &str, body: &[u8]) -> Vec<(String, Vec<u8>)> {
    let boundary = content_type.split("boundary=").nth(1).unwrap();
    let delimiter = format!("--{boundary}");
    let mut pieces = split(body, delimiter.as_bytes());
    assert_eq!(pieces.remove(0), b"");
    assert_eq!(pieces.pop().unwrap(), b"--\r\n");
    let part = |piece: Vec<u8>| {
        let head_end = piece.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(piece[2..head_end].to_vec()).unwrap();
        let kind = head.strip_prefix("Content-Type: ").unwrap().to_owned();
        (kind, piece[head_end + 4..piece.len() - 2].to_vec())
    };
    pieces.into_iter().map(part).collect()
}

fn split(body: &[u8], delimiter: &[u8]) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for at in memchr::memmem::find_iter(body, delimiter) {
        pieces.push(body[start..at].to_vec());
        start = at + delimiter.len();
    }
    pieces.push(body[start..].to_vec());
    pieces
}

const TOKEN: &str = "good";
const CHALLENGE: &str = "Bearer authorization_uri=\"https://authority.example/tenant\"";
