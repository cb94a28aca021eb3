//! What one of a worker's many bodies may hold.
//!
//! Large reads are cheap by the byte, and what is held for many slow callers has to be little. Few bodies
//! get large pieces, many get small ones, and together they hold no more than so much.

use std::cell::Cell;

thread_local! {
    /// The bodies that come to this worker, which is a thread.
    static UNDER_WAY: Cell<usize> = const { Cell::new(0) };
}

/// One body's part of what a worker holds of bodies.
pub(super) struct Share(());

impl Share {
    pub(super) fn take() -> Self {
        UNDER_WAY.with(|count| count.set(count.get() + 1));
        Self(())
    }

    /// How large a piece of each body under way may be now.
    pub(super) fn size() -> usize {
        share(UNDER_WAY.with(Cell::get))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        UNDER_WAY.with(|count| count.set(count.get() - 1));
    }
}

/// The piece of each of `count` bodies, in bytes: a power of two, since an allocator keeps what it has
/// of each size.
pub(crate) fn share(count: usize) -> usize {
    let part = (TOGETHER / count.max(1)).clamp(LEAST, MOST);
    1 << part.ilog2()
}

/// Of all that a worker's bodies hold at once, as long as they are few.
const TOGETHER: usize = 2 << 20;

/// Less would cost up to a sixth more by the byte.
const LEAST: usize = 64 << 10;

/// More costs as much by the byte, or more: it no longer fits into a core's cache.
pub(super) const MOST: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_get_large_pieces_and_many_small_ones() {
        let shares = [0, 1, 8, 9, 16, 17, 10_000].map(share);
        let half = MOST / 2;
        assert_eq!(shares, [MOST, MOST, MOST, half, half, LEAST, LEAST]);
    }

    #[test]
    fn who_ends_gives_its_share_back() {
        let held = (0..64).map(|_| Share::take()).collect::<Vec<_>>();
        assert_eq!(Share::size(), LEAST);
        drop(held);
        assert_eq!(Share::size(), MOST);
    }
}
