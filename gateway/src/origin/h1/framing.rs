//! Where the body of an answer ends (RFC 9112, section 6.3).

use bytes::{Bytes, BytesMut};

use super::chunked::Chunked;

/// How much of a body is still to come.
#[derive(Debug)]
pub(super) enum Framing {
    /// So many bytes.
    Length(u64),
    /// Chunks, up to the last.
    Chunked(Chunked),
    /// All that comes until the connection ends.
    UntilClose,
}

/// What came of what was read.
#[derive(Debug, PartialEq)]
pub(super) enum Decoded {
    /// A piece of the body.
    Data(Bytes),
    /// More has to be read first.
    More,
    /// The body is whole.
    End,
}

impl Framing {
    /// Takes what comes next out of `input`. An error says what is wrong with it.
    pub(super) fn decode(&mut self, input: &mut BytesMut) -> Result<Decoded, &'static str> {
        match self {
            Self::Length(0) => Ok(Decoded::End),
            Self::Chunked(chunked) => chunked.decode(input),
            _ if input.is_empty() => Ok(Decoded::More),
            Self::Length(left) => {
                let data = up_to(*left, input);
                *left -= data.len() as u64;
                Ok(Decoded::Data(data))
            }
            Self::UntilClose => Ok(Decoded::Data(input.split().freeze())),
        }
    }

    /// Whether nothing more comes.
    pub(super) fn is_ended(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(chunked) => chunked.is_ended(),
            Self::UntilClose => false,
        }
    }
}

/// At most `most` of the bytes in `input`, without copying them.
pub(super) fn up_to(most: u64, input: &mut BytesMut) -> Bytes {
    let count = usize::try_from(most).map_or(input.len(), |most| most.min(input.len()));
    input.split_to(count).freeze()
}
