//! Keys that people chose: passwords.
//!
//! What people choose can be guessed, so their hashes are costly, argon2id (RFC 9106): some hundredths
//! of a second and 19 MiB for each try. Tries run beside the workers, few at a time, and which password
//! was right is remembered by a digest under a key that ends with the process.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::thread;

use arc_swap::ArcSwap;
use argon2::password_hash::phc::PasswordHash;
use argon2::{ARGON2ID_IDENT, Argon2, Params, PasswordHasher, PasswordVerifier};
use aws_lc_rs::{hmac, rand};
use secrecy::zeroize::Zeroizing;
use tokio::sync::Semaphore;

use crate::caller::Why;
use crate::caller::attempts::Attempts;

/// What is known of passwords beyond one generation.
pub(crate) struct Passwords {
    /// By the digest of a password, which of all hashes is its own. Only right ones are in it.
    known: ArcSwap<HashMap<Digest, Arc<str>>>,
    digests: hmac::Key,
    /// Those that may be tried at once.
    tries: Arc<Semaphore>,
    /// Those that may wait for that.
    places: Semaphore,
}

type Digest = [u8; 32];

impl Passwords {
    pub(crate) fn new() -> Self {
        let mut key = Zeroizing::new([0; 32]);
        rand::fill(&mut key[..]).expect("the system has random numbers");
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self {
            known: ArcSwap::default(),
            digests: hmac::Key::new(hmac::HMAC_SHA256, &key[..]),
            tries: Arc::new(Semaphore::new((cores / 2).max(1))),
            places: Semaphore::new(PLACES),
        }
    }

    /// Which of these hashes is that of the password. One that is wrong is counted for this address,
    /// also if the caller does not wait for the answer.
    pub(super) async fn which(
        self: &Arc<Self>,
        password: &str,
        hashes: &[Arc<str>],
        (address, attempts): (Option<IpAddr>, &Attempts),
    ) -> Result<Arc<str>, Why> {
        if password.is_empty() || password.len() > MOST_BYTES || hashes.is_empty() {
            return Err(attempts.failed(Why::Key, address));
        }
        let digest = self.digest(password);
        if let Some(hash) = self.known(&digest, hashes) {
            return Ok(hash);
        }
        attempts.may_guess(address)?;
        let _place = self.places.try_acquire().map_err(|_| Why::Busy)?;
        let leave = self.tries.clone().acquire_owned().await.map_err(|_| Why::Busy)?;
        // While we waited, the same password may have been found right, and others wrong.
        if let Some(hash) = self.known(&digest, hashes) {
            return Ok(hash);
        }
        attempts.may_guess(address)?;
        let (passwords, hashes) = (self.clone(), hashes.to_vec());
        let (password, attempts) = (Zeroizing::new(password.to_owned()), attempts.clone());
        let tried = tokio::task::spawn_blocking(move || {
            let _leave = leave;
            let hash = hashes.into_iter().find(|hash| is_of(hash, &password));
            let hash = hash.ok_or_else(|| attempts.failed(Why::Key, address))?;
            passwords.remember(digest, &hash);
            Ok(hash)
        });
        tried.await.unwrap_or(Err(Why::Busy))
    }

    fn digest(&self, password: &str) -> Digest {
        let tag = hmac::sign(&self.digests, password.as_bytes());
        tag.as_ref().try_into().expect("HMAC with SHA-256 has 32 bytes")
    }

    /// The hash that a password was found to have, if it is still among these.
    fn known(&self, digest: &Digest, hashes: &[Arc<str>]) -> Option<Arc<str>> {
        let known = self.known.load();
        let hash = known.get(digest)?;
        hashes.iter().find(|one| *one == hash).cloned()
    }

    fn remember(&self, digest: Digest, hash: &Arc<str>) {
        self.known.rcu(|known| {
            // Those of files that were replaced long ago.
            let mut known = if known.len() < KNOWN { (**known).clone() } else { HashMap::new() };
            known.insert(digest, hash.clone());
            known
        });
    }
}

/// Whether a password may be stored at all; else what would be right.
pub(super) fn may_be(password: &str) -> Result<(), &'static str> {
    if super::generated::hash(password).is_some() {
        return Err(
            "this is a generated key; `dicom-gateway key new` stores its hash as it makes it",
        );
    }
    if password.len() < LEAST_BYTES {
        return Err("a password has at least 12 characters: others are guessed");
    }
    if password.len() > MOST_BYTES {
        return Err("a password has at most 1024 characters");
    }
    let sendable = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    if !password.bytes().all(sendable) || password.trim() != password {
        return Err(
            "a password has ASCII characters, and no space at its ends: programs do not agree \
                    how others are sent",
        );
    }
    Ok(())
}

