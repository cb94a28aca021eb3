//! Callers with access tokens: JSON Web Tokens that an issuer signed (RFC 7519, RFC 9068), brought as
//! RFC 6750 says.
//!
//! A token says who its issuer is, and that chooses among the issuers of the configuration and nothing
//! else: algorithms, keys and all that the token has to say come from there. What can be told without a
//! key is told first, since that costs least; nothing of it is believed before the signature is.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use certs::TrustAnchors;

mod claims;
mod flaw;
mod issuer;
mod json;
mod jwks;
mod jws;
mod memo;
mod user;

pub(crate) use self::jwks::KeySources;
pub(crate) use self::user::User;

use self::issuer::Issuer;
use self::jwks::{IssuerKeys, Mismatch};
use self::jws::Jws;
use self::memo::{Digest, Memo, REMEMBERED_MOST, Seen, sha256};
use super::{Peer, Why};
use crate::build::{BuildError, Shared};
use crate::life::Life;
use crate::metrics::RouteMetrics;

/// The issuers whose tokens a route takes.
pub(crate) struct Issuers {
    issuers: Vec<Issuer>,
    memo: Memo,
    metrics: Arc<RouteMetrics>,
}

impl Issuers {
    /// Those of a route, which remembers tokens in so many bytes. Keys of issuers that no route had begin
    /// to come.
    pub(crate) fn build(
        bearer: &[config::Bearer],
        (prefix, most_bytes): (&str, u64),
        shared: &Shared,
        lives: &mut Vec<Life>,
    ) -> Result<Self, BuildError> {
        let issuers = bearer.iter().enumerate().map(|(index, config)| {
            let name = if prefix.is_empty() { "/" } else { prefix };
            let key = format!("route.{name}.callers.bearer[{index}].anchors");
            let anchors = TrustAnchors::load(config.anchors.as_deref())
                .map_err(|error| BuildError::Certs { key: key.clone(), error: Box::new(error) })?;
            let life = |ends| Life { key: key.clone(), ends, warned_within: Duration::MAX };
            lives.extend(anchors.not_after().map(life));
            let keys = shared.keys.of(config, &anchors).map_err(|error| BuildError::Issuer {
                prefix: prefix.to_owned(),
                error: Box::new(error),
            })?;
            Ok(Issuer::new(config.clone(), keys))
        });
        let metrics = shared.metrics.route(&prefix.into());
        Ok(Self {
            issuers: issuers.collect::<Result<_, _>>()?,
            memo: Memo::of_bytes(most_bytes),
            metrics,
        })
    }

    /// Whom this token was given to, if it is good now, for this peer. Waits for keys where none came
    /// yet, and where the token's may be new; otherwise for nothing.
    pub(crate) async fn verify(&self, token: &str, peer: &Peer) -> Result<Arc<User>, Why> {
        let known = self.known(token, peer).await;
        if known.is_err() {
            self.metrics.tokens.refused.add(1);
        }
        known
    }

    /// Their keys, in the order of the configuration.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &IssuerKeys> {
        self.issuers.iter().map(|issuer| &*issuer.keys)
    }

    async fn known(&self, token: &str, peer: &Peer) -> Result<Arc<User>, Why> {
        if token.len() > TOKEN_MOST {
            return Err(Why::Token(flaw::TOO_LARGE));
        }
        let digest = sha256(token);
        let seen = self.memo.find(&digest).filter(|seen| self.is_good(seen));
        let user = match seen {
            Some(seen) => {
                self.metrics.tokens.remembered.add(1);
                seen.user
            }
            None => self.learn(token, digest).await?,
        };
        user.is_at(peer)?;
        Ok(user)
    }

    /// Whether what was good is good now: in its time, and by the keys that the issuer has now.
    fn is_good(&self, seen: &Seen) -> bool {
        let issuer = &self.issuers[seen.issuer];
        let in_time = issuer.in_time(seen.user.starts, seen.user.ends, SystemTime::now());
        in_time.is_ok() && issuer.keys.version() == Some(seen.keys)
    }

    async fn learn(&self, token: &str, digest: Digest) -> Result<Arc<User>, Why> {
        let parts = Jws::read(token).map_err(Why::Token)?;
        if parts.claims.audiences.iter().any(|audience| GRAPH.contains(&audience.as_str())) {
            return Err(Why::Token(flaw::GRAPH));
        }
        let mut issuers = self.issuers.iter().enumerate();
        let (index, issuer) = issuers
            .find(|(_, issuer)| issuer.issued(&parts.claims))
            .ok_or(Why::Token(flaw::ISSUER))?;
        issuer.admit(&parts, SystemTime::now()).map_err(Why::Token)?;
        let mut keys = issuer.keys.set().await.ok_or(Why::Undecided)?;
        self.metrics.tokens.verified.add(1);
        let mut signed = keys.verify(&parts);
        if signed == Err(Mismatch::UnknownKey) {
            keys = issuer.keys.newer(&keys).await?;
            signed = keys.verify(&parts);
        }
        signed.map_err(|mismatch| Why::Token(mismatch.flaw()))?;
        if !issuer.is_enough(&parts.claims) {
            return Err(Why::Scope);
        }
        let user = Arc::new(User::new(parts.claims, token));
        // It may have ended while keys were waited for.
        let now = SystemTime::now();
        issuer.in_time(user.starts, user.ends, now).map_err(Why::Token)?;
        if token.len() <= REMEMBERED_MOST {
            let until = issuer.until(user.ends);
            let (keys, length) = (keys.version, token.len());
            let seen = Seen { issuer: index, keys, user: user.clone(), until, length };
            self.memo.keep(digest, seen, now);
        }
        Ok(user)
    }
}

impl fmt::Debug for Issuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Issuers")
    }
}

/// Whether this was wrong with a token that its issuer never wrote. A key that is not known may be one
/// that was changed a moment ago.
pub(super) fn is_forgery(flaw: &str) -> bool {
    flaw == flaw::SIGNATURE
}

/// Whether this is a token of three parts (RFC 7515, section 3.1) or five (RFC 7516), and no key.
pub(super) fn is_jwt(token: &str) -> bool {
    token.bytes().filter(|byte| *byte == b'.').count() >= 2
}

/// Entra's largest, with two hundred groups, are of some 10 KiB; whatever is larger costs a comparison.
const TOKEN_MOST: usize = 16 << 10;

/// What Microsoft Graph is called in `aud`. Its tokens are for it alone to read: nobody else can check
/// their signature, and viewers bring them often.
const GRAPH: [&str; 8] = [
    "00000003-0000-0000-c000-000000000000",
    "https://graph.microsoft.com",
    "https://graph.microsoft.com/",
    "https://graph.microsoft.us",
    "https://graph.microsoft.us/",
    "https://dod-graph.microsoft.us",
    "https://dod-graph.microsoft.us/",
    "https://microsoftgraph.chinacloudapi.cn",
];
