//! One direction of a tunnel.

use std::cell::Cell;
use std::io;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;

use super::frames::Frames;

/// Who is at an end of a tunnel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Party {
    Caller,
    Origin,
}

/// How a tunnel came to its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum End {
    /// One sends no more.
    HungUp(Party),
    /// One can be neither heard nor reached.
    Broke(Party),
    /// By our own will.
    Ours,
}

/// Bytes from one party to the other; a buffer's worth at a time, so that whoever does not read
/// keeps the other from sending.
pub(super) struct Lane<'m, R, W> {
    from: Party,
    source: R,
    sink: W,
    buffer: BytesMut,
    frames: Frames,
    carried: &'m Cell<u64>,
    moved: &'m Cell<Instant>,
}

impl<'m, R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Lane<'m, R, W> {
    /// Tells of every move in `moved`, and counts the bytes that were given on in `carried`.
    pub(super) fn new(
        (from, source): (Party, R),
        sink: W,
        (moved, carried): (&'m Cell<Instant>, &'m Cell<u64>),
    ) -> Self {
        let (buffer, frames) = (BytesMut::new(), Frames::default());
        Self { from, source, sink, buffer, frames, carried, moved }
    }

    /// Begins with these bytes.
    pub(super) fn hold(&mut self, early: Bytes) {
        self.buffer = early.into();
    }

    /// Carries until the source has ended, and then ends the sink. Nothing is lost when this is
    /// dropped: the lane goes on from there.
    pub(super) async fn carry(&mut self) -> End {
        loop {
            while !self.buffer.is_empty() {
                if self.give(self.buffer.len()).await.is_err() {
                    return End::Broke(self.from.other());
                }
            }
            if self.sink.flush().await.is_err() {
                return End::Broke(self.from.other());
            }
            match self.take().await {
                Err(_) => return End::Broke(self.from),
                Ok(0) => {
                    // Whoever cannot be told has left as well.
                    let _ = self.sink.shutdown().await;
                    return End::HungUp(self.from);
                }
                Ok(_) => {}
            }
        }
    }

    /// Brings the frame under way to its end, says `close`, and throws away what still comes until
    /// the source has ended.
    pub(super) async fn say_farewell(&mut self, close: &[u8]) -> io::Result<()> {
        while !self.frames.is_between() {
            if self.buffer.is_empty() && self.take().await? == 0 {
                break;
            }
            self.give(self.frames.rest(&self.buffer)).await?;
        }
        if self.frames.is_between() && !self.frames.is_closed() {
            self.sink.write_all(close).await?;
        }
        self.sink.shutdown().await?;
        self.buffer.clear();
        while self.take().await? > 0 {
            self.buffer.clear();
        }
        Ok(())
    }

    /// Whether the source said farewell.
    pub(super) fn is_closed(&self) -> bool {
        self.frames.is_closed()
    }

    /// Reads into the empty buffer; how many bytes.
    async fn take(&mut self) -> io::Result<usize> {
        self.buffer.reserve(BUFFER);
        let count = self.source.read_buf(&mut self.buffer).await?;
        self.moved.set(Instant::now());
        Ok(count)
    }

    /// Writes `most` bytes of the buffer, or fewer.
    async fn give(&mut self, most: usize) -> io::Result<()> {
        let count = self.sink.write(&self.buffer[..most]).await?;
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.frames.follow(&self.buffer[..count]);
        self.buffer.advance(count);
        self.carried.set(self.carried.get() + count as u64);
        self.moved.set(Instant::now());
        Ok(())
    }
}

impl Party {
    fn other(self) -> Self {
        match self {
            Self::Caller => Self::Origin,
            Self::Origin => Self::Caller,
        }
    }
}

/// What is held of each direction.
const BUFFER: usize = 16 << 10;
