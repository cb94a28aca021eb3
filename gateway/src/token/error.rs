//! Why no token came, and how long that answer holds.

use std::time::Duration;

use uuid::Uuid;

use super::aadsts::{Advice, Class};
use super::{Claims, CredentialError};

/// Why no token came. Its words go to the log, never to a caller.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum AcquireError {
    /// The credential cannot be read.
    #[error("the client's credential cannot be read")]
    Credential(#[source] CredentialError),
    /// The authority said no to this client: an operator must act.
    #[error("the authority refused this client: {error}{}", Codes(&.said.codes))]
    Refused {
        /// `error` of RFC 6749, section 5.2, if it is one that the gateway knows.
        error: &'static str,
        /// What else may be told of the answer.
        said: Said,
    },
    /// The authority gives no token for this user until the user has signed in again.
    #[error("the authority wants the user: {error}{}", Codes(&.said.codes))]
    UserNeeded {
        /// As for [`Self::Refused`].
        error: &'static str,
        /// What the user's next token must carry, if the authority says so.
        claims: Option<Claims>,
        /// What else may be told of the answer.
        said: Said,
    },
    /// The authority gives no token for this user until an administrator has consented, or let the
    /// user in.
    #[error("the authority lets no token be had for this user: {error}{}", Codes(&.said.codes))]
    NotGranted {
        /// As for [`Self::Refused`].
        error: &'static str,
        /// What else may be told of the answer.
        said: Said,
    },
    /// The authority does not take the caller's token for the user's.
    #[error("the authority refuses what stands for the user: {error}{}", Codes(&.said.codes))]
    AssertionRefused {
        /// As for [`Self::Refused`].
        error: &'static str,
        /// What else may be told of the answer.
        said: Said,
    },
    /// The caller's token has ended since it was found good.
    #[error("the caller's token has ended")]
    AssertionEnded,
    /// The authority wants to be left alone.
    #[error(
        "the authority throttles this client for {} s{}", .retry_after.as_secs(), Codes(&.said.codes)
    )]
    Throttled {
        /// For how long; at most an hour.
        retry_after: Duration,
        /// What else may be told of the answer.
        said: Said,
    },
    /// The authority answered that it cannot answer.
    #[error("the authority is out of order: status {status}{}", Codes(&.said.codes))]
    Unavailable {
        /// Of the answer.
        status: u16,
        /// How long it wants to be left alone, if it says so.
        retry_after: Option<Duration>,
        /// What else may be told of the answer.
        said: Said,
    },
    /// No answer came.
    #[error("the authority cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// No answer came in time.
    #[error("the authority did not answer in time")]
    Late,
    /// An answer came, and is none.
    #[error("the authority's answer cannot be used: {0}")]
    Malformed(&'static str),
    /// The acquisition itself failed: a bug.
    #[error("the acquisition broke down")]
    Broken,
}

/// What may be told of an authority's answer: numbers, and words of our own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    /// Entra's numbers (AADSTS…).
    pub codes: Vec<u32>,
    /// By which Entra's operators find the request: `correlation_id`.
    pub correlation_id: Option<Uuid>,
    /// And its answer: `trace_id`.
    pub trace_id: Option<Uuid>,
    /// What an operator should do about it.
    pub advice: Option<&'static Advice>,
}

impl AcquireError {
    /// What the authority said, if it said anything.
    pub(crate) fn said(&self) -> Option<&Said> {
        match self {
            Self::Refused { said, .. }
            | Self::UserNeeded { said, .. }
            | Self::NotGranted { said, .. }
            | Self::AssertionRefused { said, .. }
            | Self::Throttled { said, .. }
            | Self::Unavailable { said, .. } => Some(said),
            Self::Credential(_)
            | Self::AssertionEnded
            | Self::Unreachable(_)
            | Self::Late
            | Self::Malformed(_)
            | Self::Broken => None,
        }
    }

    /// For how long asking again would be useless or rude. `failures` counts those in a row.
    pub(super) fn holds_for(&self, failures: u32) -> Duration {
        let jitter = 0.5 + fastrand::f64() / 2.0;
        match self {
            Self::Credential(_) | Self::Refused { .. } => REFUSAL.mul_f64(jitter),
            Self::UserNeeded { .. }
            | Self::NotGranted { .. }
            | Self::AssertionRefused { .. }
            | Self::AssertionEnded => OF_USER.mul_f64(jitter),
            Self::Throttled { retry_after, .. }
            | Self::Unavailable { retry_after: Some(retry_after), .. } => {
                // It may be nothing, or a date that by our clock is past.
                (*retry_after).max(back_off(failures).mul_f64(jitter))
            }
            Self::Unavailable { retry_after: None, .. }
            | Self::Unreachable(_)
            | Self::Late
            | Self::Malformed(_)
            | Self::Broken => back_off(failures).mul_f64(jitter),
        }
    }

