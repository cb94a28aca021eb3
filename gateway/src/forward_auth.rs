//! Leave for requests that another proxy forwards, and the token to forward them with.
//!
//! A proxy describes a request and shows the credential that came with it. The description goes
//! through the same steps as a request for the gateway itself, up to the token; then it ends, with the
//! token in an answer instead of a request. What the gateway would have taken off such a request it
//! cannot take off here, so what must not go on is refused.
//!
//! Proxies ask for each of their requests: they are served by the workers, as callers are, under the
//! same time limits and in the same log. A proxy cannot show the certificate of whoever called it, and
//! its own address says nothing about them.

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, Request, Response, Version, header};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;

use self::description::described;
use crate::body::Body;
use crate::caller::Peer;
use crate::error::Error;
use crate::isolate::isolated;
use crate::permit::Permit;
use crate::record::{Asker, Record, Trace};
use crate::server::Conn;
use crate::token::AccessToken;
use crate::{Gateway, body, cors, problem, rewrite, wire};

mod description;

impl Gateway {
    /// Answers a proxy that asks whether the request that it describes may go on.
    pub(crate) async fn vouch(
        self: Rc<Self>,
        request: Request<Incoming>,
        conn: Rc<Conn>,
    ) -> Result<Response<Body>, Infallible> {
        let trace = Trace::of(request.headers());
        let mut record = Record::open(self.clone(), conn.clone(), request.method().clone(), trace);
        record.asker = Asker::Proxy;
        let request_id = self.local.request_id(record.request_id);
        let is_head = request.method() == Method::HEAD;
        let leaves_body = !request.body().is_end_stream() && request.version() <= Version::HTTP_11;
        if request.extensions().get::<OnUpgrade>().is_some() {
            conn.asks_to_switch();
        }
        let mut response = match isolated(self.token_for(request, &mut record)).await {
            Ok(token) => {
                let response = problem::vouched(token.authorization().clone(), request_id);
                record.answered(response.status());
                response
            }
            Err(error) => {
                let mut response = problem::answer(&error, request_id);
                if is_head {
                    problem::head_only(&mut response);
                }
                record.failed(error);
                response
            }
        };
        if leaves_body {
            // Nobody wants it here: it belongs to the request that is described.
            conn.linger_on_close();
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let mut response = response.map(|bytes| Body::whole(bytes, Some(record)));
        body::recorded(&mut response, &self.local).await;
        Ok(response)
    }

    /// The token for the request that is described.
    async fn token_for(
        &self,
        request: Request<Incoming>,
        record: &mut Record,
    ) -> Result<Arc<AccessToken>, Error> {
        let Some(forward_auth) = &self.generation.config.forward_auth else {
            return Err(Error::NoRoute);
        };
        let request = described(request, forward_auth.described_by)?;
        record.describes(request.method());
        record.route = self.generation.routes.find(request.uri().path());
        record.reserve()?;
        wire::admit(&self.generation.proxy_rules, &request)?;
        let (route, asked) = self.resolve(&request, record)?;
        if cors::is_preflight(&request) {
            return Err(Error::Preflight);
        }
        let head = request.into_parts().0;
        let permit = self.permit(route, asked, (&head, &Peer::default()), record).await?;
        goes_on_whole(&permit, &head.headers)?;
        let token = route.source.of(permit.principal())?.token().await?;
        record.uses_client();
        Ok(token)
    }
}

/// Refuses a request with a field that would be taken off if it were to go through here, and that an
/// origin server acts on.
fn goes_on_whole(permit: &Permit<'_>, headers: &HeaderMap) -> Result<(), Error> {
    let names = headers.keys();
    let exceeds = names.into_iter().any(|name| rewrite::exceeds(name.as_str(), permit));
    if exceeds { Err(Error::NotPermitted) } else { Ok(()) }
}
