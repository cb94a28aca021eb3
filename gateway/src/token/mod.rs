//! From a request for a token to a token: cache, slot, confidential client, answer.
//!
//! Nothing in this module knows about the request being proxied. A [`Tokens`] finds the [`Slot`] of
//! a [`TokenRequest`]; the slot serves its token while that is good, and sees to its successor; the
//! [`ConfidentialClient`] asks the authority, once per call, and reads its answer.

use std::fmt;
use std::time::{Duration, Instant};

use http::HeaderValue;

mod aadsts;
mod answer;
mod claims;
mod client;
mod credential;
mod discovery;
mod entra;
mod error;
pub(crate) mod exchange;
mod grant;
mod keeper;
mod slot;
mod succession;
mod tokens;
mod user;

pub(crate) use self::aadsts::Class;
pub(crate) use self::answer::retry_after_of;
pub(crate) use self::claims::Claims;
pub(crate) use self::client::ConfidentialClient;
pub(crate) use self::credential::CredentialError;
pub(crate) use self::error::AcquireError;
pub(crate) use self::grant::{Assertion, Grant, OnBehalfOf};
pub(crate) use self::slot::Slot;
pub(crate) use self::succession::Held;
pub(crate) use self::tokens::Tokens;
pub(crate) use self::user::{Usage, UserToken, UserTokens, Users};

/// What an operator should do about the first of Entra's numbers (AADSTS…) that is known.
pub(crate) fn advice(codes: &[u32]) -> Option<&'static str> {
    aadsts::known(codes).map(|advice| advice.remedy)
}

/// What a token is wanted for; also the key that it is cached under.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct TokenRequest {
    /// The client, as [`ConfidentialClient::fingerprint`] tells one from another.
    pub client: u64,
    /// The scopes, sorted, with one space between.
    pub scope: String,
}

impl TokenRequest {
    /// What this client asks for with this scope.
    pub(crate) fn new(client: &ConfidentialClient, scope: &str) -> Self {
        let mut scopes = scope.split_ascii_whitespace().collect::<Vec<_>>();
        scopes.sort_unstable();
        Self { client: client.fingerprint(), scope: scopes.join(" ") }
    }
}

/// A bearer token: ready to send, and knowing how long it may be used.
///
/// Its value leaves only through [`Self::authorization`], in a header value marked sensitive. There
/// is no `Display`, and `Debug` shows none of it.
pub(crate) struct AccessToken {
    authorization: HeaderValue,
    acquired_at: Instant,
    refresh_at: Instant,
    expires_at: Instant,
}

impl AccessToken {
    /// A token that was asked for at `asked_at` and lives for `life` from then on.
    ///
    /// Without a `refresh_in` of the authority it is renewed after `refresh_percent` of its life, a
    /// little earlier by a jitter that is drawn once, so that replicas do not ask together.
    pub(crate) fn new(
        authorization: HeaderValue,
        life: Duration,
        refresh_in: Option<Duration>,
        refresh_percent: u8,
        asked_at: Instant,
    ) -> Self {
        let refresh_in = refresh_in.unwrap_or_else(|| {
            let wish = life * u32::from(refresh_percent) / 100;
            wish.max(REFRESH_FLOOR.min(life / 2))
        });
        let usable = life - LEEWAY.min(life / 5);
        let jittered = refresh_in.min(usable).mul_f64(1.0 - REFRESH_JITTER * fastrand::f64());
        Self {
            authorization,
            acquired_at: Instant::now(),
            refresh_at: asked_at + jittered,
            expires_at: asked_at + usable,
        }
    }

    /// The same, out of use by `end` at the latest. It is not renewed where a successor would live no
    /// longer.
    pub(super) fn until(mut self, end: Instant) -> Self {
        if end <= self.expires_at {
            self.expires_at = end;
            self.refresh_at = end;
        }
        self
    }

    /// What it holds on the heap, in bytes.
    pub(super) fn size(&self) -> usize {
        self.authorization.len() + size_of::<Self>()
    }

    /// The value of the `Authorization` header.
    pub(crate) fn authorization(&self) -> &HeaderValue {
        &self.authorization
    }

    /// Whether it may be sent.
    pub(crate) fn is_usable(&self, now: Instant) -> bool {
        now < self.expires_at
    }

    /// Whether its successor should be on its way.
    pub(crate) fn is_stale(&self, now: Instant) -> bool {
        now >= self.refresh_at
    }

    /// How long the gateway has had it.
    pub(crate) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.acquired_at)
    }

    /// How long it may still be sent.
    pub(crate) fn life_left(&self, now: Instant) -> Duration {
        self.expires_at.saturating_duration_since(now)
    }

    /// When its successor should be on its way.
    pub(crate) fn refresh_at(&self) -> Instant {
        self.refresh_at
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// A token is out of use this long before its end, or a fifth of its life where that is less: a
/// request takes time to arrive, and clocks differ.
const LEEWAY: Duration = Duration::from_secs(30);

/// No token is renewed sooner than this, or half its life where that is less.
const REFRESH_FLOOR: Duration = Duration::from_secs(60);

/// The largest part of the time to a refresh that chance may take off.
const REFRESH_JITTER: f64 = 0.1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_an_hour_outlives_an_outage_of_three_quarters_of_it() {
        let now = Instant::now();
        let token = token(3600, None, now);
        assert!(!token.is_stale(now + Duration::from_secs(647)), "20 percent, less the jitter");
        assert!(token.is_stale(now + Duration::from_secs(720)));
        assert!(token.is_usable(now + Duration::from_secs(3569)));
        assert!(!token.is_usable(now + Duration::from_secs(3570)), "never to its very end");
    }

    #[test]
    fn a_token_of_a_minute_is_used_for_most_of_it() {
        let now = Instant::now();
        let token = token(60, None, now);
        assert!(!token.is_stale(now + Duration::from_secs(26)), "half its life, less the jitter");
        assert!(token.is_usable(now + Duration::from_secs(47)));
        assert!(!token.is_usable(now + Duration::from_secs(48)));
    }

    #[test]
    fn the_authority_s_refresh_in_wins_but_never_over_the_end() {
        let now = Instant::now();
        assert!(!token(86_400, Some(43_200), now).is_stale(now + Duration::from_secs(38_000)));
        assert!(token(60, Some(1_000_000), now).is_stale(now + Duration::from_secs(48)));
    }

    #[test]
    fn debug_shows_no_token() {
        let token = token(60, None, Instant::now());
        assert!(!format!("{token:?}").contains("canary"));
    }

    fn token(life: u64, refresh_in: Option<u64>, now: Instant) -> AccessToken {
        let value = HeaderValue::from_static("Bearer canary");
        let (life, refresh_in) = (Duration::from_secs(life), refresh_in.map(Duration::from_secs));
        AccessToken::new(value, life, refresh_in, 20, now)
    }
}
