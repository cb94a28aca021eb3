//! Which one of several media types a caller likes best.

use std::cmp::Reverse;

use super::range::{FULL, Range};
use crate::rewrite::manners::Media;

/// The best of what is `served`, as it is to be asked for: in the server's words, and in the caller's
/// where the caller named it.
///
/// Each media type has the weight of the element that names it most exactly (RFC 9110, section
/// 12.5.1), so that `image/png;q=0, */*` is no wish for PNG. Among equals, what is named wins over
/// what is covered, what comes as stored over what has to be transcoded, and the first over others.
pub(super) fn chosen<'a>(
    ranges: &[Range<'a>],
    served: &'static [Media],
) -> Option<(&'static str, Option<Range<'a>>)> {
    let wishes = served.iter().enumerate().filter_map(|(order, media)| {
        let fits = ranges.iter().enumerate().filter_map(|(place, range)| {
            let weight = range.weight.unwrap_or(FULL);
            let is_stored = range.syntax == Some(b"*");
            Some((range.fit(media)?, weight, is_stored, Reverse(place)))
        });
        let (fit, weight, is_stored, Reverse(place)) = fits.max()?;
        let range = ranges[place];
        // A covered media type comes in the server's order, a named one in the caller's.
        let order = if range.is_wildcard() { Reverse(order) } else { Reverse(0) };
        let rank = (weight, fit, is_stored, Reverse(place), order);
        (weight > 0).then_some((rank, media, range))
    });
    let (_, media, range) = wishes.max_by_key(|(rank, ..)| *rank)?;
    Some((media.text, (!range.is_wildcard()).then_some(range)))
}
