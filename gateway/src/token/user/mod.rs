//! Tokens that are got on behalf of users.
//!
//! [`UserTokens`] has them all, within a bound of bytes. A route has [`Users`]: whose tokens, for
//! what, and got how. A request has a [`UserToken`]. A user's token lives under the very text of the
//! assertion that it was got with, and no longer than that; the assertion itself is not kept, since
//! each request that has a right to the token brings it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use config::Exchange;
use http::HeaderValue;
use tokio::runtime::Handle;
use url::Url;
use uuid::Uuid;

use super::slot::tell;
use super::succession::{Acquire, Ending, Failure, Held, Succession};
use super::{
    AccessToken, AcquireError, Assertion, Claims, ConfidentialClient, Grant, OnBehalfOf,
    TokenRequest,
};
use crate::metrics::AcquisitionMetrics;

mod cache;
mod gate;

use self::cache::{Cache, Key, Purpose};
use self::gate::Gate;

pub(crate) use self::cache::Usage;

/// The tokens of all users, in this process.
pub(crate) struct UserTokens {
    runtime: Handle,
    cache: Cache,
    parties: Mutex<HashMap<Purpose, Weak<Party>>>,
}

/// Users of one route: on whose behalf one client asks for one scope.
pub(crate) struct Users {
    tokens: Arc<UserTokens>,
    client: Arc<ConfidentialClient>,
    party: Arc<Party>,
}

/// The token of the user who stands behind a request.
pub(crate) struct UserToken<'u> {
    users: &'u Arc<Users>,
    user: OnBehalfOf,
    entry: Arc<Succession>,
}

/// What the routes have in common whose users' tokens are one another's.
struct Party {
    purpose: Arc<Purpose>,
    gate: Arc<Gate>,
    metrics: AcquisitionMetrics,
}

impl UserTokens {
    /// No tokens yet, and never more than so many bytes of them; acquisitions will run on `runtime`.
    pub(crate) fn new(runtime: Handle, most_bytes: u64) -> Self {
        Self { runtime, cache: Cache::new(most_bytes), parties: Mutex::default() }
    }

    /// Holds no more than so many bytes from now on. What fits is kept.
    pub(crate) fn limit(&self, most_bytes: u64) {
        self.cache.limit(most_bytes);
    }

    /// How much it holds.
    pub(crate) fn usage(&self) -> Usage {
        self.cache.usage()
    }

    /// Those on whose behalf this client asks for this scope. What was got for the same by the same
    /// client is theirs.
    pub(crate) fn users(
        self: &Arc<Self>,
        client: &Arc<ConfidentialClient>,
        scope: &str,
        exchange: Exchange,
    ) -> Users {
        let purpose = Purpose { request: TokenRequest::new(client, scope), exchange };
        let mut parties = self.parties.lock().unwrap_or_else(PoisonError::into_inner);
        parties.retain(|_, party| party.strong_count() > 0);
        let party = parties.get(&purpose).and_then(Weak::upgrade).unwrap_or_else(|| {
            let alive = || parties.values().filter_map(Weak::upgrade);
            let same = alive().find(|it| it.purpose.request.client == purpose.request.client);
            let gate = same.map_or_else(Arc::default, |party| party.gate.clone());
            let purpose = Arc::new(purpose);
            Arc::new(Party { purpose, gate, metrics: AcquisitionMetrics::default() })
        });
        parties.insert((*party.purpose).clone(), Arc::downgrade(&party));
        Users { tokens: self.clone(), client: client.clone(), party }
    }
}

impl Users {
    /// The token of the user for whom this assertion stands, which was found good for this request;
    /// at Entra, of the tenant that it names.
    pub(crate) fn of(
        self: &Arc<Self>,
        assertion: &Arc<Assertion>,
        tenant: Option<Uuid>,
    ) -> UserToken<'_> {
        let assertion = assertion.clone();
        let user = OnBehalfOf { assertion, tenant, exchange: self.party.purpose.exchange };
        let entry = self.tokens.cache.entry(&self.key(&user), user.assertion.ends_at());
        UserToken { users: self, user, entry }
    }

    /// The client that acts on their behalf.
    pub(crate) fn client(&self) -> &Arc<ConfidentialClient> {
        &self.client
    }

    /// The scopes that their tokens are for.
    pub(crate) fn scope(&self) -> &str {
        &self.party.purpose.request.scope
    }

    /// Counts of acquisitions.
    pub(crate) fn metrics(&self) -> &AcquisitionMetrics {
        &self.party.metrics
    }

    /// Whether they have their tokens in common.
    pub(crate) fn are_those_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.party, &other.party)
    }

    /// Why nobody gets a token now, if that is so.
    pub(crate) fn trouble(&self, now: Instant) -> Option<Arc<AcquireError>> {
        self.party.gate.trouble(now)
    }

    /// Where they sign in, of this tenant or the client's own, if the authority has said it.
    pub(crate) fn authorization_uri(&self, tenant: Option<Uuid>) -> Option<Url> {
        self.client.authorization_uri(tenant)
    }

    fn key(&self, user: &OnBehalfOf) -> Key {
        let purpose = self.party.purpose.clone();
        Key { purpose, tenant: user.tenant, assertion: user.assertion.sha256() }
    }
}

