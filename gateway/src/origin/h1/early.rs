//! An answer that came before all of its request went.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::SizeHint;
use tokio::sync::mpsc;

use super::{Connection, Fault};

/// The rest of such an answer. The request goes on by itself: a caller who reads nothing before all of
/// its request is taken would otherwise wait for itself.
pub(crate) struct Early {
    pieces: mpsc::Receiver<Result<Bytes, Fault>>,
    /// What is known of how much is still to come.
    left: SizeHint,
}

impl Early {
    /// Leaves `connection` to a task of its own.
    pub(crate) fn of(connection: Box<Connection>) -> Self {
        let (sender, pieces) = mpsc::channel(1);
        let left = connection.size_hint();
        tokio::task::spawn_local(carry(connection, sender));
        Self { pieces, left }
    }

    pub(crate) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        let polled = self.pieces.poll_recv(cx);
        match (&polled, self.left.exact()) {
            (Poll::Ready(None), _) => self.left = SizeHint::with_exact(0),
            (Poll::Ready(Some(Ok(data))), Some(left)) => {
                self.left = SizeHint::with_exact(left.saturating_sub(data.len() as u64));
            }
            _ => {}
        }
        polled
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        self.left
    }
}

/// Ends with the answer, whatever is left of the request: nobody will read it (RFC 9112, section 9.3).
async fn carry(mut connection: Box<Connection>, pieces: mpsc::Sender<Result<Bytes, Fault>>) {
    loop {
        let piece = tokio::select! {
            biased;
            () = pieces.closed() => return,
            piece = poll_fn(|cx| connection.poll_data(cx)) => piece,
        };
        let Some(piece) = piece else { return };
        let is_last = piece.is_err();
        let mut handing_over = pin!(pieces.send(piece));
        let taken = poll_fn(|cx| {
            // A fault of it shows at the next piece.
            let _ = connection.poll_sending(cx);
            handing_over.as_mut().poll(cx)
        });
        if taken.await.is_err() || is_last {
            return;
        }
    }
}
