//! Whom an access token was given to.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use aws_lc_rs::digest::{SHA256, digest};
use uuid::Uuid;

use super::claims::Claims;
use super::flaw;
use super::issuer::at;
use crate::caller::{Peer, Why};
use crate::token::Assertion;

/// Whom an access token was given to, and what for. `Debug` shows none of it.
pub(crate) struct User {
    /// The user or application (`oid`, else `sub`): another one of another issuer or tenant may have
    /// the same.
    pub subject: String,
    /// Who gave it the token (`iss`).
    pub issuer: String,
    tenant: Option<Uuid>,
    /// The application that asked for the token (`azp`, `appid` or `client_id`); empty if it does not
    /// say so.
    pub application: String,
    /// What the application may do for the user (`scp` or `scope`).
    pub scopes: Vec<String>,
    /// What the user or application is to the gateway (`roles`).
    pub roles: Vec<String>,
    /// The user's groups (`groups`).
    pub groups: Vec<String>,
    app_only: bool,
    assertion: Arc<Assertion>,
    pub(super) starts: Option<SystemTime>,
    pub(super) ends: SystemTime,
    certificate: Option<[u8; 32]>,
}

impl User {
    /// Whom `claims`, which were in `token`, tell of.
    pub(super) fn new(claims: Claims, token: &str) -> Self {
        let ends = at(claims.ends);
        Self {
            subject: claims.subject,
            issuer: claims.issuer,
            tenant: claims.tenant.and_then(|tenant| tenant.parse().ok()),
            application: claims.application,
            scopes: claims.scopes,
            roles: claims.roles,
            groups: claims.groups,
            app_only: claims.app_only,
            assertion: Arc::new(Assertion::new(Arc::new(token.into()), ends)),
            starts: claims.starts.map(at),
            ends,
            certificate: claims.certificate,
        }
    }

    /// The token itself, as proof for the authority.
    pub(crate) fn assertion(&self) -> &Arc<Assertion> {
        &self.assertion
    }

    /// The tenant of Entra's that the token is of (`tid`).
    pub(crate) fn tenant(&self) -> Option<Uuid> {
        self.tenant
    }

    /// Whether it certainly stands for an application, and for no user.
    pub(crate) fn is_app_only(&self) -> bool {
        self.app_only
    }

    /// Looks at the certificate that the token is bound to, if it is: the peer has to have shown it in
    /// this connection's handshake (RFC 8705, section 3).
    pub(super) fn is_at(&self, peer: &Peer) -> Result<(), Why> {
        let Some(wanted) = &self.certificate else { return Ok(()) };
        let shown = peer.certificates.first().map(|leaf| digest(&SHA256, leaf));
        let is_shown = shown.is_some_and(|shown| shown.as_ref() == wanted);
        if is_shown { Ok(()) } else { Err(Why::Token(flaw::CERTIFICATE)) }
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("User")
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
impl User {
    /// Someone of whom no more is known.
    pub(crate) fn of(
        subject: String,
        issuer: String,
        tenant: Option<Uuid>,
        application: String,
    ) -> Self {
        Self { subject, issuer, tenant, application, ..Self::default() }
    }
}

#[cfg(test)]
impl Default for User {
    fn default() -> Self {
        Self {
            subject: String::new(),
            issuer: String::new(),
            tenant: None,
            application: String::new(),
            scopes: Vec::new(),
            roles: Vec::new(),
            groups: Vec::new(),
            app_only: false,
            assertion: Arc::new(Assertion::new(Arc::default(), SystemTime::UNIX_EPOCH)),
            starts: None,
            ends: SystemTime::UNIX_EPOCH,
            certificate: None,
        }
    }
}
