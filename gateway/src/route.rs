//! From a path to the route that has it, and what it names there.

use std::collections::HashSet;
use std::sync::Arc;

use config::{Profile, Urls};
use http::{HeaderName, HeaderValue, Request};

use crate::audit::Pieces;
use crate::caller::Callers;
use crate::cors::Pages;
use crate::error::Error;
use crate::metrics::RouteMetrics;
use crate::origin::OriginSpec;
use crate::permit::Rights;
use crate::rewrite::Links;
use crate::source::Source;
use crate::token::{Slot, Users};
use crate::transaction::{self, Resource};
use crate::websocket;

#[cfg(test)]
mod cost;
mod prefixes;

use self::prefixes::Prefixes;

/// A published path prefix and all that lies behind it, whole and immutable.
#[derive(Clone)]
pub(crate) struct Route {
    /// As configured.
    pub config: config::Route,
    /// The prefix without a slash at its end.
    pub label: Arc<str>,
    /// Who may call it.
    pub callers: Callers,
    /// What they may do.
    pub rights: Rights,
    /// Where its tokens come from.
    pub source: Source,
    /// How its origin server is reached.
    pub origin: Arc<OriginSpec>,
    /// How the origin server is told our URL.
    pub forwarding: Vec<(HeaderName, HeaderValue)>,
    /// The web pages that may call.
    pub pages: Pages,
    /// What becomes of the origin server's URLs, where anything does.
    pub links: Option<Arc<Links>>,
    /// What all records of its accesses have in common.
    pub pieces: Pieces,
    /// Its counters.
    pub metrics: Arc<RouteMetrics>,
}

impl Route {
    /// Its name in logs and metrics: the prefix, as an operator writes it.
    pub(crate) fn name(&self) -> &str {
        if self.label.is_empty() { "/" } else { &self.label }
    }

    /// What the request's path, of which this route has the prefix, names below it.
    pub(crate) fn resource<B>(&self, request: &Request<B>) -> Result<Resource, Error> {
        let below = request.uri().path().strip_prefix(&*self.label).ok_or(Error::NoRoute)?;
        let resource = match transaction::resource(below, request.uri().query()) {
            None | Some(Resource::Service)
                if transaction::notifies(below) && websocket::is_asked_for(request) =>
            {
                Some(Resource::Notifications)
            }
            resource => resource,
        };
        resource.ok_or(Error::NoTransaction)
    }
}

/// All published routes.
pub(crate) struct Routes {
    routes: Vec<Route>,
    prefixes: Prefixes,
}

impl Routes {
    /// These routes; prefixes are unique.
    pub(crate) fn new(routes: Vec<Route>) -> Self {
        let prefixes = Prefixes::new(routes.iter().map(|route| &*route.label));
        Self { routes, prefixes }
    }

    /// The index of the route with the longest prefix of this path.
    pub(crate) fn find(&self, path: &str) -> Option<usize> {
        self.prefixes.find(path)
    }

    /// The route with this index.
    pub(crate) fn at(&self, index: usize) -> &Route {
        &self.routes[index]
    }

    /// All of them, in the order of their indices.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter()
    }

    /// Where the application's own tokens live, each once.
    pub(crate) fn slots(&self) -> Vec<Arc<Slot>> {
        let mut seen = HashSet::new();
        let slots = self.routes.iter().filter_map(|route| route.source.slot());
        slots.filter(|slot| seen.insert(Arc::as_ptr(slot))).cloned().collect()
    }

    /// On whose behalf tokens are got, each client and scope once.
    pub(crate) fn users(&self) -> Vec<Arc<Users>> {
        let mut all = Vec::<Arc<Users>>::new();
        for users in self.routes.iter().filter_map(|route| route.source.users()) {
            if !all.iter().any(|known| known.are_those_of(users)) {
                all.push(users.clone());
            }
        }
        all
    }
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
        // Orthanc would write the quotes that RFC 7239 wants around a port into its URLs.
        Profile::Orthanc => vec![("forwarded", format!("host={host};proto={scheme}"))],
        Profile::Generic | Profile::Google | Profile::Dcm4chee | Profile::HealthImaging => {
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
