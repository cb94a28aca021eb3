//! Who is asking, and whether they may.

use config::{Callers, Transaction};

use crate::error::Error;
use crate::route::Route;
use crate::transaction::Resource;

/// Who stands behind a request.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub(crate) enum Principal {
    /// Anyone who could connect.
    Anyone,
}

impl Principal {
    /// Learns who is asking, by the means that this route accepts.
    pub(crate) fn authenticate(route: &Route) -> Result<Self, Error> {
        match route.config.callers {
            Callers::Anyone => Ok(Self::Anyone),
        }
    }
}

/// Leave for one principal to do one transaction on one route.
///
/// Nothing else lets a token be acquired, and nothing but [`Permit::grant`] makes one.
#[derive(Clone)]
pub(crate) struct Permit<'r> {
    route: &'r Route,
    resource: Resource,
}

impl<'r> Permit<'r> {
    /// Gives leave, or says why not.
    pub(crate) fn grant(
        principal: &Principal,
        (transaction, resource): (Transaction, Resource),
        route: &'r Route,
    ) -> Result<Self, Error> {
        match principal {
            Principal::Anyone if route.config.allow.contains(&transaction) => {
                Ok(Self { route, resource })
            }
            Principal::Anyone => Err(Error::NotPermitted),
        }
    }

    /// The route it is for.
    pub(crate) fn route(&self) -> &'r Route {
        self.route
    }

    /// What it is leave to touch.
    pub(crate) fn resource(&self) -> Resource {
        self.resource
    }
}
