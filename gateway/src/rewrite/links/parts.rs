//! The origin server's URLs in a message of many parts: in their heads, and in those that are texts.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use memchr::memmem::Finder;

use super::forms::Links;
use super::head;
use super::media::{Coding, Kind};
use super::text::{Text, give};

/// A multipart message on its way (RFC 2046, section 5.1). Bodies of parts that are no texts are given
/// as they came; where a message makes no sense, so is all the rest of it.
pub(crate) struct Parts {
    links: Arc<Links>,
    /// What parts begin behind: a line's end, two dashes and the boundary.
    delimiter: Delimiter,
    place: Place,
}

struct Delimiter {
    bytes: Bytes,
    finder: Finder<'static>,
    /// How much of it the last chunk ended with.
    matched: usize,
    /// How much of it is not in the message: the first one needs no line before it.
    absent: usize,
}

enum Place {
    /// In a body, up to the next delimiter.
    Body(Option<Box<Text>>),
    /// In a body with so many bytes to come.
    Counted(u64),
    /// In a delimiter's line, or in the head below: what came of it.
    Head(Vec<u8>),
    /// Behind the last part, or lost.
    Rest,
}

impl Parts {
    /// A message whose parts are bounded so.
    pub(crate) fn new(links: Arc<Links>, boundary: &[u8]) -> Self {
        let bytes = Bytes::from([b"\r\n--", boundary].concat());
        let finder = Finder::new(&bytes).into_owned();
        let delimiter =
            Delimiter { bytes, finder, matched: LINE_END.len(), absent: LINE_END.len() };
        Self { links, delimiter, place: Place::Body(None) }
    }

    /// Takes the next chunk, and gives to `out` what is settled.
    pub(crate) fn push(&mut self, mut chunk: Bytes, out: &mut VecDeque<Bytes>) {
        while !chunk.is_empty() {
            chunk = match &mut self.place {
                Place::Rest => {
                    out.push_back(chunk);
                    return;
                }
                Place::Counted(left) => {
                    let length = usize::try_from(*left).unwrap_or(usize::MAX).min(chunk.len());
                    out.push_back(chunk.split_to(length));
                    *left -= length as u64;
                    if *left == 0 {
                        self.place = Place::Body(None);
                    }
                    chunk
                }
                Place::Body(text) => {
                    let (body, rest) = self.delimiter.find(chunk, |held| pass(text, held, out));
                    pass(text, body, out);
                    let Some(rest) = rest else { return };
                    if let Some(text) = text {
                        text.finish(out);
                    }
                    give(self.delimiter.take(self.delimiter.bytes.len()), out);
                    self.place = Place::Head(Vec::new());
                    rest
                }
                Place::Head(head) => match end_of_head(head, &mut chunk) {
                    Head::Grows => return,
                    Head::Ends => {
                        let head = std::mem::take(head);
                        self.place = self.begin(&head, out);
                        chunk
                    }
                    Head::Senseless => {
                        give(std::mem::take(head).into(), out);
                        self.place = Place::Rest;
                        chunk
                    }
                    Head::TooLarge => {
                        give(std::mem::take(head).into(), out);
                        self.place = Place::Body(None);
                        chunk
                    }
                },
            };
        }
    }

    /// The message ends, or breaks off.
    pub(crate) fn finish(&mut self, out: &mut VecDeque<Bytes>) {
        match std::mem::replace(&mut self.place, Place::Rest) {
            Place::Body(mut text) => {
                let held = self.delimiter.give_up();
                pass(&mut text, held, out);
                if let Some(mut text) = text {
                    text.finish(out);
                }
            }
            Place::Head(head) => give(head.into(), out),
            Place::Counted(_) | Place::Rest => {}
        }
    }

