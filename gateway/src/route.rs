//! From a path to the route that has it, and the transaction that it asks for.

use std::sync::Arc;

use config::{Profile, Transaction, Urls};
use http::{HeaderName, HeaderValue, Request};

use crate::error::Error;
use crate::metrics::RouteMetrics;
use crate::origin::OriginSpec;
use crate::token::Slot;
use crate::transaction::{self, Resource};
use crate::websocket;

/// A published path prefix and all that lies behind it, whole and immutable.
#[derive(Clone)]
pub(crate) struct Route {
    /// As configured.
    pub config: config::Route,
    /// The prefix without a slash at its end.
    pub label: Arc<str>,
    /// Where its token lives.
    pub slot: Arc<Slot>,
    /// How its origin server is reached.
    pub origin: Arc<OriginSpec>,
    /// How the origin server is told our URL.
    pub forwarding: Vec<(HeaderName, HeaderValue)>,
    /// Its counters.
    pub metrics: Arc<RouteMetrics>,
}

impl Route {
    /// Its name in logs and metrics: the prefix, as an operator writes it.
    pub(crate) fn name(&self) -> &str {
        if self.label.is_empty() { "/" } else { &self.label }
    }
}

/// All published routes, longest prefix first.
pub(crate) struct Routes(Vec<Route>);

impl Routes {
    /// These routes; prefixes are unique.
    pub(crate) fn new(mut routes: Vec<Route>) -> Self {
        routes.sort_by_key(|route| std::cmp::Reverse(route.config.prefix.len()));
        Self(routes)
    }

    /// The route with the longest prefix of the request's path, by its index, and the transaction
    /// that the rest of the path asks for. The path is canonical.
    pub(crate) fn resolve<B>(&self, request: &Request<B>) -> Resolved {
        let path = request.uri().path();
        let Some((index, rest)) = self.find(path) else {
            return Resolved { route: None, transaction: Err(Error::NoRoute) };
        };
        let resource = match transaction::resource(rest, request.uri().query()) {
            None | Some(Resource::Service)
                if transaction::notifies(rest) && websocket::is_asked_for(request) =>
            {
                Some(Resource::Notifications)
            }
            resource => resource,
        };
        let transaction = resource
            .ok_or(Error::NoTransaction)
            .and_then(|resource| Ok((resource.transaction(request.method())?, resource)));
        Resolved { route: Some(index), transaction }
    }

    /// The route with this index.
    pub(crate) fn at(&self, index: usize) -> &Route {
        &self.0[index]
    }

    /// All of them, in the order of their indices.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Route> {
        self.0.iter()
    }

    /// Where their tokens live, each once.
    pub(crate) fn slots(&self) -> Vec<Arc<Slot>> {
        let mut slots = Vec::<Arc<Slot>>::new();
        for route in &self.0 {
            if !slots.iter().any(|slot| Arc::ptr_eq(slot, &route.slot)) {
                slots.push(route.slot.clone());
            }
        }
        slots
    }

    fn find<'p>(&self, path: &'p str) -> Option<(usize, &'p str)> {
        self.0.iter().enumerate().find_map(|(index, route)| {
            let rest = path.strip_prefix(&*route.label)?;
            (rest.is_empty() || rest.starts_with('/')).then_some((index, rest))
        })
    }
}

/// What a request's path and method come to. The route is known even where the transaction is not,
/// so that a refusal is counted where it belongs.
#[derive(Debug)]
pub(crate) struct Resolved {
    /// Index of the route.
    pub route: Option<usize>,
    /// What is asked of it, and of what.
    pub transaction: Result<(Transaction, Resource), Error>,
}

/// The headers that tell the origin server where callers find it, as its profile understands them.
pub(crate) fn forwarding(route: &config::Route) -> Vec<(HeaderName, HeaderValue)> {
    let Some(url) = route.public_url.as_ref().filter(|_| route.urls == Urls::Ask) else {
        return Vec::new();
    };
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let scheme = url.scheme();
    let prefix = url.path().trim_end_matches('/');
    let named = match route.profile {
        Profile::Azure => {
            vec![("x-forwarded-host", host.into()), ("x-forwarded-prefix", prefix.into())]
        }
        Profile::Generic
        | Profile::Orthanc
        | Profile::Google
        | Profile::Dcm4chee
        | Profile::HealthImaging => {
            vec![("forwarded", format!("host=\"{host}\";proto={scheme}"))]
        }
    };
    named
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .filter_map(|(name, value): (_, String)| {
            Some((HeaderName::from_static(name), HeaderValue::try_from(value).ok()?))
        })
        .collect()
}
