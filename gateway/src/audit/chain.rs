//! What makes a changed record show: each one names the hash of the one before.
//!
//! A line of the file is the record with `seq` and `prev` before its own fields and `hash` after them.
//! The hash is SHA-256 of the line's bytes before `,"hash"`, or HMAC-SHA-256 with the chain's key; since
//! `prev` is among these bytes, it stands for all records before. The first line of each file says so
//! (`"first":true`), so that a file shows by itself that its first lines are there.

use std::io::Write;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;

/// How hashes are made.
#[derive(Clone)]
pub(super) enum Hasher {
    Plain,
    Keyed(Box<hmac::Key>),
}

/// Where a chain stands: its last record's number and hash.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Head {
    pub(super) seq: u64,
    pub(super) hash: Hash,
}

/// A hash as it is written: 64 hexadecimal digits.
pub(super) type Hash = [u8; 64];

/// One line of the file, taken apart.
#[derive(Debug)]
pub(super) struct Link<'l> {
    pub(super) head: Head,
    pub(super) prev: Hash,
    pub(super) is_first: bool,
    hashed: &'l [u8],
}

/// What `.chain` says beside the file: where the chain stands, and where the file in use began.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Seal {
    pub(super) head: Head,
    /// Number of the first record that is in the file, or will be.
    pub(super) begins: u64,
}

impl Hasher {
    /// With a key, or without one.
    pub(super) fn new(key: Option<&[u8]>) -> Self {
        key.map_or(Self::Plain, |key| Self::Keyed(Box::new(hmac::Key::new(hmac::HMAC_SHA256, key))))
    }

    /// Appends a record, which is one JSON object, as the line after `head`, and moves `head` on.
    pub(super) fn link(
        &self,
        head: &mut Head,
        is_first: bool,
        (record, out): (&[u8], &mut Vec<u8>),
    ) {
        let start = out.len();
        // No life is that long: who put such a number in shows, and stops nothing.
        head.seq = head.seq.saturating_add(1);
        out.extend_from_slice(SEQ);
        // Writing to a Vec does not fail.
        let _ = write!(out, "{}", head.seq);
        out.extend_from_slice(PREV);
        out.extend_from_slice(&head.hash);
        out.extend_from_slice(if is_first { FIRST } else { NEXT });
        out.extend_from_slice(&record[1..record.len() - 1]);
        head.hash = self.hash(&out[start..]);
        out.extend_from_slice(HASH);
        out.extend_from_slice(&head.hash);
        out.extend_from_slice(b"\"}\n");
    }

    /// Whether a line is as it was written.
    pub(super) fn fits(&self, link: &Link<'_>) -> bool {
        verify_slices_are_equal(&self.hash(link.hashed), &link.head.hash).is_ok()
    }

    /// A seal as `.chain` holds it.
    pub(super) fn seal(&self, seal: &Seal) -> Vec<u8> {
        let Seal { head: Head { seq, hash }, begins } = seal;
        let mut text = format!("{seq:020} {begins:020} ").into_bytes();
        text.extend_from_slice(hash);
        let sealed = self.hash(&text);
        text.push(b' ');
        text.extend_from_slice(&sealed);
        text.push(b'\n');
        text
    }

    /// Reads a seal; `None` if it is none, or another one's.
    pub(super) fn unseal(&self, text: &[u8]) -> Option<Seal> {
        if text.len() != SEAL {
            return None;
        }
        let number = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse().ok();
        let head = Head { seq: number(&text[..20])?, hash: text[42..106].try_into().ok()? };
        let seal = Seal { head, begins: number(&text[21..41])? };
        verify_slices_are_equal(&self.seal(&seal), text).is_ok().then_some(seal)
    }

    fn hash(&self, bytes: &[u8]) -> Hash {
        match self {
            Self::Plain => hex(digest(&SHA256, bytes).as_ref()),
            Self::Keyed(key) => hex(hmac::sign(key, bytes).as_ref()),
        }
    }
}

impl Default for Head {
    /// Before the first record.
    fn default() -> Self {
        Self { seq: 0, hash: [b'0'; 64] }
    }
}

impl<'l> Link<'l> {
    /// Takes a line apart, which has no line end; `None` if it is none of a chain's.
    pub(super) fn parse(line: &'l [u8]) -> Option<Self> {
        let rest = line.strip_prefix(SEQ)?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let seq = std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
        let rest = rest[digits..].strip_prefix(PREV)?;
        let (prev, rest) = hash(rest)?;
        let is_first = rest.starts_with(FIRST);
        rest.strip_prefix(NEXT)?;
        let (line_before, last) = line.split_at_checked(line.len().checked_sub(END)?)?;
        let (own, rest) = hash(last.strip_prefix(HASH)?)?;
        (rest == b"\"}").then_some(Self {
            head: Head { seq, hash: own },
            prev,
            is_first,
            hashed: line_before,
        })
    }

    /// Whether it is the one that was written after `head`.
    pub(super) fn follows(&self, head: &Head) -> bool {
        head.seq.checked_add(1) == Some(self.head.seq) && head.hash == self.prev
    }
}

/// Some digits that tell one text from another.
pub(super) fn short(text: &[u8]) -> String {
    let hash = hex(digest(&SHA256, text).as_ref());
    hash[..8].iter().copied().map(char::from).collect()
}

fn hash(text: &[u8]) -> Option<(Hash, &[u8])> {
    let (hash, rest) = text.split_first_chunk::<64>()?;
    let is_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    hash.iter().all(is_hex).then_some((*hash, rest))
}

fn hex(bytes: &[u8]) -> Hash {
    let mut text = [0; 64];
    for (byte, pair) in bytes.iter().zip(text.chunks_exact_mut(2)) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    text
}

const SEQ: &[u8] = b"{\"seq\":";
const PREV: &[u8] = b",\"prev\":\"";
const NEXT: &[u8] = b"\",";
const FIRST: &[u8] = b"\",\"first\":true,";
const HASH: &[u8] = b",\"hash\":\"";
const END: usize = HASH.len() + 64 + 2;
const SEAL: usize = 20 + 1 + 20 + 1 + 64 + 1 + 64 + 1;
const DIGITS: &[u8; 16] = b"0123456789abcdef";
