//! The issuers whose tokens callers bring: whether their keys can be had.

use config::{Callers, Route};
use tokio::runtime::Handle;

use super::finding::{Said, Section, chain, count, plain};
use crate::build::Shared;
use crate::caller::Issuers;

/// Asks each issuer of a route for its keys; gives them to judge a user's token by.
pub(super) async fn look(section: &mut Section<'_>, route: &Route) -> Option<Issuers> {
    let Callers::Known(known) = &route.callers else { return None };
    if known.bearer.is_empty() {
        return None;
    }
    let shared = Shared::new(Handle::current());
    let Ok(issuers) = Issuers::build(&known.bearer, (&route.prefix, 0), &shared, &mut Vec::new())
    else {
        section.skip(&["issuer"], "its `anchors` cannot be used");
        return None;
    };
    for keys in issuers.keys() {
        let name = plain(keys.issuer());
        let asked = async {
            match keys.ask().await {
                Ok(0) => Err(Said::fail(
                    format!("{name} has no key that can be used"),
                    "no token of that issuer will be taken: see whether it signs with RS256, \
                     PS256, ES256 or EdDSA, and names its keys for signatures (use: sig)",
                )),
                Ok(keys) => Ok((Said::ok(format!("{name} has {}", count(keys, "key"))), ())),
                Err(error) => Err(Said::fail(
                    format!("no keys of {name}: {}", chain(&*error)),
                    "callers' tokens cannot be checked without them: see `issuer`, which has to be \
                     what stands in tokens and in the issuer's metadata to the letter, and whether \
                     this machine can reach it; `anchors` names a root of its own, `jwks_uri` keys \
                     without discovery",
                )),
            }
        };
        let _ = section.check("issuer", asked).await;
    }
    Some(issuers)
}
