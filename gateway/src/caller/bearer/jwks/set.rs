//! The keys that an issuer has at one time.

use std::time::Instant;

use super::key::Key;
use crate::caller::bearer::flaw::{self, Flaw};
use crate::caller::bearer::jws::Jws;

/// The keys of one answer.
#[derive(Debug)]
pub(in crate::caller::bearer) struct KeySet {
    /// The same for the same keys, however often they were fetched.
    pub version: u64,
    /// When they came.
    pub fetched_at: Instant,
    keys: Vec<Key>,
}

/// Why a token is not one that a key of the set signed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::caller::bearer) enum Mismatch {
    /// Its key is not in the set.
    UnknownKey,
    /// Its key is there, and did not sign it.
    Forged,
}

impl KeySet {
    /// What comes after those `before`.
    pub(super) fn after(before: Option<&Self>, keys: Vec<Key>) -> Self {
        let version = match before {
            Some(before) if before.keys == keys => before.version,
            Some(before) => before.version + 1,
            None => 0,
        };
        Self { version, fetched_at: Instant::now(), keys }
    }

    /// Looks at the signature. A token without the name of its key has to leave no choice.
    pub(in crate::caller::bearer) fn verify(&self, token: &Jws<'_>) -> Result<(), Mismatch> {
        let named = |key: &&Key| token.kid.is_none() || key.kid() == token.kid.as_deref();
        let mut named = self.keys.iter().filter(named).peekable();
        if named.peek().is_none() {
            return Err(Mismatch::UnknownKey);
        }
        let fit = named.filter(|key| key.fits(token)).collect::<Vec<_>>();
        let signed = match (&token.kid, &fit[..]) {
            (Some(_), several) => several.iter().any(|key| key.signed(token)),
            (None, [one]) => one.signed(token),
            (None, _) => return Err(Mismatch::Forged),
        };
        match (signed, &token.kid) {
            (true, _) => Ok(()),
            (false, Some(_)) => Err(Mismatch::Forged),
            (false, None) => Err(Mismatch::UnknownKey),
        }
    }
}

impl Mismatch {
    /// What is wrong with the token.
    pub(in crate::caller::bearer) fn flaw(self) -> Flaw {
        match self {
            Self::UnknownKey => flaw::UNKNOWN_KEY,
            Self::Forged => flaw::SIGNATURE,
        }
    }
}
