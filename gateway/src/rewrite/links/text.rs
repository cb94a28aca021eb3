//! The origin server's URLs in a text that passes by.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::forms::{Found, Links};
use super::place::{self, holds_reference};
use super::room;
use super::syntax::Syntax;

/// A text on its way. What comes out does not depend on how it was cut into chunks.
pub(crate) struct Text {
    links: Arc<Links>,
    syntax: Syntax,
    /// The last of what precedes `held`.
    behind: Vec<u8>,
    /// What may be the beginning of a URL.
    held: Vec<u8>,
    /// Whether a URL may begin at `held`, even if nothing is held yet.
    is_open: bool,
    /// Up to where the chunk at hand was searched, and found to hold none: an entry for each needle.
    ahead: Vec<usize>,
    /// The form of the last URL, and most likely of the next one.
    guess: usize,
}

impl Text {
    /// A text of this syntax from its beginning.
    pub(crate) fn new(links: Arc<Links>, syntax: Syntax) -> Self {
        let ahead = vec![0; links.needles(syntax).len()];
        let (behind, held) = (Vec::new(), Vec::new());
        Self { links, syntax, behind, held, is_open: false, ahead, guess: 0 }
    }

    /// Takes the next chunk, and gives to `out` what is settled. A chunk without any URL of the
    /// origin server is given as it is.
    pub(crate) fn push(&mut self, chunk: Bytes, out: &mut VecDeque<Bytes>) {
        let Some(start) = self.settle(&chunk, out) else { return };
        let mut copy = Vec::new();
        let rest = self.replace_in(&chunk, start, &mut copy);
        let end = self.hold_from(&chunk, rest);
        self.remember(&chunk[..end]);
        self.held.extend_from_slice(&chunk[end..]);
        if rest == start {
            give(chunk.slice(rest..end), out);
        } else {
            copy.extend_from_slice(&chunk[rest..end]);
            let copy = Bytes::from(copy);
            room::remember(&copy);
            give(copy, out);
        }
    }

    /// The text ends, or breaks off.
    pub(crate) fn finish(&mut self, out: &mut VecDeque<Bytes>) {
        give(std::mem::take(&mut self.held).into(), out);
        self.is_open = false;
    }

    /// Settles what was held, with the help of `chunk`. Gives where the chunk goes on, or `None` if
    /// all of it is held as well.
    fn settle(&mut self, chunk: &Bytes, out: &mut VecDeque<Bytes>) -> Option<usize> {
        if !self.is_open {
            return Some(0);
        }
        let mut held = std::mem::take(&mut self.held);
        let before = held.len();
        held.extend_from_slice(&chunk[..chunk.len().min(self.links.longest())]);
        let is_reference = || holds_reference(self.syntax, &self.behind);
        let (length, becomes) = match self.links.at(&held, self.syntax, is_reference) {
            Found::Unclear => {
                self.held = held;
                return None;
            }
            Found::Nothing => (0, None),
            Found::Base(length, becomes) => (length, Some(becomes.clone())),
        };
        self.is_open = false;
        give(becomes.unwrap_or_default(), out);
        held.truncate(before);
        self.remember(&held);
        held.drain(..length.min(before));
        give(held.into(), out);
        Some(length.saturating_sub(before))
    }

    /// Writes `chunk` from `start` on into `copy`, up to its last URL, and gives where that ends. If
    /// there is none, that is `start`, and nothing is written.
    fn replace_in(&mut self, chunk: &[u8], start: usize, copy: &mut Vec<u8>) -> usize {
        self.ahead.fill(start);
        let (mut copied, mut from) = (start, start);
        while let Some(hit) = self.next_needle(chunk, from) {
            from = hit.start + 1;
            let low = copied.max(hit.start.saturating_sub(self.links.longest()));
            let Some(begin) = self.string_in(chunk, low, hit.end) else { continue };
            let raw = &chunk[begin..];
            let (length, becomes) = match self.links.plainly(raw, &mut self.guess) {
                Some(found) => found,
                None => match self.links.at(raw, self.syntax, || self.is_reference(chunk, begin)) {
                    Found::Base(length, becomes) => (length, becomes),
                    Found::Nothing | Found::Unclear => continue,
                },
            };
            if copied == start {
                *copy = room::take(chunk.len() + chunk.len() / 8 + becomes.len());
            }
            copy.extend_from_slice(&chunk[copied..begin]);
            copy.extend_from_slice(becomes);
            copied = begin + length;
            from = from.max(copied);
        }
        copied
    }

    /// Where the first needle at or behind `from` stands.
    fn next_needle(&mut self, chunk: &[u8], from: usize) -> Option<std::ops::Range<usize>> {
        let needles = self.links.needles(self.syntax);
        let mut first: Option<std::ops::Range<usize>> = None;
        for (needle, ahead) in needles.iter().zip(&mut self.ahead) {
            if *ahead <= from && *ahead < chunk.len() {
                *ahead = needle.find(&chunk[from..]).map_or(chunk.len(), |found| from + found);
            }
            if *ahead < first.as_ref().map_or(chunk.len(), |first| first.start) {
                first = Some(*ahead..*ahead + needle.needle().len());
            }
        }
        first
    }

    /// From where on the chunk is held: where a URL may begin that the next chunk ends.
    fn hold_from(&mut self, chunk: &[u8], rest: usize) -> usize {
        let low = rest.max(chunk.len().saturating_sub(self.links.longest()));
        if let Some(begin) = self.string_in(chunk, low, chunk.len()) {
            let is_reference = || self.is_reference(chunk, begin);
            if self.links.at(&chunk[begin..], self.syntax, is_reference) == Found::Unclear {
                self.is_open = true;
                return begin;
            }
        }
        chunk.len()
    }

    /// Where the last string begins of those that begin in this range.
    fn string_in(&self, chunk: &[u8], low: usize, high: usize) -> Option<usize> {
        let before = if low == 0 { &self.behind } else { &chunk[..low] };
        self.syntax.last_start(&chunk[low..high], before).map(|start| low + start)
    }

    /// Whether a path that begins here would be the origin server's.
    fn is_reference(&self, chunk: &[u8], begin: usize) -> bool {
        match begin.checked_sub(place::REACH) {
            Some(low) => holds_reference(self.syntax, &chunk[low..begin]),
            None => {
                let before = [&self.behind, &chunk[..begin]].concat();
                let low = before.len().saturating_sub(place::REACH);
                holds_reference(self.syntax, &before[low..])
            }
        }
    }

    fn remember(&mut self, passed: &[u8]) {
        let reach = if self.links.has_paths() { place::REACH } else { 1 };
        let keep = reach.saturating_sub(passed.len()).min(self.behind.len());
        self.behind.drain(..self.behind.len() - keep);
        self.behind.extend_from_slice(&passed[passed.len() - passed.len().min(reach)..]);
    }
}

/// Nobody wants to be woken for nothing.
pub(super) fn give(bytes: Bytes, out: &mut VecDeque<Bytes>) {
    if !bytes.is_empty() {
        out.push_back(bytes);
    }
}

#[cfg(test)]
mod tests;
