//! The three places where Azure gives tokens to what runs on it: the metadata service of a virtual
//! machine, App Service and its kin, and the agent of Azure Arc.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::{Value, json};
use url::form_urlencoded;
use uuid::Uuid;

use crate::listen::Listening;

/// A platform, in plain HTTP on a port of 127.0.0.1. It ends when dropped.
pub struct Platform {
    listening: Listening,
    shared: Arc<Shared>,
}

/// Makes the token for a resource: `None` where there is no such resource.
pub type Mint = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Which of the platforms it is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// The Instance Metadata Service.
    Imds,
    /// App Service, Functions, Container Apps.
    AppService,
    /// Azure Arc's agent, which writes its challenges into this folder.
    Arc(PathBuf),
}

/// A request that arrived.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What the query says, decoded.
    pub query: HashMap<String, String>,
    /// All header fields.
    pub headers: HeaderMap,
}

struct Shared {
    kind: Kind,
    mint: Mint,
    asked: Mutex<Vec<Asked>>,
    next: Mutex<VecDeque<(StatusCode, String)>>,
    lifetime: Mutex<Duration>,
    challenges: Mutex<HashMap<String, PathBuf>>,
}

impl Platform {
    /// Starts one that knows the system-assigned identity, and a user-assigned one by [`CLIENT_ID`],
    /// [`OBJECT_ID`] and [`RESOURCE_ID`].
    pub async fn start(kind: Kind, mint: Mint) -> Self {
        let shared = Arc::new(Shared {
            kind,
            mint,
            asked: Mutex::default(),
            next: Mutex::default(),
            lifetime: Mutex::new(Duration::from_secs(86_400)),
            challenges: Mutex::default(),
        });
        let answering = shared.clone();
        let listening = Listening::start(None, move |_, request| {
            let shared = answering.clone();
            async move { shared.answer(&request) }
        });
        Self { listening: listening.await.expect("a free port"), shared }
    }

    /// The variables by which it makes itself known.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let origin = self.listening.origin();
        match self.shared.kind {
            Kind::Imds => vec![("AZURE_POD_IDENTITY_AUTHORITY_HOST", origin)],
            Kind::AppService => vec![
                ("IDENTITY_ENDPOINT", format!("{origin}{APP_SERVICE}")),
                ("IDENTITY_HEADER", HEADER.to_owned()),
            ],
            Kind::Arc(_) => {
                vec![("IDENTITY_ENDPOINT", format!("{origin}{IMDS}")), ("IMDS_ENDPOINT", origin)]
            }
        }
    }

    /// All requests, in the order of their arrival.
    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.shared.asked).clone()
    }

    /// Answers this to the next requests instead of a token, each once.
    pub fn answer_next(&self, answers: &[(u16, &str)]) {
        let answers = answers.iter().map(|(status, body)| {
            (StatusCode::from_u16(*status).expect("a status"), (*body).to_owned())
        });
        lock(&self.shared.next).extend(answers);
    }

    /// How long its tokens have to live, as it tells.
    pub fn set_lifetime(&self, lifetime: Duration) {
        *lock(&self.shared.lifetime) = lifetime;
    }
}

