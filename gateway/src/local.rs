//! What one worker thread keeps for itself, so that a request needs no lock and few allocations.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue};

use crate::audit::Ledger;
use crate::log::{Lines, Log};
use crate::record::Stamp;
use crate::record::trace::hex_id;
use crate::rewrite::Via;

/// A worker's own.
pub(crate) struct Local {
    pub(crate) lines: Lines,
    /// Records of accesses, where they are kept.
    pub(crate) ledger: Option<Ledger>,
    pub(crate) stamp: Stamp,
    pub(crate) via: Via,
    /// The drain's time is up: what is still under way ends now, and nobody but the gateway ends it.
    pub(crate) cuts_off: Cell<bool>,
    /// The block that short strings are cut from.
    block: RefCell<BytesMut>,
    /// Header maps that were used before, empty but for their room.
    maps: RefCell<Vec<HeaderMap>>,
}

impl Local {
    pub(crate) fn new(log: Log, ledger: Option<Ledger>, pseudonym: &Arc<str>) -> Self {
        Self {
            lines: Lines::new(log),
            ledger,
            stamp: Stamp::default(),
            via: Via::new(pseudonym),
            cuts_off: Cell::new(false),
            block: RefCell::default(),
            maps: RefCell::default(),
        }
    }

    /// What `write` writes, cut from a block that many share: an allocation for some hundred requests
    /// instead of one for each.
    pub(crate) fn bytes(&self, write: impl FnOnce(&mut BytesMut)) -> Bytes {
        let mut block = self.block.borrow_mut();
        if block.capacity() < BLOCK / 8 {
            *block = BytesMut::with_capacity(BLOCK);
        }
        write(&mut block);
        block.split().freeze()
    }

    /// A header's value: the 16 hexadecimal digits of `id`.
    pub(crate) fn request_id(&self, id: u64) -> HeaderValue {
        let digits = self.bytes(|block| block.extend_from_slice(&hex_id(id)));
        HeaderValue::from_maybe_shared(digits).expect("digits are legal")
    }

    /// An empty map.
    pub(crate) fn header_map(&self) -> HeaderMap {
        self.maps.borrow_mut().pop().unwrap_or_default()
    }

    /// Takes a map back that is of no more use.
    pub(crate) fn recycle(&self, mut map: HeaderMap) {
        let mut maps = self.maps.borrow_mut();
        if maps.len() < MAPS_MOST && map.capacity() <= MAP_MOST {
            map.clear();
            maps.push(map);
        }
    }
}

/// Large enough for some hundred requests, small enough to be kept alive by a slow one.
const BLOCK: usize = 32 << 10;

/// Maps in reserve.
const MAPS_MOST: usize = 64;

/// Larger maps are let go: one odd caller must not set the memory of all.
const MAP_MOST: usize = 64;
