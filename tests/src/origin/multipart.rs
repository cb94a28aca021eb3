//! A multipart body taken apart as it arrives (RFC 2046 part 5.1): one part is in memory at a time.

use std::error::Error;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use memchr::memmem;

use super::answer::Refusal;

/// The parts of a multipart body, in order.
#[derive(Debug)]
pub(super) struct Multipart {
    body: Incoming,
    buffer: BytesMut,
    delimiter: Vec<u8>,
}

/// One part.
#[derive(Debug)]
pub(super) struct Part {
    /// The media type without parameters, in lower case; empty if there is none.
    pub(super) kind: String,
    pub(super) content: Bytes,
}

/// Why a body could not be read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unread {
    /// It ended early or is not multipart.
    Malformed,
    /// It is larger than the service takes.
    TooLarge,
}

/// A body that is read only so far.
pub(super) type Incoming = Limited<hyper::body::Incoming>;

/// All of `body` at once.
pub(super) async fn whole(body: Incoming) -> Result<Bytes, Unread> {
    Ok(body.collect().await.map_err(why)?.to_bytes())
}

impl Multipart {
    pub(super) fn new(body: Incoming, boundary: &str) -> Self {
        // The line end before a first delimiter may be missing: then it is this one.
        let buffer = BytesMut::from(&b"\r\n"[..]);
        Self { body, buffer, delimiter: format!("\r\n--{boundary}").into_bytes() }
    }

    /// The next part; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Part>, Unread> {
        // What is left before a delimiter here is the preamble, or nothing.
        let preamble = self.find(&self.delimiter.clone(), usize::MAX).await?;
        self.consume(preamble + self.delimiter.len());
        while self.buffer.len() < 2 {
            self.more().await?;
        }
        if self.buffer.starts_with(b"--") {
            while self.more().await.is_ok() {
                self.buffer.clear();
            }
            return Ok(None);
        }
        let head = self.find(b"\r\n\r\n", LONGEST_HEAD).await?;
        let kind = media_type(&self.buffer[..head]);
        self.consume(head + 4);
        let length = self.find(&self.delimiter.clone(), usize::MAX).await?;
        let content = Bytes::copy_from_slice(&self.buffer[..length]);
        self.consume(length);
        Ok(Some(Part { kind, content }))
    }

    /// Where `needle` begins in what is yet to come, having read as far.
    async fn find(&mut self, needle: &[u8], within: usize) -> Result<usize, Unread> {
        let finder = memmem::Finder::new(needle);
        let mut searched = 0;
        loop {
            if let Some(at) = finder.find(&self.buffer[searched..]) {
                return Ok(searched + at);
            }
            if self.buffer.len() > within {
                return Err(Unread::Malformed);
            }
            searched = self.buffer.len().saturating_sub(needle.len() - 1);
            self.more().await?;
        }
    }

    async fn more(&mut self) -> Result<(), Unread> {
        let frame = self.body.frame().await.ok_or(Unread::Malformed)?.map_err(why)?;
        if let Ok(data) = frame.into_data() {
            self.buffer.extend_from_slice(&data);
        }
        Ok(())
    }

    fn consume(&mut self, length: usize) {
        bytes::Buf::advance(&mut self.buffer, length);
    }
}

impl From<Unread> for Refusal {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Malformed => Self::bad_request("The body is cut short or is not multipart."),
            Unread::TooLarge => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "The body is larger than is taken here.")
            }
        }
    }
}

fn why(error: Box<dyn Error + Send + Sync>) -> Unread {
    if error.is::<LengthLimitError>() { Unread::TooLarge } else { Unread::Malformed }
}

fn media_type(head: &[u8]) -> String {
    let head = String::from_utf8_lossy(head);
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("content-type"))
        .map(|(_, value)| value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
        .unwrap_or_default()
}

const LONGEST_HEAD: usize = 16 << 10;