impl Shared {
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let query = request.uri().query().unwrap_or_default();
        let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let asked = Asked { query, headers: request.headers().clone() };
        lock(&self.asked).push(asked.clone());
        let ordered = lock(&self.next).pop_front();
        let (status, body) = match ordered {
            Some(ordered) => ordered,
            None if request.method() != Method::GET || request.uri().path() != self.path() => {
                (StatusCode::NOT_FOUND, String::new())
            }
            None => {
                if let Some(challenge) = self.challenge(&asked) {
                    return challenge;
                }
                self.token(&asked).map_or_else(
                    |(status, error)| (status, self.refusal(error)),
                    |token| (StatusCode::OK, token.to_string()),
                )
            }
        };
        let mut response = Response::new(Full::new(body.into()));
        *response.status_mut() = status;
        response
    }

    fn path(&self) -> &'static str {
        if matches!(self.kind, Kind::AppService) { APP_SERVICE } else { IMDS }
    }

    fn token(&self, asked: &Asked) -> Result<Value, (StatusCode, &'static str)> {
        let bad = |error| (StatusCode::BAD_REQUEST, error);
        let field = |name: &str| asked.query.get(name).map(String::as_str);
        let (version, name, value) = match self.kind {
            Kind::Imds => ("2018-02-01", "metadata", "true"),
            Kind::AppService => ("2019-08-01", "x-identity-header", HEADER),
            Kind::Arc(_) => ("2020-06-01", "metadata", "true"),
        };
        if asked.headers.get(name).is_none_or(|found| found != value) {
            return Err((StatusCode::UNAUTHORIZED, "unauthorized"));
        }
        if field("api-version") != Some(version) || asked.headers.contains_key("x-forwarded-for") {
            return Err(bad("invalid_request"));
        }
        let by_resource = if matches!(self.kind, Kind::Imds) { "msi_res_id" } else { "mi_res_id" };
        let known =
            [("client_id", CLIENT_ID), ("object_id", OBJECT_ID), (by_resource, RESOURCE_ID)];
        let named =
            asked.query.iter().filter(|(n, _)| !["api-version", "resource"].contains(&n.as_str()));
        for named in named {
            if !known.contains(&(named.0, named.1)) {
                return Err(bad("invalid_request"));
            }
        }
        let resource = field("resource").ok_or_else(|| bad("invalid_resource"))?;
        let token = (self.mint)(resource).ok_or_else(|| bad("invalid_resource"))?;
        let lifetime = lock(&self.lifetime).as_secs();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let ends = (now + lifetime).to_string();
        Ok(match self.kind {
            Kind::AppService => json!({
                "access_token": token,
                "expires_on": ends,
                "resource": resource,
                "token_type": "Bearer",
                "client_id": CLIENT_ID,
            }),
            // All of it in strings, as they do.
            Kind::Imds | Kind::Arc(_) => json!({
                "access_token": token,
                "refresh_token": "",
                "expires_in": lifetime.to_string(),
                "expires_on": ends,
                "not_before": now.to_string(),
                "resource": resource,
                "token_type": "Bearer",
            }),
        })
    }

    fn refusal(&self, error: &str) -> String {
        match self.kind {
            Kind::AppService => json!({ "statusCode": 400, "message": "canary" }).to_string(),
            _ => json!({ "error": error, "error_description": "canary" }).to_string(),
        }
    }

    /// What Arc's agent answers to who has not read the file yet.
    fn challenge(&self, asked: &Asked) -> Option<Response<Full<Bytes>>> {
        let Kind::Arc(folder) = &self.kind else { return None };
        let shown = asked.headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
        let secret = shown.and_then(|shown| shown.strip_prefix("Basic "));
        // Each is good for once.
        if let Some(path) = secret.and_then(|secret| lock(&self.challenges).remove(secret)) {
            let _ = fs::remove_file(path);
            return None;
        }
        let (name, secret) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
        let path = folder.join(name).with_extension("key");
        fs::write(&path, &secret).expect("a file in the folder");
        let challenge = format!("Basic realm={}", path.display());
        lock(&self.challenges).insert(secret, path);
        let response = Response::builder().status(401).header(header::WWW_AUTHENTICATE, challenge);
        Some(response.body(Full::default()).expect("a response"))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The client id of the user-assigned identity.
pub const CLIENT_ID: &str = "11111111-aaaa-4bbb-8ccc-111111111111";
/// Its object (principal) id.
pub const OBJECT_ID: &str = "22222222-aaaa-4bbb-8ccc-222222222222";
/// Its Azure resource id.
pub const RESOURCE_ID: &str = "/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/gw";

const HEADER: &str = "853b9a84-5bfa-4b22-a3f3-0b9a43d9ad8a";
const IMDS: &str = "/metadata/identity/oauth2/token";
const APP_SERVICE: &str = "/msi/token";