    /// Gives a head, and says what its body is.
    fn begin(&self, head: &[u8], out: &mut VecDeque<Bytes>) -> Place {
        let value = |name: &str| head::value(head, name);
        let kind = value("content-type").and_then(Kind::of);
        let coded = [value("content-encoding"), value("content-transfer-encoding")];
        let is_plain = |coding: &[u8]| {
            [&b"binary"[..], b"8bit", b"7bit"].contains(&coding)
                || Coding::of(coding) == Some(Coding::Identity)
        };
        let is_plain = coded.into_iter().flatten().all(is_plain);
        match kind {
            Some(Kind::Text(syntax)) if is_plain => {
                // Its length may become another.
                give(head::part(&self.links, head, Some("content-length")), out);
                Place::Body(Some(Box::new(Text::new(self.links.clone(), syntax))))
            }
            _ => {
                give(head::part(&self.links, head, None), out);
                let length = value("content-length").and_then(|value| {
                    std::str::from_utf8(value).ok()?.parse().ok().filter(|length| *length > 0)
                });
                length.map_or(Place::Body(None), Place::Counted)
            }
        }
    }
}

impl Delimiter {
    /// What precedes the delimiter in `chunk`, and what follows it, if it is there. A beginning of it
    /// at the chunk's end is kept; one that was kept for nothing is passed.
    fn find(&mut self, mut chunk: Bytes, mut pass: impl FnMut(Bytes)) -> (Bytes, Option<Bytes>) {
        if self.matched > 0 {
            let missing = &self.bytes[self.matched..];
            let common = missing.len().min(chunk.len());
            if missing[..common] == chunk[..common] {
                self.matched += common;
                let rest = chunk.split_off(common);
                if self.matched < self.bytes.len() {
                    return (Bytes::new(), None);
                }
                self.matched = 0;
                return (Bytes::new(), Some(rest));
            }
            pass(self.give_up());
        }
        if let Some(found) = self.finder.find(&chunk) {
            let rest = chunk.split_off(found + self.bytes.len());
            chunk.truncate(found);
            return (chunk, Some(rest));
        }
        // Its first byte is nowhere else in it.
        let low = chunk.len().saturating_sub(self.bytes.len() - 1);
        if let Some(begin) = memchr::memrchr(b'\r', &chunk[low..])
            && self.bytes.starts_with(&chunk[low + begin..])
        {
            self.matched = chunk.len() - (low + begin);
            chunk.truncate(low + begin);
        }
        (chunk, None)
    }

    fn give_up(&mut self) -> Bytes {
        let matched = std::mem::take(&mut self.matched);
        self.take(matched)
    }

    /// The first bytes of it, up to `end`, as far as they are in the message.
    fn take(&mut self, end: usize) -> Bytes {
        self.bytes.slice(std::mem::take(&mut self.absent)..end)
    }
}

enum Head {
    Grows,
    Ends,
    Senseless,
    TooLarge,
}

/// Moves from `chunk` to `head` what belongs to it, and says how it stands. A head is what follows
/// the boundary: blanks, the line's end, fields, an empty line.
fn end_of_head(head: &mut Vec<u8>, chunk: &mut Bytes) -> Head {
    let before = head.len();
    let most = chunk.len().min(HEAD_MOST + EMPTY_LINE.len() - before);
    head.extend_from_slice(&chunk[..most]);
    let blanks = head.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let line = &head[blanks..];
    if !LINE_END.starts_with(&line[..line.len().min(LINE_END.len())]) {
        // Two dashes end the message; anything else is no delimiter.
        head.truncate(before);
        return Head::Senseless;
    }
    let from = before.saturating_sub(EMPTY_LINE.len() - 1);
    let end =
        memchr::memmem::find(&head[from..], EMPTY_LINE).map(|end| from + end + EMPTY_LINE.len());
    let state = match end {
        Some(end) => {
            head.truncate(end);
            Head::Ends
        }
        None if head.len() > HEAD_MOST => Head::TooLarge,
        None => Head::Grows,
    };
    let _ = chunk.split_to(head.len() - before);
    state
}

fn pass(text: &mut Option<Box<Text>>, bytes: Bytes, out: &mut VecDeque<Bytes>) {
    match text {
        Some(text) if !bytes.is_empty() => text.push(bytes, out),
        _ => give(bytes, out),
    }
}

const LINE_END: &[u8] = b"\r\n";

/// Ends a head.
const EMPTY_LINE: &[u8] = b"\r\n\r\n";

/// Larger heads are none of ours.
const HEAD_MOST: usize = 16 << 10;

#[cfg(test)]
mod tests;