impl UserToken<'_> {
    /// A token that may be sent now, and never past the assertion's end.
    pub(crate) async fn token(&self) -> Result<Arc<AccessToken>, Held> {
        if self.user.assertion.ends_at() <= Instant::now() {
            let error = Arc::new(AcquireError::AssertionEnded);
            return Err(Held { error, retry_after: Duration::ZERO });
        }
        self.entry.token(|| self.asking()).await
    }

    /// Takes `rejected` out of use, since the origin server refused it, and asks for its successor
    /// with the claims that it demanded. True where another attempt makes sense.
    pub(crate) fn reject(&self, rejected: &Arc<AccessToken>, demanded: Option<Claims>) -> bool {
        self.entry.reject(rejected, demanded, || self.asking())
    }

    /// `WWW-Authenticate` for a user whose next token must carry these claims, so that the caller can
    /// have the user sign in again (Entra's claims challenge); without claims, for one who needs a new
    /// token of any kind.
    pub(crate) fn challenge(&self, claims: Option<&Claims>) -> HeaderValue {
        let mut challenge = String::from("Bearer realm=\"dicom-gateway\"");
        if let Some(uri) = self.users.authorization_uri(self.user.tenant) {
            // A URL has no quotation marks: they are percent-encoded.
            challenge.push_str(&format!(", authorization_uri=\"{uri}\""));
        }
        match claims.and_then(Claims::encoded) {
            Some(claims) => {
                challenge.push_str(&format!(", error=\"insufficient_claims\", claims=\"{claims}\""))
            }
            None => challenge.push_str(", error=\"invalid_token\""),
        }
        HeaderValue::try_from(challenge)
            .unwrap_or_else(|_| HeaderValue::from_static("Bearer realm=\"dicom-gateway\""))
    }

    fn asking(&self) -> Asking {
        Asking { users: self.users.clone(), user: self.user.clone(), entry: self.entry.clone() }
    }
}

/// One request's question, which outlives the request.
struct Asking {
    users: Arc<Users>,
    user: OnBehalfOf,
    entry: Arc<Succession>,
}

impl Acquire for Asking {
    fn runtime(&self) -> &Handle {
        &self.users.tokens.runtime
    }

    async fn ask(&self, demanded: Option<&Claims>) -> Result<AccessToken, Failure> {
        let (client, OnBehalfOf { assertion, tenant, .. }) = (&self.users.client, &self.user);
        let patience = client.config().timeout;
        let pass = self.users.party.gate.pass(*tenant, assertion.sha256(), patience);
        let pass = pass.await.map_err(Failure::Shared)?;
        let grant = Grant::OnBehalfOf(self.user.clone());
        let acquired = client.acquire(self.users.scope(), &grant, demanded).await;
        let acquired = acquired.map_err(Arc::new);
        pass.ended(acquired.as_ref().err(), &client.config().name);
        let token = acquired.map_err(Failure::Own)?;
        Ok(token.until(assertion.ends_at()))
    }

    fn ended(&self, ending: &Ending) {
        ending.count(&self.users.party.metrics);
        if let Ending::Failed { error, in_hand } = ending
            // What only the user can mend is told to the caller, and with the request in the log.
            && !matches!(**error, AcquireError::UserNeeded { .. } | AcquireError::AssertionRefused { .. })
        {
            tell(&self.users.client.config().name, error, *in_hand);
        }
        let key = self.users.key(&self.user);
        self.users.tokens.cache.weigh(key, &self.entry, self.user.assertion.ends_at());
    }
}

#[cfg(test)]
mod tests;
