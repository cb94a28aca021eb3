//! Bodies that come in chunks (RFC 9112, section 7.1).
//!
//! Stricter than the grammar where servers that disagree about it were made to mistake one body for two:
//! lines end with CRLF, a size is at most sixteen plain digits, and an extension has neither CR nor NUL.

use bytes::BytesMut;

use super::framing::{Decoded, up_to};

/// What is expected next.
#[derive(Debug, Default)]
pub(super) enum Chunked {
    /// The line with a chunk's size.
    #[default]
    Size,
    /// So many bytes of a chunk, of which there is at least one.
    Data(u64),
    /// The end of a chunk's line.
    DataEnd,
    /// Trailers, of which so many bytes are still read past.
    Trailers(usize),
    /// Nothing.
    Ended,
}

impl Chunked {
    pub(super) fn decode(&mut self, input: &mut BytesMut) -> Result<Decoded, &'static str> {
        loop {
            match self {
                Self::Ended => return Ok(Decoded::End),
                Self::Data(_) if input.is_empty() => return Ok(Decoded::More),
                Self::Data(left) => {
                    let data = up_to(*left, input);
                    *left -= data.len() as u64;
                    if *left == 0 {
                        *self = Self::DataEnd;
                    }
                    return Ok(Decoded::Data(data));
                }
                Self::DataEnd => {
                    let Some(end) = input.get(..2) else { return Ok(Decoded::More) };
                    if end != b"\r\n" {
                        return Err("a chunk that is longer than its size");
                    }
                    let _ = input.split_to(2);
                    *self = Self::Size;
                }
                Self::Size => {
                    let Some(line) = line(input, LINE_MOST)? else { return Ok(Decoded::More) };
                    *self = match size(&line)? {
                        0 => Self::Trailers(TRAILERS_MOST),
                        size => Self::Data(size),
                    };
                }
                // They could say what a head may not: nobody gets to see them.
                Self::Trailers(left) => {
                    let Some(line) = line(input, *left)? else { return Ok(Decoded::More) };
                    *left -= line.len();
                    if line.len() == 2 {
                        *self = Self::Ended;
                    }
                }
            }
        }
    }

    pub(super) fn is_ended(&self) -> bool {
        matches!(self, Self::Ended)
    }
}

/// The next line, with its end, once all of it came.
fn line(input: &mut BytesMut, most: usize) -> Result<Option<BytesMut>, &'static str> {
    let Some(end) = memchr::memchr(b'\n', input) else {
        return if input.len() < most { Ok(None) } else { Err("a line of a chunk without end") };
    };
    if end >= most {
        return Err("a line of a chunk without end");
    }
    let line = input.split_to(end + 1);
    let is_sound = memchr::memchr2(b'\r', 0, &line).is_some_and(|at| at + 2 == line.len());
    is_sound.then_some(Some(line)).ok_or("a line of a chunk that does not end with CRLF")
}

fn size(line: &[u8]) -> Result<u64, &'static str> {
    let malformed = "a chunk's size that is no number";
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let after = line[digits..].iter().find(|byte| !matches!(byte, b' ' | b'\t'));
    if !(1..=16).contains(&digits) || !matches!(after, Some(b'\r' | b';')) {
        return Err(malformed);
    }
    let digits = str::from_utf8(&line[..digits]).map_err(|_| malformed)?;
    u64::from_str_radix(digits, 16).map_err(|_| malformed)
}

/// A size and extensions, which no origin server of DICOMweb is known to send.
const LINE_MOST: usize = 1 << 10;

/// Trailers, of which more than one or two are unheard of.
const TRAILERS_MOST: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The body that `pieces` make, and what is left over.
    fn decoded(pieces: &[&[u8]]) -> Result<(Vec<u8>, bool, BytesMut), &'static str> {
        let (mut chunked, mut input, mut body) = (Chunked::default(), BytesMut::new(), Vec::new());
        for piece in pieces {
            input.extend_from_slice(piece);
            while let Decoded::Data(data) = chunked.decode(&mut input)? {
                assert!(!data.is_empty());
                body.extend_from_slice(&data);
            }
        }
        Ok((body, chunked.is_ended(), input))
    }

    #[test]
    fn chunks_become_a_body_and_what_follows_stays() {
        for (coded, body, left) in [
            ("5\r\nhello\r\n0\r\n\r\n", "hello", ""),
            ("5\r\nhello\r\n0\r\n\r\nHTTP/1.1", "hello", "HTTP/1.1"),
            ("2\r\nhe\r\n0003\r\nllo\r\n0\r\n\r\n", "hello", ""),
            ("A;name=value\r\n0123456789\r\n00;x\r\n\r\n", "0123456789", ""),
            ("1 \t\r\nx\r\n0\r\nTrailer: of no use\r\nAnother: one\r\n\r\n", "x", ""),
            ("0\r\n\r\n", "", ""),
        ] {
            let (found, is_ended, input) = decoded(&[coded.as_bytes()]).unwrap();
            assert_eq!(found, body.as_bytes(), "{coded:?}");
            assert!(is_ended, "{coded:?}");
            assert_eq!(input, left.as_bytes(), "{coded:?}");
        }
    }

    #[test]
    fn what_servers_could_disagree_about_is_no_chunk() {
        let long = format!("1;{}\r\nx\r\n0\r\n\r\n", "x".repeat(LINE_MOST));
        let trailers = format!("0\r\nx: {}\r\n\r\n", "x".repeat(TRAILERS_MOST));
        for coded in [
            "5\nhello\r\n0\r\n\r\n",
            "5\r\nhello\n0\r\n\r\n",
            "5\r\nhello, world\r\n0\r\n\r\n",
            "-5\r\nhello\r\n0\r\n\r\n",
            "+5\r\nhello\r\n0\r\n\r\n",
            "0x5\r\nhello\r\n0\r\n\r\n",
            "5 5\r\nhello\r\n0\r\n\r\n",
            " 5\r\nhello\r\n0\r\n\r\n",
            "\r\nhello\r\n0\r\n\r\n",
            ";x\r\nhello\r\n0\r\n\r\n",
            "10000000000000005\r\nhello\r\n0\r\n\r\n",
            "5;a\rb\r\nhello\r\n0\r\n\r\n",
            "5;a\0b\r\nhello\r\n0\r\n\r\n",
            "5\r\nhello\r\n0\r\nTrailer: x\n\r\n",
            &long,
            &trailers,
        ] {
            assert!(decoded(&[coded.as_bytes()]).is_err(), "{coded:?}");
        }
    }

    #[test]
    fn a_body_that_stops_has_not_ended() {
        let whole = b"5\r\nhello\r\n0\r\n\r\n";
        for count in 0..whole.len() {
            assert!(!decoded(&[&whole[..count]]).unwrap().1, "{count}");
        }
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..8),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let mut coded = Vec::new();
            for chunk in &chunks {
                coded.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                coded.extend_from_slice(chunk);
                coded.extend_from_slice(b"\r\n");
            }
            coded.extend_from_slice(b"0\r\na: b\r\n\r\n");
            let mut at = cuts.iter().map(|cut| cut.index(coded.len())).collect::<Vec<_>>();
            at.extend([0, coded.len()]);
            at.sort_unstable();
            let pieces = at.windows(2).map(|ends| &coded[ends[0]..ends[1]]).collect::<Vec<_>>();
            let (body, is_ended, input) = decoded(&pieces).unwrap();
            prop_assert_eq!(body, chunks.concat());
            prop_assert!(is_ended && input.is_empty());
        }

        #[test]
        fn nothing_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decoded(&[&bytes]);
        }
    }
}
