//! An emulated Azure DICOM service: real sockets, real DICOM, kept in memory, with the manners that
//! make clients of the hosted one stumble. It speaks HTTP/1.1 and HTTP/2, by TLS or without, and
//! demands a token for everything but its health.
//!
//! It answers all of the second version of the hosted service's interface: the studies service with
//! the upsert by PUT, the worklist, data partitions ([`Store::with_partitions`]), the change feed,
//! extended query tags, bulk update, export, and the operations that the last three start, which run
//! until they were polled often enough ([`OriginServer::polls`]).
//!
//! Not emulated, and otherwise than there: the first version's paths are 404; nothing is transcoded to
//! or from compressed pixels (406); an export writes nowhere; the attributes of a work item are
//! checked for what must have a value and no further; tags lie at the top level of an object; headers
//! that set an expiry or external metadata are ignored. Patterns with `*` and `?` match in a search.

mod accept;
mod answer;
mod controls;
mod dispatch;
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
mod worklist;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ALLOW, AUTHORIZATION};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Limited;
use hyper::body::Incoming;

use crate::listen::Listening;

pub use answer::Answer;
pub use controls::{Bodies, Recorded, Role, Tokens};
pub use instance::{Instance, Sop, Unreadable};
pub use store::{AlreadyStored, Store};

use answer::Refusal;
use controls::Controls;
use links::Links;
use manage::Managed;
use route::{Resource, Route, Scope};
use store::{DEFAULT_PARTITION, Partitions, Stored};
use worklist::Worklist;

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
            worklist: Worklist::default(),
            managed: Managed::default(),
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

    /// Says what those with good tokens may do from now on.
    pub fn role(&self, role: Role) {
        self.service.controls.set_role(role);
    }

    /// Answers the next `count` requests 503, but for those after its health.
    pub fn unavailable(&self, count: usize) {
        self.service.controls.set_unavailable(count);
    }

    /// Answers 413 to larger stores from now on; 4 GiB unless told.
    pub fn store_limit(&self, bytes: usize) {
        self.service.controls.set_store_limit(bytes);
    }

    /// How many polls find an operation running that starts from now on; one unless told. Started
    /// with none, it is done at once.
    pub fn polls(&self, polls: usize) {
        self.service.controls.set_polls(polls);
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
    worklist: Worklist,
    managed: Managed,
    controls: Controls,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("controls", &self.controls).finish_non_exhaustive()
    }
}

/// A request that may be answered, with what answering takes.
struct Asked<'a> {
    service: &'a Service,
    head: &'a Parts,
    partition: &'a str,
    links: Links,
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
        let (head, body) = request.into_parts();
        if head.method == Method::GET && head.uri.path() == "/health/check" {
            return Ok(manage::health());
        }
        if self.controls.is_unavailable() {
            let text = "The service is unavailable or busy. Try again later.";
            return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text));
        }
        self.authenticate(head.headers.get(AUTHORIZATION))?;
        let route = route::resolve(head.uri.path())?.ok_or_else(Refusal::not_found)?;
        let Route { partition, resource } = route;
        let allow = resource.methods();
        if !allow.split(", ").any(|method| method == head.method.as_str()) {
            let response = answer::bare(StatusCode::METHOD_NOT_ALLOWED);
            return Ok(answer::with_field(response, ALLOW, allow));
        }
        if self.controls.role() == Role::Reader && head.method != Method::GET {
            let text = "The token's owner has no role that allows this.";
            return Err(Refusal::new(StatusCode::FORBIDDEN, text));
        }
        let asked = Asked {
            service: self,
            head: &head,
            partition: self.partition(partition.as_deref(), &resource, &head.method)?,
            links: Links::of(&head, scheme, partition.as_deref()),
        };
        let limit = match resource {
            Resource::Collection(..) | Resource::Objects(_) => self.controls.store_limit(),
            _ => MOST_JSON,
        };
        dispatch::perform(&asked, resource, Limited::new(body, limit)).await
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

    /// The partition of the data that a request is about, if it may be the one that its path
    /// `named`. Storing and adding to the worklist make one that is not there.
    fn partition<'a>(
        &self,
        named: Option<&'a str>,
        resource: &Resource,
        method: &Method,
    ) -> Result<&'a str, Refusal> {
        let adds_to = matches!(
            resource,
            Resource::Collection(..) | Resource::Objects(_) | Resource::WorkItems
        );
        let creates = adds_to && matches!(*method, Method::POST | Method::PUT);
        let wrong = match (self.store.partitions_are(), named) {
            (Partitions::Off, None) => return Ok(DEFAULT_PARTITION),
            (Partitions::On, None) if !resource.is_partitioned() => return Ok(DEFAULT_PARTITION),
            (Partitions::On, Some(name)) if creates || self.store.has_partition(name) => {
                return Ok(name);
            }
            (Partitions::Off, Some(_)) => "Data partitions are not switched on.",
            (Partitions::On, None) => "The path names no partition.",
            (Partitions::On, Some(_)) => "There is no partition of this name.",
        };
        Err(Refusal::bad_request(wrong))
    }
}

impl Asked<'_> {
    fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    fn query(&self) -> &str {
        self.head.uri.query().unwrap_or_default()
    }

    /// The first value of the query's `name`, in whatever case that is written.
    fn parameter(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.query().as_bytes())
            .find(|(it, _)| it.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.into_owned())
    }

    fn store(&self) -> &Store {
        &self.service.store
    }

    fn within(&self, scope: &Scope) -> Vec<Stored> {
        self.store().within(self.partition, scope)
    }
}

const BASE: &str = "/v2";
const MOST_JSON: usize = 4 << 20;
const SUPPORTED_VERSIONS: HeaderName = HeaderName::from_static("api-supported-versions");
