//! The origin server's URLs in its answers, and ours in their place.
//!
//! Nothing here understands JSON, XML or DICOM. A needle that every URL of the origin server holds is
//! searched for; around it, a string must begin as such a URL begins. So what holds no needle passes
//! at the speed of a search, as the same bytes, and at a chunk's end only what may be the beginning
//! of such a URL is held back. This module knows nothing of the rest of the gateway: the fuzz
//! targets build it alone.

mod base;
mod coding;
mod forms;
mod head;
mod media;
mod parts;
mod place;
mod rewriter;
mod room;
mod syntax;
mod text;

#[cfg(test)]
mod proptests;
#[cfg(test)]
mod reference;

pub(crate) use self::forms::{Links, Service};
pub(crate) use self::media::{Coding, Kind};
pub(crate) use self::rewriter::{Broken, Rewriter};
#[cfg(test)]
use self::syntax::Syntax;