    /// Whether another credential of the same client may fare better: this one cannot be read, or
    /// the authority does not take it (RFC 6749, section 5.2; RFC 7523, sections 3.1 and 3.2).
    pub(super) fn blames_credential(&self) -> bool {
        match self {
            Self::Credential(_) => true,
            Self::Refused { error, said } => {
                said.advice.is_some_and(|advice| advice.class == Class::Credential)
                    // Of an assertion that is itself the grant; Entra's has a number that says more.
                    || *error == "invalid_grant" && said.codes.is_empty()
            }
            Self::UserNeeded { .. }
            | Self::NotGranted { .. }
            | Self::AssertionRefused { .. }
            | Self::AssertionEnded
            | Self::Throttled { .. }
            | Self::Unavailable { .. }
            | Self::Unreachable(_)
            | Self::Late
            | Self::Malformed(_)
            | Self::Broken => false,
        }
    }

    /// Whether the authority said no, to what was asked.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. }) || self.blames_user()
    }

    /// Whether it says something of one user only, and of the authority that it works.
    pub(super) fn blames_user(&self) -> bool {
        match self {
            Self::UserNeeded { .. }
            | Self::NotGranted { .. }
            | Self::AssertionRefused { .. }
            | Self::AssertionEnded => true,
            Self::Credential(_)
            | Self::Refused { .. }
            | Self::Throttled { .. }
            | Self::Unavailable { .. }
            | Self::Unreachable(_)
            | Self::Late
            | Self::Malformed(_)
            | Self::Broken => false,
        }
    }

    /// Whether it stays as it is until an operator has done something.
    pub(crate) fn wants_operator(&self) -> bool {
        matches!(self, Self::Credential(_) | Self::Refused { .. })
    }

    /// What it holds on the heap, in bytes, more or less.
    pub(super) fn size(&self) -> usize {
        let claims = if let Self::UserNeeded { claims: Some(claims), .. } = self {
            claims.size()
        } else {
            0
        };
        size_of::<Self>() + claims
    }

    /// A word of a closed list, for metrics.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Credential(_) => "credential",
            Self::Refused { .. } => "refused",
            Self::UserNeeded { .. } => "user_needed",
            Self::NotGranted { .. } => "not_granted",
            Self::AssertionRefused { .. } | Self::AssertionEnded => "assertion",
            Self::Throttled { .. } => "throttled",
            Self::Unavailable { .. } => "unavailable",
            Self::Unreachable(_) => "unreachable",
            Self::Late => "late",
            Self::Malformed(_) => "malformed",
            Self::Broken => "broken",
        }
    }

    /// The words of [`Self::kind`].
    pub(crate) const KINDS: [&'static str; 11] = [
        "credential",
        "refused",
        "user_needed",
        "not_granted",
        "assertion",
        "throttled",
        "unavailable",
        "unreachable",
        "late",
        "malformed",
        "broken",
    ];
}

fn back_off(failures: u32) -> Duration {
    (OUTAGE_FIRST * 2u32.saturating_pow(failures.min(8))).min(OUTAGE_MOST)
}

struct Codes<'a>(&'a [u32]);

impl std::fmt::Display for Codes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|code| write!(f, " AADSTS{code}"))
    }
}

/// Shields the authority from a wrong configuration, and shows a mended one soon.
const REFUSAL: Duration = Duration::from_secs(10);

/// A user who has signed in again brings another token, which is another question: this is for those
/// who bring the same one, and for a consent that was given meanwhile.
const OF_USER: Duration = Duration::from_secs(5);

/// The first pause of an outage.
const OUTAGE_FIRST: Duration = Duration::from_millis(250);

/// The longest pause of an outage: callers must notice its end within two seconds.
const OUTAGE_MOST: Duration = Duration::from_millis(1500);

/// The longest that an authority may ask to be left alone.
pub(super) const RETRY_AFTER_MOST: Duration = Duration::from_secs(3600);
