//! A FHIR server that takes `AuditEvent`: one by one and in batches, over TLS.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use rustls::ServerConfig;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::TokenCheck;
use crate::ca::Ca;
use crate::server::{BoxError, Port, Server, Shown};

/// A FHIR server on a port of 127.0.0.1, with what it stored.
pub struct FhirServer {
    port: Port,
    tls: Mutex<Arc<ServerConfig>>,
    server: Mutex<Option<Server>>,
    state: Arc<State>,
}

/// A request that came whole.
#[derive(Clone, Debug)]
pub struct Posted {
    /// The path.
    pub path: String,
    /// All header fields.
    pub headers: HeaderMap,
    /// Whether the peer showed a certificate.
    pub showed: bool,
    /// How many resources it held.
    pub count: usize,
}

/// What the server does with a request instead of its work.
#[derive(Clone, Copy, Debug)]
pub enum Trouble {
    /// Answers this status, with nothing.
    Status(u16),
    /// Answers 200 and a page.
    Garbage,
    /// Answers 200 and an empty Bundle.
    Short,
    /// Answers 200 and a resource that is no Bundle.
    NoBundle,
    /// Sends the request elsewhere.
    Redirect,
    /// Says nothing.
    Stall,
    /// Closes the connection in the middle of its answer.
    BreakOff,
    /// Stores every other resource of a batch, and says 503 of the rest.
    Half,
}

#[derive(Default)]
struct State {
    stored: watch::Sender<Vec<Value>>,
    posted: watch::Sender<Vec<Posted>>,
    troubles: Mutex<VecDeque<Trouble>>,
    refused: Mutex<Option<String>>,
    check: Mutex<Option<TokenCheck>>,
}

impl FhirServer {
    /// Starts one with a certificate of `ca` for `localhost`.
    pub async fn start(ca: &Ca) -> Self {
        let server = Self {
            port: Port::take(),
            tls: Mutex::new(ca.issue(&["localhost"]).server_config(&[b"http/1.1"])),
            server: Mutex::default(),
            state: Arc::default(),
        };
        server.up();
        server
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("https://localhost:{}/r4", self.port.address().port())
    }

    /// Shows another certificate, from the next [`Self::up`] on.
    pub fn show(&self, tls: Arc<ServerConfig>) {
        *lock(&self.tls) = tls;
    }

    /// Closes its port and all connections.
    pub async fn down(&self) {
        let server = lock(&self.server).take();
        if let Some(server) = server {
            server.close().await;
        }
    }

    /// Listens again.
    pub fn up(&self) {
        let state = self.state.clone();
        let service = move |request| {
            let state = state.clone();
            async move { state.answer(request).await }
        };
        let server = Server::https(self.port.listen(), lock(&self.tls).clone(), service);
        *lock(&self.server) = Some(server);
    }

    /// Meets the next requests with these, each once.
    pub fn trouble(&self, troubles: impl IntoIterator<Item = Trouble>) {
        lock(&self.state.troubles).extend(troubles);
    }

    /// Refuses for ever what has this text in it.
    pub fn refuse(&self, text: &str) {
        *lock(&self.state.refused) = Some(text.to_owned());
    }

    /// Takes nothing without such a token.
    pub fn demand(&self, check: TokenCheck) {
        *lock(&self.state.check) = Some(check);
    }

    /// All that it stored, in the order in which it came.
    pub fn stored(&self) -> Vec<Value> {
        self.state.stored.borrow().clone()
    }

    /// All requests, in the order in which they came.
    pub fn posted(&self) -> Vec<Posted> {
        self.state.posted.borrow().clone()
    }

    /// Waits until it has stored so many.
    pub async fn wait_for_stored(&self, count: usize) -> Vec<Value> {
        let mut stored = self.state.stored.subscribe();
        let stored = stored.wait_for(|stored| stored.len() >= count).await;
        stored.expect("the state lives on").clone()
    }

    /// Waits until it was sent so many requests.
    pub async fn wait_for_posted(&self, count: usize) {
        let mut posted = self.state.posted.subscribe();
        posted.wait_for(|posted| posted.len() >= count).await.expect("the state lives on");
    }
}

impl State {
    async fn answer(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<crate::server::Body>, BoxError> {
        let (head, body) = request.into_parts();
        let body = serde_json::from_slice::<Value>(&body.collect().await?.to_bytes())?;
        let batch = body["entry"].as_array();
        self.posted.send_modify(|posted| {
            posted.push(Posted {
                path: head.uri.path().to_owned(),
                headers: head.headers.clone(),
                showed: head.extensions.get::<Shown>().is_some(),
                count: batch.map_or(1, Vec::len),
            });
        });
        let sent = head.headers.get(header::AUTHORIZATION);
        let check = lock(&self.check).clone();
        if check.is_some_and(|check| check(sent).is_err()) {
            return Ok(respond(401, outcome()));
        }
        let trouble = lock(&self.troubles).pop_front();
        let half = match trouble {
            None => false,
            Some(Trouble::Half) => true,
            Some(Trouble::Status(status)) => return Ok(respond(status, String::new())),
            Some(Trouble::Garbage) => return Ok(respond(200, "<html>hello</html>".to_owned())),
            Some(Trouble::NoBundle) => return Ok(respond(200, outcome())),
            Some(Trouble::Short) => return Ok(respond(200, bundle(&[]))),
            Some(Trouble::Stall) => std::future::pending().await,
            Some(Trouble::BreakOff) => return Err("broken off".into()),
            Some(Trouble::Redirect) => {
                let mut response = respond(307, String::new());
                let elsewhere = "/r4/elsewhere".parse().expect("a value");
                response.headers_mut().insert(header::LOCATION, elsewhere);
                return Ok(response);
            }
        };
        let is_fhir = head.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == FHIR_JSON);
        Ok(match (head.uri.path(), batch) {
            _ if !is_fhir => respond(415, outcome()),
            ("/r4/AuditEvent", None) => match self.store(&body) {
                201 => respond(201, String::new()),
                status => respond(status, outcome()),
            },
            ("/r4", Some(entries)) if body["type"] == "batch" => {
                let statuses = entries.iter().enumerate().map(|(index, entry)| {
                    assert_eq!(entry["request"], json!({ "method": "POST", "url": "AuditEvent" }));
                    if half && index % 2 == 1 { 503 } else { self.store(&entry["resource"]) }
                });
                respond(200, bundle(&statuses.collect::<Vec<_>>()))
            }
            _ => respond(404, outcome()),
        })
    }

    fn store(&self, resource: &Value) -> u16 {
        let refused = lock(&self.refused).clone();
        if resource["resourceType"] != "AuditEvent"
            || refused.is_some_and(|text| resource.to_string().contains(&text))
        {
            return 422;
        }
        self.stored.send_modify(|stored| stored.push(resource.clone()));
        201
    }
}

fn bundle(statuses: &[u16]) -> String {
    let entries =
        statuses.iter().map(|status| json!({ "response": { "status": status.to_string() } }));
    let entries = entries.collect::<Vec<_>>();
    json!({ "resourceType": "Bundle", "type": "batch-response", "entry": entries }).to_string()
}

fn outcome() -> String {
    json!({ "resourceType": "OperationOutcome", "issue": [] }).to_string()
}

fn respond(status: u16, body: String) -> Response<crate::server::Body> {
    let body = Full::from(body).map_err(|never: Infallible| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    response.headers_mut().insert(header::CONTENT_TYPE, FHIR_JSON.parse().expect("a value"));
    response
}

fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

const FHIR_JSON: &str = "application/fhir+json";
