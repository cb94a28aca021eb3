//! Whether whoever is asking may.

use config::Transaction;

use crate::caller::Principal;
use crate::error::Error;
use crate::route::Route;
use crate::transaction::Resource;

/// Leave for one principal to do one transaction on one route.
///
/// Nothing else lets a token be acquired, and nothing but [`Permit::grant`] makes one.
#[derive(Clone)]
pub(crate) struct Permit<'r> {
    route: &'r Route,
    resource: Resource,
    principal: Principal,
}

impl<'r> Permit<'r> {
    /// Gives leave, or says why not.
    pub(crate) fn grant(
        principal: Principal,
        (transaction, resource): (Transaction, Resource),
        route: &'r Route,
    ) -> Result<Self, Error> {
        if !route.config.allow.contains(&transaction) {
            return Err(Error::NotPermitted);
        }
        Ok(Self { route, resource, principal })
    }

    /// The route it is for.
    pub(crate) fn route(&self) -> &'r Route {
        self.route
    }

    /// Whom it is for.
    pub(crate) fn principal(&self) -> &Principal {
        &self.principal
    }

    /// What it is leave to touch.
    pub(crate) fn resource(&self) -> Resource {
        self.resource
    }
}
