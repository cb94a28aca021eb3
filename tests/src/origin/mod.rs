//! An emulated Azure DICOM service: real sockets, real DICOM, kept in memory, with the manners that
//! make clients of the hosted one stumble. It speaks HTTP/1.1 and HTTP/2, by TLS or without, and
//! demands a token for everything but its health.
//!
//! What it does not emulate is answered 404: worklist, bulk update, export, operations, partitions
//! in paths.

mod accept;
mod answer;
mod controls;
mod instance;
mod json;
mod links;
mod manage;
mod multipart;
mod query;
mod render;
mod retrieve;
mod route;
pub mod sample;
mod search;
mod store;
mod stow;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ALLOW, AUTHORIZATION};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;

use crate::listen::Listening;

pub use answer::Answer;
pub use controls::{Bodies, Recorded, Tokens};
pub use instance::{Instance, Sop, Unreadable};
pub use store::{AlreadyStored, Store};

use answer::Refusal;
use controls::Controls;
use links::Links;
use route::{Level, Resource};

/// Judges the value of `Authorization`. The error is the value of `WWW-Authenticate`.
pub type TokenCheck =
    Arc<dyn Fn(Option<&HeaderValue>) -> Result<(), HeaderValue> + Send + Sync + 'static>;

/// What an origin server is made of.
pub struct Options {
    /// Whose tokens it believes.
    pub check: TokenCheck,
    /// Serve TLS, with the protocols of its ALPN list; `None` serves plain HTTP.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// What it holds.
    pub store: Store,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("tls", &self.tls.is_some()).finish_non_exhaustive()
    }
}

/// A running origin server on a free port of 127.0.0.1. Dropped, it is gone, connections and all.
#[derive(Debug)]
pub struct OriginServer {
    listening: Listening,
    service: Arc<Service>,
}

impl OriginServer {
    /// Binds and serves.
    pub async fn start(options: Options) -> io::Result<Self> {
        let service = Arc::new(Service {
            check: options.check,
            store: options.store,
            controls: Controls::default(),
        });
        let shared = service.clone();
        let answer = move |scheme, request| {
            let service = shared.clone();
            async move { service.answer(scheme, request).await }
        };
        Ok(Self { listening: Listening::start(options.tls, answer).await?, service })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listening.address()
    }

    /// The service's base URL, `/v2` included and without a slash at its end. The host is
    /// `localhost`, for which certificates are easily had, when it serves TLS.
    pub fn base_url(&self) -> String {
        format!("{}{BASE}", self.listening.origin())
    }

    /// What it holds.
    pub fn store(&self) -> &Store {
        &self.service.store
    }

    /// All requests so far, in the order of their arrival.
    pub fn requests(&self) -> Vec<Recorded> {
        self.service.controls.requests()
    }

    /// The values of all `Authorization` fields so far.
    pub fn authorizations(&self) -> Vec<HeaderValue> {
        self.service.controls.authorizations()
    }

    /// How many connections were opened to it so far.
    pub fn connections(&self) -> usize {
        self.listening.connections()
    }

    /// How many requests are under way: their answers not sent to the end, their callers not gone.
    pub fn in_flight(&self) -> usize {
        self.service.controls.in_flight()
    }

    /// Says what becomes of good tokens from now on.
    pub fn tokens(&self, tokens: Tokens) {
        self.service.controls.set_tokens(tokens);
    }

    /// Answers the next `count` requests 401, good tokens or not.
    pub fn refuse_tokens(&self, count: usize) {
        self.tokens(Tokens::NextRefused(count));
    }

    /// Says how the bodies of answers end from now on.
    pub fn bodies(&self, bodies: Bodies) {
        self.service.controls.set_bodies(bodies);
    }

    /// Answers that much later from now on.
    pub fn delay(&self, delay: Duration) {
        self.service.controls.set_delay(delay);
    }
}

struct Service {
    check: TokenCheck,
    store: Store,
    controls: Controls,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("controls", &self.controls).finish_non_exhaustive()
    }
}

