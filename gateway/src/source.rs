//! By whose right a route's tokens are got: the application's own, or its users'.

use std::sync::Arc;
use std::time::Instant;

use crate::caller::Principal;
use crate::error::Error;
use crate::token::{AccessToken, AcquireError, Claims, Held, Slot, UserToken, Users};

/// Where a route's tokens come from.
#[derive(Clone)]
pub(crate) enum Source {
    /// All who may call use the application's own.
    Application(Arc<Slot>),
    /// Users use their own.
    Users {
        /// Those behind whom there is one.
        users: Arc<Users>,
        /// What others use, where they are let in at all.
        others: Option<Arc<Slot>>,
    },
}

/// Where the token for one request comes from.
pub(crate) enum Holder<'r> {
    /// The application has it.
    Application(&'r Arc<Slot>),
    /// A user has it.
    User(UserToken<'r>),
}

impl Source {
    /// Where the token for a request of this principal comes from.
    pub(crate) fn of(&self, principal: &Principal) -> Result<Holder<'_>, Error> {
        match (self, principal) {
            (Self::Application(slot), _) => Ok(Holder::Application(slot)),
            (Self::Users { users, .. }, Principal::Bearer(user)) if !user.is_app_only() => {
                Ok(Holder::User(users.of(user.assertion(), user.tenant())))
            }
            (Self::Users { others: Some(slot), .. }, Principal::Bearer(_)) => {
                Ok(Holder::Application(slot))
            }
            (Self::Users { .. }, _) => Err(Error::NoUser),
        }
    }

    /// The application's own tokens, if any request uses them.
    pub(crate) fn slot(&self) -> Option<&Arc<Slot>> {
        match self {
            Self::Application(slot) => Some(slot),
            Self::Users { others, .. } => others.as_ref(),
        }
    }

    /// The users, if any request is made on their behalf.
    pub(crate) fn users(&self) -> Option<&Arc<Users>> {
        match self {
            Self::Application(_) => None,
            Self::Users { users, .. } => Some(users),
        }
    }

    /// Why it gives no tokens now, in words and as it happened, if that is so. Of users only what an
    /// operator has to mend counts: tokens in hand are good whatever the authority does, and which
    /// user will ask next nobody knows.
    pub(crate) fn trouble(&self, now: Instant) -> Option<(String, Option<Arc<AcquireError>>)> {
        if let Some(slot) = self.slot() {
            let status = slot.status(now);
            match (status.token, status.failure) {
                (Some(_), _) => {}
                (None, Some(failure)) => return Some((failure.to_string(), Some(failure))),
                (None, None) => return Some(("no token yet".to_owned(), None)),
            }
        }
        let failure = self.users()?.trouble(now).filter(|error| error.wants_operator())?;
        Some((failure.to_string(), Some(failure)))
    }
}

impl Holder<'_> {
    /// A token that may be sent now.
    pub(crate) async fn token(&self) -> Result<Arc<AccessToken>, Error> {
        match self {
            Self::Application(slot) => slot.token().await.map_err(Error::Acquire),
            Self::User(user) => user.token().await.map_err(|held| of_user(user, held)),
        }
    }

    /// Takes `rejected` out of use, since the origin server refused it, and asks for its successor
    /// with the claims that it demanded. True where another attempt makes sense.
    pub(crate) fn reject(&self, rejected: &Arc<AccessToken>, demanded: Option<Claims>) -> bool {
        match self {
            Self::Application(slot) => slot.reject(rejected, demanded),
            Self::User(user) => user.reject(rejected, demanded),
        }
    }

    /// What the caller is told where the origin server takes no token, and demands this: a user can
    /// sign in again, an application can do nothing.
    pub(crate) fn refused(&self, demanded: Option<&Claims>) -> Error {
        match (self, demanded) {
            (Self::User(user), Some(claims)) => Error::StepUp(user.challenge(Some(claims))),
            _ => Error::TokenRefused,
        }
    }
}

fn of_user(user: &UserToken<'_>, held: Held) -> Error {
    let challenge = match &*held.error {
        AcquireError::UserNeeded { claims, .. } => user.challenge(claims.as_ref()),
        AcquireError::AssertionRefused { .. } | AcquireError::AssertionEnded => {
            user.challenge(None)
        }
        _ => return Error::Acquire(held),
    };
    Error::UserNeeded(held, challenge)
}
