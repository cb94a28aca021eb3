//! Why no token came, in words for whoever has to mend it.

use super::finding::{Said, chain};
use crate::token::AcquireError;

/// A failed acquisition with this kind of credential; `way` says which one it is.
pub(super) fn of_token(way: &str, kind: &str, error: &AcquireError) -> Said {
    let known = error.said();
    let advice = known.and_then(|said| said.advice);
    let remedy = advice.map_or_else(|| of_kind(kind, error), |advice| advice.remedy);
    let id = known.and_then(|said| said.correlation_id);
    // By it the sign-in is found in the tenant's log, with all that Entra knows of it.
    let id = id.map_or_else(String::new, |id| format!(", correlation id {id}"));
    let mut said = Said::fail(format!("{way}: {}{id}", chain(error)), remedy);
    said = said.fact("error", error.kind());
    if let Some(advice) = advice {
        said = said.fact("class", advice.class.name());
    }
    match known {
        Some(known) if !known.codes.is_empty() => said.fact("aadsts", known.codes.clone()),
        _ => said,
    }
}

/// Where the authority said nothing that has a remedy of its own.
fn of_kind(kind: &str, error: &AcquireError) -> &'static str {
    let by_platform = matches!(kind, "managed_identity" | "federated_identity");
    match error {
        AcquireError::Unreachable(_) | AcquireError::Late if by_platform => {
            "no platform here gives managed identities: they are for Azure's machines, apps and \
             Arc; elsewhere use another credential, and in Kubernetes workload_identity"
        }
        AcquireError::Refused { .. } if by_platform => {
            "this machine or app has no such identity: switch on the system-assigned one, or \
             assign the user-assigned one that `credential` names"
        }
        AcquireError::Credential(_) => {
            "see the file that the option `credential` of this client names: whether it is there, \
             whole, and for the gateway's user to read"
        }
        AcquireError::Throttled { .. } => {
            "the authority was asked too often: wait, and see whether many gateways share this \
             client, or one restarts again and again"
        }
        AcquireError::Unavailable { status: 404 | 405 | 410, .. } => {
            "there is no token endpoint: look for a slip in the path of `authority` or \
             `token_endpoint`"
        }
        AcquireError::Unavailable { status: 300..=399, .. } => {
            "it sends elsewhere, where no credential is ever sent: write the URL that it means in \
             `authority` or `token_endpoint`"
        }
        AcquireError::Unavailable { .. } => {
            "the authority, or a box on the way, is out of order: wait, and see its status page"
        }
        AcquireError::Unreachable(_) => {
            "the token endpoint cannot be reached: if the checks above are good, discovery names \
             another host for it"
        }
        AcquireError::Late => {
            "the authority takes longer than `timeout_secs` of this client: see what slows it down"
        }
        AcquireError::Malformed(_) => {
            "what answers there is no authority, or a box on the way rewrites what it says: see \
             `authority` or `token_endpoint`"
        }
        AcquireError::AssertionEnded => "the user's token has ended: bring a new one",
        AcquireError::UserNeeded { .. } => "the user has to sign in again",
        AcquireError::NotGranted { .. } => {
            "an administrator has to consent to the application, or to let the user in"
        }
        AcquireError::AssertionRefused { .. } => {
            "the user's token has to be one that is meant for this gateway, of the same authority"
        }
        AcquireError::Refused { .. } => {
            "see what the authority's own log says of this client, at this time"
        }
        AcquireError::Broken => "this is a mistake in the gateway: please report it",
    }
}
