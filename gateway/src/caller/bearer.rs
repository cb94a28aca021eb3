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
