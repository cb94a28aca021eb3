//! Keys of callers.

use std::sync::Arc;

use super::{Peer, Why};

/// The keys of a file.
#[derive(Debug)]
pub(crate) struct Keys;

impl Keys {
    /// The name of this key.
    pub(crate) async fn find(&self, _key: &str, _peer: &Peer) -> Result<Arc<str>, Why> {
        Err(Why::Key)
    }
}
