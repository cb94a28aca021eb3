//! Where the frames of a WebSocket begin and end (RFC 6455, section 5.2).

/// How far one direction's frames have come. What they hold is not looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Frames {
    head: [u8; HEAD_MOST],
    /// Bytes of the head that have come; none between frames.
    have: usize,
    /// Bytes of the payload that are still to come; none before the head is whole.
    left: Option<u64>,
    closed: bool,
}

impl Frames {
    /// All of `bytes` went on.
    pub(super) fn follow(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let count = self.step(bytes);
            bytes = &bytes[count..];
        }
    }

    /// How many of `bytes` belong to the frame under way.
    pub(super) fn rest(mut self, bytes: &[u8]) -> usize {
        if self.is_between() { 0 } else { self.step(bytes) }
    }

    /// Whether the last frame is whole, and the next one has not begun.
    pub(super) fn is_between(&self) -> bool {
        self.have == 0
    }

    /// Whether the last frame of all went: a Close.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Follows to the end of one frame; how many bytes that was.
    fn step(&mut self, bytes: &[u8]) -> usize {
        let mut used = 0;
        let left = loop {
            if let Some(left) = self.left.or_else(|| self.payload()) {
                break left;
            }
            let Some(byte) = bytes.get(used) else { return used };
            self.head[self.have] = *byte;
            self.have += 1;
            used += 1;
        };
        let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len() - used);
        self.left = Some(left - here as u64);
        if self.left == Some(0) {
            let closed = self.closed || self.head[0] & OPCODE == CLOSE;
            *self = Self { closed, ..Self::default() };
        }
        used + here
    }

    /// The payload's length, once the head is whole.
    fn payload(&self) -> Option<u64> {
        let [_, second, rest @ ..] = &self.head;
        let extension = match second & LENGTH {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mask = if second & MASKED == 0 { 0 } else { MASK_BYTES };
        if self.have < 2 || self.have < 2 + extension + mask {
            return None;
        }
        let long = rest[..extension].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        Some(if extension == 0 { u64::from(second & LENGTH) } else { long })
    }
}

/// A server's Close frame with this status.
pub(super) fn close(status: u16) -> [u8; 4] {
    let [high, low] = status.to_be_bytes();
    [FINAL | CLOSE, 2, high, low]
}

/// The same from a client, who must mask. What a mask is for, a constant does not need: it is
/// drawn in haste.
pub(super) fn close_masked(status: u16) -> [u8; 8] {
    let [high, low] = status.to_be_bytes();
    let mask = fastrand::u32(..).to_be_bytes();
    let [a, b, c, d] = mask;
    [FINAL | CLOSE, MASKED | 2, a, b, c, d, high ^ a, low ^ b]
}

const FINAL: u8 = 0x80;
const OPCODE: u8 = 0x0f;
const CLOSE: u8 = 8;
const MASKED: u8 = 0x80;
const LENGTH: u8 = 0x7f;
const MASK_BYTES: usize = 4;

/// Two bytes, a long length, a mask.
const HEAD_MOST: usize = 14;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_every_size_end_where_they_end_however_they_are_cut() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536] {
            for masked in [false, true] {
                let frame = frame(2, length, masked);
                for cut in [1, 2, 3, 9, 13, 14, 15, frame.len() / 2, frame.len() - 1] {
                    let (before, after) = frame.split_at(cut.min(frame.len()));
                    let mut frames = Frames::default();
                    frames.follow(before);
                    assert_eq!(frames.is_between(), after.is_empty(), "{length} {masked} {cut}");
                    let more = [after, &[0x81, 0]].concat();
                    assert_eq!(frames.rest(&more), after.len(), "{length} {masked} {cut}");
                    frames.follow(after);
                    assert!(frames.is_between() && !frames.is_closed());
                }
            }
        }
    }

    #[test]
    fn a_close_is_known_once_it_is_whole() {
        for close in [&close(1001)[..], &close_masked(1001), &frame(8, 0, true)] {
            let mut frames = Frames::default();
            frames.follow(&frame(1, 200, false));
            frames.follow(&close[..close.len() - 1]);
            assert!(!frames.is_closed());
            frames.follow(&close[close.len() - 1..]);
            assert!(frames.is_closed() && frames.is_between());
        }
    }

    #[test]
    fn our_own_close_says_what_it_is_to() {
        assert_eq!(close(1001), [0x88, 2, 3, 0xe9]);
        let [first, second, a, b, _, _, high, low] = close_masked(1001);
        assert_eq!([first, second, high ^ a, low ^ b], [0x88, 0x82, 3, 0xe9]);
    }

    fn frame(opcode: u8, length: usize, masked: bool) -> Vec<u8> {
        let mask = if masked { MASKED } else { 0 };
        let mut frame = vec![FINAL | opcode];
        match length {
            0..=125 => frame.push(mask | u8::try_from(length).expect("small")),
            126..=65_535 => {
                frame.push(mask | 126);
                frame.extend(u16::try_from(length).expect("small").to_be_bytes());
            }
            _ => {
                frame.push(mask | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend(if masked { &b"mask"[..] } else { b"" });
        frame.extend(vec![0x88; length]);
        frame
    }
}
