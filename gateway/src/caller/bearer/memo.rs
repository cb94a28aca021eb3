//! Tokens that were found good a moment ago.
//!
//! A viewer shows the same token hundreds of times a minute, and a signature costs more than all else
//! that the gateway does for a small request. What is kept is keyed by the token's whole SHA-256, and
//! says under which set of keys it was found good; who finds it looks at the clock and at the keys anew.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use aws_lc_rs::digest::{SHA256, digest};

use super::user::User;

/// A token's SHA-256.
pub(super) type Digest = [u8; 32];

/// Tokens in a bounded number of bytes, shared by all workers.
pub(super) struct Memo {
    shelves: Box<[Mutex<Shelf>]>,
}

type Shelf = Vec<(Digest, Seen)>;

/// A token that was good.
#[derive(Clone)]
pub(super) struct Seen {
    /// Which issuer's.
    pub issuer: usize,
    /// Which set of the issuer's keys.
    pub keys: u64,
    /// Whom it was given to.
    pub user: Arc<User>,
    /// When it will be of no more use.
    pub until: SystemTime,
    /// How long the token is.
    pub length: usize,
}

impl Memo {
    /// Nothing, with room for what takes so many bytes.
    pub(super) fn of_bytes(most: u64) -> Self {
        let shelves = (usize::try_from(most).unwrap_or(usize::MAX) / SHELF_BYTES).max(1);
        Self { shelves: (0..shelves).map(|_| Mutex::default()).collect() }
    }

    /// What is known of this token.
    pub(super) fn find(&self, token: &Digest) -> Option<Seen> {
        let shelf = self.shelf(token).lock().unwrap_or_else(PoisonError::into_inner);
        shelf.iter().find(|(digest, _)| digest == token).map(|(_, seen)| seen.clone())
    }

    /// Keeps it instead of what was known of this token. What has ended is forgotten, and then, on a full
    /// shelf, those that end first.
    pub(super) fn keep(&self, token: Digest, seen: Seen, now: SystemTime) {
        let mut shelf = self.shelf(&token).lock().unwrap_or_else(PoisonError::into_inner);
        shelf.retain(|(digest, seen)| *digest != token && seen.until > now);
        let kept = shelf.iter().map(|(_, seen)| seen.bytes()).sum::<usize>();
        let mut bytes = kept + seen.bytes();
        let until = |(_, (_, seen)): &(usize, &(Digest, Seen))| seen.until;
        while bytes > SHELF_BYTES
            && let Some((place, _)) = shelf.iter().enumerate().min_by_key(until)
        {
            bytes -= shelf.swap_remove(place).1.bytes();
        }
        shelf.push((token, seen));
    }

    /// Digests are as good as random, and only who has good tokens brings any here.
    fn shelf(&self, token: &Digest) -> &Mutex<Shelf> {
        let [a, b, c, d, ..] = *token;
        let number = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or_default();
        &self.shelves[number % self.shelves.len()]
    }
}

impl Seen {
    /// What is kept of it at most: the token, what it says, which is hardly more, and their places.
    fn bytes(&self) -> usize {
        PLACE + 2 * self.length
    }
}

/// What tells a token from every other one.
pub(super) fn sha256(token: &str) -> Digest {
    let mut sha256 = Digest::default();
    sha256.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    sha256
}

/// So many of the largest tokens. Some thirty of Entra's, which are of 2 KiB, are few enough to be looked
/// through for less than a hash table would cost.
const SHELF: usize = 8;

const SHELF_BYTES: usize = SHELF * (PLACE + 2 * REMEMBERED_MOST);

/// What is kept of the shortest.
const PLACE: usize = 1 << 10;

/// Larger tokens are looked at anew each time.
pub(super) const REMEMBERED_MOST: usize = 8 << 10;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_holds_no_more_than_it_may_and_those_that_end_last() {
        let memo = Memo::of_bytes(BYTES);
        for until in 1..10_000u64 {
            memo.keep(sha256(&until.to_string()), seen(until), at(0));
        }
        let shelves = memo.shelves.iter().map(|shelf| shelf.lock().expect("no panic").len());
        assert!(shelves.clone().all(|tokens| tokens <= SHELF), "{:?}", shelves.max());
        assert_eq!(memo.find(&sha256("9999")).map(|seen| seen.until), Some(at(9_999)));
        assert!(memo.find(&sha256("1")).is_none());
    }

    #[test]
    fn it_has_room_for_as_many_users_as_it_has_bytes_for() {
        let memo = Memo::of_bytes(2 << 30);
        let users = 100_000u64;
        for user in 0..users {
            memo.keep(sha256(&user.to_string()), seen(9), at(0));
        }
        let known = (0..users).filter(|user| memo.find(&sha256(&user.to_string())).is_some());
        let known = known.count() as u64;
        assert!(known > users / 10 * 9, "{known}");
        assert_eq!(Memo::of_bytes(0).shelves.len(), 1);
    }

    #[test]
    fn it_has_room_for_more_of_the_usual_size() {
        let memo = Memo::of_bytes(64 << 20);
        let users = 10_000u64;
        for user in 0..users {
            let seen = Seen { length: 2 << 10, ..seen(9) };
            memo.keep(sha256(&user.to_string()), seen, at(0));
        }
        let known = (0..users).filter(|user| memo.find(&sha256(&user.to_string())).is_some());
        let known = known.count() as u64;
        assert!(known > users / 100 * 97, "{known}");
    }

    #[test]
    fn what_has_ended_makes_room() {
        let memo = Memo::of_bytes(BYTES);
        let token = sha256("token");
        let mut other = token;
        other[31] ^= 1;
        memo.keep(token, seen(7), at(0));
        memo.keep(other, seen(9), at(8));
        assert!(memo.find(&token).is_none());
        assert!(memo.find(&other).is_some());
    }

    #[test]
    fn what_is_known_of_a_token_is_replaced() {
        let memo = Memo::of_bytes(BYTES);
        for keys in [1, 2] {
            memo.keep(sha256("token"), Seen { keys, ..seen(7) }, at(0));
        }
        assert_eq!(memo.find(&sha256("token")).map(|seen| seen.keys), Some(2));
        assert_eq!(memo.shelf(&sha256("token")).lock().expect("no panic").len(), 1);
    }

    const BYTES: u64 = 32 << 20;

    fn seen(until: u64) -> Seen {
        Seen { issuer: 0, keys: 0, user: Arc::default(), until: at(until), length: REMEMBERED_MOST }
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }
}
