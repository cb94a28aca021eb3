//! One request to a FHIR server and its answer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use certs::{Contents, H2, HTTP_11, Presented, TrustAnchors};
use http::{StatusCode, header};
use serde::Serialize;
use tokio::task::spawn_blocking;

use crate::audit::deliver::Failure;
use crate::identity;
use crate::token::{AccessToken, AcquireError, Slot, exchange, retry_after_of};

/// How a FHIR server is asked.
pub(super) struct Exchange {
    config: config::AuditFhir,
    tokens: Tokens,
    client: Mutex<Option<(Contents, reqwest::Client)>>,
}

/// Whose tokens are sent now, if any are: another configuration may have another key to them.
pub(crate) type Tokens = Box<dyn Fn() -> Option<Arc<Slot>> + Send + Sync>;

/// What it answered.
pub(super) struct Answer {
    /// The status.
    pub(super) status: StatusCode,
    /// Its `Retry-After`.
    pub(super) retry_after: Option<Duration>,
    /// The body, whole.
    pub(super) body: Vec<u8>,
}

/// Why records were not taken. Says nothing of what they hold, nor of what the server wrote.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum FhirError {
    /// The key material cannot be used.
    #[error("its key material cannot be used")]
    Certs(#[from] certs::Error),
    /// The program's TLS cannot.
    #[error("no HTTP client can be made")]
    Http(#[source] reqwest::Error),
    /// There is no token for it.
    #[error("there is no token for it")]
    Token(#[source] Arc<AcquireError>),
    /// No answer came.
    #[error("it cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// No answer came in time.
    #[error("it did not answer in time")]
    Late,
    /// An answer came that acknowledges nothing.
    #[error("it answered with status {status}")]
    Status {
        /// The status.
        status: u16,
        /// When to ask again, as it says.
        after: Option<Duration>,
    },
    /// An answer came, and is none.
    #[error("its answer cannot be used: {0}")]
    Malformed(&'static str),
    /// Some of a batch were not taken, the last of them with this status.
    #[error("it did not take all of a batch, but answered with status {0} for some")]
    NotAll(u16),
    /// The request broke down: a bug.
    #[error("the request broke down")]
    Broken,
}

impl FhirError {
    /// Whether fewer records at once may fare better: one of them is at fault, or all are too many, or
    /// the server knows no batches.
    pub(super) fn may_be_too_much(&self) -> bool {
        matches!(self, Self::Status { status: 400 | 404 | 405 | 413 | 415 | 422 | 501, .. })
    }

    /// When to ask again, if the server said so.
    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { after, .. } => *after,
            _ => None,
        }
    }
}

impl From<FhirError> for Failure {
    fn from(error: FhirError) -> Self {
        Self { retry_after: error.retry_after(), error: Box::new(error) }
    }
}

impl Exchange {
    pub(super) fn new(config: config::AuditFhir, tokens: Tokens) -> Self {
        Self { config, tokens, client: Mutex::default() }
    }

    /// Posts a resource below the server's base. A token that is not taken is replaced once.
    pub(super) async fn post(
        &self,
        path: &str,
        resource: &impl Serialize,
    ) -> Result<Answer, FhirError> {
        let body = serde_json::to_vec(resource).map_err(|_| FhirError::Broken)?;
        let Some(slot) = (self.tokens)() else { return self.post_with(path, body, None).await };
        let token = token(&slot).await?;
        let answer = self.post_with(path, body.clone(), Some(&token)).await?;
        if answer.status != StatusCode::UNAUTHORIZED || !slot.reject(&token, None) {
            return Ok(answer);
        }
        self.post_with(path, body, Some(&*self::token(&slot).await?)).await
    }

    async fn post_with(
        &self,
        path: &str,
        body: Vec<u8>,
        token: Option<&AccessToken>,
    ) -> Result<Answer, FhirError> {
        let client = self.client().await?;
        let mut post = client
            .post(format!("{}{path}", self.config.url.as_str().trim_end_matches('/')))
            .header(header::CONTENT_TYPE, FHIR_JSON)
            .header(header::ACCEPT, FHIR_JSON)
            // Nobody here reads what was just written.
            .header("prefer", "return=minimal")
            .body(body);
        if let Some(token) = token {
            post = post.header(header::AUTHORIZATION, token.authorization());
        }
        let answered = async {
            let response = post.send().await.map_err(unanswered)?;
            let (status, retry_after) = (response.status(), retry_after_of(response.headers()));
            let body = exchange::at_most(ANSWER_MOST, response).await.map_err(unanswered)?;
            let body = body.ok_or(FhirError::Malformed("it is larger than 16 MiB"))?;
            Ok(Answer { status, retry_after, body })
        };
        tokio::time::timeout(self.config.timeout, answered).await.unwrap_or(Err(FhirError::Late))
    }

    /// A client by the key material that the files hold now. It keeps no connection: one that the
    /// server closes at the wrong moment would leave open whether it took the records.
    async fn client(&self) -> Result<reqwest::Client, FhirError> {
        let known = self.client.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let config = self.config.clone();
        let built = spawn_blocking(move || {
            let contents = Contents::of(files(&config));
            match known {
                Some((known, client)) if known.is_same(&contents) => Ok((contents, client)),
                _ => Ok::<_, FhirError>((contents, client(&config)?)),
            }
        });
        let (contents, client) = built.await.map_err(|_| FhirError::Broken)??;
        *self.client.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((contents, client.clone()));
        Ok(client)
    }
}

fn files(config: &config::AuditFhir) -> Vec<std::path::PathBuf> {
    let identity = config.identity.iter();
    let identity = identity.flat_map(|files| [files.chain.clone(), files.key.path().to_owned()]);
    config.anchors.iter().cloned().chain(identity).collect()
}

fn client(config: &config::AuditFhir) -> Result<reqwest::Client, FhirError> {
    let anchors = TrustAnchors::load(config.anchors.as_deref())?;
    let mut tls = anchors.client_config(&[H2, HTTP_11]);
    if let Some(files) = &config.identity {
        let identity = identity::load(files)?;
        tls.client_auth_cert_resolver = Arc::new(Presented::new(&identity));
    }
    exchange::http(tls, config.timeout).map_err(FhirError::Http)
}

async fn token(slot: &Arc<Slot>) -> Result<Arc<AccessToken>, FhirError> {
    slot.token().await.map_err(|held| FhirError::Token(held.error))
}

fn unanswered(error: reqwest::Error) -> FhirError {
    if error.is_timeout() { FhirError::Late } else { FhirError::Unreachable(error.without_url()) }
}

const FHIR_JSON: &str = "application/fhir+json";

/// Some servers answer with the resources themselves, whatever they were asked for.
const ANSWER_MOST: usize = 16 << 20;
