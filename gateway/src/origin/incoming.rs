//! The body of an answer, on its way from the origin server.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::h1::{self, Connection, Early};

/// What comes after the head of an answer, in the manner of its connection. Trailers may come.
pub(crate) enum Incoming {
    /// By HTTP/1.1; nothing once the connection was given back.
    H1(Option<Box<Connection>>),
    /// By HTTP/1.1, while the request goes on.
    Early(Early),
    /// By HTTP/2, or by a connection that may become another protocol's.
    Hyper(hyper::body::Incoming),
}

/// Why an exchange came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Lost {
    /// By HTTP/1.1.
    #[error(transparent)]
    H1(#[from] h1::Fault),
    /// By HTTP/2, or before a WebSocket.
    #[error(transparent)]
    Hyper(#[from] hyper::Error),
}

impl Incoming {
    pub(super) fn h1(connection: Box<Connection>) -> Self {
        if connection.has_sent() {
            Self::H1(Some(connection))
        } else {
            Self::Early(Early::of(connection))
        }
    }

    /// The connection, if it can be used again.
    pub(super) fn connection(&mut self) -> Option<Box<Connection>> {
        match self {
            Self::H1(connection) => connection.take_if(|connection| connection.is_reusable()),
            Self::Early(_) | Self::Hyper(_) => None,
        }
    }
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = Lost;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Lost>>> {
        let data = match self.get_mut() {
            Self::Hyper(incoming) => {
                return Pin::new(incoming).poll_frame(cx).map_err(Lost::Hyper);
            }
            Self::H1(None) => return Poll::Ready(None),
            Self::H1(Some(connection)) => ready!(connection.poll_data(cx)),
            Self::Early(early) => ready!(early.poll_data(cx)),
        };
        Poll::Ready(data.map(|data| data.map(Frame::data).map_err(Lost::H1)))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::H1(connection) => connection.as_ref().is_none_or(|c| c.is_ended()),
            Self::Early(early) => early.size_hint().exact() == Some(0),
            Self::Hyper(incoming) => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::H1(None) => SizeHint::with_exact(0),
            Self::H1(Some(connection)) => connection.size_hint(),
            Self::Early(early) => early.size_hint(),
            Self::Hyper(incoming) => incoming.size_hint(),
        }
    }
}
