//! Access tokens of callers.

use std::sync::Arc;

use super::{Peer, Why};

/// The issuers whose tokens a route takes.
#[derive(Debug)]
pub(crate) struct Issuers;

/// Whom an access token was given to.
#[derive(Debug)]
pub(crate) struct User;

/// An access token as proof for the authority.
#[derive(Debug)]
pub(crate) struct Assertion;

impl User {
    /// The token itself, as proof for the authority.
    pub(crate) fn assertion(&self) -> &Arc<crate::token::Assertion> {
        unreachable!("nobody is let in yet")
    }

    /// The tenant at Entra that the user signed in to.
    pub(crate) fn tenant(&self) -> Option<uuid::Uuid> {
        None
    }

    /// Whether it stands for an application, and for no user.
    pub(crate) fn is_app_only(&self) -> bool {
        true
    }
}

impl Issuers {
    /// Whom this token was given to, if it is good now.
    pub(crate) async fn verify(&self, _token: &str, _peer: &Peer) -> Result<Arc<User>, Why> {
        Err(Why::Undecided)
    }
}

/// Whether this is a token of three parts (RFC 7515, section 3.1), and no key.
pub(super) fn is_jwt(token: &str) -> bool {
    token.bytes().filter(|byte| *byte == b'.').count() == 2
}
