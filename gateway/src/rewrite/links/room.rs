//! Room for copies: that of the last one, if it is gone by now.
//!
//! It is still in the core's cache, where an allocator would give what was in no use for long.

use std::cell::Cell;

use bytes::Bytes;

thread_local! {
    /// The last copy that this thread made.
    static LAST: Cell<Bytes> = const { Cell::new(Bytes::new()) };
}

/// Room for `length` bytes, and for less than twice as many.
pub(super) fn take(length: usize) -> Vec<u8> {
    if let Ok(last) = LAST.take().try_into_mut() {
        let mut room = Vec::from(last);
        if (length..2 * length).contains(&room.capacity()) {
            room.clear();
            return room;
        }
    }
    Vec::with_capacity(length)
}

/// Takes note of a copy whose room may be used again once nobody else holds it.
pub(super) fn remember(copy: &Bytes) {
    LAST.set(copy.clone());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_copy_makes_room_once_it_is_gone() {
        let mut room = take(100);
        room.extend_from_slice(b"copy");
        let (address, copy) = (room.as_ptr(), Bytes::from(room));
        remember(&copy);
        drop(copy);
        let room = take(80);
        assert_eq!((room.as_ptr(), room.len(), room.capacity()), (address, 0, 100));
    }

    #[test]
    fn a_copy_that_somebody_holds_stays() {
        let copy = Bytes::from(vec![1; 100]);
        remember(&copy);
        take(100).resize(100, 2);
        assert!(copy.iter().all(|byte| *byte == 1));
    }

    #[test]
    fn a_short_copy_holds_no_more_than_twice_what_it_takes() {
        remember(&Bytes::from(vec![1; 100]));
        assert!(take(50).capacity() < 100);
    }
}
