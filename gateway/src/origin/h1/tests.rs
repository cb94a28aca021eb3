use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use tokio::io::ReadBuf;
use tokio::sync::Notify;
use tokio::task::LocalSet;

use super::*;
use crate::metrics::ConnectionMetrics;

#[tokio::test]
async fn a_request_lets_others_go_first() {
    let (order, came) = (Rc::new(RefCell::new(Vec::new())), Rc::new(Notify::new()));
    let sending = {
        let stream = Box::new(Silent(order.clone()));
        let mut connection = Connection::new(stream, Arc::<ConnectionMetrics>::default().open());
        let came = came.clone();
        async move {
            came.notify_one();
            let request = Request::get("/studies").body(Outgoing::Empty).unwrap();
            assert!(connection.send(request).await.is_err());
        }
    };
    let other = {
        let order = order.clone();
        async move {
            came.notified().await;
            order.borrow_mut().push("another goes");
        }
    };
    let tasks = LocalSet::new();
    tasks.spawn_local(sending);
    tasks.spawn_local(other);
    tasks.await;
    assert_eq!(*order.borrow(), ["another goes", "it is sent"]);
}

/// An origin server that takes what it is sent, and says nothing.
struct Silent(Rc<RefCell<Vec<&'static str>>>);

impl AsyncRead for Silent {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Silent {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.borrow_mut().push("it is sent");
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
