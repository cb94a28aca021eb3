//! A list made into what an origin server takes: narrowed, quoted, asked for as stored.

use config::{Fix, Fixes};
use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue};

use super::choice::chosen;
use super::range::{self, Edit, Range, Ranges};
use super::ranges;
use crate::rewrite::manners::{Content, List, Manner, Wildcards};

/// What the fixes of a route would have of a header.
#[derive(Clone, Copy)]
pub(super) struct Wish {
    manner: Manner,
    /// Elements that cannot be answered with go.
    narrow: Option<Fix>,
    /// One element is left.
    is_single: bool,
    quotes: bool,
    stored: bool,
}

/// What becomes of an element.
#[derive(Clone, Copy)]
enum Fate {
    Kept,
    /// A wildcard that is not understood stands for this.
    Stands(&'static str),
    Dropped,
}

/// What one pass over a header finds.
#[derive(Default)]
struct Survey {
    elements: usize,
    /// Those that ask for something that can be had.
    alive: usize,
    weighted: usize,
    dropped: usize,
    replaced: usize,
    unquoted: usize,
    decoded: usize,
    is_broken: bool,
}

impl Wish {
    pub(super) fn new(fixes: Fixes, content: Content, manner: Manner) -> Self {
        let narrow = fixes.contains(Fix::AcceptNarrow);
        let is_picture = content == Content::Pictures;
        let single = is_picture && fixes.contains(Fix::AcceptSingle);
        Self {
            manner,
            narrow: match (single, narrow) {
                (true, _) => Some(Fix::AcceptSingle),
                (false, true) => Some(Fix::AcceptNarrow),
                (false, false) => None,
            },
            is_single: single || narrow && !is_picture && manner.list == List::One,
            quotes: fixes.contains(Fix::AcceptQuotes),
            stored: fixes.contains(Fix::StoredSyntax)
                && matches!(content, Content::Objects | Content::Frames),
        }
    }

    /// The lines that say it better, and how they came to be; none if there are no better ones.
    pub(super) fn fulfilled(mut self, headers: &HeaderMap) -> Option<(Vec<HeaderValue>, Fixes)> {
        let mut survey = self.survey(headers);
        if survey.alive == 0 && self.narrow.take().is_some() {
            self.is_single = false;
            survey = self.survey(headers);
        }
        let crowded = survey.elements > 1 || survey.weighted + survey.replaced > 0;
        let narrowed = self
            .narrow
            .filter(|_| survey.dropped + survey.replaced > 0 || self.is_single && crowded);
        let touched = narrowed.is_some() || survey.unquoted + survey.decoded > 0;
        if survey.is_broken || !touched {
            return None;
        }
        let mut fixes = Fixes::default();
        if let Some(fix) = narrowed {
            fixes = fixes.with(fix, true);
        }
        let lines = if self.is_single && crowded {
            let (line, range) = chosen(&ranges(headers).collect::<Vec<_>>(), self.manner.served)?;
            let Some(range) = range else {
                return Some((vec![HeaderValue::from_static(line)], fixes));
            };
            (survey.unquoted, survey.decoded) = self.edited(&range);
            let mut out = Vec::with_capacity(range.raw.len() + ROOM);
            range.write(Edit { unweighted: true, ..self.edit() }, &mut out);
            vec![value(&out)?]
        } else {
            let lines = headers.get_all(ACCEPT).iter();
            lines.filter_map(|line| self.line(line)).collect()
        };
        fixes = fixes.with(Fix::AcceptQuotes, survey.unquoted > 0);
        Some((lines, fixes.with(Fix::StoredSyntax, survey.decoded > 0)))
    }

    fn survey(&self, headers: &HeaderMap) -> Survey {
        let mut survey = Survey::default();
        for range in ranges(headers) {
            survey.is_broken |= range.is_broken;
            if range.is_empty() {
                continue;
            }
            let fate = self.fate(&range);
            let (unquoted, decoded) = self.edited(&range);
            survey.elements += 1;
            survey.weighted += usize::from(range.weight.is_some());
            match fate {
                Fate::Kept => {
                    survey.unquoted += unquoted;
                    survey.decoded += decoded;
                }
                Fate::Stands(_) => survey.replaced += 1,
                Fate::Dropped => survey.dropped += 1,
            }
            if !matches!(fate, Fate::Dropped) && !range.is_refusal() {
                survey.alive += 1;
            }
        }
        survey
    }

    fn fate(&self, range: &Range<'_>) -> Fate {
        if self.narrow.is_none() || self.manner.served.is_empty() {
            return Fate::Kept;
        }
        let served = self.manner.served.iter().find(|media| range.fit(media).is_some());
        match served {
            None => Fate::Dropped,
            Some(_) if !range.is_wildcard() || self.understands(range) => Fate::Kept,
            Some(_) if range.is_refusal() => Fate::Dropped,
            Some(media) => Fate::Stands(media.text),
        }
    }

    fn understands(&self, range: &Range<'_>) -> bool {
        match self.manner.wildcards {
            Wildcards::All => self.narrow != Some(Fix::AcceptSingle),
            Wildcards::Full => range.is_anything(),
            Wildcards::Unknown => false,
        }
    }

    /// How much is to be done to an element that is kept: quotes, and a transfer syntax.
    fn edited(&self, range: &Range<'_>) -> (usize, usize) {
        let decoded = self.stored && range.is_decoded() && !range.is_refusal();
        (usize::from(self.quotes && range.lacks_quotes), usize::from(decoded))
    }

    fn edit(&self) -> Edit {
        Edit { quotes: self.quotes, unweighted: false, stored: self.stored }
    }

    /// One line without what goes, if anything is left.
    fn line(&self, line: &HeaderValue) -> Option<HeaderValue> {
        let mut out = Vec::with_capacity(line.len() + ROOM);
        let mut is_first = true;
        for range in Ranges::of(line.as_bytes()) {
            let fate = if range.is_empty() { Fate::Kept } else { self.fate(&range) };
            if matches!(fate, Fate::Dropped) {
                continue;
            }
            if !std::mem::take(&mut is_first) {
                out.push(b',');
            }
            match fate {
                Fate::Stands(text) => {
                    let space = range.raw.len() - range.raw.trim_ascii_start().len();
                    out.extend_from_slice(&range.raw[..space]);
                    out.extend_from_slice(text.as_bytes());
                    if let Some(weight) = range.weight.filter(|weight| *weight < range::FULL) {
                        out.extend_from_slice(format!(";q=0.{weight:03}").as_bytes());
                    }
                }
                _ => range.write(self.edit(), &mut out),
            }
        }
        value(&out)
    }
}

fn value(text: &[u8]) -> Option<HeaderValue> {
    HeaderValue::from_bytes(text.trim_ascii()).ok().filter(|value| !value.is_empty())
}

/// For some quotes and a transfer syntax.
const ROOM: usize = 32;
