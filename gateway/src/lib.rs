//! A gateway that stands before DICOMweb services and brings the token that they ask for.
//!
//! [`Server`] runs it: workers, admin listener, reload and drain. `Gateway` is what a worker does
//! with one request, and `Gateway::transact` is that on one screen. Everything else is a step of it,
//! in a module of its own; steps do not call each other.

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use config::{Fixes, Transaction};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;

mod admin;
mod audit;
mod body;
mod build;
mod caller;
mod cors;
mod doctor;
mod emergency;
mod error;
mod forward_auth;
mod identity;
mod isolate;
mod life;
mod local;
mod log;
mod metrics;
mod origin;
mod patience;
mod permit;
mod problem;
mod record;
mod register;
mod rewrite;
mod rotation;
mod route;
mod server;
mod source;
mod terminal;
mod token;
mod transaction;
mod tunnel;
mod websocket;
mod wire;

use self::body::{Answer, Body};
use self::build::{Generation, Shared};
use self::caller::Peer;
use self::cors::Page;
use self::emergency::Assertion;
use self::error::Error;
use self::isolate::isolated;
use self::local::Local;
use self::origin::{Failure, Lease, Outgoing, Pool, Upload, Wanted};
use self::permit::Permit;
use self::record::{Record, Trace};
use self::route::Route;
use self::server::Conn;
use self::token::{AccessToken, Claims};
use self::transaction::Resource;
use self::tunnel::Tunnel;

pub use self::audit::{AuditError, Damage, Damaged, Verified, verify};
pub use self::build::BuildError;
pub use self::caller::{KeyFile, KeyFileError, KeyName, LastDay, ListedKey, Wrong};
pub use self::doctor::{Examination, ExamineError, Finding, Verdict, examine};
pub use self::log::{Log, SetLevel};
pub use self::register::{RegisterCommand, register};
pub use self::server::{Drained, Server, StartError};

/// What one worker serves requests with, under one configuration.
pub(crate) struct Gateway {
    pub(crate) generation: Arc<Generation>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) local: Rc<Local>,
    /// This worker's connections, by route.
    pub(crate) pools: Vec<Rc<Pool>>,
}

/// What became of a request.
enum Answered {
    /// Answered by the gateway alone.
    Here(Response<Bytes>),
    /// Answered by the origin server.
    ByOrigin(Response<origin::Incoming>, Answer),
}

/// A request's head and body, taken apart.
struct Inbound {
    head: Parts,
    body: Option<Incoming>,
    /// How long the body may stand still.
    body_timeout: Duration,
    /// What was put right on its way out.
    fixes: Fixes,
}

