//! From what was configured of callers to what knows them.

use std::sync::Arc;

use config::Route;

use super::{Callers, Certificates, Issuers, Keys, Known};
use crate::build::{BuildError, Generation, Shared};
use crate::life::Life;

/// Builds what knows the callers of a route. What outlives a reload is found in `shared` and in the
/// generation before.
pub(crate) fn callers(
    route: &Route,
    _shared: &Shared,
    _before: Option<&Generation>,
    lives: &mut Vec<Life>,
) -> Result<Callers, BuildError> {
    let config::Callers::Known(known) = &route.callers else { return Ok(Callers::Anyone) };
    Ok(Callers::Known(Arc::new(Known {
        bearer: (!known.bearer.is_empty()).then_some(Issuers),
        keys: known.api_keys.as_ref().map(|_| Arc::new(Keys)),
        certificates: known
            .certificates
            .as_ref()
            .map(|certificates| Certificates::build(certificates, &route.prefix, lives))
            .transpose()?,
    })))
}
