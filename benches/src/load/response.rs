//! As much of a response's head as callers have to understand.

use crate::Result;

/// Where a response's body begins, and how long it is.
pub(super) struct Head {
    pub(super) status: u16,
    /// Length of the head, the empty line included.
    pub(super) length: usize,
    /// Length of the body; `None` where it comes in chunks.
    pub(super) body: Option<u64>,
}

/// A body in chunks, read only as far as it takes to know its end (RFC 9112, section 7.1). What races
/// here sends neither extensions nor trailers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunks {
    /// In the line with a chunk's size, which is so far.
    Size(u64),
    /// In a chunk, with so many bytes to come, its line's end included.
    Data(u64),
    /// In the last line, with so many bytes to come.
    Last(u64),
}

impl Head {
    /// `None` as long as the head is not whole.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(None);
        };
        let text = std::str::from_utf8(&bytes[..end])?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.get(9..12)).ok_or("no status")?.parse()?;
        let value = |wanted: &str| {
            let mut fields = lines.clone().filter_map(|line| line.split_once(':'));
            let field = fields.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            field.map(|(_, value)| value.trim())
        };
        let body = match value("content-length") {
            Some(length) => Some(length.parse()?),
            None if value("transfer-encoding") == Some("chunked") => None,
            None => return Err(format!("an answer of unknown length: {text}").into()),
        };
        Ok(Some(Self { status, length: end + 4, body }))
    }
}

impl Chunks {
    /// Where a body begins.
    pub(super) const START: Self = Self::Size(0);

    /// Takes what came; true once that is all.
    pub(super) fn take(&mut self, mut bytes: &[u8]) -> Result<bool> {
        while let [first, rest @ ..] = bytes {
            bytes = match self {
                Self::Data(left) | Self::Last(left) => {
                    let length = usize::try_from(*left).map_or(bytes.len(), |l| l.min(bytes.len()));
                    *left -= length as u64;
                    &bytes[length..]
                }
                Self::Size(size) => {
                    match (first, char::from(*first).to_digit(16)) {
                        (_, Some(digit)) => *self = Self::Size(*size << 4 | u64::from(digit)),
                        (b'\r', _) => {}
                        (b'\n', _) if *size == 0 => *self = Self::Last(2),
                        (b'\n', _) => *self = Self::Data(*size + 2),
                        _ => return Err("a chunk with a size that is no number".into()),
                    }
                    rest
                }
            };
            match self {
                Self::Data(0) => *self = Self::START,
                Self::Last(0) if bytes.is_empty() => return Ok(true),
                Self::Last(0) => return Err("more than the answer".into()),
                _ => {}
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_whole() {
        let bytes = b"HTTP/1.1 200 OK\r\nServer: x\r\ncontent-LENGTH: 12\r\n\r\nbody";
        assert!(Head::parse(&bytes[..48]).unwrap().is_none());
        let head = Head::parse(bytes).unwrap().unwrap();
        assert_eq!((head.status, head.length, head.body), (200, bytes.len() - 4, Some(12)));
    }

    #[test]
    fn an_answer_of_unknown_length_is_an_error() {
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(Head::parse(chunked).unwrap().unwrap().body, None);
        assert!(Head::parse(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }

    #[test]
    fn chunks_end_where_they_say_however_they_come() {
        let body = b"5\r\nhello\r\n1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n";
        for size in 1..=body.len() {
            let mut chunks = Chunks::START;
            let mut ends = body.chunks(size).map(|part| chunks.take(part).unwrap());
            assert_eq!(ends.by_ref().filter(|end| *end).count(), 1);
        }
        for senseless in [&b"x\r\n"[..], b"0\r\n\r\nHTTP"] {
            let mut chunks = Chunks::START;
            assert!(chunks.take(senseless).is_err());
        }
    }
}