impl Gateway {
    /// Answers one request. Every error becomes an answer here and nowhere else, a panic among them.
    pub(crate) async fn handle(
        self: Rc<Self>,
        request: Request<Incoming>,
        conn: Rc<Conn>,
    ) -> Result<Response<Body>, Infallible> {
        let trace = Trace::of(request.headers());
        let mut record = Record::open(self.clone(), conn.clone(), request.method().clone(), trace);
        record.route = self.generation.routes.find(request.uri().path());
        let request_id = self.local.request_id(record.request_id);
        let pages = record.route.map(|index| &self.generation.routes.at(index).pages);
        let page = pages.and_then(|pages| pages.page(request.headers()));
        let (version, is_head) = (request.version(), request.method() == Method::HEAD);
        let has_body = !request.body().is_end_stream();
        let is_small = request.body().size_hint().upper().is_some_and(|most| most <= SMALL_BODY);
        if request.extensions().get::<OnUpgrade>().is_some() {
            conn.asks_to_switch();
        }
        let answered = match self.about_itself(&request, (record.route, page), &request_id) {
            Some(ours) => ours.map(Answered::Here),
            None => isolated(self.transact(request, &conn, &mut record)).await,
        };
        let leaves_body =
            has_body && !record.upload.as_ref().is_some_and(|upload| upload.is_ended());
        if leaves_body {
            conn.linger_on_close();
        }
        let mut response = match answered {
            Ok(Answered::Here(response)) => {
                record.answered(response.status());
                response.map(|bytes| Body::whole(bytes, Some(record)))
            }
            Ok(Answered::ByOrigin(response, answer))
                if response.status() == StatusCode::SWITCHING_PROTOCOLS =>
            {
                switched(response, answer.lease, record, request_id)
            }
            Ok(Answered::ByOrigin(mut response, answer)) => {
                rewrite::inbound(&mut response, request_id);
                record.answered(response.status());
                response.map(|incoming| Body::origin(incoming, answer, (conn, version), record))
            }
            Err(error) => {
                let mut response = problem::answer(&error, request_id);
                if is_head {
                    problem::head_only(&mut response);
                }
                record.failed(error);
                response.map(|bytes| Body::whole(bytes, Some(record)))
            }
        };
        body::recorded(&mut response, &self.local).await;
        if let Some(pages) = pages {
            pages.tell(page, response.headers_mut());
        }
        if leaves_body && !is_small && version <= Version::HTTP_11 {
            // hyper ends the connection without a word, and a caller's next request would be lost.
            // A small body mostly came with the head; that it throws away, and goes on.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response)
    }

    /// The request path, whole. No byte of the body is asked for before [`Self::forward`].
    async fn transact(
        &self,
        request: Request<Incoming>,
        conn: &Conn,
        record: &mut Record,
    ) -> Result<Answered, Error> {
        record.reserve()?;
        wire::admit(&self.generation.rules, &request)?;
        let (route, asked) = self.resolve(&request, record)?;
        let mut inbound = Inbound::new(request, conn);
        let permit = self.permit(route, asked, (&inbound.head, conn.peer()), record).await?;
        websocket::may_open(&permit, &inbound.head.headers)?;
        inbound.within_ceiling(&permit)?;
        let holder = route.source.of(permit.principal())?;
        let mut token = holder.token().await?;
        record.uses_client();
        let (mut response, mut lease) = self.forward(&permit, &token, &mut inbound, record).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            // The origin server's challenge is about our token: no caller could answer it.
            let demanded = demands(&response);
            if !holder.reject(&token, demanded.clone()) || inbound.is_spent(record) {
                return Err(holder.refused(demanded.as_ref()));
            }
            drop(lease);
            token = holder.token().await?;
            (response, lease) = self.forward(&permit, &token, &mut inbound, record).await?;
            if response.status() == StatusCode::UNAUTHORIZED {
                return Err(holder.refused(demands(&response).as_ref()));
            }
        }
        let rewriter = rewrite::rewritten(&permit, &inbound.head, &mut response);
        let asked = (&inbound.head, inbound.fixes);
        let instead = rewrite::answer::put_right(&mut response, asked, &permit, &self.local);
        self.local.recycle(inbound.head.headers);
        Ok(Answered::ByOrigin(response, Answer { lease, rewriter, instead }))
    }

    /// What a request asks for, and of which route.
    fn resolve<B>(
        &self,
        request: &Request<B>,
        record: &mut Record,
    ) -> Result<(&Route, (Transaction, Resource)), Error> {
        let route = self.generation.routes.at(record.route.ok_or(Error::NoRoute)?);
        let resource = route.resource(request)?;
        record.is_about(resource, request.uri().path_and_query());
        let transaction = resource.transaction(request.method())?;
        record.transaction = Some(transaction);
        route.pages.admit(request)?;
        Ok((route, (transaction, resource)))
    }

