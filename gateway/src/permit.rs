//! Who is asking, and whether they may.

use config::{Callers, Transaction};

use crate::error::Error;
use crate::route::Route;

/// Who stands behind a request.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Principal {
    /// Anyone who could connect.
    Anyone,
}

impl Principal {
    /// Learns who is asking, by the means that this route accepts.
    pub fn authenticate(route: &Route) -> Result<Self, Error> {
        match route.config.callers {
            Callers::Anyone => Ok(Self::Anyone),
        }
    }
}

/// Leave for one principal to do one transaction on one route.
///
/// Nothing else lets a token be acquired, and nothing but [`Permit::grant`] makes one.
#[derive(Clone)]
pub struct Permit<'r> {
    principal: Principal,
    route: &'r Route,
    transaction: Transaction,
}

impl<'r> Permit<'r> {
    /// Gives leave, or says why not.
    pub fn grant(
        principal: Principal,
        transaction: Transaction,
        route: &'r Route,
    ) -> Result<Self, Error> {
        if !route.config.allow.contains(&transaction) {
            return Err(Error::NotPermitted);
        }
        Ok(Self { principal, route, transaction })
    }

    /// The route it is for.
    pub fn route(&self) -> &'r Route {
        self.route
    }

    /// Who has it.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// What it is for.
    pub fn transaction(&self) -> Transaction {
        self.transaction
    }
}
