//! HTTP/2 frames (RFC 9113, sections 4.1 and 6).

/// Finds frames in what comes, however it is cut.
#[derive(Default)]
pub(super) struct Frames {
    header: Vec<u8>,
    payload: Vec<u8>,
    left: usize,
}

/// A whole frame; of [`DATA`], the payload was dropped.
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) length: u32,
    pub(super) payload: Vec<u8>,
}

impl Frames {
    /// The next frame that is whole now; takes what it looked at from `bytes`.
    pub(super) fn next(&mut self, bytes: &mut &[u8]) -> Option<Frame> {
        if self.header.len() < HEADER {
            let (come, rest) = bytes.split_at(bytes.len().min(HEADER - self.header.len()));
            self.header.extend_from_slice(come);
            *bytes = rest;
            if self.header.len() < HEADER {
                return None;
            }
            self.left = self.length() as usize;
        }
        let (come, rest) = bytes.split_at(bytes.len().min(self.left));
        if self.header[3] != DATA {
            self.payload.extend_from_slice(come);
        }
        self.left -= come.len();
        *bytes = rest;
        if self.left > 0 {
            return None;
        }
        let &[_, _, _, kind, flags, ref stream @ ..] = &self.header[..] else { return None };
        let stream = stream.iter().fold(0, |id, byte| id << 8 | u32::from(*byte));
        let (length, payload) = (self.length(), std::mem::take(&mut self.payload));
        self.header.clear();
        Some(Frame { kind, flags, stream, length, payload })
    }

    fn length(&self) -> u32 {
        self.header[..3].iter().fold(0, |length, byte| length << 8 | u32::from(*byte))
    }
}

/// Appends a frame whose payload is smaller than 16 KiB.
pub(super) fn write(out: &mut Vec<u8>, [kind, flags]: [u8; 2], stream: u32, payload: &[u8]) {
    let length = payload.len() as u32;
    out.extend_from_slice(&length.to_be_bytes()[1..]);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const WINDOW_UPDATE: u8 = 8;

pub(super) const ACK: u8 = 1;
pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;
pub(super) const PADDED: u8 = 8;

/// Length of a frame's header.
const HEADER: usize = 9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_however_they_come() {
        let mut sent = Vec::new();
        write(&mut sent, [SETTINGS, ACK], 0, &[]);
        write(&mut sent, [HEADERS, END_HEADERS], 7, b"fields");
        write(&mut sent, [DATA, END_STREAM], 7, b"a body");
        for size in 1..=sent.len() {
            let (mut frames, mut found) = (Frames::default(), Vec::new());
            for mut part in sent.chunks(size) {
                while let Some(frame) = frames.next(&mut part) {
                    found.push((frame.kind, frame.flags, frame.stream, frame.length));
                }
                assert!(part.is_empty());
            }
            let all =
                [(SETTINGS, ACK, 0, 0), (HEADERS, END_HEADERS, 7, 6), (DATA, END_STREAM, 7, 6)];
            assert_eq!(found, all);
        }
    }
}
