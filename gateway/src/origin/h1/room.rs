//! Where a worker reads to what origin servers send.
//!
//! Its connections read one after the other, and mostly what one read is given on and gone before the
//! next one reads. So they read into one block by turns: it stays in the core's cache, which a block
//! for each would not, and whoever waits for an origin server holds none. Whoever keeps something small
//! for a while leaves what is behind it.

use std::cell::Cell;

use bytes::BytesMut;

thread_local! {
    /// The worker's block, unless a connection has it.
    static BLOCK: Cell<BytesMut> = Cell::default();
}

/// Room for as much as `size`, and for no more. What is left of a block of which slow callers still hold
/// some is used up before another is made.
pub(super) fn take(size: usize) -> BytesMut {
    let mut block = BLOCK.take();
    let _ = block.try_reclaim(size);
    if (size.min(LEAST)..=size).contains(&block.capacity()) {
        block
    } else {
        BytesMut::with_capacity(size)
    }
}

/// Leaves the block to the next one who reads.
pub(super) fn give_back(block: BytesMut) {
    BLOCK.set(block);
}

/// With less, reading is dearer than another block.
pub(super) const LEAST: usize = 8 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_used_again_once_all_of_it_is_gone() {
        let mut block = take(SIZE);
        let address = block.as_ptr();
        block.resize(SIZE - 100, 1);
        let piece = block.split();
        give_back(block);
        drop(piece);
        let block = take(SIZE);
        assert_eq!((block.as_ptr(), block.capacity()), (address, SIZE));
    }

    #[test]
    fn what_somebody_holds_stays_and_what_is_left_beside_it_is_used() {
        let mut block = take(SIZE);
        let address = block.as_ptr();
        block.resize(SIZE / 2, 1);
        let held = block.split();
        give_back(block);
        let mut block = take(SIZE);
        assert_eq!(block.as_ptr(), address.wrapping_add(SIZE / 2));
        block.resize(SIZE / 2 - LEAST + 1, 2);
        drop(block.split());
        give_back(block);
        assert_eq!(take(SIZE).capacity(), SIZE);
        assert!(held.iter().all(|byte| *byte == 1));
    }

    #[test]
    fn where_others_have_come_who_need_theirs_a_large_block_is_let_go() {
        give_back(BytesMut::with_capacity(2 * SIZE));
        assert_eq!(take(SIZE).capacity(), SIZE);
    }

    const SIZE: usize = 64 << 10;
}