    /// Leave for whoever sent this head from there, if they prove who they are.
    async fn permit<'r>(
        &self,
        route: &'r Route,
        asked: (Transaction, Resource),
        (head, peer): (&Parts, &Peer),
        record: &mut Record,
    ) -> Result<Permit<'r>, Error> {
        let principal = route.callers.authenticate(head, peer).await?;
        record.is_of(&principal);
        let assertion = Assertion::of(route, &principal, &head.headers)?;
        let permit = Permit::grant(principal, asked, (route, head), assertion.as_ref())?;
        if let Some(assertion) = assertion {
            let who = (permit.principal(), peer.address);
            record.emergency = Some(assertion.take(who, &self.shared)?);
        }
        Ok(permit)
    }

    /// One exchange with the origin server. A request without a body that met a connection just
    /// closed goes out once more, on a new one (RFC 9110, section 9.2.2).
    async fn forward(
        &self,
        permit: &Permit<'_>,
        token: &AccessToken,
        inbound: &mut Inbound,
        record: &mut Record,
    ) -> Result<(Response<origin::Incoming>, Lease), Error> {
        let pool = self.pool(record);
        let opens = permit.resource() == Resource::Notifications;
        let mut wanted = if opens { Wanted::Own } else { Wanted::Any };
        loop {
            let body = inbound.outgoing(permit, record);
            let head = (&inbound.head, &record.trace, record.request_id);
            let (outbound, fixes) = rewrite::outbound(permit, token, head, body, &self.local)?;
            match origin::run(pool, outbound, record.upload.as_ref(), wanted).await {
                Ok((mut response, lease)) => {
                    inbound.fixes = fixes;
                    if opens && response.status() == StatusCode::SWITCHING_PROTOCOLS {
                        websocket::accepted(&inbound.head.headers, response.headers())?;
                    } else {
                        origin::sound(&mut response)?;
                    }
                    return Ok((response, lease));
                }
                Err(Failure { stale: true, .. })
                    if wanted == Wanted::Any && inbound.may_be_repeated(record) =>
                {
                    wanted = Wanted::New;
                }
                Err(failure) => return Err(failure.error),
            }
        }
    }

    fn pool(&self, record: &Record) -> &Rc<Pool> {
        &self.pools[record.route.unwrap_or_default()]
    }

    /// What is nobody else's to answer: `OPTIONS *`, an `OPTIONS` that was to go no further than here,
    /// and browsers' preflights. What must not come in is left to [`Self::transact`].
    fn about_itself(
        &self,
        request: &Request<Incoming>,
        (route, page): (Option<usize>, Option<Page>),
        request_id: &HeaderValue,
    ) -> Option<Result<Response<Bytes>, Error>> {
        let rules = &self.generation.rules;
        if request.method() != Method::OPTIONS || wire::admit(rules, request).is_err() {
            return None;
        }
        let ends_here = rewrite::forwards_left(request.headers()) == Some(0);
        if request.uri().path() == "*" || ends_here {
            return Some(Ok(problem::options(error::METHODS, request_id.clone())));
        }
        let route = self.generation.routes.at(route?);
        let is_preflight = cors::is_preflight(request);
        is_preflight.then(|| cors::preflight(route, page, request, request_id.clone()))
    }
}

/// What the origin server wants to see in a token.
fn demands(response: &Response<origin::Incoming>) -> Option<Claims> {
    origin::demanded_claims(response.headers()).and_then(|json| Claims::read(&json))
}

/// The caller's connection becomes a tunnel, and with it the transaction goes on.
fn switched(
    mut response: Response<origin::Incoming>,
    lease: Lease,
    mut record: Record,
    request_id: HeaderValue,
) -> Response<Body> {
    let origin = hyper::upgrade::on(&mut response);
    rewrite::switching(&mut response, request_id);
    record.answered(response.status());
    record.conn().becomes(Tunnel::new(origin, lease, record));
    response.map(|_| Body::whole(Bytes::new(), None))
}

impl Inbound {
    fn new(request: Request<Incoming>, conn: &Conn) -> Self {
        let (head, body) = request.into_parts();
        let body = Some(body).filter(|body| !body.is_end_stream());
        Self { head, body, body_timeout: conn.body_timeout(), fixes: Fixes::default() }
    }

    fn within_ceiling(&self, permit: &Permit<'_>) -> Result<(), Error> {
        let most = permit.route().config.max_body_bytes.unwrap_or(u64::MAX);
        let length = self.body.as_ref().map_or(0, |body| body.size_hint().lower());
        if length > most { Err(Error::BodyTooLarge) } else { Ok(()) }
    }

    /// The body for the origin server; the caller's can be had once.
    fn outgoing(&mut self, permit: &Permit<'_>, record: &mut Record) -> Outgoing {
        let Some(body) = self.body.take() else { return Outgoing::Empty };
        let upload = Rc::new(Upload::new());
        record.upload = Some(upload.clone());
        let most = permit.route().config.max_body_bytes;
        Outgoing::caller(body, upload, most, self.body_timeout)
    }

    /// Whether the request had a body, which is gone.
    fn is_spent(&self, record: &Record) -> bool {
        record.upload.is_some()
    }

    fn may_be_repeated(&self, record: &Record) -> bool {
        !self.is_spent(record)
            && matches!(self.head.method.as_str(), "GET" | "HEAD" | "OPTIONS" | "PUT" | "DELETE")
    }
}

/// What comes with the head in one packet or two.
const SMALL_BODY: u64 = 4 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// hyper moves it into its connection with each request, and all of them together should fit into
    /// a core's cache. A handshake's future, moved along, once made it five times as large, and small
    /// requests an eighth dearer.
    #[test]
    fn a_request_s_future_stays_small() {
        fn size<A, B, C, F>(_: impl Fn(A, B, C) -> F) -> usize {
            size_of::<F>()
        }
        let size = size(Gateway::handle);
        assert!(size <= 5 << 10, "{size} bytes");
    }
}
