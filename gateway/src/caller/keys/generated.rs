//! Keys that the gateway makes.
//!
//! `dgw_`, then 36 bytes in base64url: 32 random ones, and the first four of their SHA-256. So programs
//! that search for secrets can tell a key from anything else, no typing error is ever looked up, and
//! without a dot none is taken for a token. Since nobody can guess 256 random bits, one round of
//! SHA-256 is hash enough: a salt, a secret or a costly function would protect what needs no protection.

use aws_lc_rs::{digest, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::zeroize::Zeroizing;

/// A new key.
pub(super) fn generate() -> Zeroizing<String> {
    let mut bytes = Zeroizing::new([0; LENGTH]);
    rand::fill(&mut bytes[..RANDOM]).expect("the system has random numbers");
    let sum = sha256(&bytes[..RANDOM]);
    bytes[RANDOM..].copy_from_slice(&sum[..LENGTH - RANDOM]);
    // With room for all of it: a string that grows leaves copies behind.
    let mut key = Zeroizing::new(String::with_capacity(PREFIX.len() + ENCODED));
    key.push_str(PREFIX);
    URL_SAFE_NO_PAD.encode_string(&bytes[..], &mut key);
    key
}

/// The hash of what begins as a generated key does, and is as long: one round of SHA-256, for keys that
/// are known.
pub(super) fn hash_by_form(key: &str) -> Option<[u8; 32]> {
    encoded(key).map(|_| sha256(key.as_bytes()))
}

/// The hash of what has a generated key's form, its sum included; whether it is one, nobody can tell but
/// by the hash.
pub(super) fn hash(key: &str) -> Option<[u8; 32]> {
    let encoded = encoded(key)?;
    let mut bytes = Zeroizing::new([0; LENGTH]);
    URL_SAFE_NO_PAD.decode_slice(encoded, &mut bytes[..]).ok()?;
    let is_whole = sha256(&bytes[..RANDOM]).starts_with(&bytes[RANDOM..]);
    is_whole.then(|| sha256(key.as_bytes()))
}

fn encoded(key: &str) -> Option<&str> {
    key.strip_prefix(PREFIX).filter(|encoded| encoded.len() == ENCODED)
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, bytes);
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// What a generated key begins with.
const PREFIX: &str = "dgw_";

const RANDOM: usize = 32;

/// A multiple of three, so that each key has one encoding only.
const LENGTH: usize = RANDOM + 4;

const ENCODED: usize = LENGTH / 3 * 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_its_form_and_hashed_as_a_shell_would() {
        let (key, other) = (generate(), generate());
        assert_ne!(*key, *other);
        assert_eq!(key.len(), 52);
        assert!(key.starts_with("dgw_") && !key.contains('.'));
        assert_eq!(hash(&key), Some(sha256(key.as_bytes())));
    }

    #[test]
    fn one_wrong_character_anywhere_is_no_key() {
        let key = generate();
        for index in 0..key.len() {
            let mut wrong = key.as_bytes().to_vec();
            wrong[index] = if wrong[index] == b'A' { b'B' } else { b'A' };
            assert_eq!(hash(std::str::from_utf8(&wrong).unwrap()), None, "at {index}");
        }
        for wrong in [&key[..51], &format!("{}=", *key), &format!("{} ", *key), "", "dgw_"] {
            assert_eq!(hash(wrong), None);
        }
    }
}
