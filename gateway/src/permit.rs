//! Whether whoever is asking may.
//!
//! What a route allows everyone and what its permits allow some is worked out when its generation is
//! built ([`Rights`]). A request's leave is the union of all that holds for its principal, where it
//! acts: what no rule gives, nobody has. Nothing but the path that goes on, its query and who proved
//! to be asking has a say.

use config::Transaction;
use http::request::Parts;

use crate::caller::Principal;
use crate::emergency::Assertion;
use crate::error::Error;
use crate::route::Route;
use crate::transaction::{Resource, names_study};

mod leave;
mod rights;
mod search;
mod who;

pub(crate) use self::rights::Rights;

use self::leave::Leave;

/// Leave for one principal to do one transaction on one route.
///
/// Nothing else lets a token be acquired, and nothing but [`Permit::grant`] makes one.
#[derive(Clone)]
pub(crate) struct Permit<'r> {
    route: &'r Route,
    resource: Resource,
    principal: Principal,
    leave: Leave,
}

impl<'r> Permit<'r> {
    /// Gives leave for what a request asks for, whose path is canonical and has the route's prefix, or
    /// says why not. An emergency that its principal asserts gives leave of its own.
    pub(crate) fn grant(
        principal: Principal,
        (transaction, resource): (Transaction, Resource),
        (route, head): (&'r Route, &Parts),
        emergency: Option<&Assertion<'_>>,
    ) -> Result<Self, Error> {
        let below = head.uri.path().strip_prefix(&*route.label).ok_or(Error::NoRoute)?;
        let place = resource.place(below);
        let leave = match emergency {
            Some(_) => route.rights.in_emergency(&principal, place),
            None => route.rights.of(&principal, place),
        };
        if !leave.allows(transaction) {
            return Err(Error::NotPermitted);
        }
        let needs_key = route.config.search_needs_key && resource.is_searched_by(&head.method);
        let query = head.uri.query().unwrap_or_default();
        if needs_key && !names_study(below) && !search::has_key(query) {
            return Err(Error::SearchNeedsKey);
        }
        Ok(Self { route, resource, principal, leave })
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

    /// Whether the principal may also delete there.
    pub(crate) fn may_delete(&self) -> bool {
        self.leave.allows(Transaction::Delete)
    }

    /// Whether the principal may write into the origin server's audit log.
    pub(crate) fn may_audit(&self) -> bool {
        self.leave.may_audit()
    }
}

#[cfg(test)]
mod tests;
