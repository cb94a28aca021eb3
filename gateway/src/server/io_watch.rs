//! A caller's byte stream under watch: gives back what was read too early, and tells of every move.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, Sleep, sleep};
use tokio_rustls::server::TlsStream;

use super::Conn;
use super::conn::{Farewell, Protocol};

/// What a caller's connection is made of.
pub(super) trait Socket: AsyncRead + AsyncWrite + Unpin + 'static {
    /// Makes its end a reset instead of a farewell.
    fn reset(&self);
}

impl Socket for TcpStream {
    fn reset(&self) {
        let _ = socket2::SockRef::from(self).set_linger(Some(Duration::ZERO));
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
    linger: Option<Linger>,
}

struct Linger {
    timer: Pin<Box<Sleep>>,
    /// Not longer than this, whatever comes.
    until: Instant,
}

impl<S: Socket> Watched<S> {
    pub(super) fn new(stream: S, prefix: Prefix, conn: Rc<Conn>) -> Self {
        Self { stream, prefix, conn, linger: None }
    }

    /// Throws away what comes until the caller has read our farewell and closes, or for a while: a
    /// longer one for who speaks HTTP/2, as it speaks for as long as it reads.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let is_reading = self.conn.protocol() == Protocol::H2;
        let linger = self.linger.get_or_insert_with(|| {
            let most = if is_reading { self.conn.body_timeout() } else { LINGER };
            Linger { timer: Box::pin(sleep(LINGER)), until: Instant::now() + most }
        });
        let mut waste = [MaybeUninit::uninit(); WASTE];
        while linger.timer.as_mut().poll(cx).is_pending() {
            let mut buffer = ReadBuf::uninit(&mut waste);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    let later = (Instant::now() + LINGER).min(linger.until);
                    linger.timer.as_mut().reset(later);
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(())
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

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match this.conn.farewell() {
            // No close_notify and no FIN: neither must look like a clean end.
            Farewell::Forbidden => Poll::Ready(Ok(())),
            Farewell::Free | Farewell::Due => {
                ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
                this.conn.said_farewell();
                Poll::Ready(Ok(()))
            }
            Farewell::Long => {
                if this.linger.is_none() {
                    ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
                }
                this.poll_linger(cx).map(Ok)
            }
        }
    }
}

impl<S: Socket> Watched<S> {
    fn note(&self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes @ 1..)) = polled {
            self.conn.sent(bytes);
        }
        polled
    }
}

impl<S: Socket> Drop for Watched<S> {
    fn drop(&mut self) {
        if matches!(self.conn.farewell(), Farewell::Forbidden | Farewell::Due) {
            self.stream.reset();
        }
        // A tunnel that never came to be: it holds the connection, and the connection holds it.
        drop(self.conn.take_tunnel());
    }
}

/// How long a caller who was refused may go on sending: a round trip or two, with something to spare.
const LINGER: Duration = Duration::from_secs(2);

/// What is thrown away at once.
const WASTE: usize = 16 << 10;
