//! One transaction's record, written by hand.
//!
//! Every request writes one while a core waits for it, so it costs no allocation and no formatting: what
//! a configuration settles is rendered with its generation, and the rest is copied. What callers have
//! a say in is bounded and escaped. The bytes are those that `serde_json` makes of the same [`Entry`].
//!
//! [`Entry`]: super::entry::Entry

use std::io::Write;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use config::Transaction;
use http::{Method, StatusCode};
use uuid::fmt::Hyphenated;

use super::entry::Outcome;
use crate::caller::Principal;
use crate::error::{self, Blame};
use crate::record::trace::{hex, hex_id};
use crate::record::{Stamp, Trace};
use crate::transaction::{Resource, Uids};

/// What all records of a route have in common, rendered.
#[derive(Clone)]
pub(crate) struct Pieces {
    /// Route and origin server.
    place: Arc<[u8]>,
    /// The client whose right is used.
    client: Arc<[u8]>,
}

/// What a record tells of one transaction.
pub(crate) struct Line<'r> {
    pub(crate) id: u64,
    pub(crate) outcome: Outcome,
    /// Absent for who proved nothing.
    pub(crate) principal: Option<&'r Principal>,
    pub(crate) address: Option<IpAddr>,
    pub(crate) pieces: &'r Pieces,
    /// Whether there was a token to go on with.
    pub(crate) used_client: bool,
    pub(crate) transaction: Option<Transaction>,
    pub(crate) resource: Option<Resource>,
    pub(crate) method: &'r Method,
    pub(crate) uids: Uids<'r>,
    pub(crate) status: StatusCode,
    pub(crate) blame: Option<(Blame, &'static str)>,
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) duration: Duration,
    pub(crate) trace: &'r Trace,
    /// Whether another proxy asked.
    pub(crate) vouched: bool,
    pub(crate) emergency: Option<&'r str>,
}

impl Pieces {
    /// For the route of this name, its origin server's host and port, and its client's name.
    pub(crate) fn new(route: &str, origin: &str, client: &str) -> Self {
        let piece = |members: &[(&str, &str)]| {
            let mut piece = Vec::new();
            for (name, value) in members {
                piece.extend_from_slice(name.as_bytes());
                escape(&mut piece, value);
                piece.push(b'"');
            }
            Arc::from(piece)
        };
        Self {
            place: piece(&[(",\"route\":\"", route), (",\"origin\":\"", origin)]),
            client: piece(&[(",\"client\":\"", client)]),
        }
    }
}

impl Line<'_> {
    /// Writes the record and a line end.
    pub(crate) fn write(&self, stamp: &Stamp, out: &mut Vec<u8>) {
        out.reserve(MOST);
        out.extend_from_slice(b"{\"time\":\"");
        stamp.write(out);
        out.extend_from_slice(b"\",\"id\":\"");
        out.extend_from_slice(&hex_id(self.id));
        out.extend_from_slice(b"\",\"event\":\"transaction\",\"outcome\":\"");
        out.extend_from_slice(self.outcome.name().as_bytes());
        out.push(b'"');
        if let Some(principal) = self.principal {
            write_principal(out, principal);
        }
        if let Some(address) = self.address {
            write_address(out, address);
        }
        out.extend_from_slice(&self.pieces.place);
        if self.used_client {
            out.extend_from_slice(&self.pieces.client);
        }
        word(out, b",\"transaction\":\"", self.transaction.map(Transaction::name));
        word(out, b",\"resource\":\"", self.resource.map(Resource::name));
        word(
            out,
            b",\"method\":\"",
            Some(self.method).filter(|it| error::is_known(it)).map(Method::as_str),
        );
        let Uids { partition, study, series, instance } = self.uids;
        text(out, b",\"partition\":\"", partition);
        text(out, b",\"study\":\"", study);
        text(out, b",\"series\":\"", series);
        text(out, b",\"instance\":\"", instance);
        number(out, b",\"status\":", self.status.as_u16().into());
        word(out, b",\"blame\":\"", self.blame.map(|(blame, _)| blame.name()));
        word(out, b",\"code\":\"", self.blame.map(|(_, code)| code));
        number(out, b",\"received\":", self.received);
        number(out, b",\"sent\":", self.sent);
        let us = u64::try_from(self.duration.as_micros()).unwrap_or(u64::MAX);
        number(out, b",\"duration_us\":", us);
        out.extend_from_slice(b",\"trace_id\":\"");
        out.extend_from_slice(self.trace.digits());
        out.push(b'"');
        if self.vouched {
            out.extend_from_slice(b",\"vouched\":true");
        }
        if let Some(reason) = self.emergency {
            // Whole: it is bounded where it is taken in, and has to be the one of the start.
            out.extend_from_slice(b",\"emergency\":\"");
            escape(out, reason);
            out.push(b'"');
        }
        out.extend_from_slice(b"}\n");
    }
}

