//! A body on its way: decoded if it is coded, with ours in the place of the origin server's URLs.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::coding::Decoder;
use super::forms::Links;
use super::media::{Coding, Kind};
use super::parts::Parts;
use super::text::Text;

pub(crate) use super::coding::Broken;

/// One answer's body. Chunks go in by [`Self::push`], and out by [`Self::next`] until there are none:
/// then it holds no more than what may be the beginning of a URL.
pub(crate) struct Rewriter {
    decoder: Option<Decoder>,
    content: Content,
    out: VecDeque<Bytes>,
    end: End,
}

enum Content {
    Text(Text),
    Parts(Box<Parts>),
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum End {
    /// More may come.
    No,
    /// All came in; what is decoded of it may not all be out.
    Near,
    /// Nothing comes after what is out.
    Reached,
    /// The same, and it is not whole.
    Broken,
}

impl Rewriter {
    /// For a body of this kind and coding.
    pub(crate) fn new(links: Arc<Links>, kind: &Kind, coding: Coding) -> Self {
        let content = match kind {
            Kind::Text(syntax) => Content::Text(Text::new(links, *syntax)),
            Kind::Parts(boundary) => Content::Parts(Box::new(Parts::new(links, boundary))),
        };
        let out = VecDeque::with_capacity(4);
        Self { decoder: Decoder::new(coding), content, out, end: End::No }
    }

    /// Takes the body's next chunk, once [`Self::next`] has no more of those before.
    pub(crate) fn push(&mut self, chunk: Bytes) {
        match &mut self.decoder {
            Some(decoder) => decoder.push(chunk),
            None => self.content.push(chunk, &mut self.out),
        }
    }

    /// The body came whole.
    pub(crate) fn finish(&mut self) {
        match &mut self.decoder {
            Some(decoder) => {
                decoder.end();
                self.end = End::Near;
            }
            None => self.end(End::Reached),
        }
    }

    /// The body broke off. What is held goes out all the same.
    pub(crate) fn break_off(&mut self) {
        self.end(End::Reached);
    }

    /// The next bytes for the caller, if there are any: a bounded number, however well they were
    /// compressed. `Broken` comes once, behind all that could be decoded.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, Broken> {
        loop {
            if let Some(bytes) = self.out.pop_front() {
                return Ok(Some(bytes));
            }
            match (&mut self.decoder, self.end) {
                (_, End::Broken) => {
                    self.end = End::Reached;
                    return Err(Broken);
                }
                (Some(decoder), End::No | End::Near) => match decoder.next() {
                    Ok(Some(bytes)) => self.content.push(bytes, &mut self.out),
                    Ok(None) if self.end == End::No => return Ok(None),
                    Ok(None) => self.end(End::Reached),
                    Err(Broken) => self.end(End::Broken),
                },
                (None, _) | (_, End::Reached) => return Ok(None),
            }
        }
    }

    /// Whether nothing comes out any more.
    pub(crate) fn is_done(&self) -> bool {
        self.end == End::Reached && self.out.is_empty()
    }

    fn end(&mut self, end: End) {
        if matches!(self.end, End::No | End::Near) {
            self.end = end;
            self.content.finish(&mut self.out);
        }
    }
}

impl Content {
    fn push(&mut self, chunk: Bytes, out: &mut VecDeque<Bytes>) {
        match self {
            Self::Text(text) => text.push(chunk, out),
            Self::Parts(parts) => parts.push(chunk, out),
        }
    }

    fn finish(&mut self, out: &mut VecDeque<Bytes>) {
        match self {
            Self::Text(text) => text.finish(out),
            Self::Parts(parts) => parts.finish(out),
        }
    }
}

#[cfg(test)]
mod tests;