/// The hash of a password, with a salt of its own.
pub(super) fn hash(password: &str) -> Arc<str> {
    let mut salt = [0; 16];
    rand::fill(&mut salt).expect("the system has random numbers");
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
    hash.expect("salt and costs are sound").to_string().into()
}

/// Whether a PHC string is the hash of a password that can be tried; else what would be right.
pub(super) fn check(text: &str) -> Result<(), &'static str> {
    let malformed = "this is no whole argon2id hash; write all of it, from $argon2id$ on";
    let hash = PasswordHash::new(text).map_err(|_| malformed)?;
    if hash.algorithm != ARGON2ID_IDENT {
        return Err("of the argon2 functions only argon2id is taken");
    }
    let params = Params::try_from(&hash).map_err(|_| malformed)?;
    if hash.salt.is_none() || hash.hash.is_none_or(|output| output.as_bytes().len() < 16) {
        return Err(malformed);
    }
    let (memory, times) = (u64::from(params.m_cost()), u64::from(params.t_cost()));
    if memory * times < LEAST_COST {
        return Err("its costs are so low that it can be guessed; m=19456,t=2,p=1 are right");
    }
    if memory > MOST_MEMORY || times > 16 || params.p_cost() > 16 {
        return Err("one try would cost more than 256 MiB, or 16 rounds or lanes; \
                    m=19456,t=2,p=1 are right");
    }
    Ok(())
}

fn is_of(hash: &str, password: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

/// How many passwords a file may have: a wrong one is compared with each.
pub(super) const MOST: usize = 16;

const LEAST_BYTES: usize = 12;

const MOST_BYTES: usize = 1024;

/// KiB times rounds: the least of what OWASP recommends, in any of its proportions.
const LEAST_COST: u64 = 7 * 1024 * 5;

/// In KiB.
const MOST_MEMORY: u64 = 256 << 10;

/// More than any viewer asks for at once.
const PLACES: usize = 256;

/// More than files have, many times over.
const KNOWN: usize = 1024;

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_right_password_is_tried_once_and_a_wrong_one_each_time() {
        let passwords = Arc::new(Passwords::new());
        let hashes = [hash("correct horse"), hash("battery staple")];
        let attempts = Attempts::new(&Arc::default(), 2);
        let which = async |password| passwords.which(password, &hashes, (None, &attempts)).await;

        assert_eq!(which("battery staple").await, Ok(hashes[1].clone()));
        assert_eq!(which("battery stable").await, Err(Why::Key));
        assert_eq!(which("battery stable").await, Err(Why::Key));
        assert!(matches!(which("battery stable").await, Err(Why::TooOften(_))));
        assert!(
            matches!(which("correct horse").await, Err(Why::TooOften(_))),
            "what nobody knows to be right is not tried"
        );
        assert_eq!(which("battery staple").await, Ok(hashes[1].clone()));
    }

    #[tokio::test]
    async fn what_was_right_is_wrong_once_its_hash_is_gone() {
        let passwords = Arc::new(Passwords::new());
        let (old, new) = ([hash("correct horse")], [hash("battery staple")]);
        let attempts = Attempts::new(&Arc::default(), 9);
        assert!(passwords.which("correct horse", &old, (None, &attempts)).await.is_ok());
        assert_eq!(passwords.which("correct horse", &new, (None, &attempts)).await, Err(Why::Key));
    }

    #[tokio::test]
    async fn whoever_hangs_up_has_failed_all_the_same() {
        let passwords = Arc::new(Passwords::new());
        let hashes = [hash("correct horse")];
        let attempts = Attempts::new(&Arc::default(), 1);
        let guess = passwords.which("battery staple", &hashes, (None, &attempts));
        assert!(guess.now_or_never().is_none());
        while attempts.may_guess(None).is_ok() {
            tokio::task::yield_now().await;
        }
    }

    #[test]
    fn what_is_made_is_sound() {
        let one = hash("correct horse");
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_eq!(check(&one), Ok(()));
        assert!(is_of(&one, "correct horse") && !is_of(&one, "correct house"));
        assert_ne!(one, hash("correct horse"));
    }

    #[test]
    fn passwords_that_are_guessed_or_cannot_be_sent_are_refused() {
        assert_eq!(may_be("correct horse"), Ok(()));
        let generated = super::super::generated::generate();
        let long = "x".repeat(1025);
        for wrong in ["", "short", " correct horse", "correct horse\u{e9}", "correct\thorse", &long]
        {
            assert!(may_be(wrong).is_err(), "{wrong}");
        }
        assert!(may_be(&generated).is_err());
    }
}