fn write_principal(out: &mut Vec<u8>, principal: &Principal) {
    word(out, b",\"principal\":{\"kind\":\"", Some(principal.kind()));
    text(out, b",\"id\":\"", principal.id());
    text(out, b",\"issuer\":\"", principal.issuer());
    if let Some(tenant) = principal.tenant() {
        let mut digits = [0; Hyphenated::LENGTH];
        word(out, b",\"tenant\":\"", Some(tenant.hyphenated().encode_lower(&mut digits)));
    }
    text(out, b",\"application\":\"", principal.application());
    out.push(b'}');
}

fn write_address(out: &mut Vec<u8>, address: IpAddr) {
    out.extend_from_slice(b",\"address\":\"");
    match address {
        IpAddr::V4(address) => {
            for (index, octet) in address.octets().into_iter().enumerate() {
                let before: &[u8] = if index == 0 { b"" } else { b"." };
                number(out, before, octet.into());
            }
        }
        // What is left out of its zeros is best left to who knows; it does not allocate either.
        IpAddr::V6(address) => drop(write!(out, "{address}")),
    }
    out.push(b'"');
}

/// A member that is of our own making.
fn word(out: &mut Vec<u8>, name: &[u8], value: Option<&str>) {
    let Some(value) = value else { return };
    out.extend_from_slice(name);
    out.extend_from_slice(value.as_bytes());
    out.push(b'"');
}

/// A member that somebody else has a say in.
fn text(out: &mut Vec<u8>, name: &[u8], value: Option<&str>) {
    let Some(value) = value else { return };
    out.extend_from_slice(name);
    escape(out, bounded(value));
    out.push(b'"');
}

fn number(out: &mut Vec<u8>, name: &[u8], value: u64) {
    out.extend_from_slice(name);
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// As much of a text as goes into a record, without half a character at its end.
pub(crate) fn bounded(text: &str) -> &str {
    let mut end = text.len().min(TEXT_MOST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A text as it stands in a string of JSON (RFC 8259, section 7).
fn escape(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    while let Some(end) = first_escaped(rest) {
        out.extend_from_slice(&rest[..end]);
        let byte = rest[end];
        let short = match byte {
            b'"' | b'\\' => byte,
            0x08 => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            0x0c => b'f',
            b'\r' => b'r',
            _ => 0,
        };
        if short == 0 {
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&hex(byte.into())[30..]);
        } else {
            out.extend_from_slice(&[b'\\', short]);
        }
        rest = &rest[end + 1..];
    }
    out.extend_from_slice(rest);
}

/// Where the first octet is that cannot stand for itself. Mostly there is none, so eight are looked at
/// at once: of a word without any, no octet is less than a space, or nothing when a quote or backslash
/// is taken off.
fn first_escaped(text: &[u8]) -> Option<usize> {
    let each = |octet: u8| u64::from_ne_bytes([octet; 8]);
    let has_less = |word: u64, than: u8| word.wrapping_sub(each(than)) & !word & each(0x80) != 0;
    let is_plain = |word: &&[u8]| {
        let word = (**word).try_into().map_or(0, u64::from_ne_bytes);
        !has_less(word, 0x20) && !has_less(word ^ each(b'"'), 1) && !has_less(word ^ each(b'\\'), 1)
    };
    let plain = text.chunks_exact(8).take_while(is_plain).count() * 8;
    let rest = text[plain..].iter().position(|octet| ESCAPED[usize::from(*octet)]);
    rest.map(|index| plain + index)
}

/// The octets that stand for something else in a string of JSON.
const ESCAPED: [bool; 256] = {
    let mut escaped = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        escaped[byte] = true;
        byte += 1;
    }
    escaped[b'"' as usize] = true;
    escaped[b'\\' as usize] = true;
    escaped
};

/// How many octets of a text go into a record.
const TEXT_MOST: usize = 256;

/// More than records mostly have; a larger one makes the buffer grow by itself.
const MOST: usize = 1 << 10;

#[cfg(test)]
mod tests;