impl Service {
    async fn answer(&self, scheme: &str, request: Request<Incoming>) -> Response<Answer> {
        let flight = self.controls.record(&request);
        let delay = self.controls.delay();
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let mut response = self.transact(scheme, request).await.unwrap_or_else(Response::from);
        response
            .headers_mut()
            .insert(SUPPORTED_VERSIONS, HeaderValue::from_static("1.0-prerelease, 1, 2"));
        let bodies = self.controls.bodies();
        response.map(|body| body.carried(bodies, flight))
    }

    async fn transact(
        &self,
        scheme: &str,
        request: Request<Incoming>,
    ) -> Result<Response<Answer>, Refusal> {
        let (request, body) = request.into_parts();
        let path = request.uri.path();
        if (request.method == Method::GET) && path == "/health/check" {
            return Ok(manage::health());
        }
        self.authenticate(request.headers.get(AUTHORIZATION))?;
        let resource = match path.strip_prefix(BASE) {
            Some(below) => route::resolve(below)?.ok_or_else(Refusal::not_found)?,
            None => return Err(Refusal::not_found()),
        };

        let (store, headers) = (&self.store, &request.headers);
        let query = request.uri.query().unwrap_or_default();
        match (&request.method, resource) {
            (&Method::GET, Resource::Collection(level, scope)) => {
                accept::json(headers)?;
                search::answer(store, level, &scope, query)
            }
            (&Method::GET, Resource::Objects(scope)) => retrieve::objects(store, &scope, headers),
            (&Method::GET, Resource::Metadata(scope)) => retrieve::metadata(store, &scope, headers),
            (&Method::GET, Resource::Frames(scope, wanted)) => {
                retrieve::frames(store, &scope, &wanted, headers)
            }
            (&Method::GET, Resource::Rendered(scope, frame)) => {
                retrieve::rendered(store, &scope, frame, query, headers)
            }
            (&Method::POST, Resource::Collection(Level::Study, _)) => {
                stow::answer(store, None, &request, body, &Links::of(&request, scheme)).await
            }
            (&Method::POST, Resource::Objects(scope)) if scope.series.is_none() => {
                let study = scope.study.as_deref();
                stow::answer(store, study, &request, body, &Links::of(&request, scheme)).await
            }
            (&Method::DELETE, Resource::Objects(scope)) => match store.remove(&scope) {
                0 => Err(Refusal::not_found()),
                _ => Ok(answer::bare(StatusCode::NO_CONTENT)),
            },
            (&Method::GET, Resource::ChangeFeed) => manage::change_feed(store, query, headers),
            (&Method::GET, Resource::ChangeFeedLatest) => {
                manage::change_feed_latest(store, query, headers)
            }
            (&Method::GET, Resource::Partitions) => Ok(manage::partitions()),
            (&Method::GET, Resource::ExtendedQueryTags) => Ok(manage::extended_query_tags()),
            (_, resource) => Ok(not_allowed(&resource)),
        }
    }

    fn authenticate(&self, authorization: Option<&HeaderValue>) -> Result<(), Refusal> {
        let verdict = (self.check)(authorization);
        match verdict {
            Ok(()) if self.controls.refuses_token() => {
                let challenge = "Bearer error=\"invalid_token\", \
                                 error_description=\"The token was refused\"";
                Err(Refusal::unauthorized(HeaderValue::from_static(challenge)))
            }
            verdict => verdict.map_err(Refusal::unauthorized),
        }
    }
}

fn not_allowed(resource: &Resource) -> Response<Answer> {
    let allow = match resource {
        Resource::Collection(Level::Study, scope) if scope.study.is_none() => "GET, POST",
        Resource::Objects(scope) if scope.series.is_none() => "DELETE, GET, POST",
        Resource::Objects(_) => "DELETE, GET",
        _ => "GET",
    };
    let mut response = answer::bare(StatusCode::METHOD_NOT_ALLOWED);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    response
}

const BASE: &str = "/v2";
const SUPPORTED_VERSIONS: HeaderName = HeaderName::from_static("api-supported-versions");
