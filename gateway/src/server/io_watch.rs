//! A caller's byte stream under watch: gives back what was read too early, and tells of every move.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;

use super::Conn;

/// What a caller's connection is made of.
pub(super) trait Socket: AsyncRead + AsyncWrite + Unpin + 'static {
    /// Makes its end a reset instead of a farewell.
    fn reset(&self);
}

impl Socket for TcpStream {
    fn reset(&self) {
        let _ = socket2::SockRef::from(self).set_linger(Some(std::time::Duration::ZERO));
    }
}

impl Socket for UnixStream {
    /// It has no reset; what is not read is lost all the same.
    fn reset(&self) {}
}

impl<S: Socket> Socket for TlsStream<S> {
    fn reset(&self) {
        self.get_ref().0.reset();
    }
}

/// The bytes by which a connection's protocol was told.
#[derive(Default)]
pub(super) struct Prefix {
    bytes: [u8; Self::SIZE],
    from: usize,
    to: usize,
}

impl Prefix {
    /// As long as HTTP/2's preface.
    pub(super) const SIZE: usize = 24;

    pub(super) fn room(&mut self) -> &mut [u8] {
        &mut self.bytes[self.to..]
    }

    pub(super) fn filled(&mut self, more: usize) {
        self.to += more;
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[self.from..self.to]
    }
}

/// A stream under watch.
pub(super) struct Watched<S: Socket> {
    stream: S,
    prefix: Prefix,
    conn: Rc<Conn>,
}

impl<S: Socket> Watched<S> {
    pub(super) fn new(stream: S, prefix: Prefix, conn: Rc<Conn>) -> Self {
        Self { stream, prefix, conn }
    }
}

impl<S: Socket> AsyncRead for Watched<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let early = this.prefix.bytes();
        if !early.is_empty() {
            let count = early.len().min(buffer.remaining());
            buffer.put_slice(&early[..count]);
            this.prefix.from += count;
            this.conn.received(count);
            return Poll::Ready(Ok(()));
        }
        if this.conn.is_flooded() {
            return Poll::Ready(Err(io::ErrorKind::QuotaExceeded.into()));
        }
        let polled = Pin::new(&mut this.stream).poll_read(cx, buffer);
        let count = buffer.filled().len() - before;
        if count > 0 {
            this.conn.received(count);
        }
        polled
    }
}

impl<S: Socket> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.note(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.conn.may_say_farewell() {
            // No close_notify and no FIN: neither must look like a clean end.
            return Poll::Ready(Ok(()));
        }
        let polled = Pin::new(&mut self.stream).poll_shutdown(cx);
        if let Poll::Ready(Ok(())) = polled {
            self.conn.said_farewell();
        }
        polled
    }
}

impl<S: Socket> Watched<S> {
    fn note(&self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(1..)) = polled {
            self.conn.sent();
        }
        polled
    }
}

impl<S: Socket> Drop for Watched<S> {
    fn drop(&mut self) {
        if self.conn.is_to_be_reset() {
            self.stream.reset();
        }
    }
}
