//! An issuer of callers' access tokens: metadata, keys that come and go, and answers that are none.
//!
//! Its tokens are made by hand, so that anything can be wrong with them: see [`Draft`].

mod draft;
mod key;

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::sync::watch;

pub use self::draft::{Draft, compact, encoded};
pub use self::key::SigningKey;

use crate::ca::Ca;
use crate::listen::Listening;

/// A running issuer on a port of 127.0.0.1. It ends when dropped.
#[derive(Debug)]
pub struct Issuer {
    listening: Listening,
    state: Arc<watch::Sender<State>>,
    key: SigningKey,
}

/// What an issuer answers.
#[derive(Clone, Debug, Default)]
pub enum Said {
    /// What it should.
    #[default]
    Sound,
    /// This status and nothing else.
    Status(u16),
    /// That it is somewhere else.
    Redirect(String),
    /// This text.
    Text(String),
    /// Nothing, until that changes.
    Nothing,
}

#[derive(Debug, Default)]
struct State {
    jwks: Vec<Value>,
    metadata: Said,
    keys: Said,
    metadata_asked: usize,
    keys_asked: usize,
}

impl Issuer {
    /// An issuer over TLS with a certificate of `ca`, and a key `1` on P-256.
    pub async fn start(ca: &Ca) -> Self {
        let tls = ca.issue(&["localhost", "127.0.0.1"]).server_config(&[b"h2", b"http/1.1"]);
        Self::on(Some(tls)).await
    }

    /// The same without TLS.
    pub async fn start_plain() -> Self {
        Self::on(None).await
    }

    /// `iss` of its tokens for [`Issuer::TENANT`].
    pub fn issuer(&self) -> String {
        format!("{}/{}/v2.0", self.url(), Self::TENANT)
    }

    /// The same for the tokens of any tenant.
    pub fn template(&self) -> String {
        format!("{}/{{tenantid}}/v2.0", self.url())
    }

    /// Where it listens: scheme, host and port.
    pub fn url(&self) -> String {
        self.listening.origin()
    }

    /// Where its keys are.
    pub fn jwks_uri(&self) -> String {
        self.url() + "/discovery/v2.0/keys"
    }

    /// The key that it began with.
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// Has these keys from now on.
    pub fn publish(&self, keys: &[&SigningKey]) {
        self.publish_raw(keys.iter().map(|key| key.jwk()).collect());
    }

    /// The same, as JSON.
    pub fn publish_raw(&self, keys: Vec<Value>) {
        self.state.send_modify(|state| state.jwks = keys);
    }

    /// Answers so from now on who asks for its keys.
    pub fn say_of_keys(&self, said: Said) {
        self.state.send_modify(|state| state.keys = said);
    }

    /// Answers so from now on who asks for its metadata.
    pub fn say_of_metadata(&self, said: Said) {
        self.state.send_modify(|state| state.metadata = said);
    }

    /// How often its keys were asked for.
    pub fn keys_asked(&self) -> usize {
        self.state.borrow().keys_asked
    }

    /// How often its metadata were asked for.
    pub fn metadata_asked(&self) -> usize {
        self.state.borrow().metadata_asked
    }

    /// Waits until its keys were asked for so often.
    pub async fn wait_for_keys_asked(&self, count: usize) {
        let _ = self.state.subscribe().wait_for(|state| state.keys_asked >= count).await;
    }

    /// A user's token for [`Issuer::AUDIENCE`] as Entra's version 2 has them, good for an hour.
    pub fn user(&self) -> Draft {
        Draft::user(&self.issuer())
    }

    /// The same, signed.
    pub fn user_token(&self) -> String {
        self.user().sign(&self.key)
    }

    /// The tenant whose tokens it issues.
    pub const TENANT: &str = "7f58e645-c1bf-4f2d-a3b0-9c1f9a1c0a01";

    /// Whom its tokens are for.
    pub const AUDIENCE: &str = "5b2c8a3e-9f0d-4d3a-8a77-2f1de0c4b9f2";

    async fn on(tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let key = SigningKey::es256("1");
        let state = watch::Sender::new(State { jwks: vec![key.jwk()], ..State::default() });
        let state = Arc::new(state);
        let answering = state.clone();
        let listening = Listening::start(tls, move |scheme, request| {
            let state = answering.clone();
            async move { answer(&state, scheme, &request).await }
        });
        Self { listening: listening.await.expect("a port"), state, key }
    }
}

async fn answer(
    state: &watch::Sender<State>,
    scheme: &str,
    request: &Request<Incoming>,
) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    // HTTP/2 has it in the target.
    let authority = request.uri().authority().map(|authority| authority.as_str()).or(host);
    let url = format!("{scheme}://{}", authority.unwrap_or_default());
    let tenant = path.strip_suffix("/v2.0/.well-known/openid-configuration");
    let (of, body): (fn(&State) -> &Said, _) = if let Some(tenant) = tenant {
        state.send_modify(|state| state.metadata_asked += 1);
        let tenant = if tenant == "/common" { "/{tenantid}" } else { tenant };
        let metadata = json!({
            "issuer": format!("{url}{tenant}/v2.0"),
            "jwks_uri": format!("{url}/discovery/v2.0/keys"),
            "id_token_signing_alg_values_supported": ["RS256"],
            "cloud_instance_name": "cloud.example",
        });
        (|state| &state.metadata, Some(metadata))
    } else if path == "/discovery/v2.0/keys" {
        state.send_modify(|state| state.keys_asked += 1);
        (|state| &state.keys, None)
    } else {
        return response(StatusCode::NOT_FOUND, "");
    };
    let mut changes = state.subscribe();
    let state = changes.wait_for(|state| !matches!(of(state), Said::Nothing)).await;
    let Ok(state) = state else { return response(StatusCode::SERVICE_UNAVAILABLE, "") };
    match of(&state) {
        Said::Sound | Said::Nothing => {
            let body = body.unwrap_or_else(|| json!({ "keys": state.jwks }));
            response(StatusCode::OK, &body.to_string())
        }
        Said::Status(status) => response(StatusCode::from_u16(*status).expect("a status"), ""),
        Said::Redirect(url) => {
            let mut elsewhere = response(StatusCode::FOUND, "");
            let url = url.parse().expect("a URL");
            elsewhere.headers_mut().insert(header::LOCATION, url);
            elsewhere
        }
        Said::Text(text) => response(StatusCode::OK, text),
    }
}

fn response(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text.to_owned()));
    *response.status_mut() = status;
    response
}
