//! One issuer as configured: which tokens count as its own, and which of them are taken.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use config::{Bearer, TokenType};

use super::claims::{Claims, Purpose};
use super::flaw::{self, Flaw};
use super::jwks::IssuerKeys;
use super::jws::Jws;

/// An issuer whose tokens a route takes.
pub(super) struct Issuer {
    config: Bearer,
    /// Its keys.
    pub keys: Arc<IssuerKeys>,
}

impl Issuer {
    /// The issuer of this configuration, whose keys these are.
    pub(super) fn new(config: Bearer, keys: Arc<IssuerKeys>) -> Self {
        Self { config, keys }
    }

    /// Whether a token that says this is one of its tokens: `iss`, letter for letter.
    pub(super) fn issued(&self, claims: &Claims) -> bool {
        let Some((before, after)) = self.config.issuer.split_once(TENANT) else {
            return self.config.issuer == claims.issuer;
        };
        let tenant = claims.issuer.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
        tenant.is_some_and(|tenant| is_guid(tenant) && claims.tenant.as_deref() == Some(tenant))
    }

    /// Looks at all that can be told without a key.
    pub(super) fn admit(&self, token: &Jws<'_>, now: SystemTime) -> Result<(), Flaw> {
        let (config, claims) = (&self.config, &token.claims);
        if !config.algorithms.contains(&token.algorithm) {
            return Err(flaw::ALGORITHM);
        }
        if config.token_type == TokenType::AtJwt && !token.is_at_jwt {
            return Err(flaw::TYPE);
        }
        match claims.purpose {
            Purpose::Identity => return Err(flaw::IDENTITY),
            Purpose::Unsaid if !token.is_at_jwt => return Err(flaw::PURPOSE),
            Purpose::Access | Purpose::Unsaid => {}
        }
        if !claims.audiences.iter().any(|audience| config.audiences.contains(audience)) {
            return Err(flaw::AUDIENCE);
        }
        let is_known = |tenant: &str| config.tenants.iter().any(|t| t.eq_ignore_ascii_case(tenant));
        if !config.tenants.is_empty() && !claims.tenant.as_deref().is_some_and(is_known) {
            return Err(flaw::TENANT);
        }
        self.in_time(claims.starts.map(at), at(claims.ends), now)
    }

    /// Whether `now` is between these, as far as clocks agree.
    pub(super) fn in_time(
        &self,
        starts: Option<SystemTime>,
        ends: SystemTime,
        now: SystemTime,
    ) -> Result<(), Flaw> {
        if self.until(ends) <= now {
            return Err(flaw::EXPIRED);
        }
        if starts.is_some_and(|starts| starts > now + self.config.leeway) {
            return Err(flaw::EARLY);
        }
        Ok(())
    }

    /// Until when a token is taken that ends then.
    pub(super) fn until(&self, ends: SystemTime) -> SystemTime {
        ends + self.config.leeway
    }

    /// Whether one of the scopes and roles that are wanted is there, if any is.
    pub(super) fn is_enough(&self, claims: &Claims) -> bool {
        let Bearer { scopes, roles, .. } = &self.config;
        (scopes.is_empty() && roles.is_empty())
            || claims.scopes.iter().any(|scope| scopes.contains(scope))
            || claims.roles.iter().any(|role| roles.contains(role))
    }
}

/// So many seconds after 1970.
pub(super) fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Whether this is a tenant's id, and not something that would make another URL of a template.
fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// What stands for a token's tenant in issuers of Entra's.
pub(super) const TENANT: &str = "{tenantid}";
