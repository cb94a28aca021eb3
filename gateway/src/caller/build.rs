//! From what was configured of callers to what knows them.

use std::sync::Arc;
use std::time::Duration;

use config::{Config, PrivateFile, Route};

use super::{Attempts, Callers, Certificates, Issuers, Keys, Known};
use crate::build::{BuildError, Shared};
use crate::life::Life;

/// Builds what knows the callers of a route. What outlives a reload is found in `shared`.
pub(crate) fn callers(
    (config, route): (&Config, &Route),
    shared: &Shared,
    lives: &mut Vec<Life>,
) -> Result<Callers, BuildError> {
    let config::Callers::Known(known) = &route.callers else { return Ok(Callers::Anyone) };
    let most_bytes = config.runtime.max_user_tokens_bytes;
    let bearer = (!known.bearer.is_empty())
        .then(|| Issuers::build(&known.bearer, (&route.prefix, most_bytes), shared, lives))
        .transpose()?;
    Ok(Callers::Known(Arc::new(Known {
        bearer,
        keys: known.api_keys.as_ref().map(|file| keys(file, route, shared, lives)).transpose()?,
        certificates: known
            .certificates
            .as_ref()
            .map(|certificates| Certificates::build(certificates, &route.prefix, lives))
            .transpose()?,
        attempts: Attempts::new(&shared.failures, config.listener.max_failed_attempts),
    })))
}

fn keys(
    file: &PrivateFile,
    route: &Route,
    shared: &Shared,
    lives: &mut Vec<Life>,
) -> Result<Arc<Keys>, BuildError> {
    let keys = Keys::load(file, &shared.passwords)
        .map_err(|error| BuildError::Keys { prefix: route.prefix.clone(), error })?;
    let prefix = if route.prefix.is_empty() { "/" } else { &route.prefix };
    lives.extend(keys.ends().map(|(name, ends)| {
        let key = format!("route.{prefix}.callers.api_keys.{name}");
        Life { key, ends, warned_within: Duration::MAX }
    }));
    Ok(Arc::new(keys))
}
