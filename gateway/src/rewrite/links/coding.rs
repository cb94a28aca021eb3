//! A coded body, decoded as it comes, and never more of it at once than fits a small buffer.

use std::io::{self, BufRead, Read};

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use flate2::{Decompress, FlushDecompress, Status};

use super::media::Coding;

/// The coding is broken, or breaks off.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Broken;

/// One body's decoder.
pub(super) struct Decoder {
    format: Format,
    /// Whether anything came: a body of nothing is whole.
    has_begun: bool,
    buffer: Box<[u8]>,
}

enum Format {
    Gzip(Box<MultiGzDecoder<Input>>),
    /// What it is shows in the first two bytes.
    Deflate(Option<Box<Decompress>>, Input),
    Ended,
}

/// What came and was not yet decoded.
#[derive(Default)]
struct Input {
    bytes: Bytes,
    is_all: bool,
}

impl Decoder {
    /// A decoder for a body that is coded so, if it is.
    pub(super) fn new(coding: Coding) -> Option<Self> {
        let format = match coding {
            Coding::Identity => return None,
            Coding::Gzip => Format::Gzip(Box::new(MultiGzDecoder::new(Input::default()))),
            Coding::Deflate => Format::Deflate(None, Input::default()),
        };
        Some(Self { format, has_begun: false, buffer: vec![0; AT_ONCE].into() })
    }

    /// Takes the next chunk, once nothing more can be had of those before.
    pub(super) fn push(&mut self, chunk: Bytes) {
        self.has_begun |= !chunk.is_empty();
        if let Some(input) = self.input() {
            input.bytes = if input.bytes.is_empty() {
                chunk
            } else {
                [&input.bytes[..], &chunk].concat().into()
            };
        }
    }

    /// There are no further chunks.
    pub(super) fn end(&mut self) {
        if let Some(input) = self.input() {
            input.is_all = true;
        }
    }

    /// Some of what is decoded; `None` if that takes another chunk, or if it was all.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, Broken> {
        let length = match &mut self.format {
            Format::Ended => return Ok(None),
            _ if !self.has_begun => return Ok(None),
            Format::Gzip(decoder) => match decoder.read(&mut self.buffer) {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(_) => return Err(Broken),
            },
            Format::Deflate(decoder, input) => {
                if decoder.is_none() {
                    *decoder = input.format().map(Box::new);
                }
                let Some(decoder) = decoder else { return Ok(None) };
                match inflate(decoder, input, &mut self.buffer)? {
                    Some(length) => length,
                    None => return Ok(None),
                }
            }
        };
        if length == 0 {
            self.format = Format::Ended;
            return Ok(None);
        }
        Ok(Some(Bytes::copy_from_slice(&self.buffer[..length])))
    }

    fn input(&mut self) -> Option<&mut Input> {
        match &mut self.format {
            Format::Gzip(decoder) => Some(decoder.get_mut()),
            Format::Deflate(_, input) => Some(input),
            Format::Ended => None,
        }
    }
}

/// How much of the buffer is filled: nothing at the stream's end, `None` if it takes more input.
fn inflate(
    decoder: &mut Decompress,
    input: &mut Input,
    buffer: &mut [u8],
) -> Result<Option<usize>, Broken> {
    let (taken, given) = (decoder.total_in(), decoder.total_out());
    let flush = if input.is_all { FlushDecompress::Finish } else { FlushDecompress::None };
    let status = decoder.decompress(&input.bytes, buffer, flush).map_err(|_| Broken)?;
    let length = (decoder.total_out() - given) as usize;
    let _ = input.bytes.split_to((decoder.total_in() - taken) as usize);
    match status {
        _ if length > 0 => Ok(Some(length)),
        Status::StreamEnd => Ok(Some(0)),
        _ if input.is_all => Err(Broken),
        _ => Ok(None),
    }
}

impl Input {
    /// RFC 1950 where the first two bytes are its header, else RFC 1951.
    fn format(&self) -> Option<Decompress> {
        match self.bytes[..] {
            [first, second, ..] => {
                let is_zlib =
                    first & 0x0f == 8 && u16::from_be_bytes([first, second]).is_multiple_of(31);
                Some(Decompress::new(is_zlib))
            }
            _ => self.is_all.then(|| Decompress::new(false)),
        }
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(buffer)?;
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Input {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.bytes.is_empty() && !self.is_all {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(&self.bytes)
    }

    fn consume(&mut self, amount: usize) {
        let _ = self.bytes.split_to(amount);
    }
}

/// The most that is decoded at once.
const AT_ONCE: usize = 32 << 10;

#[cfg(test)]
mod tests;
